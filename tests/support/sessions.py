"""Somebody in a browser: enrols a passkey, vouches for it, signs in."""

from __future__ import annotations

from typing import Any

from standwatch.facts.parts import enrolment_bytes
from standwatch.fronts.control_client import Came
from standwatch.fronts.control_passkeys import EnrolmentOrder, RegisteredOrder, RegistrationOrder
from standwatch.fronts.control_sessions import Entered, SignInAsk, SignInOrder
from standwatch.keys import ed25519
from standwatch.record.assertion import from_base64url
from support.passkeys import Authenticator, as_json
from support.watch import Watch

PAGE = "https://watch.example"
RP = "watch.example"
CAME = Came("192.0.2.5:4711", "192.0.2.5", PAGE, "Browser/1.0 (of a test)", "", True)


async def vouch(watch: Watch, credential: str, by: str) -> None:
    """`by` vouches with their key for a passkey that waits."""
    page = await watch.control.list_passkeys(watch.who("otto"))
    one = next(one for one in page.passkeys if one.credential == credential)
    names = ("count", "credential", "follows", "key", "origin", "person", "rp_id", "synced")
    key = watch.keys[by]
    sig = ed25519.sign(
        key, enrolment_bytes(by=by, org=page.org, **{name: getattr(one, name) for name in names})
    )
    order = EnrolmentOrder(by, ed25519.public(key), sig)
    await watch.control.sign_passkey(watch.who(by), credential, order)


async def enrol(watch: Watch, name: str, rp_id: str = RP, origin: str = PAGE, **told: Any) -> Authenticator:
    """A passkey of `name`, enrolled."""
    phone = Authenticator(f"phone of {name}", **told)
    begun = await watch.control.begin_passkey(watch.who(name), RegistrationOrder())
    challenge = from_base64url(begun.options["challenge"], 64)
    made = phone.create(challenge, rp_id=rp_id, origin=origin)
    line = await watch.control.finish_passkey(watch.who(name), RegisteredOrder(begun.ceremony, made))
    await vouch(watch, line.credential, name)
    return phone


async def sign_in(watch: Watch, phone: Authenticator, came: Came = CAME, **told: Any) -> Entered:
    """What signing in with `phone` gives."""
    asked = await watch.control.ask_sign_in(came, SignInAsk())
    challenge = from_base64url(asked.options["challenge"], 64)
    made = phone.get(challenge, **({"rp_id": RP, "origin": PAGE} | told))
    return await watch.control.sign_in(came, SignInOrder(asked.ceremony, as_json(made)))
