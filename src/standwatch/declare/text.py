"""Strict YAML: text → nodes that know their place. No anchors, aliases, tags, merge keys, duplicates or surprises.

Nodes are built from the parser's events with a stack of our own, so that depth is bounded before anything
recurses, and a scalar stays text until a reader that knows the expected type interprets it.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec
import yaml

MAX_BYTES: Final = 1 << 20
"""A file of an organisation is refused beyond 1 MiB."""
MAX_DEPTH: Final = 24
MAX_NODES: Final = 200_000

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Mark(msgspec.Struct, frozen=True, order=True):
    """A place: file, line and column, both from 1."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Scalar(msgspec.Struct, frozen=True):
    """Text that stands for one value; `plain` where nothing quoted it."""

    text: str
    plain: bool
    mark: Mark


class Listing(msgspec.Struct, frozen=True):
    items: "tuple[Node, ...]"
    mark: Mark


class Member(msgspec.Struct, frozen=True):
    """A key's place and its value."""

    mark: Mark
    value: "Node"


class Mapping(msgspec.Struct, frozen=True):
    members: dict[str, Member]
    mark: Mark


Node = Scalar | Listing | Mapping


class Problems:
    """Every place where the text is wrong, and every place where it is only doubtful."""

    def __init__(self) -> None:
        self._wrong: dict[tuple[Mark, str], None] = {}
        self._doubtful: dict[tuple[Mark, str], None] = {}

    def add(self, mark: Mark, what: str) -> None:
        """Something that keeps the configuration from being taken up."""
        self._wrong[mark, what] = None

    def warn(self, mark: Mark, what: str) -> None:
        """Something that a person should look at, and that has a safe meaning."""
        self._doubtful[mark, what] = None

    @property
    def wrong(self) -> tuple[str, ...]:
        """`file:line:column: what, and what was expected`, by place."""
        return _lines(self._wrong)

    @property
    def doubtful(self) -> tuple[str, ...]:
        return _lines(self._doubtful)


def _lines(found: dict[tuple[Mark, str], None]) -> tuple[str, ...]:
    return tuple(f"{mark}: {what}" for mark, what in sorted(found))


class _Refused(Exception):
    def __init__(self, mark: Mark, what: str) -> None:
        super().__init__(what)
        self.mark = mark
        self.what = what


class _Open:
    """A collection whose end has not been seen."""

    def __init__(self, mark: Mark, mapping: bool) -> None:
        self.mark = mark
        self.mapping = mapping
        self.items: list[Node] = []
        self.members: dict[str, Member] = {}
        self.key: Scalar | None = None


def read_text(file: str, data: bytes, problems: Problems) -> str | None:
    """`data` as UTF-8 text of acceptable size, or None with the problem told."""
    if len(data) > MAX_BYTES:
        problems.add(Mark(file), f"{len(data)} bytes, expected at most {MAX_BYTES}")
        return None
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line, column = before.count(b"\n") + 1, error.start - (before.rfind(b"\n") + 1) + 1
        problems.add(Mark(file, line, column), "not UTF-8, expected UTF-8 text")
        return None
    if text.startswith("\ufeff"):
        problems.add(Mark(file), "a byte order mark, expected UTF-8 without one")
        return None
    return text


def read_yaml(file: str, data: bytes, problems: Problems) -> Node | None:
    """The one document in `data`, or None with the problem told. Nothing but `problems` ever reports a fault."""
    text = read_text(file, data, problems)
    if text is None:
        return None
    try:
        return _document(file, text, problems)
    except _Refused as refused:
        problems.add(refused.mark, refused.what)
    except yaml.MarkedYAMLError as error:
        place: Any = error.problem_mark
        mark = Mark(file, place.line + 1, place.column + 1) if place else Mark(file)
        problems.add(mark, f"not YAML: {error.problem or error.context or 'unreadable'}")
    except yaml.YAMLError as error:
        problems.add(Mark(file), f"not YAML: {' '.join(str(error).split())[:200]}")
    except (RecursionError, ValueError) as error:
        problems.add(Mark(file), f"not YAML: {error}")
    return None


def _document(file: str, text: str, problems: Problems) -> Node:
    stack: list[_Open] = []
    root: Node | None = None
    for count, event in enumerate(_events(text)):
        mark = Mark(file, event.start_mark.line + 1, event.start_mark.column + 1)
        if count > MAX_NODES:
            raise _Refused(mark, f"more than {MAX_NODES} values, expected fewer")
        _refuse_cleverness(event, mark, problems)
        node: Node | None = None
        match event:
            case yaml.DocumentStartEvent() if root is not None:
                raise _Refused(mark, "a second document, expected one document in a file")
            case yaml.SequenceStartEvent() | yaml.MappingStartEvent():
                if len(stack) >= MAX_DEPTH:
                    raise _Refused(mark, f"nested deeper than {MAX_DEPTH}, expected a flatter text")
                stack.append(_Open(mark, isinstance(event, yaml.MappingStartEvent)))
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                done = stack.pop()
                node = (
                    Mapping(done.members, done.mark)
                    if done.mapping
                    else Listing(tuple(done.items), done.mark)
                )
            case yaml.ScalarEvent():
                node = Scalar(event.value, event.style is None or event.style == "", mark)
            case yaml.AliasEvent():
                node = Scalar("", False, mark)
            case _:
                pass
        if node is not None and stack:
            _place(stack[-1], node, problems)
        elif node is not None:
            root = node
    if root is None:
        raise _Refused(Mark(file), "an empty file, expected a mapping")
    return root


def _events(text: str) -> Iterator[Any]:
    return yaml.parse(text, Loader=_Loader)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


def _refuse_cleverness(event: Any, mark: Mark, problems: Problems) -> None:
    if isinstance(event, yaml.AliasEvent):
        problems.add(mark, f"an alias (*{event.anchor}), expected the value itself")
        return
    if getattr(event, "anchor", None) is not None:
        problems.add(mark, f"an anchor (&{event.anchor}), expected the value itself")
    if getattr(event, "tag", None) is not None:
        problems.add(mark, f"a tag ({event.tag}), expected a plain value")


def _place(parent: _Open, node: Node, problems: Problems) -> None:
    """Put `node` into the collection it stands in; a key that stands twice keeps its first value, and is told."""
    if not parent.mapping:
        parent.items.append(node)
        return
    if parent.key is not None:
        parent.members.setdefault(parent.key.text, Member(parent.key.mark, node))
        parent.key = None
        return
    if not isinstance(node, Scalar):
        raise _Refused(node.mark, "a collection as a key, expected a word")
    if node.plain and node.text == "<<":
        problems.add(node.mark, "a merge key (<<), expected the members themselves")
    if node.text in parent.members:
        first = parent.members[node.text].mark
        problems.add(
            node.mark, f"{node.text[:60]!r} stands twice (first in line {first.line}), expected each key once"
        )
    parent.key = node
