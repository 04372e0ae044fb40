"""Readers: nodes → values of an expected type. A reader reports what is wrong and gives None; it never raises."""

import difflib
import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from standwatch.declare.text import Listing, Mapping, Mark, Node, Problems, Scalar
from standwatch.facts.canonical import SAFE
from standwatch.facts.configuration import Number

T = TypeVar("T")
W = TypeVar("W", bound=str)
Reader = Callable[[Node, Problems], T | None]

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?([eE][-+]?[0-9]{1,3})?")
_INSTANT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?\s*(Z|z|[-+]\d\d:\d\d)?", re.ASCII
)
_DURATION = re.compile(r"([1-9][0-9]{0,8})(s|m|h|d)")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
MOST_ITEMS: Final = 2000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Fields:
    """The members of one mapping, taken by name; `close` complains of those nobody took."""

    def __init__(self, node: Node, problems: Problems, what: str) -> None:
        self.mark = node.mark
        self._what = what
        self._problems = problems
        self._known: list[str] = []
        self._members = node.members if isinstance(node, Mapping) else {}
        self._whole = isinstance(node, Mapping)
        if not self._whole:
            problems.add(node.mark, f"{described(node)}, expected {what} as a mapping")

    def has(self, name: str) -> bool:
        return name in self._members

    def place(self, name: str) -> Mark:
        """Where the value of `name` stands; the mapping's own place where it is absent."""
        member = self._members.get(name)
        return member.value.mark if member else self.mark

    def node(self, name: str) -> Node | None:
        """What stands at `name`, unread; None where it is absent."""
        member = self._members.get(name)
        return member.value if member else None

    def text(self, name: str) -> str:
        """What stands at `name`, as it is written; "" for anything but a scalar."""
        member = self._members.get(name)
        return member.value.text if member and isinstance(member.value, Scalar) else ""

    def take(self, name: str, reader: Reader[T], default: T) -> T:
        """The value of `name`, or `default` where it is absent or wrong."""
        self._known.append(name)
        member = self._members.get(name)
        if member is None:
            return default
        value = reader(member.value, self._problems)
        return default if value is None else value

    def need(self, name: str, reader: Reader[T], default: T) -> T:
        """As `take`; an absent `name` is a problem."""
        if name not in self._members and self._whole:
            self._problems.add(self.mark, f"{self._what} says no {name!r}, expected {name}: …")
        return self.take(name, reader, default)

    def close(self) -> None:
        """Every member that no reader asked for is refused, with the nearest known name."""
        for name, member in self._members.items():
            if name not in self._known:
                hint = nearest(name, self._known)
                self._problems.add(member.mark, f"unknown key {short(name)} in {self._what}, expected {hint}")


def nearest(name: str, known: list[str]) -> str:
    """The known name that was probably meant, else all of them."""
    close = difflib.get_close_matches(name[:64], known, 1, 0.6)
    return f"{close[0]!r} (did you mean that?)" if close else "one of " + ", ".join(sorted(known))


def short(text: str) -> str:
    """`text` quoted and cut for a message."""
    return repr(text if len(text) <= 60 else text[:57] + "…")


def described(node: Node) -> str:
    """What stands there, in a word or two."""
    match node:
        case Mapping():
            return "a mapping"
        case Listing():
            return "a list"
        case Scalar(text="", plain=True):
            return "nothing"
        case Scalar():
            return short(node.text)


def scalar(expected: str) -> Reader[Scalar]:
    """A reader of the bare scalar; `expected` says what it should have been."""

    def read(node: Node, problems: Problems) -> Scalar | None:
        if isinstance(node, Scalar) and not (node.plain and not node.text):
            return node
        problems.add(node.mark, f"{described(node)}, expected {expected}")
        return None

    return read


def text(expected: str = "text", most: int = 2000) -> Reader[str]:
    """Any text of at most `most` characters, without control characters but line ends and tabs."""

    def read(node: Node, problems: Problems) -> str | None:
        found = scalar(expected)(node, problems)
        if found is None:
            return None
        if len(found.text) > most:
            problems.add(
                node.mark, f"{len(found.text)} characters, expected {expected} of at most {most} characters"
            )
            return None
        if any(ord(letter) < 32 and letter not in "\n\t" for letter in found.text):
            problems.add(node.mark, f"a control character in {short(found.text)}, expected {expected}")
            return None
        return found.text

    return read


def shaped(pattern: str, expected: str) -> Reader[str]:
    """Text that matches `pattern` (Python syntax, of ours) wholly."""
    compiled = re.compile(pattern, re.ASCII)

    def read(node: Node, problems: Problems) -> str | None:
        found = scalar(expected)(node, problems)
        if found is None or compiled.fullmatch(found.text):
            return found.text if found else None
        problems.add(node.mark, f"{short(found.text)}, expected {expected}")
        return None

    return read


def choice(*words: W) -> Reader[W]:
    """One of `words`."""

    def read(node: Node, problems: Problems) -> W | None:
        found = scalar("one of " + ", ".join(words))(node, problems)
        if found is None:
            return None
        for word in words:
            if word == found.text:
                return word
        problems.add(node.mark, f"{short(found.text)}, expected {nearest(found.text, list(words))}")
        return None

    return read


def boolean(node: Node, problems: Problems) -> bool | None:
    """`true` or `false`, unquoted; never `yes`, `no`, `on`, `off`."""
    found = scalar("true or false")(node, problems)
    if found is None:
        return None
    if found.plain and found.text in ("true", "false"):
        return found.text == "true"
    problems.add(node.mark, f"{short(found.text)}, expected true or false")
    return None


def integer(least: int = 0, most: int = SAFE - 1) -> Reader[int]:
    """A decimal integer between `least` and `most`."""
    expected = f"an integer of at least {least}" + (f" and at most {most}" if most < SAFE - 1 else "")

    def read(node: Node, problems: Problems) -> int | None:
        found = scalar(expected)(node, problems)
        if found is None:
            return None
        if found.plain and _INTEGER.fullmatch(found.text) and least <= int(found.text) <= most:
            return int(found.text)
        problems.add(node.mark, f"{short(found.text)}, expected {expected}")
        return None

    return read


def parse_number(text_: str) -> Number | None:
    """A decimal number as a safe integer or a finite float; None for anything else, hexadecimal included."""
    if not _DECIMAL.fullmatch(text_):
        return None
    value = int(text_) if _INTEGER.fullmatch(text_) else float(text_)
    if not math.isfinite(value) or abs(value) >= SAFE:
        return None
    return int(value) if value == int(value) else value


def number(node: Node, problems: Problems) -> Number | None:
    """A decimal number; a whole one is an integer however it is spelled."""
    found = scalar("a number")(node, problems)
    if found is None:
        return None
    value = parse_number(found.text) if found.plain else None
    if value is None:
        problems.add(node.mark, f"{short(found.text)}, expected a number")
    return value


def value(node: Node, problems: Problems) -> str | int | float | bool | None:
    """A value whose type the text decides: quoted is text; true, false and decimal numbers are themselves."""
    found = scalar("text, a number, true or false")(node, problems)
    if found is None:
        return None
    if not found.plain:
        return found.text
    if found.text in ("true", "false"):
        return found.text == "true"
    counted = parse_number(found.text)
    return found.text if counted is None else counted


def instant(node: Node, problems: Problems) -> int | None:
    """A time with its zone → µs UTC since 1970."""
    expected = "a time with its zone, such as 2026-12-20T00:00Z"
    found = scalar(expected)(node, problems)
    if found is None:
        return None
    parts = _INSTANT.fullmatch(found.text)
    if parts and not parts[8]:
        problems.add(node.mark, f"{short(found.text)} names no time zone, expected {expected}")
        return None
    moment = _moment(parts) if parts else None
    if moment is None or moment < 0:
        problems.add(node.mark, f"{short(found.text)}, expected {expected}")
        return None
    return moment


def _moment(parts: re.Match[str]) -> int | None:
    year, month, day, hour, minute = (int(parts[index]) for index in range(1, 6))
    micro = int((parts[7] or "").ljust(6, "0")[:6] or 0)
    try:
        moment = datetime(year, month, day, hour, minute, int(parts[6] or 0), micro, tzinfo=UTC)
    except ValueError:
        return None
    zone = parts[8]
    since = (moment - _EPOCH) // timedelta(microseconds=1)
    if zone in ("Z", "z"):
        return since
    hours, minutes = int(zone[1:3]), int(zone[4:6])
    if hours > 14 or minutes > 59:
        return None
    offset = (hours * 60 + minutes) * 60_000_000
    return since - offset if zone[0] == "+" else since + offset


def duration(node: Node, problems: Problems) -> int | None:
    """`30s`, `15m`, `1h`, `7d` → seconds."""
    expected = "a duration such as 30s, 15m, 1h or 7d"
    found = scalar(expected)(node, problems)
    if found is None:
        return None
    parts = _DURATION.fullmatch(found.text)
    seconds = int(parts[1]) * _SECONDS[parts[2]] if parts else 0
    if not 0 < seconds <= 3660 * 86400:
        problems.add(node.mark, f"{short(found.text)}, expected {expected}")
        return None
    return seconds


def listing(
    reader: Reader[T], expected: str, *, least: int = 0, single: bool = False
) -> Reader[tuple[T, ...]]:
    """A list of at least `least`, each once; a lone value counts as a list of one where `single`.

    Items that are wrong are left out, so one mistake does not hide the others.
    """

    def read(node: Node, problems: Problems) -> tuple[T, ...] | None:
        alone = single and isinstance(node, Scalar) and not (node.plain and not node.text)
        if not alone and not isinstance(node, Listing):
            problems.add(node.mark, f"{described(node)}, expected {expected} as a list")
            return None
        items: tuple[Node, ...] = node.items if isinstance(node, Listing) else (node,)
        if len(items) < least:
            problems.add(node.mark, f"an empty list, expected {expected}")
        if len(items) > MOST_ITEMS:
            problems.add(node.mark, f"{len(items)} items, expected at most {MOST_ITEMS}")
            return None
        found: list[T] = []
        for item in items:
            one = reader(item, problems)
            if one is not None and any(type(one) is type(other) and one == other for other in found):
                problems.add(item.mark, f"{described(item)} stands twice, expected each once")
            elif one is not None:
                found.append(one)
        return tuple(found)

    return read


def mapping(
    key: Reader[str], reader: Callable[[str, Node, Problems], T | None], expected: str
) -> Reader[dict[str, T]]:
    """A mapping whose keys `key` accepts; `reader` gets each key with its value."""

    def read(node: Node, problems: Problems) -> dict[str, T] | None:
        if not isinstance(node, Mapping):
            problems.add(node.mark, f"{described(node)}, expected {expected} as a mapping")
            return None
        found: dict[str, T] = {}
        for name, member in node.members.items():
            accepted = key(Scalar(name, False, member.mark), problems)
            one = reader(name, member.value, problems)
            if accepted is not None and one is not None:
                found[name] = one
        return found

    return read


def words(reader: Reader[T]) -> Callable[[str, Node, Problems], T | None]:
    """`reader` for a mapping's values, whatever their key."""
    return lambda _, node, problems: reader(node, problems)
