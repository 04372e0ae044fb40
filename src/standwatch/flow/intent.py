"""Whether a task speaks of an act."""

from standwatch.flow.forms import WORD


def speaks_of(task: str, words: tuple[str, ...]) -> bool:
    """Whether the task contains one of `words`, or an inflection that begins with it (four letters or more)."""
    spoken = [word.casefold() for word in WORD.findall(task)]
    return any(
        said == word or (len(word) >= 4 and said.startswith(word))
        for word in (word.casefold() for word in words)
        for said in spoken
    )
