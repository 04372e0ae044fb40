"""A version waits for validation by tier: what counts is what the grant will count once it serves."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from standwatch.authority.demands import demand
from standwatch.authority.grant import grant, running_of
from standwatch.facts.entries import Deployed, Evidence, Principal
from standwatch.facts.errors import Conflict, NotFound
from standwatch.gate.deploying import Candidate, in_front, missing, require_evidence, running_with
from support.routes import HOUR, MODEL, SYSTEM, Log, digest

COMMAND = "standwatch validate loans --version 2 --until 90d"
SECOND = Candidate(SYSTEM, MODEL, "2", digest("2"))


def deployed(version: str, mode: str = "full", follows: int = -1) -> Deployed:
    return Deployed(
        by="nina",
        system=SYSTEM,
        model=MODEL,
        version=version,
        digest=digest(version),
        mode=mode,
        follows=follows,
    )


def said(log: Log, candidate: Candidate = SECOND, **changes: Any) -> Evidence:
    """A validator's statement about what would run with `candidate` in front."""
    entry = Evidence(
        by="chen",
        system=SYSTEM,
        envelope="e",
        components=running_with(log.state, candidate),
        outcome="pass",
        until=log.now + 24 * HOUR,
        report="a" * 64,
    )
    return msgspec.structs.replace(entry, **changes)


def asked(log: Log, mode: str = "full") -> str:
    return require_evidence(log.state, SECOND, mode, now=log.now, command=COMMAND)


@pytest.mark.parametrize("tier", [2, 3])
@pytest.mark.parametrize("mode", ["full", "canary"])
def test_above_tier_one_it_waits(tier: int, mode: str) -> None:
    log = Log(tier=tier)
    log.append(deployed("1"))
    with pytest.raises(Conflict) as refused:
        asked(log, mode)
    assert (refused.value.code, refused.value.cure) == ("unvalidated", COMMAND)
    log.append(said(log))
    assert asked(log, mode) == ""
    assert asked(log, "shadow") == ""


def test_in_tier_one_it_may_serve_under_supervision_and_is_told_so() -> None:
    log = Log()
    assert "supervised until somebody validates scorer@2" in asked(log)
    log.append(deployed("2"))
    assert grant(log.state, SYSTEM, log.now).level == "supervised"
    log.append(said(log))
    assert asked(log) == ""
    assert grant(log.state, SYSTEM, log.now).level == "autonomous"


@pytest.mark.parametrize("tier", [1, 2, 3])
@pytest.mark.parametrize("development", [False, True])
def test_a_rejection_counts_everywhere_and_a_challenger_needs_nothing(tier: int, development: bool) -> None:
    log = Log(tier=tier, development=development)
    log.append(said(log, outcome="reject", by="otto", until=0))
    with pytest.raises(Conflict) as refused:
        asked(log)
    assert refused.value.code == "rejected"
    assert asked(log, "shadow") == ""


@pytest.mark.parametrize(
    "changes",
    [
        {"outcome": "conditions"},
        {"by": "nina"},
        {"by": "otto"},
        {"report": ""},
        {"components": "c"},
        {"envelope": "other"},
        {"until": 1},
    ],
    ids=lambda each: next(iter(each)) + str(next(iter(each.values()))),
)
def test_what_does_not_meet_the_tier_does_not_count(changes: dict[str, Any]) -> None:
    log = Log(tier=3)
    log.append(said(log, **changes))
    with pytest.raises(Conflict):
        asked(log)


def test_a_statement_for_longer_than_its_tier_lets_it_does_not_count() -> None:
    log = Log(tier=2)
    log.append(said(log, until=log.now + demand(2).longest + HOUR))
    with pytest.raises(Conflict):
        asked(log)


def test_a_validator_who_was_dismissed_vouches_no_more() -> None:
    log = Log(tier=2)
    log.append(said(log))
    assert asked(log) == ""
    log.append(Principal(by="standwatch", name="chen", role="human", revoked=True))
    with pytest.raises(Conflict):
        asked(log)


@pytest.mark.parametrize("tier", [2, 3])
def test_an_organisation_in_development_does_not_wait_and_goes_no_higher(tier: int) -> None:
    log = Log(tier=tier, development=True)
    assert f"tier {tier} would wait" in asked(log)
    log.append(deployed("2"))
    assert grant(log.state, SYSTEM, log.now).level == "supervised"


def test_evidence_is_about_the_artifact_and_not_the_name() -> None:
    log = Log(tier=2)
    log.append(said(log))
    other = Candidate(SYSTEM, MODEL, "2", "f" * 64)
    assert missing(log.state, SECOND, log.now) == ("", "")
    assert missing(log.state, other, log.now)[0] == "unvalidated"


def test_with_another_model_deployed_the_statement_is_about_both() -> None:
    log = Log(tier=2)
    log.append(said(log))
    log.append(Deployed(by="nina", system=SYSTEM, model="pricer", version="7"))
    assert missing(log.state, SECOND, log.now)[0] == "unvalidated", "it never ran beside pricer@7"
    log.append(said(log))
    assert missing(log.state, SECOND, log.now) == ("", "")


def test_imagining_changes_nothing() -> None:
    log = Log()
    log.append(deployed("1"))
    before = msgspec.msgpack.encode(log.state)
    would = in_front(log.state, SECOND)
    assert would.routes[f"{SYSTEM}/{MODEL}"].version == "2"
    assert msgspec.msgpack.encode(log.state) == before
    assert running_with(log.state, SECOND) == running_of(would, SYSTEM, "c")


def test_nothing_is_known_of_a_system_that_nobody_declared() -> None:
    log = Log()
    nobody = Candidate("nobody", MODEL, "1", "")
    with pytest.raises(NotFound):
        running_with(log.state, nobody)
    with pytest.raises(Conflict):
        require_evidence(log.state, nobody, "full", now=log.now, command="")


def test_where_the_fold_stopped_nothing_is_evidence() -> None:
    log = Log(tier=2)
    log.append(said(log))
    log.state.stopped = "entry 9 is of an unknown kind"
    with pytest.raises(Conflict):
        asked(log)
