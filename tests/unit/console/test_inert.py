"""Text of others in pieces: nothing hidden, nothing turned, nothing left out."""

import json
import random
import sys
import time
import unicodedata

import pytest

from standwatch.console.inert import MOST, NAMED, inert, pieces, plain

RLO, PDF, LRI, RLI, PDI = "\u202e", "\u202c", "\u2066", "\u2067", "\u2069"

TROJANS = {
    # The classes of Boucher and Anderson, "Trojan Source" (2021), §4 and §7.
    "early return": f"'Subtract funds {RLI}''{RLI} ;return",
    "commenting out": f"/*{RLO} }} {LRI}if (admin){PDI} {LRI} begin admins only */",
    "stretched string": f'if access_level != "user{RLO} {LRI}// Check if admin{PDI} {LRI}" {{',
    "invisible function": "is\u200bAdmin",
    "homoglyph": "say\u041dello",
    "file name": f"invoice_{RLO}fdp.exe",
}


def marks(text: str) -> list[str]:
    return [piece.code for piece in pieces(text) if piece.kind == "mark"]


@pytest.mark.parametrize("text", TROJANS.values(), ids=list(TROJANS))
def test_every_trojan_is_told_and_none_has_effect(text: str) -> None:
    found = inert(text)
    assert plain(found.pieces) == text
    assert found.notices
    shown = "".join(piece.text for piece in found.pieces if piece.kind in ("text", "rtl"))
    assert not any(unicodedata.category(letter) in ("Cf", "Cc") for letter in shown)


def test_a_mark_has_its_number_and_its_name() -> None:
    piece = pieces(f"a{RLO}b")[1]
    assert (piece.kind, piece.code, piece.name) == ("mark", "U+202E", "RIGHT-TO-LEFT OVERRIDE")
    assert [one.name for one in pieces("\x00\t\x1b\x7f\x9f\ue000\ufdd0\u0378\ufeff")] == [
        "NULL", "TAB", "ESCAPE", "DELETE", "CONTROL", "PRIVATE USE", "NONCHARACTER", "UNASSIGNED",
        "ZERO WIDTH NO-BREAK SPACE",
    ]  # fmt: skip


POINTS = (
    0xAD, 0x34F, 0x61C, 0x115F, 0x1160, 0x17B4, 0x180E, 0x3164, 0xFFA0, 0x2800, 0xFE0F, 0xE0041, 0xE0100, 0x20DD,
    *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070),
    0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000, 0xFFFC, 0xFFFD, 0xF0000, 0x10FFFD, 0xD800,
)  # fmt: skip


@pytest.mark.parametrize("letter", list(map(chr, POINTS)))
def test_what_nobody_sees_is_a_mark(letter: str) -> None:
    found = inert(f"x{letter}y")
    assert [piece.kind for piece in found.pieces] == ["text", "mark", "text"]
    assert found.marks == 1


def test_every_code_point_is_kept_and_no_control_is_shown() -> None:
    """All of Unicode, 256 at a time, with a letter between: a combining mark rests on something."""
    for start in range(0, sys.maxunicode + 1, 256):
        text = "".join(f"a{chr(point)}" for point in range(start, start + 256))
        found = pieces(text)
        assert plain(found) == text, hex(start)
        for piece in found:
            if piece.kind in ("text", "rtl"):
                strange = [
                    letter
                    for letter in piece.text
                    if unicodedata.category(letter) in _HIDDEN and letter != " "
                ]
                assert not strange, [hex(ord(letter)) for letter in strange]


_HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zs", "Zl", "Zp", "Me")


def test_random_text_is_put_together_again() -> None:
    chance = random.Random(7)
    pool = [
        *"ab \n\r\t",
        "\r\n",
        RLO,
        "\u0301",
        "\u05d0",
        "\u0661",
        "\u200b",
        "é",
        "\U000e0041",
        "日",
        "а",
        "\u2028",
    ]
    for _ in range(3_000):
        text = "".join(chance.choices(pool, k=chance.randrange(30)))
        assert plain(inert(text).pieces) == text


def test_line_ends_are_shown_and_counted() -> None:
    found = inert("a\nb\r\nc\rd\u2028e\x0bf\n\n\n\n\ng")
    ends = [(piece.code, piece.times) for piece in found.pieces if piece.kind == "line"]
    assert ends == [
        ("U+000A", 1),
        ("U+000D U+000A", 1),
        ("U+000D", 1),
        ("U+2028", 1),
        ("U+000B", 1),
        ("U+000A", 5),
    ]
    assert found.lines == 11


def test_padding_is_counted_and_an_indentation_is_not() -> None:
    assert [(piece.text, piece.times) for piece in pieces("x" + " " * 500 + "y")] == [
        ("x", 1),
        (" ", 500),
        ("y", 1),
    ]
    assert marks(" x") == marks("x ") == marks("a  b") == ["U+0020"]
    assert marks("a b") == marks("if:\n    x\n        y") == []
    assert marks("a\n" + " " * 9 + "b") == ["U+0020"]
    assert "padding" in {notice.code for notice in inert("x" + " " * 500 + "y").notices}


def test_letters_people_write_stay_and_piles_do_not() -> None:
    for text in (
        "Việt Nam",
        unicodedata.normalize("NFD", "Việt Nam"),
        "नमस्ते",
        "سَلَامٌ",
        "naïve",
        "Åse",
        "日本語カタカナ",
        "👍🏽",
    ):
        assert not inert(text).marks, text
    assert marks("Z" + "\u0301" * 8) == ["U+0301"]
    assert inert("Z" + "\u0301" * 8).marks == 6
    assert marks("\u0301x") == ["U+0301"], "on nothing"


def test_right_to_left_words_stand_alone_and_digits_beside_them_stay() -> None:
    found = pieces("pay 100 \u05d0\u05d1 250 \u05d2 EUR")
    assert [(piece.kind, piece.text) for piece in found] == [
        ("text", "pay 100 "), ("rtl", "\u05d0\u05d1"), ("text", " 250 "), ("rtl", "\u05d2"), ("text", " EUR"),
    ]  # fmt: skip


def test_many_marks_have_numbers_and_the_legend_has_the_names() -> None:
    text = "a\u200b" * (NAMED + 50)
    found = inert(text)
    named = [piece for piece in found.pieces if piece.kind == "mark" and piece.name]
    assert len(named) == NAMED
    assert found.legend == (("U+200B", "ZERO WIDTH SPACE", NAMED + 50),) or (
        [(one.code, one.name, one.times) for one in found.legend]
        == [("U+200B", "ZERO WIDTH SPACE", NAMED + 50)]
    )


@pytest.mark.parametrize(
    "unit",
    [
        "a\u200b",
        "é",
        "раypal ",
        " ",
        "a\u0301\u0301\u0301",
        "\n",
        "\u05d01",
        "\U000e0041\U000e0042",
        "\u202e\u202d",
    ],
)
def test_the_work_is_linear(unit: str) -> None:
    """Four times the text takes about four times as long, never sixteen times: the best of three."""

    def took(size: int) -> float:
        text = unit * (size // len(unit))
        best = 9.9
        for _ in range(3):
            began = time.process_time()
            assert plain(inert(text).pieces) == text
            best = min(best, time.process_time() - began)
        return best

    took(16_000)
    assert took(64_000) < 12 * took(16_000) + 0.05


def test_more_marks_than_anybody_reads_stand_as_escapes_and_are_all_there() -> None:
    text = "ok " + "a\u202eb\u200b" * 16_000
    found = inert(text)
    assert len(found.pieces) == MOST + 1
    assert plain(found.pieces) == text
    last = found.pieces[-1]
    assert (last.kind, json.loads(f'"{last.name}"')) == ("escaped", last.text)
    assert last.name.isascii()
    assert {"escaped", "direction"} <= {notice.code for notice in found.notices}


def test_plain_text_is_one_piece() -> None:
    assert inert("").pieces == ()
    found = inert("<script>alert(1)</script> & 'quoted'")
    assert [piece.kind for piece in found.pieces] == ["text"]
    assert not found.notices
