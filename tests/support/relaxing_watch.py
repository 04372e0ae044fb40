"""The organisation of `support.watch`, where provenance of `bank.send` may be relaxed: signed, on a real recorder."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from standwatch.facts.parts import commitment, relaxation_bytes
from standwatch.fronts.control_relaxing import RelaxationDone, RelaxationsReport, RelaxOrder, RelaxSignature
from standwatch.keys import ed25519
from support.watch import PEOPLE, Watch, now, standing, write_organisation

MINUTE = 60_000_000
READ = "effect: read\n    arguments: {memo: {from: [task], otherwise: deny}}"


def awaited(test: Callable[[Path], Awaitable[None]]) -> Callable[[Path], None]:
    """An asynchronous test, run to its end."""

    def run(tmp_path: Path) -> None:
        async def main() -> None:
            await test(tmp_path)

        asyncio.run(main())

    run.__doc__ = test.__doc__
    return run


def write(folder: Path, *, account: str = "", relaxations: str = "{most: 4h, checks: {policy: 1h}}") -> None:
    """The organisation's files."""
    keys = {name: Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32, b"!")) for name in PEOPLE}
    write_organisation(folder, keys, account=account)
    with (folder / "standwatch.yaml").open("a") as file:
        file.write(f"relaxations: {relaxations}\n")
    for system in (folder / "systems").glob("*.yaml"):
        system.write_text(system.read_text().replace("effect: irreversible", READ))


@asynccontextmanager
async def relaxable(folder: Path, *, vfs: str = "") -> AsyncGenerator[Watch]:
    """`standing`, with relaxations."""
    if not (folder / "standwatch.yaml").exists():
        write(folder)
    async with standing(folder, vfs=vfs) as watch:
        yield watch


async def order(
    watch: Watch, signer: str = "chen", *, seconds: float = 1800, **changes: Any
) -> tuple[RelaxOrder, RelaxationsReport]:
    """A relaxation of provenance on `bank.send` of `pay`, ten calls a run standing in, signed by `signer`."""
    report = await watch.control.relaxations_of(watch.who("otto"), "pay")
    salt, reason = secrets.token_bytes(32), "another format today"
    terms: dict[str, Any] = {
        "check": "provenance",
        "scope": "tool:bank.send",
        "compensating": "per_run:10",
        "until": now() + int(seconds * 1e6),
        "follows": report.follows,
    } | changes
    message = relaxation_bytes(
        by=signer,
        envelope=report.envelope,
        org=report.org,
        system="pay",
        why=commitment(salt, reason.encode()),
        **terms,
    )
    signature = ed25519.sign(watch.keys[signer], message)
    return RelaxOrder(**terms, reason=reason, salt=salt.hex(), by=signer, signature=signature), report


async def relax(watch: Watch, signer: str = "chen", **changes: Any) -> RelaxationDone:
    """Order it, as Otto, with `signer`'s signature."""
    wanted, _ = await order(watch, signer, **changes)
    return await watch.control.relax(watch.who("otto"), "pay", wanted)


async def also(watch: Watch, ident: str, signer: str) -> RelaxationDone:
    """`signer` signs the relaxation that waits as `ident`."""
    report = await watch.control.relaxations_of(watch.who("otto"), "pay")
    waiting = next(one for one in report.waiting if one.id == ident)
    message = relaxation_bytes(
        by=signer,
        check=waiting.check,
        compensating=waiting.compensating,
        envelope=waiting.envelope,
        follows=waiting.follows,
        org=waiting.org,
        scope=waiting.scope,
        system=waiting.system,
        until=waiting.until,
        why=waiting.why,
    )
    signature = ed25519.sign(watch.keys[signer], message)
    return await watch.control.sign_relaxation(watch.who("otto"), ident, RelaxSignature(signer, signature))
