"""Adoption on a real recorder, in an organisation not under development: what waits, for whom, and what counts."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from standwatch.enforce.case import World
from standwatch.facts.configuration import Configuration
from standwatch.facts.entries import Config, Declared
from standwatch.facts.errors import Forbidden, NotFound
from standwatch.facts.parts import config_bytes
from standwatch.fronts.control_ports import HaltOrder
from standwatch.keys import ed25519
from standwatch.serve import adopt
from standwatch.serve.adopt import Adopted, Adoption
from support.watch import MANIFEST, ORIGIN, Watch, done, standing

BOUNDED = "effect: irreversible\n    arguments: {amount: {max: 5}}"
Case = Callable[[Watch, Adoption], Awaitable[None]]


def run(folder: Path, case: Case) -> None:
    """`case` with the organisation in force, and an adoption of its folder."""

    async def work() -> None:
        async with standing(folder) as watch:
            await case(watch, Adoption(watch.folder, watch.gate, os.urandom))

    asyncio.run(asyncio.wait_for(work(), 100))


def edit(watch: Watch, old: str, new: str, system: str = "pay") -> None:
    file = watch.folder / "systems" / f"{system}.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def remove(watch: Watch, system: str = "ship") -> None:
    for ending in ("yaml", "lock"):
        (watch.folder / "systems" / f"{system}.{ending}").unlink()


def signature(watch: Watch, by: str, root: str, *, follows: int = -1, key: str = "") -> str:
    """`by`'s signature over the step from `follows` (the configuration in force) to `root`, with `key`'s key."""
    follows = watch.gate.state.config if follows < 0 else follows
    return ed25519.sign(watch.keys[key or by], config_bytes(by=by, follows=follows, org=ORIGIN, root=root))


async def sign(watch: Watch, adoption: Adoption, by: str, root: str) -> Adopted:
    return await adoption.sign(by, root, signature(watch, by, root))


def wanted(adopted: Adopted) -> list[tuple[str, ...]]:
    return [one.any_of for one in adopted.needed]


def last_config(watch: Watch) -> Config:
    entry = watch.reader.entry(watch.gate.state.config)
    assert isinstance(entry, Config)
    return entry


def test_what_is_narrower_takes_force_by_itself(tmp_path: Path) -> None:
    async def case(watch: Watch, adoption: Adoption) -> None:
        before = watch.gate.state.config
        edit(watch, "effect: irreversible", BOUNDED)
        adopted = await adoption.reload()
        assert (adopted.result, adopted.direction, adopted.needed) == ("in_force", "narrower", ())
        assert watch.gate.state.root == watch.gate.configuration.root == adopted.root
        config = last_config(watch)
        assert (config.changed, config.follows, config.signatures) == (["pay"], before, {})
        declared = watch.gate.state.systems["pay"].entry
        assert (declared.change, bool(declared.former)) == ("narrower", True)
        assert (await adoption.reload()).result == "unchanged"

    run(tmp_path, case)


def test_what_is_wider_waits_for_everybody_it_needs(tmp_path: Path) -> None:
    async def case(watch: Watch, adoption: Adoption) -> None:
        before, config = watch.gate.state.root, watch.gate.state.config
        edit(watch, "effect: irreversible", "effect: write")
        waits = await adoption.reload()
        assert (waits.result, waits.direction, wanted(waits)) == ("waits", "wider", [("maria",), ("chen",)])
        assert watch.gate.state.root == watch.gate.configuration.root == before
        half = await sign(watch, adoption, "maria", waits.root)
        assert (half.result, wanted(half), watch.gate.state.root) == ("waits", [("chen",)], before)
        again = await adoption.reload()
        assert (again.result, wanted(again)) == ("waits", [("chen",)]), "what was signed stays signed"
        whole = await sign(watch, adoption, "chen", waits.root)
        assert whole.result == "in_force"
        assert watch.gate.state.root == watch.gate.configuration.root == waits.root
        assert (last_config(watch).follows, set(last_config(watch).signatures)) == (config, {"maria", "chen"})
        assert adoption.waiting() is None

    run(tmp_path, case)


def test_a_signature_that_is_not_theirs_is_refused(tmp_path: Path) -> None:
    async def case(watch: Watch, adoption: Adoption) -> None:
        edit(watch, "effect: irreversible", "effect: write")
        root = (await adoption.reload()).root
        for by, given in (
            ("maria", signature(watch, "maria", root, key="otto")),
            ("maria", signature(watch, "chen", root)),
            ("maria", signature(watch, "maria", "0" * 64)),
            ("maria", ""),
            ("nobody", signature(watch, "maria", root)),
        ):
            with pytest.raises(Forbidden):
                await adoption.sign(by, root, given)
        with pytest.raises(NotFound):
            await sign(watch, adoption, "maria", "0" * 64)
        waiting = adoption.waiting()
        assert waiting is not None
        assert wanted(waiting) == [("maria",), ("chen",)]
        other = await sign(watch, adoption, "otto", root)
        assert wanted(other) == [("maria",), ("chen",)], "somebody's own signature, of whom none is needed"

    run(tmp_path, case)


def test_an_old_signature_counts_for_no_later_step(tmp_path: Path) -> None:
    async def case(watch: Watch, adoption: Adoption) -> None:
        edit(watch, "effect: irreversible", BOUNDED)
        narrow = await adoption.reload()
        edit(watch, BOUNDED, "effect: irreversible")
        root = (await adoption.reload()).root
        old = {by: signature(watch, by, root) for by in ("maria", "chen")}
        for by, given in old.items():
            await adoption.sign(by, root, given)
        assert watch.gate.state.root == root
        edit(watch, "effect: irreversible", BOUNDED)
        assert (await adoption.reload()).result == "in_force"
        edit(watch, BOUNDED, "effect: irreversible")
        waits = await adoption.reload()
        assert (waits.result, waits.root) == ("waits", root), "the very text that was signed for before"
        for by, given in old.items():
            with pytest.raises(Forbidden):
                await adoption.sign(by, root, given)
        assert watch.gate.state.root == narrow.root

    run(tmp_path, case)


def test_a_bad_text_leaves_the_configuration_in_force(tmp_path: Path) -> None:
    async def case(watch: Watch, adoption: Adoption) -> None:
        before = watch.gate.state.root
        edit(watch, "effect: irreversible", "effect: mild")
        refused = await adoption.reload()
        assert (refused.result, refused.root, watch.gate.state.root) == ("refused", before, before)
        assert adoption.problems == refused.problems != ()
        edit(watch, "effect: mild", "effect: irreversible")
        assert ((await adoption.reload()).result, adoption.problems) == ("unchanged", ())

    run(tmp_path, case)


def test_a_configuration_is_recorded_whole_its_own_entry_last(tmp_path: Path) -> None:
    async def case(watch: Watch, adoption: Adoption) -> None:
        size = watch.reader.size
        for name in ("pay", "ship"):
            edit(watch, "effect: irreversible", BOUNDED, name)
        await adoption.reload()
        kinds = [type(watch.reader.entry(index)) for index in range(size, watch.reader.size)]
        assert kinds == [Declared, Declared, Config]

    run(tmp_path, case)


def test_a_removed_system_comes_back_only_with_the_validator_whom_it_had(tmp_path: Path) -> None:
    async def case(watch: Watch, adoption: Adoption) -> None:
        lock = (watch.folder / "systems" / "ship.lock").read_text()
        remove(watch)
        assert (await adoption.reload()).result == "in_force", "whatever stops needs nobody's leave"
        assert "ship" not in watch.gate.state.systems
        file = watch.folder / "systems" / "ship.yaml"
        file.write_text(MANIFEST.format(name="ship", owner="nina").replace("chen@", "otto@"))
        (watch.folder / "systems" / "ship.lock").write_text(lock)
        waits = await adoption.reload()
        assert (waits.result, wanted(waits)) == ("waits", [("maria",), ("chen",)])
        for by in ("maria", "otto"):
            assert (await sign(watch, adoption, by, waits.root)).result == "waits"
        assert "ship" not in watch.gate.state.systems
        assert (await sign(watch, adoption, "chen", waits.root)).result == "in_force"
        assert watch.gate.state.systems["ship"].entry.validators == ["otto"]
        assert "ship" not in watch.gate.state.retired

    run(tmp_path, case)


def test_who_validated_a_removed_system_is_not_forgotten_over_a_restart(tmp_path: Path) -> None:
    async def gone(watch: Watch, adoption: Adoption) -> None:
        remove(watch)
        assert (await adoption.reload()).result == "in_force"

    async def back(watch: Watch, adoption: Adoption) -> None:
        (watch.folder / "systems" / "ship.yaml").write_text(
            MANIFEST.format(name="ship", owner="nina").replace("chen@", "otto@")
        )
        assert wanted(await adoption.reload()) == [("maria",), ("chen",)]

    run(tmp_path, gone)
    run(tmp_path, back)


def test_a_new_system_needs_an_admin_only(tmp_path: Path) -> None:
    async def case(watch: Watch, adoption: Adoption) -> None:
        (watch.folder / "systems" / "new.yaml").write_text(MANIFEST.format(name="new", owner="nina"))
        assert wanted(await adoption.reload()) == [("maria",)]

    run(tmp_path, case)


def test_a_halt_is_answered_while_a_configuration_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The compilation ends only after the halt was answered: on the loop neither ever would."""
    compiled: list[str] = []

    async def case(watch: Watch, adoption: Adoption) -> None:
        loop, compile_world = asyncio.get_running_loop(), adopt.compile_world

        def compiling(configuration: Configuration) -> World:
            asyncio.run_coroutine_threadsafe(halted(), loop).result(20)
            compiled.append(configuration.root)
            return compile_world(configuration)

        async def halted() -> None:
            await watch.control.halt(watch.who("otto"), HaltOrder("system:pay", "odd"))

        monkeypatch.setattr(adopt, "compile_world", compiling)
        edit(watch, "effect: irreversible", BOUNDED)
        adopted = await adoption.reload()
        assert adopted.result == "in_force"
        assert compiled == [adopted.root], "once"
        assert [hold.scope for hold in watch.gate.state.holds.values()] == ["system:pay"]
        assert (await watch.act(done, amount=1)).word != "done"

    run(tmp_path, case)
