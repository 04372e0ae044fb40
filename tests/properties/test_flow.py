"""Provenance never improves by an encoding, by reading more of an outsider, or by another order; and it is linear."""

import base64
import html
import time
from difflib import SequenceMatcher
from urllib.parse import quote

import msgspec
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from standwatch.facts.configuration import Returns
from standwatch.flow.origin import Read
from standwatch.flow.seen import GRAM, PROSE, RUN
from standwatch.flow.trail import Trail

ORDER = ("task", "trusted", "model", "untrusted")
WORDS = st.sampled_from(
    [
        "pay",
        "Anna",
        "1,940.00",
        "DE49",
        "9999",
        "1111",
        "0004",
        "maria@bank.example",
        "https://x.example/a",
        "2026-03-01",
        "10:00",
        "send",
        "Bob",
        "evil",
        "to",
    ]
)
TEXTS = st.lists(WORDS, max_size=8).map(" ".join)
VALUES = st.one_of(
    TEXTS.filter(str.strip),
    st.text(min_size=1, max_size=24),
    st.integers(-3_000, 3_000),
    st.floats(allow_nan=False, width=32),
)
LOOKALIKE = str.maketrans("aeopcxyABEHKMOPT", "аеорсхуАВЕНКМОРТ")
CODED = (
    lambda text: base64.b64encode(text.encode()).decode(),
    lambda text: text.encode().hex(),
    lambda text: quote(text, safe=""),
    lambda text: "".join(f"&#{ord(each)};" for each in text),
    lambda text: html.escape(text) + "\u200b",
    lambda text: "\u200b".join(text),
    lambda text: text.translate(LOOKALIKE),
    lambda text: text[::-1],
    lambda text: "".join(chr(ord(each) + 0xFEE0) if "!" <= each <= "~" else each for each in text),
)


def read(text: str, trusted: str = "") -> Read:
    value = {"t": trusted, "u": text} if trusted else {"u": text}
    data = msgspec.json.encode({"structuredContent": value})
    return Read(
        data=data, server="s", tool="s.t", call="c", returns=Returns(trusted=("$.t",)), told_by_us=True
    )


def rank(trail: Trail, value: object) -> int:
    return ORDER.index(trail.source(value))


def trail_of(task: str, reads: list[tuple[str, str]]) -> Trail:
    trail = Trail(task)
    for untrusted, trusted in reads:
        trail.learn(read(untrusted, trusted))
    return trail


READS = st.lists(st.tuples(TEXTS, st.one_of(st.just(""), TEXTS)), max_size=4)


@given(TEXTS, READS, VALUES, TEXTS)
def test_reading_more_of_an_outsider_never_improves_anything(
    task: str, reads: list[tuple[str, str]], value: object, more: str
) -> None:
    assert rank(trail_of(task, [*reads, (more, "")]), value) >= rank(trail_of(task, reads), value)


@given(TEXTS, READS, VALUES, st.randoms(use_true_random=False))
def test_the_order_of_reading_does_not_matter(
    task: str, reads: list[tuple[str, str]], value: object, chance: object
) -> None:
    """But for a part of a value that is as long as may be seen and shorter than always is: those stand on a grid."""
    other = list(reads)
    chance.shuffle(other)  # type: ignore[attr-defined]
    said = (squeezed(text) for pair in reads for text in pair)
    assume(not any(RUN <= common(squeezed(str(value)), text) < PROSE + GRAM for text in said))
    assert rank(trail_of(task, reads), value) == rank(trail_of(task, other), value)


def squeezed(text: str) -> str:
    return "".join(filter(str.isalnum, text)).lower()


def common(one: str, two: str) -> int:
    """Letters of the longest run that both have."""
    return SequenceMatcher(None, one, two, autojunk=False).find_longest_match().size


@given(TEXTS, READS, TEXTS.filter(lambda text: any(map(str.isalnum, text))), st.sampled_from(CODED))
def test_an_encoded_value_is_never_better_than_the_plain_one(
    task: str, reads: list[tuple[str, str]], value: str, code: object
) -> None:
    trail = trail_of(task, reads)
    coded = code(value)  # type: ignore[operator]
    if coded.casefold() != value.casefold() and not coded.isascii():
        assert trail.source(coded) not in ("task", "trusted"), coded
    assert rank(trail, coded) >= rank(trail, value) or trail.source(coded) == "model"


@given(
    TEXTS,
    st.text(min_size=16, max_size=30, alphabet="abcdefghjkmnpqrstuvwxyz23456789"),
    st.sampled_from(CODED),
)
def test_what_an_outsider_encoded_is_known_plain(task: str, value: str, code: object) -> None:
    trail = Trail(task)
    trail.learn(read(f"please use {code(value)} now"))  # type: ignore[operator]
    assert trail.source(value) == "untrusted"


@given(TEXTS, READS, st.lists(VALUES, min_size=1, max_size=4))
def test_a_container_is_no_better_than_its_worst(
    task: str, reads: list[tuple[str, str]], values: list[object]
) -> None:
    trail = trail_of(task, reads)
    worst = max(rank(trail, value) for value in values)
    assert rank(trail, values) == worst
    assert rank(trail, {"k": values}) >= worst


@given(st.text(max_size=80), st.text(max_size=200), st.text(max_size=80))
@settings(max_examples=300)
def test_anything_can_be_read_and_asked(task: str, text: str, value: str) -> None:
    trail = trail_of(task, [(text, "")])
    trail.learn(Read(data=text.encode("utf-8", "surrogatepass"), told_by_us=True))
    assert trail.source(value) in ORDER
    assert all(one.start < one.end <= len(value) for one in trail.embedded(value))


HOSTILE = (
    "a", "ab ", "aaaa", "1", "1.", "1,", "1 ", "12:", "2026-", "3/1/", "a@", "a.", "@", "/a", "://", "www.",
    "%41", "%2525",
    "&amp;", "&", "\\u0041", "=41", "=", "QUJD", "QUJDRA== ", "61", "61 ", "xn--", "DE49 ", "DE49 9999 ",
    "(", ")", "((",
    "+1", "1-", "-", "é", "е", "e\u0301", "\u200b", "🙂", "'", "\"", "’", "1 March ", "March 1 ", "May", "$1", "EUR1 ",
    "http://a)", "http://a" + ")" * 50 + " ", "~/", "0x", "bc1", "[", "{", "\x00", "\n", "- a: b\n",
    "abcdef", "A1b2C3d4",
)  # fmt: skip


def test_no_hostile_text_costs_more_than_in_proportion() -> None:
    """Twice the text, at most about twice the time: looked at by CPU, with room for a busy machine."""
    slow: list[str] = []
    for piece in HOSTILE:
        once, twice = (piece * (size // len(piece)) for size in (20_000, 40_000))
        if _cpu(twice) > 3.2 * _cpu(once) + 0.02 and min(_cpu(twice), _cpu(twice)) > 3.2 * _cpu(once) + 0.02:
            slow.append(piece)
    assert not slow


def _cpu(text: str) -> float:
    trail = Trail("pay " + text[:64_000])
    begun = time.process_time()
    trail.learn(read(text))
    trail.source(text)
    trail.source(text[: len(text) // 2] + "x")
    trail.embedded(text)
    return time.process_time() - begun


def test_what_is_gone_through_is_counted_in_proportion() -> None:
    work: list[int] = []
    for size in (50_000, 100_000, 200_000):
        trail = Trail("x")
        trail.learn(read("some words of an outsider, 12 of them " * (size // 38)))
        assert trail.gap is None  # a look-up: what waited is indexed
        work.append(trail._seen.worked)
    assert work[0] >= 50_000 - 38
    assert work[1] <= 2.1 * work[0]
    assert work[2] <= 2.1 * work[1]
