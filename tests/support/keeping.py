"""Watches over the organisation of `support.watch`: taken and given with keys and with passkeys."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from standwatch.facts.canonical import canonical
from standwatch.facts.parts import enrolment_bytes, watch_bytes
from standwatch.fronts.control_passkeys import (
    EnrolmentOrder,
    PasskeyLine,
    RegisteredOrder,
    RegistrationOrder,
)
from standwatch.fronts.control_ports import Done
from standwatch.fronts.control_signing import SigningDone, SigningOrder
from standwatch.fronts.control_watch import GiveOrder, Offered, TakeOrder, WatchSheet
from standwatch.keys import ed25519
from standwatch.record.assertion import challenge_of, from_base64url
from support.passkeys import Authenticator, as_json
from support.relaxing_watch import write
from support.watch import Watch, now, standing

HOUR = 3_600_000_000
PAGE, RP = "https://watch.example", "watch.example"
WATCHES = """\
watch:
  night: {people: [olga@watch.example, chen@watch.example], longest: 12h}
  ships: {people: [nina@watch.example], systems: [ship]}
"""


@asynccontextmanager
async def kept(folder: Path, *, watches: str = WATCHES, **more: Any) -> AsyncGenerator[Watch]:
    """`standing`, with watches and with checks that may be relaxed."""
    if not (folder / "standwatch.yaml").exists():
        write(folder)
        with (folder / "standwatch.yaml").open("a") as file:
            file.write(watches)
    async with standing(folder, **more) as watch:
        yield watch


def names(sheet: WatchSheet) -> tuple[str, ...]:
    return tuple(f"{one.kind}:{one.index}" for one in sheet.open)


def signed(watch: Watch, sheet: WatchSheet, by: str, **told: Any) -> str:
    """The signature of `by` with their key, over what `sheet` shows; `told` are the hand-over's own members."""
    said: dict[str, Any] = {
        "follows": sheet.follows,
        "giver": "",
        "org": sheet.org,
        "shown": sheet.shown,
        "systems": list(sheet.watch.systems),
        "taker": by,
        "watch": sheet.watch.name,
    } | told
    return ed25519.sign(watch.keys[by], watch_bytes(by=by, **said))


async def take(
    watch: Watch, by: str = "olga", name: str = "night", *, sheet: WatchSheet | None = None, **changes: Any
) -> Done:
    """`by` takes the watch for eight hours with their key, having looked at `sheet`."""
    sheet = sheet or await watch.control.watch(watch.who("otto"), name)
    until = changes.pop("until", now() + 8 * HOUR)
    giver = changes.get("giver", "")
    sig = signed(watch, sheet, by, until=until, giver=giver)
    order = TakeOrder(by, until, sheet.follows, sheet.shown, sig, giver, names(sheet))
    return await watch.control.take_watch(watch.who(by), name, msgspec.structs.replace(order, **changes))


async def give(watch: Watch, by: str, to: str, until: int, name: str = "night") -> Offered:
    """`by` gives the watch to `to` with their key."""
    sheet = await watch.control.watch(watch.who("otto"), name)
    sig = signed(watch, sheet, by, until=until, giver=by, taker=to)
    order = GiveOrder(by, to, until, sheet.follows, sheet.shown, sig, names(sheet))
    return await watch.control.give_watch(watch.who(by), name, order)


def digest(sheet: WatchSheet) -> str:
    """The digest of the list that a sheet shows, made as somebody else would."""
    from hashlib import sha256

    lines = [{"index": x.index, "kind": x.kind, "until": x.until, "what": x.what} for x in sheet.open]
    return sha256(canonical(lines)).hexdigest()


async def enrolled(watch: Watch, name: str, **told: Any) -> Authenticator:
    """A passkey of `name`, vouched for with their key."""
    phone = Authenticator(f"phone of {name}", **told)
    who = watch.who(name)
    begun = await watch.control.begin_passkey(who, RegistrationOrder())
    made = phone.create(from_base64url(begun.options["challenge"], 64), rp_id=RP, origin=PAGE)
    line = await watch.control.finish_passkey(who, RegisteredOrder(begun.ceremony, made))
    await vouch(watch, line, name)
    return phone


async def vouch(watch: Watch, line: PasskeyLine, by: str) -> None:
    """`by` vouches with their key for a passkey that waits."""
    members = ("count", "credential", "follows", "key", "origin", "person", "rp_id", "synced")
    terms = {member: getattr(line, member) for member in members}
    key, org = watch.keys[by], watch.gate.state.origin
    sig = ed25519.sign(key, enrolment_bytes(by=by, org=org, **terms))
    order = EnrolmentOrder(by, ed25519.public(key), sig)
    await watch.control.sign_passkey(watch.who(by), line.credential, order)


async def gesture(
    watch: Watch, name: str, phone: Authenticator, order: SigningOrder, **told: Any
) -> SigningOrder:
    """What `name`'s browser sends back for `order`: asked for, and signed with `phone`."""
    asked = await watch.control.ask_signature(watch.who(name), order)
    challenge = from_base64url(asked.options["challenge"], 64)
    assert challenge == challenge_of(asked.signs.encode())
    assert {"type": "public-key", "id": phone.credential} in asked.options["allowCredentials"]
    page: dict[str, Any] = {"rp_id": RP, "origin": PAGE}
    made = phone.get(challenge, **(page | told))
    return msgspec.structs.replace(asked.order, credential=as_json(made))


async def by_passkey(watch: Watch, name: str, phone: Authenticator, order: SigningOrder) -> SigningDone:
    """`order` asked for and given with a gesture of `name`."""
    return await watch.control.sign_by_passkey(watch.who(name), await gesture(watch, name, phone, order))
