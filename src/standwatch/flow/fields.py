"""What a manifest declares of a result, found in it: its trusted and its confidential fields; and all of its text.

A result that is no JSON is read as the manifest says: JSON or YAML in its text, CSV with a head line, or a text by a
pattern. INVARIANT: a result that does not read as declared has no trusted field.
"""

import csv
import io
import itertools
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final, cast

import msgspec

from standwatch.facts.configuration import Returns
from standwatch.flow.origin import Read
from standwatch.flow.path import MOST, Node, nodes

LONGEST_YAML: Final = 256 << 10
"""Characters of a YAML text that are parsed; one longer has no trusted field."""
DEEPEST: Final = 200
"""Lists and maps inside one another in a YAML text."""
LONGEST: Final = 4 << 20
"""Bytes of any other result in which fields are looked for."""
MOST_PIECES: Final = 100_000
"""Texts and numbers of one result that are gone through; the rest counts as not kept."""
LONGEST_PLACE: Final = 1_000
"""Characters of a pointer to a field: a result with a longer one has no trusted field."""
PATTERN_MEMORY: Final = 8 << 20
"""Bytes that a pattern may take, compiled."""


class Fields(msgspec.Struct, frozen=True):
    """Texts and numbers with where they stand. `complete`: there is nothing in the result beside the trusted ones."""

    trusted: tuple[Node, ...] = ()
    names: tuple[Node, ...] = ()
    secret: tuple[Node, ...] = ()
    complete: bool = False
    unread: bool = False
    """Fields are declared secret, and not all of them could be read: what is confidential is not all known."""


def fields_of(read: Read) -> Fields:
    """The declared fields of what was read."""
    returns = read.returns
    if not (returns.trusted or returns.names or returns.secret):
        return Fields()
    if len(read.data) > LONGEST:
        return Fields(unread=bool(returns.secret))
    try:
        value, whole = structured(read.data, returns)
        trusted = list(_leaves(returns.trusted, value))
        left_out: list[str] = []
        secret = tuple(_leaves(returns.secret, value, left_out))
        names = tuple(_leaves(returns.names, value))
        complete = whole and bool(trusted) and _all(value, trusted)
    except (msgspec.DecodeError, ValueError, TypeError, RecursionError, csv.Error, _yaml_error()):
        return Fields(unread=bool(returns.secret))
    return Fields(tuple(trusted), names, secret, complete, unread=bool(left_out))


def _leaves(paths: tuple[str, ...], value: Any, left_out: list[str] | None = None) -> Iterator[Node]:
    """The texts and numbers at `paths`; of a container everything in it, the names of members too. Where there are
    more than `MOST`, the place where it stopped goes into `left_out`."""
    left = MOST
    named: set[str] = set()
    waiting = [node for path in paths for node in reversed(nodes(path, value))]
    while waiting and left:
        left -= 1
        where, one = waiting.pop()
        if isinstance(one, dict):
            members = cast("dict[str, Any]", one)
            for name, member in members.items():
                if len(where) + len(name) > LONGEST_PLACE:
                    raise ValueError("a field too long to be named")
                if name not in named:  # the rows of a table have the same names
                    named.add(name)
                    yield f"{where}/{name}", name
                waiting.append((f"{where}/{name}", member))
        elif isinstance(one, list):
            items = cast("list[Any]", one)[: left + 1]
            waiting += [(f"{where}/{at}", each) for at, each in enumerate(items)]
        elif isinstance(one, str | int | float) and not isinstance(one, bool):
            yield where, one
    if waiting and left_out is not None:
        left_out.append(waiting[-1][0])


def _all(value: Any, trusted: list[Node]) -> bool:
    """Whether every text and number of `value` is among `trusted`."""
    known = {where for where, _ in trusted}
    return all(where in known for where, _ in _leaves(("$",), value)) and len(trusted) < MOST


def structured(data: bytes, returns: Returns) -> tuple[Any, bool]:
    """A result's value, and whether that is all that the result says. Raises `ValueError` and its like."""
    result = msgspec.json.decode(data, type=dict[str, Any])
    texts = list(_texts(result.get("content")))
    value = result.get("structuredContent")
    plain = len(texts) == len(cast("list[Any]", result.get("content") or ()))
    if isinstance(value, dict) and set(cast("dict[str, Any]", value)) == {"result"}:
        value = cast("dict[str, Any]", value)["result"]  # how SDKs wrap a result that is no object
    value = cast("Any", value)
    if value is None:
        return _parsed(texts, returns), plain and bool(texts)
    whole = plain and (not texts or _repeats(texts, value))
    if isinstance(value, str) and returns.format:
        return _parsed([value], returns), whole
    return value, whole


def _texts(content: Any) -> Iterator[str]:
    for item in cast("list[Any]", content) if isinstance(content, list) else ():
        if isinstance(item, dict):
            members = cast("dict[str, Any]", item)
            if members.get("type") == "text" and isinstance(members.get("text"), str):
                yield members["text"]


def _repeats(texts: list[str], value: Any) -> bool:
    """Whether the texts say nothing that the structured value does not: they are it, as JSON or as it is."""
    if texts == [value]:
        return True
    try:
        said = [msgspec.json.decode(one) for one in texts]
    except (msgspec.DecodeError, RecursionError):
        return texts == value
    return value in (said, said[0]) if len(said) == 1 else value == said


def _parsed(texts: list[str], returns: Returns) -> Any:
    parse = {"": _json, "json": _json, "yaml": _yaml, "csv": _csv, "text": _text}[returns.format]
    found = [parse(one, returns) for one in texts]
    return found[0] if len(found) == 1 else found


def _json(text: str, _: Returns) -> Any:
    return msgspec.json.decode(text)


def _yaml(text: str, _: Returns) -> Any:
    """Everything is text: what a plain scalar may mean is for amounts and dates to say.

    INVARIANT: put together from events, on a stack of our own: the library's loader recurses in C, and a text of open
    brackets ends the process. No aliases, no name twice, one document.
    """
    import yaml

    if len(text) > LONGEST_YAML:
        raise ValueError("too long")
    top: list[Any] = []
    open_: list[list[Any]] = [top]
    for event in cast("Iterator[Any]", yaml.parse(text, Loader=yaml.CBaseLoader)):
        match event:
            case yaml.ScalarEvent():
                open_[-1].append(event.value)
            case yaml.SequenceStartEvent() | yaml.MappingStartEvent():
                open_.append([])
                if len(open_) > DEEPEST:
                    raise ValueError("too deep")
            case yaml.SequenceEndEvent():
                inner = open_.pop()
                open_[-1].append(inner)
            case yaml.MappingEndEvent():
                inner = open_.pop()
                open_[-1].append(_mapped(inner))
            case yaml.AliasEvent():
                raise ValueError("an alias")
            case _:
                pass
    if len(top) != 1:
        raise ValueError("not one document")
    return top[0]


def _mapped(inner: list[Any]) -> dict[str, Any]:
    names, values = inner[::2], inner[1::2]
    if not all(isinstance(name, str) for name in names) or len(set(names)) != len(values):
        raise ValueError("a name twice, or one that is no text")
    return dict(zip(names, values, strict=True))


def _csv(text: str, _: Returns) -> Any:
    """A row is an object of the names in the first line; what is too much for it stands under "". The cost of a row is
    its own: it lacks the names that it has nothing for."""
    rows = filter(None, csv.reader(io.StringIO(text), strict=True))
    names = next(rows, list[str]())
    return [_row(names, row) for row in itertools.islice(rows, MOST)]


def _row(names: list[str], row: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = dict(zip(names, row, strict=False))
    if len(row) > len(names):
        found[""] = row[len(names) :]
    return found


def _text(text: str, returns: Returns) -> Any:
    """Each match is an object of its groups; without a pattern the text is the value."""
    if not returns.pattern:
        return text
    found: list[dict[str, str]] = []
    for match in compiled(returns.pattern).finditer(text):
        found.append({name: one for name, one in match.groupdict().items() if one is not None})
        if len(found) >= MOST:
            break
    return found


@lru_cache(maxsize=256)
def compiled(pattern: str) -> Any:
    """`pattern` in RE2 syntax. Raises `re2.error`, a `ValueError` here."""
    import re2

    options: Any = re2.Options()
    options.log_errors = False
    options.max_mem = PATTERN_MEMORY
    try:
        return cast("Any", re2).compile(pattern, options)
    except re2.error as error:
        raise ValueError(str(error)) from None


def _yaml_error() -> type[Exception]:
    import yaml

    return yaml.YAMLError


# --- all of it -----------------------------------------------------------------------------------------------


def text_of(data: bytes) -> Iterator[str]:
    """Everything that a result says, as few texts: what no reader of ours understands as the bytes are."""
    if len(data) > LONGEST:
        # More characters than are looked at of one read, whatever they are: the rest counts as not kept (`seen`).
        yield data[: LONGEST + 4].decode("utf-8", "replace")
        return
    try:
        value = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError):
        yield data.decode("utf-8", "replace")
        return
    pieces: list[str] = []
    waiting: list[Any] = [_once(value)]
    left = MOST_PIECES
    while waiting and left:
        one = waiting.pop()
        left -= 1
        if isinstance(one, str):
            pieces.append(one)
        elif isinstance(one, dict):
            members = cast("dict[str, Any]", one)
            if members.get("type") in ("image", "audio") and isinstance(members.get("data"), str):
                members = {name: each for name, each in members.items() if name != "data"}
            for name, each in reversed(members.items()):
                waiting += (each, name)
        elif isinstance(one, list):
            waiting += reversed(cast("list[Any]", one))
        elif one is not None and not isinstance(one, bool):
            pieces.append(repr(one))
    if waiting:
        yield data.decode("utf-8", "replace")
        return
    yield "\n".join(pieces)


class Late:
    """`text_of` a result, taken apart when somebody wants it: much of what is read is never asked about."""

    __slots__ = ("_data", "_texts")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._texts: tuple[str, ...] | None = None

    def __len__(self) -> int:
        """Bytes of the result."""
        return len(self._data)

    def texts(self) -> tuple[str, ...]:
        """The texts; the same ones each time."""
        if self._texts is None:
            self._texts = tuple(text_of(self._data))
            self._data = b""
        return self._texts


def _once(value: Any) -> Any:
    """A result without the text that repeats its structured content."""
    result = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    inner = result.get("structuredContent")
    texts = list(_texts(result.get("content")))
    if inner is None or len(texts) != 1 or len(cast("list[Any]", result["content"])) != 1:
        return cast("Any", value)
    try:
        repeated = msgspec.json.decode(texts[0]) == inner
    except (msgspec.DecodeError, RecursionError):
        repeated = False
    return {name: one for name, one in result.items() if name != "content" or not repeated}
