"""What a run was opened for, as the record has it: every page that tells it reads it here."""

from __future__ import annotations

from typing import Any, cast

import pytest

from standwatch.facts.entries import RunOpened
from standwatch.facts.errors import NotFound
from standwatch.facts.parts import Part, commitment
from standwatch.record.judged import Task, task_of
from standwatch.record.source import Sealed, Source

SALT = b"s" * 32
WORDS = b'{"task":"pay 5","on_behalf_of":"user-7"}'


class Kept:
    """A source that has this under every name."""

    def __init__(self, found: Sealed | None) -> None:
        self.found = found

    def sealed(self, index: int, ident: str, name: str) -> Sealed:
        if self.found is None:
            raise NotFound("it is not here")
        return self.found


def opened(data: bytes) -> RunOpened:
    why = commitment(SALT, data) if data else ""
    return RunOpened(by="agent", run="r", system="pay", principal="agent", why=why)


@pytest.mark.parametrize(
    ("committed", "found", "fate"),
    [
        (WORDS, Sealed((Part("task", SALT, WORDS),)), "present"),
        (b"", Sealed(), "none"),
        (WORDS, Sealed(erased=True), "erased"),
        (WORDS, None, "absent"),
        (WORDS, Sealed((Part("task", SALT, WORDS.replace(b"5", b"6")),)), "false"),
        (b"pay 5", Sealed((Part("task", SALT, b"pay 5"),)), "false"),
    ],
)
def test_a_task_is_told_only_where_the_entry_commits_to_it(
    committed: bytes, found: Sealed | None, fate: str
) -> None:
    problems: list[str] = []
    task = Task("pay 5", "user-7") if fate == "present" else Task()
    assert task_of(cast("Source", cast("Any", Kept(found))), 3, opened(committed), problems) == (task, fate)
    assert bool(problems) == (fate == "false")
    assert all("beside entry 3" in one for one in problems)
