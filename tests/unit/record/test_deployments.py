"""What an auditor holds against a change of a route: each rule of it, broken once."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from standwatch.facts.entries import Deployed, Hold, Principal
from standwatch.record.deployments import problems
from support.routes import HOUR, MODEL, SYSTEM, Log, digest


def deployed(log: Log, version: str, mode: str = "full", **changes: Any) -> Deployed:
    route = log.state.routes.get(f"{SYSTEM}/{MODEL}")
    entry = Deployed(
        by="nina",
        system=SYSTEM,
        model=MODEL,
        version=version,
        digest=digest(version),
        mode=mode,
        share=500 if mode == "canary" else 0,
        former=route.version if route is not None and mode in ("full", "rollback") else "",
        follows=route.index if route is not None else -1,
    )
    return msgspec.structs.replace(entry, **changes)


def running(*versions: str, **more: Any) -> Log:
    log = Log(**more)
    for version in versions:
        log.append(deployed(log, version))
    return log


def held(log: Log, entry: Deployed, admins: tuple[str, ...] | None = ("maria",)) -> list[str]:
    return problems(log.state, len(log.entries), msgspec.structs.replace(entry, at=log.now), admins)


def back(log: Log, to: str = "1", bad: str = "2", by: str = "otto") -> Deployed:
    """A rollback whose hold is in the record."""
    log.append(Hold(by=by, scope=f"version:{MODEL}@{bad}"))
    return deployed(log, to, "rollback", by=by)


def test_nothing_is_wrong_with_what_is_right() -> None:
    log = running()
    for mode, version in (("full", "1"), ("full", "2"), ("canary", "3"), ("shadow", "4"), ("end", "3")):
        entry = deployed(log, version, mode, by="olga" if mode == "full" else "maria")
        assert held(log, entry) == []
        log.append(entry)
    assert held(log, back(log)) == []


@pytest.mark.parametrize("mode", ["full", "canary", "shadow"])
@pytest.mark.parametrize("by", ["otto", "chen"])
def test_forwards_takes_a_right(mode: str, by: str) -> None:
    log = running("1")
    entry = deployed(log, "2", mode, by=by)
    assert "neither owner nor halt authority" in held(log, entry)[0]
    assert held(log, entry, None) == [], "who administered is not in the record"
    assert held(log, entry, ("otto", "chen")) == []


@pytest.mark.parametrize("mode", ["full", "rollback"])
def test_a_stranger_and_somebody_dismissed_are_nobody(mode: str) -> None:
    for name in ("eve", "nina"):
        log = running("1", "2")
        log.append(Principal(by="standwatch", name="nina", role="human", revoked=True))
        entry = back(log, by=name) if mode == "rollback" else deployed(log, "3", by=name)
        assert "nobody who acts" in held(log, entry)[0]


def test_development_asks_nobody_s_leave() -> None:
    log = running("1", development=True)
    assert held(log, deployed(log, "2", by="local")) == []


@pytest.mark.parametrize("follows", [-1, 3, 99])
def test_the_chain_is_unbroken(follows: int) -> None:
    log = running("1")
    assert any("the last change" in one for one in held(log, deployed(log, "2", follows=follows)))


@pytest.mark.parametrize("mode", ["full", "canary", "shadow"])
def test_what_is_pinned_stays(mode: str) -> None:
    log = running("1", "2")
    number = log.append(Hold(by="otto", scope=f"version:{MODEL}@2", until=log.now + 2 * HOUR))
    assert held(log, deployed(log, "3", mode)) == [f"hold {number} on version:{MODEL}@2 pinned this route"]
    log.append(Hold(by="otto", scope="version:other@2"), Hold(by="otto", scope=f"component:{MODEL}"))
    assert held(log, deployed(log, "3", mode)) == []


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"digest": "f" * 64}, "did not serve before"),
        ({"version": "3", "digest": digest("3")}, "did not serve before"),
        ({"version": "2", "digest": digest("2")}, "did not serve before"),
        ({"former": "1"}, "took 1 off"),
        ({"by": "nina"}, "no hold"),
    ],
)
def test_a_rollback_goes_back_and_brings_its_hold(changes: dict[str, str], why: str) -> None:
    log = running("1", "2")
    found = held(log, msgspec.structs.replace(back(log), **changes))
    assert any(why in one for one in found), found


def test_a_rollback_without_its_hold_or_with_another_s() -> None:
    log = running("1", "2")
    assert "no hold on 2 came with it" in held(log, deployed(log, "1", "rollback", by="otto"))
    log.append(Hold(by="otto", scope=f"version:{MODEL}@9"))
    assert "no hold on 2 came with it" in held(log, deployed(log, "1", "rollback", by="otto"))


def test_an_earlier_hold_of_the_same_person_is_not_the_rollback_s_own() -> None:
    log = running("1", "2")
    log.append(Hold(by="otto", scope=f"version:{MODEL}@2"), Hold(by="otto", scope="system:other"))
    assert "no hold on 2 came with it" in held(log, deployed(log, "1", "rollback", by="otto"))


def test_a_rollback_to_what_is_held() -> None:
    log = running("1", "2")
    log.append(Hold(by="olga", scope=f"version:{MODEL}@1"))
    assert any("went back to 1 under hold" in one for one in held(log, back(log)))


def test_the_canary_alone_is_taken_back() -> None:
    log = running("1", "2")
    log.append(deployed(log, "3", "canary"))
    log.append(Hold(by="otto", scope=f"version:{MODEL}@3"))
    assert held(log, deployed(log, "2", "rollback", by="otto", former="3")) == []


@pytest.mark.parametrize(
    ("mode", "changes", "why"),
    [
        ("full", {"former": "7"}, "took over from 7"),
        ("canary", {"share": 0}, "share"),
        ("canary", {"share": 10_000}, "share"),
        ("canary", {"version": "1"}, "no other version"),
        ("shadow", {"version": "1"}, "itself"),
        ("end", {}, "neither canary nor challenger"),
        ("sideways", {}, "no way to deploy"),
    ],
)
def test_each_way_has_its_own_rule(mode: str, changes: dict[str, Any], why: str) -> None:
    log = running("1")
    found = held(log, msgspec.structs.replace(deployed(log, "2", mode), **changes))
    assert any(why in one for one in found), found


def test_of_a_system_that_nobody_declared_nothing_else_is_said() -> None:
    log = running()
    entry = deployed(log, "1", system="nobody")
    assert held(log, entry) == ["no manifest declared nobody"]
