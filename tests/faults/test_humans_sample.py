"""A sample of `python -m bench.humans`: people, agents and a ledger round a whole server; an audit that can fail."""

import random
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.humans.agents import Note
from bench.humans.audit import PER_PERSON, Audit, Story
from bench.humans.people import Taken
from bench.humans.trial import Trial

from standwatch.facts.entries import AnsweredTimed, AskedMany, Hold, Intent, Unmasked


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """A hold and a `kill -9` in the middle of it all; what everybody tells afterwards."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    trial = Trial(tmp_path_factory.mktemp("humans") / "org", 0, random.Random(seed), 2.0, expires=4)
    found = trial.run(["hold", "kill"])
    print(dict(trial.counts))
    assert found == []
    return trial.story


def test_people_agents_and_the_ledger_tell_one_story(story: Story) -> None:
    assert Audit(story).problems == []
    assert len(story.done) > 0, "nothing was approved"
    assert any(isinstance(one, AnsweredTimed) for _, one in story.entries)


def used(story: Story) -> tuple[int, Intent]:
    """An act that left on answers."""
    return next((at, one) for at, one in story.entries if isinstance(one, Intent) and one.signed >= 0)


def without_a_vote(story: Story) -> Story:
    _, act = used(story)
    dropped = next(
        at
        for at, one in story.entries
        if isinstance(one, AnsweredTimed) and one.id == act.id and at != act.signed
    )
    return with_entries(story, lambda at, one: None if at == dropped else one)


def with_entries(story: Story, change: Callable[[int, object], object]) -> Story:
    changed = [(at, change(at, one)) for at, one in story.entries]
    return msgspec.structs.replace(story, entries=[(at, one) for at, one in changed if one is not None])


def refused(story: Story) -> Story:
    _, act = used(story)
    first = next(at for at, one in story.entries if isinstance(one, AnsweredTimed) and one.id == act.id)
    replace = msgspec.structs.replace
    return with_entries(story, lambda at, one: replace(one, decision="refuse") if at == first else one)


def unopened(story: Story) -> Story:
    _, act = used(story)
    return with_entries(story, lambda _, one: None if isinstance(one, Unmasked) and one.id == act.id else one)


def a_decoy(story: Story) -> Story:
    _, act = used(story)
    replace = msgspec.structs.replace
    return with_entries(
        story,
        lambda _, one: replace(one, decoy=True) if isinstance(one, Unmasked) and one.id == act.id else one,
    )


def held(story: Story) -> Story:
    place, _ = used(story)
    entries = [one for one in story.entries if one[0] < place]
    entries.append((place - 1, Hold(by="maria", scope="system:pay")))
    return msgspec.structs.replace(
        story, entries=[*entries, *(one for one in story.entries if one[0] >= place)]
    )


def too_many(story: Story) -> Story:
    place, asked = next((at, one) for at, one in story.entries if isinstance(one, AskedMany))
    more = [(place, msgspec.structs.replace(asked, run=f"r{n}")) for n in range(PER_PERSON + 1)]
    numbered = [(-1 - n, one) for n, (_, one) in enumerate(more)]
    return msgspec.structs.replace(story, entries=[*numbered, *story.entries])


def told(story: Story, **changes: object) -> Story:
    return msgspec.structs.replace(story, **changes)


@pytest.mark.parametrize(
    ("why", "change"),
    [
        ("without a live quorum", without_a_vote),
        ("somebody had refused it", refused),
        ("was opened as real", unopened),
        ("not asked as what it was opened as", a_decoy),
        ("under a hold", held),
        ("left twice", lambda it: told(it, entries=[*it.entries, used(it)])),
        ("is asked", too_many),
        ("was done and never left", lambda it: told(it, done=[*it.done, "a payment out of nowhere"])),
        ("was done 2 times", lambda it: told(it, done=[*it.done, *it.done])),
        ("was done 0 times", lambda it: told(it, done=[])),
        ("was acknowledged: None", lambda it: told(it, notes=[*it.notes, Note("x", "done", "nobody")])),
        ("nothing waits", lambda it: told(it, notes=[*it.notes, Note("x", "pending", "nobody")])),
        ("was acknowledged and is", lambda it: told(it, taken=[*it.taken, Taken(0, "Hold")])),
        ("still shown as open", lambda it: told(it, waiting=["somebody's"])),
    ],
)
def test_the_audit_finds_what_it_is_there_to_find(
    story: Story, why: str, change: Callable[[Story], Story]
) -> None:
    problems = Audit(change(story)).problems
    assert any(why in one for one in problems), problems
