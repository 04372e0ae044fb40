"""Floor 6: the one program, `standwatch`. It says what `serve` does, and imports what a verb needs when it needs it."""
