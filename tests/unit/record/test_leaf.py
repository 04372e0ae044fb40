"""Leaves: JCS by construction, read back strictly, `at` always first."""

import msgspec
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from standwatch.facts.entries import AnyEntry, Hold, Intent
from standwatch.facts.errors import Malformed
from standwatch.record.leaf import KNOWN, MAX_LEAF, Unknown, decode, encode

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
intents = st.builds(
    Intent,
    by=text,
    id=text,
    run=text,
    system=text,
    tool=text,
    digest=text,
    seen=st.integers(-1, 2**53 - 1),
    why=text,
    effect=st.sampled_from(("read", "write", "irreversible")),
    spend=st.dictionaries(st.text("abc.", max_size=8), st.integers(0, 2**53 - 1), max_size=4),
)
AT = 1_800_000_000_000_000


@given(intents)
def test_a_leaf_is_the_reference_s_canonical_json_and_reads_back(intent: Intent) -> None:
    leaf = encode(intent, AT)
    assert rfc8785.dumps(msgspec.json.decode(leaf)) == leaf
    assert decode(leaf) == msgspec.structs.replace(intent, at=AT)


@pytest.mark.parametrize("kind", AnyEntry.__args__, ids=lambda kind: str(kind.__struct_config__.tag))
def test_no_field_sorts_before_at_and_every_name_is_plain(kind: type[msgspec.Struct]) -> None:
    names = [*kind.__struct_fields__, "kind"]
    assert min(names) == "at"
    assert all(name.isascii() and name.islower() for name in names)
    assert str(kind.__struct_config__.tag) in KNOWN


@given(st.binary(max_size=80))
def test_any_bytes_are_a_leaf_or_malformed(raw: bytes) -> None:
    try:
        decode(raw)
    except Malformed:
        return
    assert raw.startswith(b'{"at":')


HELD = encode(Hold(by="p-omar", scope="all"), AT)


@pytest.mark.parametrize(
    "leaf",
    [
        HELD.replace(b'"all"', b'"all","scope":"all"'),
        HELD.replace(b":", b": ", 1),
        HELD.replace(b'"kind"', b'"hidden":1,"kind"'),
        HELD[:-1] + b',"until":0}',
        HELD[:-1],
        b"[]",
        b"",
        b'{"at":1,"kind":"ctl.x.1","nul":\xff}',
    ],
)
def test_what_no_writer_can_have_written_is_refused(leaf: bytes) -> None:
    with pytest.raises(Malformed):
        decode(leaf)


def test_unknown_kinds_are_told_apart() -> None:
    act = decode(b'{"at":1,"by":"x","kind":"act.novel.1"}')
    control = decode(b'{"at":1,"by":"x","kind":"ctl.novel.1"}')
    assert isinstance(act, Unknown)
    assert isinstance(control, Unknown)
    assert (act.folds, control.folds) == (False, True)


def test_an_entry_has_a_size_and_no_time_of_its_own() -> None:
    with pytest.raises(Malformed):
        encode(Hold(by="x", scope="y" * MAX_LEAF), AT)
    with pytest.raises(ValueError, match="sequencer"):
        encode(Hold(at=1, by="x", scope="all"), AT)
