"""The statements: none of them reads a table that grows with the log from end to end."""

from pathlib import Path

import apsw
import pytest

from standwatch.facts.errors import Unrecorded
from standwatch.store import journal
from standwatch.store.journal import Journal

GROWING = {
    "entry",
    "tile",
    "action",
    "run",
    "tick",
    "control",
    "snapshot",
    "run_key",
    "run_key_about",
    "subject_key",
}
ON_PURPOSE = {"subject_keys"}
"""Wrapping every key anew reads every key."""

STATEMENTS = sorted(name for name in journal._SQL if name != "schema")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = Journal(tmp_path / "record.db")
    made.make_day("20261118")
    made.make_rows_day("20261118")
    made.close()
    return tmp_path / "record.db"


@pytest.mark.parametrize("name", STATEMENTS)
def test_no_statement_scans_what_grows(path: Path, name: str) -> None:
    db = apsw.Connection(str(path))
    sql = journal._SQL[name].format(day="20261118")
    plan = [str(row[3]) for row in db.execute(f"EXPLAIN QUERY PLAN {sql}", (1,) * sql.count("?"))]
    scanned = {step.split()[1] for step in plan if step.startswith("SCAN")}
    assert name in ON_PURPOSE or not scanned & GROWING, plan


def test_the_test_above_would_notice(path: Path) -> None:
    db = apsw.Connection(str(path))
    sql = "EXPLAIN QUERY PLAN SELECT control.idx FROM control JOIN entry USING (idx) WHERE key || '' = 'x'"
    assert any(str(row[3]).startswith("SCAN") for row in db.execute(sql))


def test_a_connection_is_as_durable_and_as_forgetful_as_the_record_wants(path: Path) -> None:
    pragma = Journal(path)._db.pragma
    found = [pragma(name) for name in ("journal_mode", "synchronous", "wal_autocheckpoint", "secure_delete")]
    assert found == ["wal", 2, 250, 1]


def test_a_file_of_another_format_is_left_alone(path: Path) -> None:
    made = Journal(path)
    made.run("set_meta", "format", 99)
    made.close()
    with pytest.raises(Unrecorded, match="format 99"):
        Journal(path)


def test_a_reader_cannot_write(path: Path) -> None:
    with pytest.raises(apsw.ReadOnlyError):
        Journal(path, readonly=True).run("set_meta", "x", 1)


@pytest.mark.parametrize("day", ["2026111", "2026-118", "20261118; DROP TABLE entry"])
def test_a_day_is_a_day(path: Path, day: str) -> None:
    with pytest.raises(ValueError, match="is not a day"):
        Journal(path).make_day(day)


def test_a_day_that_was_dropped_holds_nothing(path: Path) -> None:
    made = Journal(path)
    made.insert_sealed("20261118", [(16, b"x")])
    assert made.sealed("20261118", 16) == b"x"
    assert made.sealed("20261118", 17) is None
    made.drop_day("20261118")
    assert made.sealed("20261118", 16) is None
    assert made.days() == set()
