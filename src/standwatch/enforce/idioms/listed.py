"""Sets of words, written as they are read."""


def listed(text: str) -> frozenset[str]:
    """The words of `text`."""
    return frozenset(text.split())
