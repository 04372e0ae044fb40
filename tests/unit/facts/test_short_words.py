"""Six words for a digest."""

import itertools

from standwatch.facts.short_words import SPOKEN, WORDS, short_words


def _apart(one: str, other: str) -> int:
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        last, row[0] = row[0], i
        for j, each in enumerate(other, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (letter != each))
    return row[-1]


def test_no_two_words_are_mistaken_for_each_other() -> None:
    assert len(WORDS) == len(set(WORDS)) == 256
    assert list(WORDS) == sorted(WORDS)
    assert all(
        word.isascii() and word.isalpha() and word.islower() and 4 <= len(word) <= 11 for word in WORDS
    )
    assert len({word[:4] for word in WORDS}) == 256
    assert min(_apart(one, other) for one, other in itertools.combinations(WORDS, 2)) >= 3


def test_the_words_are_those_of_the_first_bytes_for_ever() -> None:
    assert short_words("00" * 32) == " ".join(["acorn"] * SPOKEN)
    assert short_words("0001027f80ff" + "00" * 26) == "acorn album almanac jigsaw jungle zodiac"


def test_what_is_no_digest_has_no_words() -> None:
    assert short_words("") == short_words("xyz") == short_words("00" * 5) == ""
