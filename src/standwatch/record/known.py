"""What somebody knows of a run, as one number that the sequencer can compare (DESIGN.md §6).

Each outcome adds its own mark, whatever the order: two who know the same have the same sum. What a model is about to
read adds one as soon as it leaves: an agent may act on an answer that is still coming.
"""

import zlib

LEDGER = "heard"
"""The name in a run's ledger."""


def mark(ident: str) -> int:
    """What the outcome of action `ident` adds: one, and enough of its id to tell it from another."""
    return (1 << 32) + zlib.crc32(ident.encode())


def prompt_mark(ident: str) -> int:
    """What the prompt of generation `ident` adds once its intent is written."""
    return mark(f"{ident}?")


def prompts(tool: str) -> bool:
    """Whether `tool` of an intent is a language model's, `COMPONENT.generation`."""
    return tool.endswith(".generation")
