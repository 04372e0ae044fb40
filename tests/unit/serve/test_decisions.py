"""Decisions in operation, on a real recorder, gate and model server: who may tell what, and who is asked at all."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from standwatch.declare.configuration import declare
from standwatch.declare.digest import component_digest
from standwatch.declare.lock import artifacts, lock_text
from standwatch.enforce.decision_ports import Going, ModelServer
from standwatch.enforce.ports import Below, Caller
from standwatch.facts.configuration import Lock
from standwatch.facts.decisions import Answer, Ask, Predicted, Rows, Trouble
from standwatch.facts.entries import Shadowed
from standwatch.facts.errors import Forbidden
from standwatch.fronts.control_models import DeploymentOrder
from standwatch.fronts.control_ports import AgentOrder, HaltOrder
from standwatch.serve import decisions as module
from standwatch.serve.decisions import LiveDecisions
from standwatch.serve.model_servers import ModelServers
from standwatch.store.folder import read_folder
from support.models import write_loans
from support.routes import digest
from support.rude_http import Exchange
from support.rude_model import RudeModel, rude_model
from support.watch import Watch, now, standing

DESK, OTHER = Caller("desk", "service", ("loans",)), Caller("other", "service", ("loans",))
SAID = Predicted({"p": [0.25]}, "1")


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 100))


def rows(count: int = 1) -> Ask:
    return Ask(system="loans", model="", rows=Rows(("income",), [(1_000.0 + n,) for n in range(count)]))


async def scoring(it: Exchange) -> None:
    """Each version answers as itself; whoever only looks whether it is there hears that it is."""
    if not it.path.endswith("/infer"):
        return it.json({})
    version = it.path.split("/")[-2]
    output = {"name": "p", "shape": [1], "datatype": "FP64", "data": [0.25]}
    return it.json({"model_name": "scorer", "model_version": version, "outputs": [output]})


@dataclass
class Desk:
    """Loans that are decided on: version 1 in front."""

    watch: Watch
    rude: RudeModel
    servers: ModelServers
    decisions: LiveDecisions

    async def deploy(self, version: str, mode: str = "full") -> None:
        order = DeploymentOrder(version, "try it", mode=mode)
        await self.watch.control.deploy(self.watch.who("nina"), "loans", order)

    async def halt(self, scope: str) -> None:
        await self.watch.control.halt(self.watch.who("otto"), HaltOrder(scope, "odd"))

    def asked(self, ending: str) -> list[str]:
        """The versions that were asked for `ending`, in order."""
        return [it.path.split("/")[-2] for it in self.rude.asked if it.path.endswith(ending)]

    async def compared(self) -> None:
        """Wait for the comparisons under way."""
        await asyncio.gather(*self.decisions._shadows)

    async def shadowed(self, of: Answer) -> list[Shadowed]:
        """What the record says about challengers of a decision, once it says so."""
        for _ in range(4_000):
            entries = [self.watch.reader.entry(index) for index in self.watch.reader.of_action(of.id)]
            if found := [entry for entry in entries if isinstance(entry, Shadowed)]:
                return found
            await asyncio.sleep(0.005)
        return []


def _write(folder: Path, url: str) -> None:
    """`support.models`' loans, served at `url`."""
    write_loans(folder)
    file = folder / "systems" / "loans.yaml"
    file.write_text(file.read_text().replace("http://127.0.0.1:9/", url))
    manifest = declare(read_folder(folder)).configuration.systems["loans"].manifest
    files = {key: digest(key.partition("@")[2]) for key in artifacts(manifest)}
    lock = Lock({}, files | {one.name: component_digest(one) for one in manifest.components})
    (folder / "systems" / "loans.lock").write_text(lock_text(lock))


@asynccontextmanager
async def deciding(folder: Path, *, server: ModelServer | None = None) -> AsyncGenerator[Desk]:
    """`server` stands in the place of the one that is declared."""
    async with rude_model(scoring) as rude:
        _write(folder, rude.url)
        async with standing(folder, agent=False) as watch:
            servers = ModelServers(folder, {}) if server is None else Only(folder, server)
            await servers.take_up(watch.gate.configuration)
            decisions = LiveDecisions(watch.gate, servers, clock=now, chance=os.urandom)
            desk = Desk(watch, rude, servers, decisions)
            for caller in (DESK, OTHER):
                order = AgentOrder(caller.principal, ("loans",), role="service")
                await watch.control.add_agent(watch.who("maria"), order)
            await desk.deploy("1")
            try:
                yield desk
            finally:
                await decisions.close()
                await servers.close()


class Only(ModelServers):
    """Every model has this server."""

    def __init__(self, folder: Path, server: ModelServer) -> None:
        super().__init__(folder, {})
        self._server = server

    def of(self, system: str, model: str) -> ModelServer:
        return self._server


class Deaf:
    """A model server that keeps no time: what it does not answer it does not answer for ever."""

    def __init__(self, silent: str) -> None:
        self._silent = silent

    async def infer(self, version: str, rows: Rows, within: float) -> Predicted | Trouble:
        if version == self._silent:
            await asyncio.sleep(600)
        return Predicted({"p": [0.25] * len(rows.rows)}, version)

    async def ready(self, version: str) -> bool:
        return True

    async def close(self) -> None:
        """Nothing is open."""


# --- models that run in their callers ----------------------------------------------------------------------------


def test_nobody_else_tells_my_outcome(tmp_path: Path) -> None:
    async def work() -> None:
        async with deciding(tmp_path) as desk:
            going = await desk.decisions.begin(DESK, rows())
            assert isinstance(going, Going)
            for caller, ident in ((OTHER, going.id), (DESK, "nobody's")):
                with pytest.raises(Forbidden):
                    await desk.decisions.finish(caller, ident, SAID)
            answer = await desk.decisions.finish(DESK, going.id, SAID)
            assert [(row.outputs, row.route) for row in answer.rows] == [([0.25], "model")]
            with pytest.raises(Forbidden):
                await desk.decisions.finish(DESK, going.id, SAID)
            assert desk.asked("/infer") == []

    run(work())


def test_a_caller_owes_so_many_outcomes_and_another_is_not_hindered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "OWED", 2)

    async def work() -> None:
        async with deciding(tmp_path) as desk:
            begin = desk.decisions.begin
            first, second, third = [await begin(DESK, rows()) for _ in range(3)]
            assert isinstance(first, Going)
            assert isinstance(second, Going)
            assert isinstance(third, Answer)
            assert third.word == "unavailable"
            assert isinstance(await begin(OTHER, rows()), Going)
            await desk.decisions.finish(DESK, first.id, SAID)
            assert isinstance(await begin(DESK, rows()), Going)

    run(work())


def test_a_sub_agent_decides_with_what_it_was_given_and_not_under_a_hold_above_it(tmp_path: Path) -> None:
    async def work() -> None:
        async with deciding(tmp_path) as desk:
            gate, begin = desk.watch.gate, desk.decisions.begin
            starts = msgspec.structs.replace(DESK, starts=True)
            above, _, _ = await gate.open_run(starts, "loans", "decide")
            inside = msgspec.structs.replace(DESK, run=above)
            model = next(iter(gate.configuration.systems["loans"].manifest.models))
            runs = [
                (await gate.open_below(inside, Below(tools=(tool,))))[0]
                for tool in (f"{model}.decision", "bank.send")
            ]
            given, other = (msgspec.structs.replace(DESK, run=one) for one in runs)
            going = await begin(given, rows())
            assert isinstance(going, Going)
            answer = await desk.decisions.finish(given, going.id, SAID)
            assert [row.route for row in answer.rows] == ["model"]
            refused = await begin(other, rows())
            assert isinstance(refused, Answer)
            assert refused.word == "refused"
            await desk.halt(f"run:{above}")
            assert not isinstance(await begin(given, rows()), Going)
            assert isinstance(await begin(OTHER, rows()), Going)

    run(work())


def test_a_caller_owes_so_many_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "OWED_ROWS", 5)

    async def work() -> None:
        async with deciding(tmp_path) as desk:
            begin = desk.decisions.begin
            found = [await begin(DESK, rows(count)) for count in (3, 3, 2, 1)]
            assert [isinstance(one, Going) for one in found] == [True, False, True, False]
            assert isinstance(await begin(OTHER, rows(5)), Going)

    run(work())


# --- challengers ---------------------------------------------------------------------------------------------------


def test_a_challenger_sees_what_the_model_saw(tmp_path: Path) -> None:
    async def work() -> None:
        async with deciding(tmp_path) as desk:
            await desk.deploy("2", "shadow")
            answer = await desk.decisions.decide(DESK, rows())
            await desk.compared()
            assert desk.asked("/infer") == ["1", "2"]
            assert [(one.version, one.same, one.status) for one in await desk.shadowed(answer)] == [
                ("2", 1, "ok")
            ]

    run(work())


@pytest.mark.parametrize("memory", [False, True])
def test_a_challenger_that_is_held_gets_no_rows(tmp_path: Path, memory: bool) -> None:
    async def work() -> None:
        async with deciding(tmp_path) as desk:
            await desk.deploy("2", "shadow")
            if memory:
                desk.watch.gate.stops.add("version:scorer@2")
            else:
                await desk.halt("version:scorer@2")
            answer = await desk.decisions.decide(DESK, rows())
            assert [(row.route, row.version) for row in answer.rows] == [("model", "")]
            await desk.compared()
            assert desk.asked("/infer") == ["1"]

    run(work())


# --- servers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("silent", ["1", "2"])
def test_we_stop_waiting_though_the_server_does_not(tmp_path: Path, silent: str) -> None:
    async def work() -> None:
        async with deciding(tmp_path, server=Deaf(silent)) as desk:
            await desk.deploy("2", "shadow")
            async with asyncio.timeout(60):
                answer = await desk.decisions.decide(DESK, rows())
                await desk.compared()
            if silent == "1":
                assert [(row.route, row.code) for row in answer.rows] == [("refer-to-human", "timeout")]
            else:
                assert answer.rows[0].route == "model"
                assert [one.status for one in await desk.shadowed(answer)] == ["error"]

    run(work())


def test_the_version_before_is_kept_warm(tmp_path: Path) -> None:
    async def work() -> None:
        async with deciding(tmp_path) as desk:
            await desk.deploy("2")
            await desk.servers.warm(desk.watch.gate.state)
            assert set(desk.asked("/ready")) == {"1", "2"}
            assert desk.servers.ready == {("loans", "scorer", version): True for version in ("1", "2")}

    run(work())
