"""An organisation's text → facts: refused with file, line and column, and narrowing told from widening. Pure."""
