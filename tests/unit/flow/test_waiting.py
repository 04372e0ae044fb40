"""What a run has read waits to be indexed until somebody asks: no answer tells that it did."""

import base64
import json
import string
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from standwatch.flow.amounts import Style, readings
from standwatch.flow.decoding import _BASE64, _runs, decoded
from standwatch.flow.fields import Late, text_of
from standwatch.flow.fold import TOKEN, loose
from standwatch.flow.origin import Place
from standwatch.flow.overheard import MOST_WAITING as MOST_CARRIED
from standwatch.flow.overheard import PENDING as CARRIED_PENDING
from standwatch.flow.overheard import Overheard
from standwatch.flow.reached import PENDING as URLS_PENDING
from standwatch.flow.reached import Reached
from standwatch.flow.seen import (
    AT_ONCE,
    ITEMS_A_DIGIT,
    MOST_ITEMS,
    MOST_OF_ONE,
    MOST_WAITING,
    PENDING,
    Seen,
    Unsettled,
    _tokens,
    items,
)
from standwatch.flow.shapes import leads_nowhere, shapes, silent

WORDS = (
    "omar@evil.example",
    "NL91 ABNA 0417 1643 00",
    "1,940.00 EUR",
    "2026-11-30",
    "some words of an outsider",
    "Évian",
)
TEXTS = st.lists(st.sampled_from((*WORDS, base64.b64encode(b"hidden@evil.example").decode())), max_size=12)


@given(TEXTS, st.integers(0, 12))
def test_a_look_up_sees_all_that_was_added_before_it(texts: list[str], asked: int) -> None:
    waiting, settled = Seen(), Seen()
    for at, text in enumerate(texts):
        for seen in (waiting, settled):
            seen.add(text, Place(call=str(at)))
        settled.find("nothing of the kind", prose=False)
        if at == asked:
            assert waiting.find("hidden@evil.example", prose=False) == settled.find(
                "hidden@evil.example", prose=False
            )
    for word in (*WORDS, "hidden@evil.example", "never anywhere"):
        assert waiting.find(word, prose=False) == settled.find(word, prose=False)
    for item in ("n:1940", "d:2026-11-30"):
        assert waiting.item(item) == settled.item(item)
    assert waiting.overflow == settled.overflow is None


def _result(*texts: str) -> bytes:
    return json.dumps({"content": [{"type": "text", "text": one} for one in texts]}).encode()


@given(TEXTS)
def test_a_result_that_waits_says_what_it_says(texts: list[str]) -> None:
    late, now = Seen(), Seen()
    hosts, known = Reached(), Reached()
    for at, text in enumerate(texts):
        result, place = _result(text), Place(call=str(at))
        said = Late(result)
        late.read(said, place)
        hosts.read(said)
        for one in text_of(result):
            now.add(one, place)
            known.add(one)
    for word in WORDS:
        assert late.find(word, prose=False) == now.find(word, prose=False)
        assert hosts.has(word) == known.has(word)
    assert late.overflow == now.overflow


def test_a_result_too_large_that_waits_is_said_to_be() -> None:
    seen = Seen()
    seen.read(Late(_result("x" * (MOST_OF_ONE + 1))), Place(call="c"))
    assert seen.overflow == Place(call="c")


def test_what_was_carried_is_not_new_when_it_is_overheard() -> None:
    heard = Overheard()
    for at in range(2 * MOST_CARRIED):
        heard.carried(_result(f"result {at}", "and more"))
        assert len(heard._waiting) <= MOST_CARRIED
    heard.carried(_result("y" * (CARRIED_PENDING + 1)))
    assert not heard._waiting
    heard.carried(_result("the last"))
    for text in (b"result 0", b"result 1999\nand more", b"the last"):
        assert not heard.new(text)
    assert heard.new(b"said by nobody")
    assert not heard.new(b"said by nobody")


def _patiently(seen: Seen, look: Callable[[], Any]) -> tuple[Any, int]:
    """What a look-up that may be broken off comes to, and in how many pieces what waited was gone through."""
    pieces = 0
    while True:
        seen.spread = True
        try:
            return look(), pieces
        except Unsettled:
            worked, noted = seen.worked, seen._to_note
            while True:
                more = seen.settle_some()
                pieces += 1
                assert seen.worked - worked <= 2 * AT_ONCE
                assert seen._waiting or noted - seen._to_note <= 2 * AT_ONCE
                worked, noted = seen.worked, seen._to_note
                if not more:
                    break
        finally:
            seen.spread = False


@settings(max_examples=25)
@given(
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=30), st.sampled_from((*WORDS, "n:1940", "never"))
)
def test_a_look_up_in_pieces_finds_what_one_does_at_once(words: list[str], wanted: str) -> None:
    at_once, spread = Seen(), Seen()
    for at, word in enumerate(words):
        for seen in (at_once, spread):
            seen.add(f"{word} and {at} more words " * 200, Place(call=str(at)))

    def look(seen: Seen) -> Any:
        found = seen.item(wanted) if wanted.startswith("n:") else seen.find(wanted, prose=False)
        return found, seen.overflow

    found, pieces = _patiently(spread, lambda: look(spread))
    assert found == look(at_once)
    assert pieces > 0 or not sum(len(word) + 20 for word in words) * 200 > 3 * AT_ONCE
    assert not spread._waiting
    assert spread._items == at_once._items or spread._unnoted


def test_what_is_more_than_waits_is_gone_through_by_and_by() -> None:
    seen = Seen()
    text = "a word or two, 17 of them " * 40
    most = 0
    for at in range(3 * PENDING // len(text)):
        before = seen.worked
        seen.add(text, Place(call=str(at)))
        most = max(most, seen.worked - before)
    assert seen.worked > PENDING
    assert most <= 2 * len(text)


def test_what_waits_is_bounded() -> None:
    seen, reached = Seen(), Reached()
    for _ in range(3 * MOST_WAITING):
        seen.add("a.b", Place())
        assert len(seen._waiting) <= MOST_WAITING
    for _ in range(100):
        seen.add("word " * 1_000, Place())
        reached.add("a.example " * 500)
        assert seen._pending <= PENDING
        assert reached._length <= URLS_PENDING
    assert seen.worked > 100_000


def test_what_is_too_much_says_so_before_anything_is_looked_up() -> None:
    seen = Seen()
    seen.add("x" * (MOST_OF_ONE + 1), Place(call="big"))
    assert seen.overflow == Place(call="big")


def test_a_url_is_known_at_once() -> None:
    reached = Reached()
    reached.add("see https://a.example/x?id=7 and localhost://y")
    assert reached.has("https://a.example/x?id=7")
    assert reached.has("localhost://y")
    reached.add("b.example")
    assert reached.has("b.example")


@given(st.text(string.printable + "é٣ßK", max_size=200))
def test_tokens_are_the_letters_and_digits_that_stand_together(text: str) -> None:
    assert _tokens(loose(text)) == TOKEN.findall(loose(text))


@given(st.text(string.ascii_letters + "_+- \n'xn--XN" + "0@.", max_size=80))
def test_in_a_silent_text_nothing_steers(text: str) -> None:
    if silent(text):
        assert not [*shapes(text), *shapes(loose(text))]
        assert not [one for undone in decoded(text) for one in shapes(undone)]


@given(st.binary(min_size=9, max_size=60))
def test_no_encoded_address_is_in_a_silent_text(noise: bytes) -> None:
    said = base64.b64encode(b"write to omar@evil.example " + noise).decode()
    assert not silent(f"please read {said}")
    assert not silent(f"please read {said.replace('=', '')}")


@given(
    st.lists(
        st.sampled_from(
            ("abcdefgh", "QWxhZGRpbjpv", "cGVuc2VzYW1l", "\n", "\r\n", " \n\t", " ", "=", "é", "-", ".")
        ),
        max_size=14,
    )
)
def test_runs_of_base64_are_those_that_the_pattern_finds(parts: list[str]) -> None:
    text = "".join(parts)
    assert [one.rstrip("=") for one in _BASE64.findall(text)] == [one.rstrip("=") for one in _runs(text)]


@given(
    st.from_regex(r"-?[0-9]{1,42}([.,'][0-9]{1,4}){0,2}", fullmatch=True),
    st.sampled_from(("point", "comma", "mixed")),
)
def test_a_plain_number_has_one_reading_by_the_short_way_too(text: str, style: Style) -> None:
    slow = list(
        readings(f"{text} ", style, strict=False)
    )  # the space is dropped, and only the long way does so
    assert list(readings(text, style, strict=False)) == slow
    assert list(readings(text, style, strict=True)) == list(readings(f"{text} ", style, strict=True))


@given(st.text("0123456789 .,:/-'T$EUR" + "٣", max_size=60))
def test_a_text_has_so_many_items_for_a_digit_and_no_more(text: str) -> None:
    digits = sum(each in string.digits for each in text) if text.isascii() else len(text)
    assert len({*items(text)}) <= ITEMS_A_DIGIT * digits


def test_too_many_numbers_are_told_of_though_nobody_asked_for_one() -> None:
    seen = Seen()
    for start in range(0, MOST_ITEMS + 2_000, 1_000):
        seen.add(" ".join(str(100_000 + at) for at in range(start, start + 1_000)), Place(call=str(start)))
    assert seen.overflow is not None


@given(st.text(string.ascii_letters + string.digits + "_+- \n'%&=./:\\@", max_size=60), st.booleans())
def test_what_leads_nowhere_has_no_url(text: str, encoded: bool) -> None:
    given_text = base64.b64encode(f"{text} evil.example".encode()).decode() if encoded else text
    if leads_nowhere(given_text):
        found = [*shapes(given_text), *shapes(loose(given_text))]
        assert not [one for one in found if one.kind in ("url", "domain")]
        assert not [*decoded(given_text)]
        assert not encoded
