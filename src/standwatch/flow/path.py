"""JSONPath by which a manifest names fields of results: a part of RFC 9535, and two words that it lacks.

    $.invoices[*].iban      members by `.name` or `['any name']`, `.*`, `[*]`, `[n]`, `[-n]`
    $[?(@.from == 'maria@bank.example')].body
    $[?(@.from in ['a@b.example', 'c@b.example'] && !@.forwarded)].*
    $[?(ends_with(@.from, '@bank.example'))].body

A filter compares what stands at a path from `@` with a literal (`==`, `!=`, `in`, `ends_with`), asks whether it is
there, and joins such with `&&`, `||`, `!` and brackets. `..`, slices, `<` and `$` within a filter are left out: a
trusted field has one declared place.

INVARIANT: what is not understood, and a comparison with what is not there, selects nothing. In that `!=` differs from
RFC 9535 §2.3.5.2.2, by which a missing `from` would be no stranger.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, cast

import msgspec

MOST: Final = 20_000
"""Nodes of one result that a path may select, or go through on one step."""
DEEPEST: Final = 32
"""Brackets inside one another in a filter."""

Node = tuple[str, Any]
"""An RFC 6901 pointer, and the value there."""
Test = Callable[[Any], bool]


class BadPath(ValueError):
    """Not a path of ours; says what was expected, and where."""


class Step(msgspec.Struct, frozen=True):
    """One segment: exactly one of the four."""

    name: str | None = None
    index: int | None = None
    every: bool = False
    test: Test | None = None


def select(path: str, value: Any) -> list[Any]:
    """The values at `path` in `value`; none for a path that is none."""
    return [found for _, found in nodes(path, value)]


def nodes(path: str, value: Any) -> list[Node]:
    """The values at `path` in `value`, with where they stand."""
    try:
        steps = parse(path)
    except BadPath:
        return []  # what is not understood selects nothing: a trusted field is never guessed at
    found: list[Node] = [("", value)]
    for step in steps:
        following: list[Node] = []
        for node in found:
            following += _into(node, step, MOST - len(following))
            if len(following) >= MOST:
                break
        found = following
    return found


def _into(node: Node, step: Step, most: int) -> list[Node]:
    where, value = node
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        if step.name is not None:
            return [(f"{where}/{_escaped(step.name)}", members[step.name])] if step.name in members else []
        if step.index is not None:
            return []
        pairs = list(members.items())[:most]
        return [
            (f"{where}/{_escaped(name)}", one) for name, one in pairs if step.test is None or step.test(one)
        ]
    if isinstance(value, list):
        items = cast("list[Any]", value)
        if step.index is not None:
            at = step.index if step.index >= 0 else step.index + len(items)
            return [(f"{where}/{at}", items[at])] if 0 <= at < len(items) else []
        if step.name is not None:
            return []
        return [
            (f"{where}/{at}", one)
            for at, one in enumerate(items[:most])
            if step.test is None or step.test(one)
        ]
    return []


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


@lru_cache(maxsize=1_024)
def parse(path: str) -> tuple[Step, ...]:
    """The segments of `path`. Raises `BadPath`."""
    if not path.startswith("$"):
        raise BadPath("expected a path that begins with $")
    reader = _Reader(path, 1)
    steps: list[Step] = []
    while not reader.over:
        steps.append(reader.step())
    return tuple(steps)


_NAME: Final = re.compile(r"[A-Za-z_\u0080-\U0010ffff][\w\u0080-\U0010ffff-]*")
_INDEX: Final = re.compile(r"-?(?:0|[1-9]\d{0,8})", re.ASCII)
_NUMBER: Final = re.compile(r"-?\d+(?:\.\d+)?", re.ASCII)
_ESCAPE: Final = re.compile(r"\\(.)")


class _Reader:
    """A recursive descent over one path."""

    def __init__(self, text: str, at: int) -> None:
        self._text, self._at, self._depth = text, at, 0

    @property
    def over(self) -> bool:
        return self._at >= len(self._text)

    def step(self) -> Step:
        """One segment."""
        if self._take(".*"):
            return Step(every=True)
        if self._take("."):
            return Step(name=self._match(_NAME, "a member's name"))
        self._need("[")
        self._space()
        if self._take("*"):
            step = Step(every=True)
        elif self._take("?"):
            step = Step(test=self._either())
        elif self._peek() in "'\"":
            step = Step(name=self._quoted())
        else:
            step = Step(index=int(self._match(_INDEX, "a name in quotes, a number, * or ?")))
        self._space()
        self._need("]")
        return step

    def _either(self) -> Test:
        tests = [self._both()]
        while self._spaced("||"):
            tests.append(self._both())
        return tests[0] if len(tests) == 1 else lambda value: any(test(value) for test in tests)

    def _both(self) -> Test:
        tests = [self._one()]
        while self._spaced("&&"):
            tests.append(self._one())
        return tests[0] if len(tests) == 1 else lambda value: all(test(value) for test in tests)

    def _one(self) -> Test:
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._bad("fewer brackets")
        try:
            if self._spaced("!"):
                inner = self._one()
                return lambda value: not inner(value)
            if self._spaced("("):
                inner = self._either()
                self._space()
                self._need(")")
                return inner
            if self._spaced("ends_with("):
                return self._ends_with()
            return self._comparison()
        finally:
            self._depth -= 1

    def _ends_with(self) -> Test:
        self._space()
        steps = self._relative()
        self._space()
        self._need(",")
        self._space()
        end = self._quoted()
        if not end:
            raise self._bad("a text that is not empty")
        self._space()
        self._need(")")
        return lambda value: isinstance(found := _at(steps, value), str) and found.endswith(end)

    def _comparison(self) -> Test:
        steps = self._relative()
        if self._spaced("=="):
            literal = self._literal()
            return lambda value: _same(_at(steps, value), literal)
        if self._spaced("!="):
            literal = self._literal()
            return lambda value: (found := _at(steps, value)) is not _NOTHING and not _same(found, literal)
        if self._spaced("in"):
            literals = self._literals()
            return lambda value: any(_same(_at(steps, value), one) for one in literals)
        return lambda value: _at(steps, value) is not _NOTHING

    def _relative(self) -> tuple[Step, ...]:
        self._need("@")
        steps: list[Step] = []
        while self._peek() in (".", "["):
            steps.append(self.step())
            if steps[-1].name is None and steps[-1].index is None:
                raise self._bad("a name or a number: a filter looks at one place")
        return tuple(steps)

    def _literals(self) -> list[Any]:
        self._space()
        self._need("[")
        found = [self._literal()]
        while self._spaced(","):
            found.append(self._literal())
        self._space()
        self._need("]")
        return found

    def _literal(self) -> Any:
        self._space()
        if self._peek() in ("'", '"'):
            return self._quoted()
        for word, value in (("true", True), ("false", False), ("null", None)):
            if self._take(word):
                return value
        text = self._match(_NUMBER, "a text in quotes, a number, true, false or null")
        return float(text) if "." in text else int(text)

    def _quoted(self) -> str:
        mark = self._peek()
        end = self._at + 1
        while end < len(self._text) and self._text[end] != mark:
            end += 2 if self._text[end] == "\\" else 1
        if mark not in ("'", '"') or end >= len(self._text):
            raise self._bad("a text in quotes")
        found = self._text[self._at + 1 : end]
        self._at = end + 1
        return _ESCAPE.sub(r"\1", found)

    def _match(self, pattern: re.Pattern[str], expected: str) -> str:
        found = pattern.match(self._text, self._at)
        if found is None:
            raise self._bad(expected)
        self._at = found.end()
        return found.group()

    def _spaced(self, text: str) -> bool:
        self._space()
        return self._take(text)

    def _space(self) -> None:
        while self._peek() in (" ", "\t"):
            self._at += 1

    def _take(self, text: str) -> bool:
        if not self._text.startswith(text, self._at):
            return False
        self._at += len(text)
        return True

    def _need(self, text: str) -> None:
        if not self._take(text):
            raise self._bad(text)

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _bad(self, expected: str) -> BadPath:
        return BadPath(f"expected {expected} at character {self._at + 1} of {self._text[:200]!r}")


_NOTHING: Final = object()


def _at(steps: tuple[Step, ...], value: Any) -> Any:
    for step in steps:
        found = _into(("", value), step, 1)
        if not found:
            return _NOTHING
        value = found[0][1]
    return value


def _same(found: Any, literal: Any) -> bool:
    """Equality of JSON values: true is not 1."""
    if isinstance(found, bool) or isinstance(literal, bool):
        return found is literal
    return type(found) in (str, int, float, type(None)) and found == literal
