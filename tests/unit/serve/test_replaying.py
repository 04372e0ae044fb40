"""Past runs under a changed folder: what differs, differs by the change."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from standwatch.enforce.ports import Act, Caller
from standwatch.facts.errors import Forbidden, Misconfigured, NotFound
from standwatch.fronts.control_replay import ReplayDocument, ReplayOrder
from standwatch.store.folder import read_folder
from support.watch import DEFINITION, PEOPLE, Watch, done, standing, write_organisation

SAID = "    effect: read\n"


def organisation(folder: Path) -> Path:
    """Its tools read, so that they need nobody's signature."""
    folder.mkdir()
    keys = {name: Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32, b"!")) for name in PEOPLE}
    write_organisation(folder, keys)
    for path in (folder / "systems").glob("*.yaml"):
        path.write_text(path.read_text().replace("    effect: irreversible\n", SAID))
    return folder


async def act(watch: Watch, run: str, **arguments: Any) -> str:
    caller = Caller("agent", "agent", ("pay",), run)
    asked = Act(caller=caller, system="pay", event="tool_call", tool="bank.send", target="bank",
                arguments=arguments, definition=DEFINITION)  # fmt: skip
    return (await watch.gate.act(asked, done)).word


async def replayed(watch: Watch, who: str, rules: str, since: str = "", system: str = "") -> ReplayDocument:
    changed = watch.folder.parent / "changed"
    shutil.rmtree(changed, ignore_errors=True)
    shutil.copytree(watch.folder, changed, ignore=shutil.ignore_patterns("state"))
    pay = changed / "systems" / "pay.yaml"
    pay.write_text(pay.read_text().replace(SAID, SAID + rules))
    return await watch.control.replay(watch.who(who), ReplayOrder(read_folder(changed), since, system))


def test_what_would_be_refused_asked_or_let_through(tmp_path: Path) -> None:
    async def play() -> None:
        async with standing(organisation(tmp_path / "org")) as watch:
            run = await watch.gate.runs.open(
                Caller("agent", "agent", ("pay",)), "pay", "Pay 5 to Ann", token="ab" * 32
            )
            for amount in (5, 7, 9):
                assert await act(watch, run, amount=amount, to="Ann") == "done"
            same = await replayed(watch, "chen", "    timeout: 5s\n")
            assert (same.replayed.judged, same.replayed.same, same.replayed.differing) == (3, 3, ())
            bounded = await replayed(watch, "chen", "    arguments: {amount: {max: 6}}\n")
            assert bounded.direction == "narrower"
            assert [
                (d.tool, d.before, d.after, d.rule, d.count, d.widens) for d in bounded.replayed.differing
            ] == [("bank.send", "allowed", "refused", "limits/bounds", 2, False)]
            assert "above 6" in bounded.replayed.differing[0].examples[0].now
            asked = await replayed(
                watch, "chen", "    arguments: {amount: {from: task, otherwise: step_up}}\n"
            )
            assert [(d.after, d.rule, d.count) for d in asked.replayed.differing] == [
                ("asked", "provenance/source", 2)
            ]
            fewer = await replayed(watch, "chen", "    per_run: 2\n")
            assert [(d.after, d.rule, d.count) for d in fewer.replayed.differing] == [
                ("refused", "limits/budget", 1)
            ]
            late = await replayed(watch, "chen", "    per_run: 0\n", since=str(fewer.replayed.end - 1))
            assert late.replayed.judged <= 1
            with pytest.raises(NotFound):
                await replayed(watch, "chen", "", system="nothing")
            with pytest.raises(Misconfigured):
                await replayed(watch, "chen", "    per_run: few\n")
            with pytest.raises(Forbidden):
                await replayed(watch, "olga", "")

    asyncio.run(asyncio.wait_for(play(), 60))
