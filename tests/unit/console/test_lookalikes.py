"""Words that are not what they look like."""

import pytest

from standwatch.console.lookalikes import LONGEST, SHOWN, looks_like, notices


def codes(text: str, *, identifier: bool = False) -> list[str]:
    return [one.code for one in notices(text, identifier=identifier)]


@pytest.mark.parametrize(
    "word",
    [
        "раypal",
        "micrоsoft",
        "аdmin",
        "Ηello",
        "g\u03bfogle",
        "b\u0430nk",
        "sc\u043epe",
        "ﬁrma\u0430",
        "paypa\u04cf",
    ],
)
def test_letters_of_two_scripts_in_one_word(word: str) -> None:
    assert "mixed_scripts" in codes(f"send it to {word} now")
    assert word in notices(word)[-1].words + notices(word)[0].words


@pytest.mark.parametrize("word", ["раура", "сосо", "ехсес", "οπ".replace("π", "ο")])
def test_a_whole_word_of_another_script(word: str) -> None:
    assert looks_like(word).isascii()
    assert "lookalike" in codes(word, identifier=True)
    assert "lookalike" in codes(f"to {word}")


def test_prose_of_another_script_is_at_home() -> None:
    for text in (
        "Заплатите сто рублей. Оса и роса.",
        "Πληρώστε τον λογαριασμό",
        "日本語とカタカナ",
        "한국어 漢字",
        "שלום עולם",
    ):
        assert codes(text) == [], text


def test_an_identifier_is_held_to_more_than_prose() -> None:
    assert codes("Оса жужжит") == []
    assert "lookalike" in codes("Оса", identifier=True)
    assert "right_to_left" in codes("שלום", identifier=True)


@pytest.mark.parametrize("word", ["ａｄｍｉｎ", "𝐚𝐝𝐦𝐢𝐧", "ﬁnance", "Ⅷ", "①②"])
def test_letters_that_only_look_like_the_plain_ones(word: str) -> None:
    assert "compatibility" in codes(word) or "lookalike" in codes(word) or "digits" in codes(word)


def test_digits_of_another_script() -> None:
    assert "digits" in codes("amount ٣٤٥")


def test_ascii_says_nothing_and_words_are_bounded() -> None:
    assert notices("I1l O0 rn m", identifier=True) == ()
    found = notices(" ".join(f"а{number}b" for number in range(500)))[0]
    assert len(found.words) == SHOWN
    assert "500" in found.text
    assert all(len(word) <= LONGEST for word in notices("а" * 5_000 + "b")[0].words)
