"""Floor 4: the stores. SQLite behind one writer, and the same frames over a Unix socket (RECORD.md, Store)."""
