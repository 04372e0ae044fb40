"""Foreign corpora of command lines before the whole passage: shares, and no timings (`bench.shell` prints both)."""

from __future__ import annotations

import pytest
from bench.shell.__main__ import ASKED, PASSED
from bench.shell.corpus import abuses, everyday, filled, present

from support.coding import passes

pytestmark = pytest.mark.skipif(not present(), reason="../shared/vectors/shell is not here")


@pytest.mark.timeout(300)
def test_abuses_hardly_ever_pass_and_everyday_work_mostly_does() -> None:
    through = passes()
    bad, fine = abuses(), everyday()
    assert len(bad) == 412
    assert len(fine) == 6_000
    passed = [one.text for one in bad if through(one.text)]
    assert len(passed) <= PASSED * len(bad), passed
    asked = sum(not through(one.text) for one in fine)
    assert asked <= ASKED * len(fine)


def test_how_placeholders_are_filled() -> None:
    assert filled("a {{[-v|--verbose]}} {{path/to/file}} {{on|off}} {{1..9}} {{x y ...}}") == (
        "a --verbose path/to/file on 1 x y"
    )
