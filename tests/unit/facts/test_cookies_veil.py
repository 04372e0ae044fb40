"""The token of a page's forms is another text in every answer, and the same token to whoever checks it."""

from hypothesis import given
from hypothesis import strategies as st

from standwatch.facts.cookies import csrf_of, is_csrf, unveiled, veiled

PADS = st.binary(min_size=32, max_size=32)
COOKIE = "c" * 43


@given(PADS, PADS)
def test_two_answers_carry_two_texts_of_one_token(one: bytes, other: bytes) -> None:
    token = csrf_of(COOKIE)
    assert unveiled(veiled(token, one)) == unveiled(veiled(token, other)) == token
    assert (veiled(token, one) == veiled(token, other)) is (one == other)


@given(PADS, st.integers(0, 127), st.sampled_from("0123456789abcdef"))
def test_one_character_changed_is_another_token(pad: bytes, place: int, digit: str) -> None:
    veil = veiled(csrf_of(COOKIE), pad)
    changed = veil[:place] + digit + veil[place + 1 :]
    assert is_csrf(COOKIE, unveiled(changed)) is (changed == veil)


@given(st.text(max_size=130))
def test_whatever_else_somebody_sends_stays_what_it_is(text: str) -> None:
    assert unveiled(text) == text or len(text) == 128
    assert veiled("", bytes(32)) == ""
