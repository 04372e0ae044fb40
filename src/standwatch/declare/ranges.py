"""`systems/NAME.range.json` → `Learned`: a validated range as `standwatch range learn` wrote it, checked whole.

The file is generated and may be edited: whatever `enforce` compiles from it must hold without a look at the data.
"""

import math
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Final

import msgspec

from standwatch.declare.fallbacks import Beside
from standwatch.declare.features import NUMERIC, fits
from standwatch.declare.schema import Reader, shaped
from standwatch.declare.text import MAX_BYTES, Mark, Node, Problems
from standwatch.facts.canonical import parse
from standwatch.facts.errors import Malformed
from standwatch.facts.models import Feature, Learned

RANGE: Final = ".range.json"
_file: Final = shaped(
    r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.range\.json", "a file in systems/ such as scorer.range.json"
)
_CURE: Final = "expected what `standwatch range learn` writes"


def read_range(beside: Beside, features: Mapping[str, Feature]) -> Reader[Learned]:
    """A reader of the name of a range's file, and of that file."""

    def read(node: Node, problems: Problems) -> Learned | None:
        name = _file(node, problems)
        if name is None:
            return None
        data = beside(name)
        if data is None:
            problems.add(node.mark, f"there is no file systems/{name}, {_CURE}: learn it, then name it here")
            return None
        return decode_range(f"systems/{name}", data, features, problems)

    return read


def decode_range(
    path: str, data: bytes, features: Mapping[str, Feature], problems: Problems
) -> Learned | None:
    """The range in `data`, or None with every reason why it is none for `features`."""
    mark = Mark(path)
    if len(data) > MAX_BYTES:
        problems.add(mark, f"{len(data)} bytes, expected at most {MAX_BYTES}")
        return None
    try:
        value = parse(data)
        learned = msgspec.convert(value, Learned)
    except (Malformed, msgspec.ValidationError) as error:
        problems.add(mark, f"not a range: {error}, {_CURE}")
        return None
    strange = sorted(set(value) - {"kind", *Learned.__struct_fields__})
    wrong = [f"unknown key {strange[0]!r}"] if strange else list(_wrong(learned, features))
    for each in wrong:
        problems.add(mark, f"not a range: {each}, {_CURE}")
    return None if wrong else learned


def _wrong(learned: Learned, features: Mapping[str, Feature]) -> Iterator[str]:
    count = len(learned.features)
    lengths = (learned.kinds, learned.low, learned.high, learned.edges, learned.values, learned.tree)
    if any(len(one) != count for one in (*lengths, learned.surprise)) or not count:
        yield "its lists differ in length, or are empty"
        return
    if len(set(learned.features)) != count:
        yield "a feature stands twice"
    if not (0 < learned.alarm < 1 and learned.rows > 0 and math.isfinite(learned.threshold)):
        yield "alarm, rows or threshold is no such number"
    for index, name in enumerate(learned.features):
        feature = features.get(name)
        if feature is None:
            yield f"{name!r} is no declared input"
        else:
            yield from (f"{name!r}: {what}" for what in _wrong_feature(learned, index, feature))
    yield from _wrong_tree(learned)


def _wrong_feature(learned: Learned, index: int, feature: Feature) -> Iterator[str]:
    if (learned.kinds[index] == "number") != (feature.type in NUMERIC):
        yield f"learned as a {learned.kinds[index]}, declared as a {feature.type}"
        return
    if learned.kinds[index] == "number":
        numbers = (learned.low[index], learned.high[index], *learned.edges[index])
        if not all(map(math.isfinite, numbers)) or learned.low[index] > learned.high[index]:
            yield "bounds that are none"
        if any(one >= other for one, other in pairwise(learned.edges[index])):
            yield "edges that do not ascend"
        return
    known = learned.values[index]
    if len({(type(one), one) for one in known}) != len(known) or not all(fits(feature, one) for one in known):
        yield f"categories that are not its own, each once (it is a {feature.type})"


def bins(learned: Learned, index: int) -> int:
    """How many bins feature `index` has, that for missing included."""
    numeric = learned.kinds[index] == "number"
    return len(learned.edges[index]) + 2 if numeric else len(learned.values[index]) + 1


def _wrong_tree(learned: Learned) -> Iterator[str]:
    count = len(learned.features)
    if not all(-1 <= parent < count for parent in learned.tree):
        yield "a parent that is no feature"
        return
    for index, parent in enumerate(learned.tree):
        rows = bins(learned, parent) if parent >= 0 else 1
        table = learned.surprise[index]
        if len(table) != rows or any(len(row) != bins(learned, index) for row in table):
            yield f"{learned.features[index]!r}: a table of another size than its bins"
        elif not all(math.isfinite(one) for row in table for one in row):
            yield f"{learned.features[index]!r}: a table with what is no number"
        if _circular(learned.tree, index):
            yield f"{learned.features[index]!r}: conditioned on itself"


def _circular(tree: tuple[int, ...], index: int) -> bool:
    at = index
    for _ in tree:
        at = tree[at]
        if at < 0:
            return False
    return True
