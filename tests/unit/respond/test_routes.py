"""Starting a version takes a right, its artifact and its limits; going back takes a reason."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from standwatch.facts.entries import Deployed, Hold, Released
from standwatch.facts.errors import Conflict, Forbidden, Malformed, NotFound, StandwatchError
from standwatch.record.serving import Serving
from standwatch.respond import routes
from standwatch.respond.orders import Orderer
from standwatch.respond.places import Place, limits_digest, place, version_scope
from support.routes import (
    ADMIN,
    HOUR,
    MODEL,
    ONCALL,
    OPERATOR,
    OWNER,
    STRANGER,
    SYSTEM,
    VALIDATOR,
    Log,
    digest,
    model,
    system,
    where,
)

KEY = f"{SYSTEM}/{MODEL}"


def deploy(log: Log, version: str, who: Orderer = OWNER, at: Place | None = None, **more: Any) -> int:
    entry = routes.deploy(at or where(), version, who, "why", log.state, now=log.now, **more)
    return log.append(entry)


def rollback(log: Log, to: str = "", who: Orderer = OWNER, at: Place | None = None) -> routes.Rollback:
    found = routes.rollback(at or where(), who, "denies everybody", log.state, now=log.now, to=to)
    log.append(found.hold, found.entry)
    return found


def front(log: Log) -> Serving:
    return log.state.routes[KEY]


def code(work: Any, *given: Any, **more: Any) -> StandwatchError:
    """The refusal that `work` ends in."""
    with pytest.raises(StandwatchError) as refused:
        work(*given, **more)
    return refused.value


# --- which ---------------------------------------------------------------------------------------------------------


def test_a_system_s_only_model_need_not_be_named() -> None:
    assert place(system(), SYSTEM).key == KEY
    assert code(place, None, "nobody").code == "not_found"
    assert code(place, system(), SYSTEM, "other").code == "not_found"


def test_with_several_models_one_must_be_named() -> None:
    other = Place(system(), model()).model
    both = system(model(), type(other)(component="pricer"))
    assert code(place, both, SYSTEM).code == "which_model"
    found = place(both, SYSTEM, "pricer")
    assert found.command("versions") == f"standwatch versions {SYSTEM} --model pricer"
    assert where().command("versions") == f"standwatch versions {SYSTEM}"


# --- deploy --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", [OWNER, ONCALL, ADMIN])
def test_who_may_deploys_what_is_locked(who: Orderer) -> None:
    log = Log()
    deploy(log, "1", who)
    deploy(log, "2", who)
    entry = log.entries[-1]
    assert isinstance(entry, Deployed)
    assert (entry.by, entry.version, entry.digest, entry.former) == (who.ident, "2", digest("2"), "1")
    assert entry.follows == len(log.entries) - 2
    assert (front(log).version, front(log).former) == ("2", (("1", digest("1")),))


@pytest.mark.parametrize("who", [OPERATOR, VALIDATOR, STRANGER])
@pytest.mark.parametrize("mode", ["full", "canary", "shadow"])
def test_seeing_or_validating_a_system_gives_no_right_to_deploy(who: Orderer, mode: str) -> None:
    log = Log()
    deploy(log, "1")
    refused = code(deploy, log, "2", who, mode=mode, share=500)
    assert isinstance(refused, Forbidden)
    assert refused.cure == "ask nina, olga"


def test_a_version_must_be_declared_and_its_artifact_accepted() -> None:
    log = Log()
    assert code(deploy, log, "9").code == "undeclared"
    refused = code(deploy, log, "2", at=where(locked=("1",)))
    assert (refused.code, refused.cure) == ("unlocked", f"standwatch accept {SYSTEM}")
    served_only = model()
    served_only = type(served_only)(component=MODEL, versions={"5": type(served_only.versions["1"])("5")})
    deploy(log, "5", at=where(served_only))
    assert front(log).digest == ""


def test_a_version_that_no_hold_could_name_is_not_deployed() -> None:
    odd = model(("a@b", "c d"))
    for version in ("a@b", "c d"):
        with pytest.raises(Malformed):
            deploy(Log(), version, at=where(odd, locked=("a@b", "c d")))


def test_the_same_again_is_refused_and_another_artifact_of_that_name_is_not() -> None:
    log = Log()
    deploy(log, "1")
    assert code(deploy, log, "1").code == "already"
    changed = place(system(locked=()), SYSTEM)
    changed.system.lock.components[f"{MODEL}@1"] = "f" * 64
    deploy(log, "1", at=changed)
    assert front(log).digest == "f" * 64


@pytest.mark.parametrize("reason", ["", "   ", "x" * 2001])
def test_a_reason_is_wanted_both_ways(reason: str) -> None:
    log = Log()
    deploy(log, "1")
    deploy(log, "2")
    given: Any = {"now": log.now}
    assert code(routes.deploy, where(), "3", OWNER, reason, log.state, **given).code == "no_reason"
    assert code(routes.rollback, where(), OWNER, reason, log.state, **given).code == "no_reason"
    deploy(log, "3", mode="shadow")
    assert code(routes.end, where(), "3", OWNER, reason, log.state).code == "no_reason"


def test_known_limits_are_acknowledged_exactly_as_shown() -> None:
    limited = where(model(limits=("few self-employed", "not beyond Boston")))
    wanted = hashlib.sha256(b'["few self-employed","not beyond Boston"]').hexdigest()
    assert limits_digest(limited.model) == wanted
    log = Log()
    for other in ("", "0" * 64, limits_digest(model(limits=("few self-employed",)))):
        refused = code(deploy, log, "1", at=limited, acknowledged=other)
        assert refused.code == "limits_unacknowledged"
        assert refused.cure == f"add --acknowledge {wanted}"
        assert "not beyond Boston" in str(refused)
    deploy(log, "1", at=limited, acknowledged=wanted)
    entry = log.entries[-1]
    assert isinstance(entry, Deployed)
    assert (entry.limits, entry.by) == (wanted, "nina")
    assert code(deploy, log, "2", acknowledged=wanted).code == "limits_unacknowledged", "there are none"
    deploy(log, "2", at=limited, mode="shadow")
    deploy(log, "3", at=limited, mode="canary", share=100, acknowledged=wanted)
    refused = code(routes.promote, limited, OWNER, log.state, now=log.now)
    assert refused.code == "limits_unacknowledged"
    log.append(routes.promote(limited, OWNER, log.state, now=log.now, acknowledged=wanted))
    assert front(log).version == "3"


# --- canary and challenger --------------------------------------------------------------------------------------------


def test_a_canary_needs_a_front_a_share_and_no_other_canary() -> None:
    log = Log()
    assert code(deploy, log, "1", mode="canary", share=500).code == "no_front"
    deploy(log, "1")
    for share in (0, -1, 10_000):
        assert code(deploy, log, "2", mode="canary", share=share).code == "bad_share"
    assert code(deploy, log, "1", mode="canary", share=500).code == "already"
    deploy(log, "2", mode="canary", share=500)
    deploy(log, "2", mode="canary", share=2_000)
    assert (front(log).version, front(log).canary, front(log).share) == ("1", "2", 2_000)
    refused = code(deploy, log, "3", mode="canary", share=500)
    assert refused.code == "canary_runs"
    assert refused.cure == f"standwatch deploy {SYSTEM} 2 --end --reason …"


def test_a_canary_is_promoted_as_it_runs() -> None:
    log = Log()
    deploy(log, "1")
    assert code(routes.promote, where(), OWNER, log.state, now=log.now).code == "no_canary"
    deploy(log, "2", mode="canary", share=500)
    assert isinstance(code(routes.promote, where(), OPERATOR, log.state, now=log.now), Forbidden)
    relocked = place(system(locked=()), SYSTEM)
    relocked.system.lock.components[f"{MODEL}@2"] = "f" * 64
    assert code(routes.promote, relocked, OWNER, log.state, now=log.now).code == "unlocked"
    log.append(routes.promote(where(), ONCALL, log.state, now=log.now))
    assert (front(log).version, front(log).digest, front(log).canary) == ("2", digest("2"), "")
    assert front(log).previous == "1"


def test_a_challenger_is_another_version() -> None:
    log = Log()
    deploy(log, "1")
    assert code(deploy, log, "1", mode="shadow").code == "already"
    deploy(log, "2", mode="shadow")
    assert code(deploy, log, "2", mode="shadow").code == "already"
    assert front(log).shadow == "2"


@pytest.mark.parametrize("who", [OPERATOR, VALIDATOR, OWNER])
def test_whoever_sees_a_system_takes_a_canary_or_challenger_off(who: Orderer) -> None:
    log = Log()
    deploy(log, "1")
    deploy(log, "2", mode="canary", share=500)
    deploy(log, "3", mode="shadow")
    for version in ("2", "3"):
        log.append(routes.end(where(), version, who, "odd", log.state))
    assert (front(log).version, front(log).canary, front(log).shadow) == ("1", "", "")
    for version in ("1", "2", ""):
        assert code(routes.end, where(), version, who, "odd", log.state).code == "no_canary"
    deploy(log, "2", mode="canary", share=500)
    assert isinstance(code(routes.end, where(), "2", STRANGER, "odd", log.state), Forbidden)


# --- rollback ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", [OPERATOR, VALIDATOR, OWNER, ONCALL])
def test_whoever_sees_a_system_rolls_it_back_in_one_act(who: Orderer) -> None:
    log = Log()
    deploy(log, "1")
    deploy(log, "2")
    found = rollback(log, who=who)
    assert found.hold == Hold(by=who.ident, scope=f"version:{MODEL}@2")
    entry = found.entry
    assert (entry.mode, entry.version, entry.former, entry.digest) == ("rollback", "1", "2", digest("1"))
    assert front(log).version == "1"
    assert isinstance(code(rollback, log, who=STRANGER), Forbidden)


def test_it_stays_back_until_the_hold_is_released() -> None:
    log = Log()
    for version in ("1", "2"):
        deploy(log, version)
    rollback(log)
    number = len(log.entries) - 2
    for mode in ("full", "canary", "shadow"):
        for version in ("2", "3"):
            refused = code(deploy, log, version, ADMIN, mode=mode, share=500)
            assert (refused.code, refused.reference) == ("pinned", str(number))
            assert refused.cure == f"standwatch release {number} --reason …"
    log.append(Released(by="nina", hold=number))
    deploy(log, "2")
    assert front(log).version == "2"


def test_a_pin_with_an_end_of_its_own_ends() -> None:
    log = Log()
    deploy(log, "1")
    log.append(Hold(by="otto", scope=f"version:{MODEL}@9", until=log.now + HOUR + 1))
    assert code(deploy, log, "2").code == "pinned"
    log.append(Released(by="otto", hold=99))
    deploy(log, "2")


def test_to_any_former_version_and_to_no_other() -> None:
    log = Log()
    for version in ("1", "2", "3"):
        deploy(log, version)
    refused = code(rollback, log, "4")
    assert isinstance(refused, NotFound)
    assert "former versions: 2, 1" in str(refused)
    assert code(rollback, log, "3").code == "already"
    rollback(log, "1")
    assert front(log).version == "1"


def test_not_to_a_version_that_is_held() -> None:
    log = Log()
    for version in ("1", "2", "3"):
        deploy(log, version)
    held = log.append(Hold(by="otto", scope=f"version:{MODEL}@2"))
    refused = code(rollback, log, "2")
    assert (refused.code, refused.reference) == ("held", str(held))
    found = rollback(log)
    assert found.entry.version == "1", "the last that may serve"
    assert found.skipped == (f"2 is held by {held}",)


def test_not_to_a_version_that_is_declared_no_more() -> None:
    log = Log()
    for version in ("1", "2", "3"):
        deploy(log, version)
    fewer = where(model(("1", "3")))
    assert code(rollback, log, "2", at=fewer).code == "undeclared"
    found = rollback(log, at=fewer)
    assert (found.entry.version, found.skipped) == ("1", ("2 is declared no more",))


def test_back_under_the_digest_it_served_with_whatever_the_lock_says_now() -> None:
    log = Log()
    deploy(log, "1")
    deploy(log, "2")
    rollback(log, at=where(locked=()))
    assert front(log).digest == digest("1")


@pytest.mark.parametrize(("fallback", "then"), [("refer-to-human", "refer-to-human"), ("refuse", "refused")])
def test_with_nothing_to_go_back_to_it_names_what_stops(fallback: str, then: str) -> None:
    log = Log()
    at = where(model(fallback=fallback))
    assert code(rollback, log, at=at).cure == f"standwatch halt component:{MODEL} --reason …"
    deploy(log, "1")
    refused = code(rollback, log, at=at)
    assert isinstance(refused, Conflict)
    assert refused.code == "no_former"
    assert then in str(refused)
    assert refused.cure == f"standwatch halt version:{MODEL}@1 --reason …"
    deploy(log, "2")
    rollback(log, at=at)
    assert "2 is held by" in str(code(rollback, log, at=at)), "what was taken off is no way back"


def test_a_rollback_ends_a_canary_and_to_the_front_takes_it_alone() -> None:
    log = Log()
    for version in ("1", "2"):
        deploy(log, version)
    deploy(log, "3", mode="canary", share=500)
    alone = routes.rollback(where(), OWNER, "odd", log.state, now=log.now, to="2")
    assert (alone.hold.scope, alone.entry.version, alone.entry.former) == (f"version:{MODEL}@3", "2", "3")
    rollback(log)
    assert (front(log).version, front(log).canary) == ("2", "")  # the canary is what is new: it goes first
    rollback(log)
    assert (front(log).version, front(log).canary) == ("1", "")


def test_a_canary_beside_a_first_version_is_what_is_taken_back() -> None:
    log = Log()
    deploy(log, "1")
    deploy(log, "2", mode="canary", share=500)
    found = rollback(log)
    assert (found.entry.version, found.hold.scope) == ("1", version_scope(where(), "2"))
    assert (front(log).version, front(log).canary) == ("1", "")
