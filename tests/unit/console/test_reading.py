"""Values in groups: for the eye only, character for character the value."""

import random

import pytest

from standwatch.console.inert import inert
from standwatch.console.reading import Reading, read_number, read_text


def text_of(found: Reading | None) -> str:
    assert found is not None
    return "|".join(group.text for group in found.groups)


def read(text: str) -> Reading | None:
    return read_text(text, inert(text))


@pytest.mark.parametrize(
    ("literal", "shown"),
    [
        ("1234", "1|234"),
        ("-1250000.5", "-1|250|000.5"),
        ("100000", "100|000"),
        ("9007199254740991", "9|007|199|254|740|991"),
    ],
)
def test_digits_in_threes(literal: str, shown: str) -> None:
    assert text_of(read_number(literal)) == shown


def test_small_numbers_and_exponents() -> None:
    assert read_number("12") is None
    assert read_number("0.001") is None
    small = read_number("1e-7")
    assert small is not None
    assert small.what == "0.0000001"


def test_large_numbers_are_told_in_words() -> None:
    for literal, said in (("1250000", "about 1.25 million"), ("2000000000", "about 2 thousand million")):
        found = read_number(literal)
        assert found is not None
        assert found.what == said


def test_an_iban_in_fours_with_its_check_digits() -> None:
    good, bad = read("DE89370400440532013000"), read("DE89370400440532013001")
    assert text_of(good) == "DE89|3704|0044|0532|0130|00"
    assert good is not None
    assert not good.warns
    assert bad is not None
    assert "wrong" in bad.warns[0]
    spaced = read("GB82 WEST 1234 5698 7654 32")
    assert text_of(spaced) == "GB82 WEST 1234 5698 7654 32"


def test_the_host_decides_and_what_poses_as_one_is_told() -> None:
    found = read("https://bank.example@evil.example:8443/pay?x=1#y")
    assert text_of(found) == "https://|bank.example@|evil.example:8443|/pay?x=1#y"
    assert found is not None
    assert [group.text for group in found.groups if group.strong] == ["evil.example:8443"]
    assert any("@" in one for one in found.warns)
    for url, word in (
        ("https://xn--pple-43d.com/", "Punycode"), ("http://bаnk.example/", "ASCII"),
        ("http://192.0.2.1/x", "bare network"),
        ("https://bank.example\\@evil.example/", "backslash"), ("http://[::1]/", "bare network"),
    ):  # fmt: skip
        told = read(url)
        assert told is not None
        assert any(word in one for one in told.warns), url


def test_an_address_of_mail() -> None:
    found = read("olga@bank.example")
    assert text_of(found) == "olga@|bank.example"
    assert read("two@at@bank.example") is None


def test_packed_text_says_so() -> None:
    found = read("aGVsbG8gd29ybGQsIHRoaXMgaXMgYSBzZWNyZXQgbWVzc2FnZQ==")
    assert found is not None
    assert "Base64" in found.what
    assert found.warns
    hexadecimal = read("00ff" * 16)
    assert hexadecimal is not None
    assert "32 bytes" in hexadecimal.what


@pytest.mark.parametrize(
    "text", ["", "x\u200by", "\u05d0@\u05d1.example", "a\nb", "12345\u202e", "9" * 5_000]
)
def test_what_hides_something_is_not_grouped(text: str) -> None:
    assert read(text) is None


def test_groups_are_the_value_whatever_it_is() -> None:
    chance = random.Random(11)
    alphabet = "0123456789abcDEF@:/.?#\\[]-+ é"
    for _ in range(5_000):
        text = chance.choice(("", "https://", "DE", "x@", "-")) + "".join(
            chance.choices(alphabet, k=chance.randrange(60))
        )
        found = read(text)
        if found is not None and found.groups:
            assert "".join(group.text for group in found.groups) == text
