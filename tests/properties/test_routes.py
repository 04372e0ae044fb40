"""Routes under any order of deployments, rollbacks, holds and releases: one version in front, pinned stays pinned,
back is only ever to what served, and `versions --at T` is what a plain diary says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from standwatch.facts.entries import AnyEntry, Config, Declared, Deployed, Hold, Principal, Released
from standwatch.facts.errors import StandwatchError
from standwatch.facts.frames import Append
from standwatch.record.deployments import problems
from standwatch.record.leaf import decode, encode
from standwatch.record.sequence import Sequencer
from standwatch.record.serving import Serving
from standwatch.record.state import State
from standwatch.respond import routes
from support.routes import HOUR, MODEL, OWNER, SYSTEM, T0, VERSIONS, declared, digest, where

KEY = f"{SYSTEM}/{MODEL}"
versions = st.sampled_from(VERSIONS)
Diary = tuple[str, str, str]
"""In front, canary, challenger."""


T = TypeVar("T")


def tried(work: Callable[[], T]) -> tuple[T | None, str]:
    """What `work` gives, or the code of its refusal."""
    try:
        return work(), ""
    except StandwatchError as refused:
        return None, refused.code


class RoutesMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.sequencer = Sequencer(State())
        self.entries: list[AnyEntry] = []
        self.front = self.canary = self.shadow = ""
        self.served: set[str] = set()
        self.taken_back: set[str] = set()
        self.diary: list[Diary] = []
        self.pins: dict[int, str] = {}
        for name in ("nina", "olga", "otto"):
            self.write(Principal(by="standwatch", name=name, role="human"))
        self.write(declared())
        self.write(Config(by="standwatch", root="r"))

    # --- the record ------------------------------------------------------------------------------------------------

    @property
    def now(self) -> int:
        return T0 + len(self.entries) * HOUR

    @property
    def route(self) -> Serving:
        return self.sequencer.state.routes.get(KEY) or Serving(-1, 0)

    def write(self, entry: AnyEntry, *before: AnyEntry) -> None:
        """As a recorder does it: admitted, then those before it and itself, each read back from its leaf."""
        refused = self.sequencer.admit(Append(0, entry, before=before), self.now)
        assert refused is None, refused
        for one in (*before, entry):
            index, at = len(self.entries), self.now
            written = decode(encode(one, at))
            if isinstance(written, Deployed):
                found = problems(self.sequencer.state, index, written)
                assert found == [], found
            self.sequencer.take(index, written)  # type: ignore[arg-type]
            self.entries.append(written)  # type: ignore[arg-type]
            self.diary.append((self.front, self.canary, self.shadow))

    def noted(self) -> None:
        self.diary[-1] = (self.front, self.canary, self.shadow)

    def in_front(self, version: str) -> None:
        self.served |= {version} | ({self.front} if self.front else set())
        self.front = version
        self.taken_back.discard(version)
        self.canary = "" if self.canary == version else self.canary
        self.shadow = "" if self.shadow == version else self.shadow

    @initialize(history=st.lists(versions, max_size=6))
    def deployed_before(self, history: list[str]) -> None:
        for version in history:
            self.deploy(version, "full", 0)

    # --- what people do --------------------------------------------------------------------------------------------

    @rule(
        version=versions,
        mode=st.sampled_from(("full", "full", "canary", "shadow")),
        share=st.integers(1, 9_999),
    )
    def deploy(self, version: str, mode: Any, share: int) -> None:
        due = self.deployable(version, mode)
        entry, code = tried(
            lambda: routes.deploy(
                where(), version, OWNER, "why", self.sequencer.state, now=self.now, mode=mode, share=share
            )
        )
        assert code == due
        if entry is None:
            return
        self.write(entry)
        match mode:
            case "full":
                self.in_front(version)
            case "canary":
                self.canary = version
                self.shadow = "" if self.shadow == version else self.shadow
            case _:
                self.shadow = version
        self.noted()

    def deployable(self, version: str, mode: str) -> str:
        """The code of the refusal that is due, worked out from the diary; "" for none."""
        if self.pins:
            return "pinned"
        if mode == "canary" and not self.front:
            return "no_front"
        here = (self.front,) if mode != "shadow" else (self.front, self.canary, self.shadow)
        if version in here:
            return "already"
        return "canary_runs" if mode == "canary" and self.canary not in ("", version) else ""

    @rule()
    def promote(self) -> None:
        entry, code = tried(lambda: routes.promote(where(), OWNER, self.sequencer.state, now=self.now))
        assert code == ("no_canary" if not self.canary else "pinned" if self.pins else "")
        if entry is None:
            return
        self.write(entry)
        self.in_front(self.canary)
        self.noted()

    @precondition(lambda self: self.served or self.pins)
    @rule(to=st.sampled_from(("", "", *VERSIONS)))
    def rollback(self, to: str) -> None:
        held = set(self.pins.values())
        former = self.served - {self.front}
        may = former - held
        if self.canary and self.front not in held:
            may |= {self.front} if to in ("", self.front) else set()
        unasked = {self.front} if self.canary and self.front not in held else may - self.taken_back
        found, _ = tried(
            lambda: routes.rollback(where(), OWNER, "why", self.sequencer.state, now=self.now, to=to)
        )
        assert (found is not None) == (to in may if to else bool(unasked))
        if found is None:
            return
        target = found.entry.version
        assert target in (may if to else unasked)
        assert to in ("", target)
        bad = self.canary if target == self.front else self.front
        assert found.hold.scope == f"version:{MODEL}@{bad}"
        self.write(found.entry, found.hold)
        self.pins[len(self.entries) - 2] = bad
        if self.shadow == self.canary:  # what is taken back is not compared with either
            self.shadow = ""
        self.canary = ""
        if target != self.front:
            self.taken_back.add(self.front)
            self.in_front(target)
        self.noted()

    @precondition(lambda self: self.canary or self.shadow)
    @rule(version=versions)
    def end(self, version: str) -> None:
        entry, _ = tried(lambda: routes.end(where(), version, OWNER, "why", self.sequencer.state))
        assert (entry is not None) == (version in (self.canary, self.shadow))
        if entry is None:
            return
        self.write(entry)
        self.canary = "" if self.canary == version else self.canary
        self.shadow = "" if self.shadow == version else self.shadow
        self.noted()

    @precondition(lambda self: len(self.served) > 1 and len(self.pins) < 3)
    @rule(version=versions)
    def hold(self, version: str) -> None:
        self.write(Hold(by="otto", scope=f"version:{MODEL}@{version}"))
        self.pins[len(self.entries) - 1] = version

    @precondition(lambda self: self.pins)
    @rule(data=st.data(), every=st.booleans())
    def release(self, data: st.DataObject, every: bool) -> None:
        known = sorted(self.pins)
        for number in known if every else [data.draw(st.sampled_from(known))]:
            self.write(Released(by="otto", hold=number))
            del self.pins[number]

    @precondition(lambda self: len(self.served) > 3)
    @rule()
    def declared_no_more_and_again(self) -> None:
        """A system that was removed from the configuration comes back without routes; holds stand."""
        self.write(
            Config(by="standwatch", root="without", removed=[SYSTEM], follows=self.sequencer.state.config)
        )
        self.front = self.canary = self.shadow = ""
        self.served, self.taken_back = set(), set()
        self.noted()
        again: Declared = declared()
        self.write(again)
        self.write(Config(by="standwatch", root="r", follows=self.sequencer.state.config))

    @rule(version=versions, by=st.sampled_from(("eve", "otto")))
    def a_stale_deployment_is_not_sequenced(self, version: str, by: str) -> None:
        """Two deployments never cross: what was judged on an earlier route is refused."""
        stale = Deployed(
            by=by,
            system=SYSTEM,
            model=MODEL,
            version=version,
            digest=digest(version),
            follows=self.route.index + 1,
        )
        assert self.sequencer.admit(Append(0, stale), self.now) is not None
        assert problems(self.sequencer.state, len(self.entries), msgspec.structs.replace(stale, at=self.now))

    # --- what always holds -----------------------------------------------------------------------------------------

    @invariant()
    def the_route_is_what_the_diary_says(self) -> None:
        route = self.route
        assert (route.version, route.canary, route.shadow) == (self.front, self.canary, self.shadow)
        assert not self.front or route.digest == digest(self.front)
        assert self.front != self.canary or not self.front
        assert {version for version, _ in route.former} == self.served - {self.front}
        assert not route.previous or route.previous in self.served

    @invariant()
    def at_any_moment_the_fold_says_what_the_diary_said(self) -> None:
        state = State()
        for index, entry in enumerate(self.entries):
            state.fold(index, entry)
            route = state.routes.get(KEY) or Serving(-1, 0)
            assert (route.version, route.canary, route.shadow) == self.diary[index]

    @invariant()
    def pinned_moves_backwards_only(self) -> None:
        if not self.pins:
            return
        for mode in ("full", "canary", "shadow"):
            other = Deployed(
                by="nina",
                system=SYSTEM,
                model=MODEL,
                version="1",
                mode=mode,
                share=1,
                follows=self.route.index,
            )
            refused = self.sequencer.admit(Append(0, other), self.now)
            assert refused is not None
            assert "pins this route" in refused.detail


TestRoutes = RoutesMachine.TestCase
TestRoutes.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
