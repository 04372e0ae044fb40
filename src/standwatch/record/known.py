"""Which outcomes of a run somebody knows, as one number that the sequencer can compare (DESIGN.md §6).

Each outcome adds its own mark, whatever the order: two who know the same outcomes have the same sum.
"""

import zlib

LEDGER = "heard"
"""The name in a run's ledger."""


def mark(ident: str) -> int:
    """What the outcome of action `ident` adds: one, and enough of its id to tell it from another."""
    return (1 << 32) + zlib.crc32(ident.encode())
