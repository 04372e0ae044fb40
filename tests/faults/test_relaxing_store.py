"""Relaxations end in time on a real recorder whose disk fails at random while they last."""

import asyncio
import random
from pathlib import Path

from support.relaxing_real import real


def test_no_relaxation_outlives_its_end_by_a_second_on_a_disk_that_fails(tmp_path: Path) -> None:
    found = asyncio.run(real(tmp_path / "org", 4, random.Random(4)))
    assert found.relaxations == 4
    assert found.passed > 0
    assert all(late <= 1.0 for late in found.over), found.over
