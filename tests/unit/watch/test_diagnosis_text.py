"""What is read at 3 AM: what changed and when in the first line, then the cause and the command to type."""

from __future__ import annotations

import msgspec

from standwatch.facts.decisions import Happening
from standwatch.watch.diagnose import diagnose
from standwatch.watch.diagnosis import NAMES, Cause, Diagnosis
from standwatch.watch.diagnosis_text import diagnosis_text
from support.windows import MODEL, NOW, ONSET, SINCE, window


def told(found: Diagnosis) -> list[str]:
    text = diagnosis_text(found, "loans", MODEL)
    assert text.endswith("\n")
    return text.splitlines()


def test_the_first_line_says_what_changed_and_the_arrow_what_to_type() -> None:
    said = Happening(ONSET - 5, 91, "config", "configuration 12ab by maria", "git revert HEAD")
    lines = told(diagnose(window(lambda row, _: row.update(threshold=0.3)), [said], MODEL, SINCE, NOW))
    assert lines[0].startswith("loans/credit: since 2024-10-10 1")
    assert "refuse" in lines[0]
    assert lines[1].startswith("1. the same scores come to other outcomes: scores are cut at 0.3")
    assert "explains about" in lines[2]
    assert "   → git revert HEAD" in lines
    assert any("91" in line for line in lines)


def test_nothing_found_says_so_and_what_it_looked_at() -> None:
    lines = told(diagnose(window(), (), MODEL, SINCE, NOW))
    assert "outcomes moved no more than they always do" in lines[0]
    assert lines[1].startswith("No cause is claimed. Compared: ")
    assert any("5 features" in line for line in lines)


def test_an_empty_record_and_a_short_one() -> None:
    assert "no decisions on record" in told(diagnose((), (), MODEL, SINCE, NOW))[0]
    lines = told(diagnose(window()[:60], (), MODEL, SINCE, NOW))
    assert any("at least 240" in line for line in lines)


def test_the_placeholder_becomes_the_system_and_control_characters_do_not_reach_the_terminal() -> None:
    cause = Cause(
        code="units",
        subject="a\x1b[31m",
        text="a\x1b[31m is multiplied\nby 1000",
        at=10**30,
        earliest=0,
        latest=1,
        undo="standwatch versions SYSTEM",
        entries=(4,),
    )
    text = diagnosis_text(Diagnosis(since=0, now=1, rows=9, causes=(cause,)), "loans", MODEL)
    assert "\x1b" not in text
    assert "multiplied?by" in text
    assert "→ standwatch versions loans" in text


def test_every_kind_of_cause_has_words_and_the_answer_survives_json() -> None:
    assert set(NAMES) == set(msgspec.inspect.type_info(Cause).fields[0].type.values)  # type: ignore[attr-defined]
    found = diagnose(window(lambda row, _: row.update(income=row["income"] * 1000)), (), MODEL, SINCE, NOW)
    assert msgspec.json.decode(msgspec.json.encode(found), type=Diagnosis) == found
