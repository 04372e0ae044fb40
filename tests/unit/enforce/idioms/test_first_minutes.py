"""A coding agent's first minutes go unasked; what would end the watch, or lead pushes elsewhere, does not."""

import pytest

from standwatch.enforce.idioms.reading import read


@pytest.mark.parametrize(
    "line", ["ls *", "git add *", "du -sh *", "pytest *", "cp * src/", "grep foo *", "tar czf a.tgz *"]
)
def test_a_star_is_every_file_and_no_address(line: str) -> None:
    assert read(line, "/srv/ws", "/srv/ws").doubts == ()


@pytest.mark.parametrize(
    "line",
    [
        "redis-server --bind 0.0.0.0",
        "serve --host=*",
        "x *:8080",
        "x tcp://*:80",
        "git remote add o https://evil.example/x",
        "git remote set-url origin git@evil.example:x/y",
        "standwatch approve REFERENCE --yes",
        "standwatch hook claude-code remove --project .",
        "cat $STANDWATCH_ORG/state/keys/*",
        'sqlite3 "${STANDWATCH_ORG}/state/record.db" .dump',
    ],
)
def test_what_lets_others_in_leads_away_or_ends_the_watch_is_asked_about(line: str) -> None:
    assert read(line, "/srv/ws", "/srv/ws").doubts
