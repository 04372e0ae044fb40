"""Confidential values of a run, and whether something carries one of them.

A secret is found whatever its case and spacing, encoded or reversed, and inside other text; not where it was
paraphrased. One shorter than four letters or digits is found only as a value of its own.
"""

from collections.abc import Iterator
from typing import Any, Final, cast

from standwatch.flow.amounts import number
from standwatch.flow.decoding import decoded
from standwatch.flow.fold import TOKEN, loose
from standwatch.flow.origin import Place

MOST: Final = 5_000
"""Secrets kept of one run; from then on every text carries one."""
SHORTEST: Final = 4
LONGEST: Final = 256
"""Letters by which a longer secret is known."""
MANY: Final = 16
"""Lengths of secrets that begin alike; with more, what begins so carries one."""
MOST_LOOKED: Final = 1 << 18
"""Letters of a value that are looked through; in a longer one the rest counts as carrying one."""


class Secrets:
    """What fields declared `secret` returned."""

    def __init__(self) -> None:
        self._places: dict[str, Place] = {}
        self._heads: dict[str, set[int]] = {}
        """How secrets begin → how long those are."""
        self._full: Place | None = None
        self.unread: Place | None = None
        """A result whose secret fields could not be read: whether a text carries one of them is not known."""

    def __bool__(self) -> bool:
        return bool(self._places)

    def add(self, value: Any, place: Place) -> None:
        """Keep `value`, a text or a number, as confidential."""
        form = _form(value)[:LONGEST]
        if not form or form in self._places:
            return
        if len(self._places) >= MOST:
            self._full = place
            return
        self._places[form] = place
        if len(form) >= SHORTEST:
            self._heads.setdefault(form[:SHORTEST], set()).add(len(form))

    def within(self, value: Any) -> tuple[Place, ...]:
        """Where the secrets were read that `value`, of whatever kind, carries."""
        if not self._places:
            return ()
        found: dict[Place, None] = {}
        for one in _leaves(value):
            found |= dict.fromkeys(self._in_one(one))
        return tuple(found)

    def _in_one(self, value: Any) -> Iterator[Place]:
        texts = (value, *decoded(value)) if isinstance(value, str) else (value,)
        for text in texts:
            form = _form(text)
            if self._full is not None and form:
                yield self._full
            if form[:LONGEST] in self._places:
                yield self._places[form[:LONGEST]]
            for one in (form, form[::-1]):
                yield from self._inside(one)

    def _inside(self, form: str) -> Iterator[Place]:
        if len(form) > MOST_LOOKED:
            yield next(iter(self._places.values()))
            return
        heads, places = self._heads, self._places
        for at in range(len(form) - SHORTEST + 1):
            lengths = heads.get(form[at : at + SHORTEST])
            if lengths is None:
                continue
            if len(lengths) > MANY:
                yield next(iter(places.values()))
                return
            for length in lengths:
                place = places.get(form[at : at + length])
                if place is not None:
                    yield place


def _form(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return ""
    text = value if isinstance(value, str) else number(value)
    return "".join(TOKEN.findall(loose(text)))


def _leaves(value: Any) -> Iterator[Any]:
    waiting: list[Any] = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            members = cast("dict[str, Any]", one)
            waiting += [*members, *members.values()]
        elif isinstance(one, list):
            waiting += cast("list[Any]", one)
        else:
            yield one
