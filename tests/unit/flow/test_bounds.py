"""What is too much is decided all the same: bounded, and what was not kept makes the unknown untrusted."""

import tracemalloc

import msgspec
import pytest

from standwatch.facts.configuration import Returns
from standwatch.flow.fields import LONGEST
from standwatch.flow.origin import Read
from standwatch.flow.seen import MOST, MOST_OF_ONE
from standwatch.flow.trail import Trail

HUGE = {
    "a long text": msgspec.json.encode({"content": [{"type": "text", "text": "evil words 12 " * 400_000}]}),
    "four bytes a letter": ("\U0001d4b3" * (LONGEST // 4 + 8)).encode(),
    "a million tiny values": msgspec.json.encode({"structuredContent": {"r": list(range(1_000_000))}}),
    "a million names": msgspec.json.encode({str(at): 1 for at in range(300_000)}),
}


@pytest.mark.parametrize("name", HUGE)
def test_a_huge_result_is_read_in_part_and_says_so(name: str) -> None:
    trail = Trail("pay Anna")
    trail.learn(Read(data=HUGE[name], server="s", tool="s.t", call="c", told_by_us=True))
    found = trail.origin("never seen anywhere")
    assert (found.source, found.where[0].tool) == ("untrusted", "s.t")
    assert trail.source("Anna") == "task"
    assert trail._seen.worked <= 6 * MOST_OF_ONE


def test_a_row_of_a_table_costs_what_is_in_it_however_many_names_the_first_line_has() -> None:
    text = "," * 60_000 + "\n" + "evil,row\n" * 9_000
    read = Read(
        data=msgspec.json.encode({"content": [{"type": "text", "text": text}]}),
        returns=Returns(trusted=("$[*].x",), format="csv"),
        told_by_us=True,
    )
    tracemalloc.start()
    Trail("x").learn(read)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 100 << 20, "nine thousand rows of sixty thousand cells would take gigabytes"


def test_nesting_without_end_is_text() -> None:
    trail = Trail("x")
    trail.learn(Read(data=b"[" * 1_000_000 + b'"evil-words"', told_by_us=True))
    assert trail.source("evil-words") == "untrusted"


def test_a_run_keeps_so_much_and_no_more() -> None:
    trail = Trail("x")
    for turn in range(6):
        trail.learn(
            Read(data=msgspec.json.encode(f"{turn}" + "abcdefgh " * 60_000), tool="s.t", told_by_us=True)
        )
    assert trail.gap is not None
    assert trail._seen._length <= MOST
    assert trail.source("never seen anywhere") == "untrusted"
