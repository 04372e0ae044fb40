"""Which entries a window of the record looks at: all of a short one, evenly spread ones of a long one, more of them
where a system decides seldom."""

from __future__ import annotations

from itertools import pairwise

import pytest

from standwatch.serve import windows


def blocks(start: int, stop: int, rounds: int = 99) -> list[int]:
    return [block for some in list(windows._rounds(start, stop))[:rounds] for block in some]


@pytest.mark.parametrize("stop", [0, 1, 31, 32, 33, 5_000, windows.MOST])
def test_a_short_window_is_read_whole(stop: int) -> None:
    read = {index for block in blocks(0, stop) for index in range(block, min(block + windows._BLOCK, stop))}
    assert read == set(range(stop))


@pytest.mark.parametrize("size", [windows.MOST + 1, 200_000, 5_000_000])
def test_no_block_is_read_twice_and_each_round_reads_about_as_much_as_all_before(size: int) -> None:
    found = blocks(1_000, 1_000 + size)
    assert len(set(found)) == len(found)
    assert all((block - 1_000) % windows._BLOCK == 0 for block in found)
    lengths = [len(some) for some in windows._rounds(1_000, 1_000 + size)]
    assert lengths[0] * windows._BLOCK <= windows._ROUND + windows._BLOCK
    for rounds in range(1, len(lengths)):
        assert abs(lengths[rounds] - sum(lengths[:rounds])) <= 1
    assert len(found) * windows._BLOCK <= windows.SCANNED + windows._BLOCK


@pytest.mark.parametrize("rounds", [1, 2, 3, 4])
def test_whatever_round_is_the_last_the_blocks_are_evenly_spread(rounds: int) -> None:
    found = sorted(blocks(0, 5_000_000, rounds))
    assert len({after - before for before, after in pairwise(found)}) == 1
    assert 5_000_000 - found[-1] <= found[1] - found[0]
