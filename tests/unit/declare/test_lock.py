"""A lock reads back as it was written."""

from hypothesis import given
from hypothesis import strategies as st

from standwatch.declare.lock import lock_text, quoted, read_lock
from standwatch.declare.text import Mapping, Problems, Scalar, read_yaml
from standwatch.facts.configuration import Lock

DIGESTS = st.dictionaries(
    st.from_regex(r"[A-Za-z0-9_.:/-]{1,12}", fullmatch=True),
    st.from_regex(r"[0-9a-f]{64}", fullmatch=True),
    max_size=4,
)


@given(DIGESTS, DIGESTS)
def test_a_lock_round_trips(tools: dict[str, str], components: dict[str, str]) -> None:
    problems = Problems()
    node = read_yaml("x.lock", lock_text(Lock(tools, components)).encode(), problems)
    assert node is not None
    assert read_lock(node, problems) == Lock(tools, components)
    assert not problems.wrong


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_quoted_text_means_itself(text: str) -> None:
    problems = Problems()
    node = read_yaml("f", f"a: {quoted(text)}\n".encode(), problems)
    assert isinstance(node, Mapping), problems.wrong
    value = node.members["a"].value
    assert isinstance(value, Scalar)
    assert value.text == text
