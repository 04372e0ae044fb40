"""Frames survive being cut anywhere; what is no frame is refused, whatever it is."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standwatch.facts.entries import Hold
from standwatch.facts.errors import Malformed
from standwatch.facts.frames import Append, Fetch, Find, Seen
from standwatch.facts.parts import Part
from standwatch.store import wire
from standwatch.store.wire import Frames, FromWorker, Hello, Unreadable, encode_frame, from_worker

FRAMES: list[FromWorker] = [
    Hello("w", ("a", "b")),
    Append(
        1, Hold(by="p", scope="all"), (Part("reason", bytes(32), b"why"),), match=b"m", caps={"run/calls": 3}
    ),
    Seen(7),
    Find(2, "r", b"m"),
    Fetch(3, "r", "task"),
]


@given(st.lists(st.integers(0, 400), max_size=8))
def test_frames_cut_anywhere_come_out_whole(cuts: list[int]) -> None:
    data = b"".join(map(encode_frame, FRAMES))
    frames = Frames(from_worker)
    found: list[object] = []
    edges = [0, *sorted(cut % len(data) for cut in cuts), len(data)]
    for start, stop in pairwise(edges):
        found += frames.feed(data[start:stop])
    assert found == FRAMES


@given(st.binary(max_size=200))
def test_whatever_is_no_frame_is_refused_and_nothing_else_happens(data: bytes) -> None:
    frames = Frames(from_worker)
    try:
        found = frames.feed(len(data).to_bytes(4, "big") + data)
    except Malformed:
        return
    assert len(found) == 1
    assert isinstance(found[0], (FromWorker, Unreadable))


def test_a_frame_longer_than_any_is_refused_before_it_is_read() -> None:
    with pytest.raises(Malformed):
        Frames(from_worker).feed((wire.MAX_FRAME + 1).to_bytes(4, "big"))
    assert Frames(from_worker).feed(wire.MAX_FRAME.to_bytes(4, "big")) == []


def test_a_frame_that_is_too_long_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "MAX_FRAME", 10)
    with pytest.raises(Malformed):
        encode_frame(FRAMES[1])


def test_an_append_with_an_impossible_entry_keeps_its_number() -> None:
    body = encode_frame(FRAMES[1]).replace(b"\xa5scope\xa3all", b"\xa5scope\xcb" + bytes(8))
    body = (len(body) - 4).to_bytes(4, "big") + body[4:]
    (found,) = Frames(from_worker).feed(body)
    assert isinstance(found, Unreadable)
    assert found.number == 1
