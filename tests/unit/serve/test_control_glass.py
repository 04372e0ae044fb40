"""Break-glass over a real recorder: sealed by an administrator, good once for what it names, reviewed by another."""

from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from standwatch.facts.errors import Conflict, Forbidden
from standwatch.facts.parts import glass_bytes
from standwatch.fronts.control_glass import DrillOrder, OpenOrder, ReviewOrder, SealOrder
from standwatch.fronts.control_ports import HaltOrder, ReleaseOrder
from standwatch.keys import ed25519
from standwatch.record.verify import verify
from support.relaxing_watch import awaited, relax, relaxable
from support.watch import Watch, done, now

ENVELOPE = Ed25519PrivateKey.from_private_bytes(b"the key in the envelope".ljust(32, b"."))
MINUTE = 60_000_000


async def sealed(watch: Watch, signer: str = "maria", who: str = "maria", **changes: object) -> str:
    """Seal the envelope for Nina, to halt and release what pays."""
    terms: dict[str, object] = {
        "key": ed25519.public(ENVELOPE),
        "people": ("nina",),
        "may": ("halt", "release"),
        "systems": ("pay",),
        "until": now() + 90 * 86_400_000_000,
    } | changes
    lists = {name: list(value) if isinstance(value, tuple) else value for name, value in terms.items()}
    message = glass_bytes(by=signer, glass=-1, org=watch.gate.state.origin, step="sealed", **lists)  # type: ignore[arg-type]
    order = SealOrder(**terms, by=signer, sig=ed25519.sign(watch.keys[signer], message))  # type: ignore[arg-type]
    answer = await watch.control.seal_glass(watch.who(who), order)
    return str(answer.index)


def signed(watch: Watch, number: str, by: str, step: str, until: int) -> str:
    message = glass_bytes(
        by=by,
        glass=int(number),
        key="",
        may=[],
        org=watch.gate.state.origin,
        people=[],
        step=step,
        systems=[],
        until=until,
    )
    return ed25519.sign(ENVELOPE, message)


async def opened(watch: Watch, number: str, by: str = "nina", *, minutes: int = 29) -> None:
    until = now() + minutes * MINUTE
    order = OpenOrder(by, until, signed(watch, number, by, "opened", until), "nobody answers")
    await watch.control.open_glass(watch.who(by), number, order)


@awaited
async def test_it_is_good_for_what_it_names_and_reviewed_by_another(tmp_path: Path) -> None:
    async with relaxable(tmp_path) as watch:
        number = await sealed(watch)
        held = await watch.control.halt(watch.who("otto"), HaltOrder("system:pay", "a doubt"))
        nina = watch.who("nina")
        with pytest.raises(Forbidden):
            await watch.control.release(nina, str(held.hold), ReleaseOrder("it is fine"))
        await opened(watch, number)
        status = await watch.control.status(watch.who("otto"))
        assert any("was opened by nina" in text for text in status.warnings)
        await watch.control.release(nina, str(held.hold), ReleaseOrder("it is fine"))
        assert (await watch.act(done, memo="no")).word == "refused"
        with pytest.raises(Conflict, match="somebody else"):
            await watch.control.review_glass(
                msgspec.structs.replace(nina, sees_all=True), number, ReviewOrder("I was right")
            )
        await watch.control.review_glass(watch.who("otto"), number, ReviewOrder("Olga's phone was off"))
        status = await watch.control.status(watch.who("otto"))
        assert not any("Break-glass" in text for text in status.warnings)
        (line,) = (await watch.control.glasses(watch.who("otto"))).glasses
        assert line.state == "reviewed", "and what was left of the session ended with it"
        await watch.signed_up_to_now()
        found = verify(watch.reader, watch.log.vkey)
        assert found.status == "verified", found.problems


@awaited
async def test_it_reaches_no_further(tmp_path: Path) -> None:
    async with relaxable(tmp_path) as watch:
        await opened(watch, await sealed(watch))
        nina = watch.who("nina")
        for scope in ("all", "vendor:maker", "server:bank"):
            held = await watch.control.halt(watch.who("otto"), HaltOrder(scope, "a doubt"))
            with pytest.raises(Forbidden):
                await watch.control.release(nina, str(held.hold), ReleaseOrder("it is fine"))
        with pytest.raises(Forbidden):
            await watch.control.reload(nina)
        with pytest.raises(Forbidden):
            await watch.control.people(nina)
        with pytest.raises(Forbidden):
            await watch.control.statement(nina, "pay")
        assert (await relax(watch, "nina")).result == "waits", "it was not sealed for relaxing"


@awaited
async def test_it_opens_once_for_its_people_and_half_an_hour(tmp_path: Path) -> None:
    async with relaxable(tmp_path) as watch:
        number = await sealed(watch)
        with pytest.raises(Conflict, match="is not for otto"):
            await opened(watch, number, "otto")
        with pytest.raises(Conflict, match="at most 30 minutes"):
            await opened(watch, number, minutes=31)
        until = now() + MINUTE
        sig = ed25519.sign(watch.keys["nina"], b"another key's signature")
        with pytest.raises(Forbidden):
            await watch.control.open_glass(watch.who("nina"), number, OpenOrder("nina", until, sig, "try"))
        order = OpenOrder("nina", until, signed(watch, number, "nina", "opened", until), "for her")
        with pytest.raises(Forbidden):
            await watch.control.open_glass(watch.who("olga"), number, order)
        drill = DrillOrder("nina", signed(watch, number, "nina", "drilled", 0))
        await watch.control.drill_glass(watch.who("nina"), number, drill)
        (line,) = (await watch.control.glasses(watch.who("nina"))).glasses
        assert (line.state, line.drilled > 0) == ("sealed", True)
        await opened(watch, number)
        with pytest.raises(Conflict, match="used up"):
            await opened(watch, number)


@awaited
async def test_only_an_administrator_seals_and_only_for_what_can_be_had(tmp_path: Path) -> None:
    async with relaxable(tmp_path) as watch:
        with pytest.raises(Forbidden):
            await sealed(watch, "olga", "olga")
        with pytest.raises(Forbidden):
            await sealed(watch, "olga", "maria")
        for changes in (
            {"may": ("deploy",)},
            {"may": ()},
            {"systems": ("nowhere",)},
            {"people": ()},
            {"until": now() + 400 * 86_400_000_000},
        ):
            with pytest.raises(Conflict):
                await sealed(watch, **changes)
        with pytest.raises(Forbidden, match="nobody of this organisation"):
            await sealed(watch, people=("mallory",))
        await sealed(watch)
        with pytest.raises(Conflict, match="key of its own"):
            await sealed(watch)


@awaited
async def test_one_that_is_sealed_for_it_signs_a_relaxation_alone(tmp_path: Path) -> None:
    async with relaxable(tmp_path) as watch:
        number = await sealed(watch, may=("relax",))
        assert (await relax(watch, "nina")).result == "waits"
        await opened(watch, number)
        begun = await relax(watch, "nina", scope="agent:agent")
        assert begun.result == "in_force"
        assert (await watch.act(done, memo="not from the task")).word == "done"
        await watch.signed_up_to_now()
        assert verify(watch.reader, watch.log.vkey).status == "verified"
