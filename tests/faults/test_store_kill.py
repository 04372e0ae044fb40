"""`kill -9` at random moments, round after round on one log: nothing acknowledged is lost, no false alarm."""

import random
from pathlib import Path

from support.killing import round_

ROUNDS = 10


def test_a_killed_recorder_loses_nothing_and_leaves_nothing_open(tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    found = [round_(tmp_path / "log", chance) for _ in range(ROUNDS)]
    print(found)
    assert sum(each.acknowledged for each in found) > 100 * ROUNDS
    assert sum(each.unknown for each in found) > 0, "no round was killed with an intent in flight"
