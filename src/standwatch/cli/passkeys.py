"""`passkey add|invite|list|sign|revoke`: whose passkeys count. They are made in a browser, with a link good once."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Any, Final

from standwatch.cli import signing
from standwatch.cli.show import out, say, table, visible, when
from standwatch.cli.verbs import DONE, Verb, common
from standwatch.cli.wire import Server, organisation, segment
from standwatch.facts.errors import NotFound, Tampered

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def _arguments(parser: ArgumentParser) -> None:
    acts = parser.add_subparsers(dest="act", required=True, metavar="add|invite|list|sign|revoke")
    added = acts.add_parser(
        "add", help="make a link, wait for the browser, and vouch for what it made", parents=[common()]
    )
    added.add_argument(
        "--for", dest="person", default="", metavar="PERSON", help="whose it is (default: whose key signs)"
    )
    signing.arguments(added)
    invited = acts.add_parser(
        "invite", help="a link, good once, for somebody who is not here", parents=[common()]
    )
    invited.add_argument("person", metavar="PERSON", help="an address or an id")
    acts.add_parser("list", help="passkeys, and those that wait for a signature", parents=[common()])
    signed = acts.add_parser(
        "sign", help="vouch with your key for a passkey that was just made", parents=[common()]
    )
    signed.add_argument("credential", metavar="PASSKEY", help=_WHICH)
    signing.arguments(signed)
    ended = acts.add_parser(
        "revoke", help="end one: what it approved and was not used is void", parents=[common()]
    )
    ended.add_argument("credential", metavar="PASSKEY", help=_WHICH)
    ended.add_argument("--reason", default="", metavar="TEXT")


def passkey(given: Namespace) -> int:
    """List, vouch for, or end passkeys."""
    server = Server(organisation(given.org))
    match given.act:
        case "add":
            return _add(server, given)
        case "invite":
            return _invite(server, given)
        case _:
            pass
    page = server.get("/passkeys")
    match given.act:
        case "sign":
            return _sign(server, given, page, given.credential)
        case "revoke":
            one = _one(page, given.credential, ("live", "waits"))
            found = server.post(f"/passkeys/{segment(one['credential'])}/end", {"reason": given.reason})
            out(found) if given.json else say(visible(found["text"]))
        case _:
            _list(given, page)
    return DONE


def _invite(server: Server, given: Namespace) -> int:
    made = server.post("/passkeys/invitations", {"person": given.person})
    if given.json:
        out(made)
        return DONE
    say(
        f"for {visible(made['person'])}, once, until {when(made['until'])}:",
        f"  {made['link']}",
        "the passkey then waits an hour for a signature: standwatch passkey list, then passkey sign FINGERPRINT",
    )
    return DONE


def _add(server: Server, given: Namespace) -> int:
    """Both ends of an enrolment: the browser makes the passkey, this terminal vouches for it."""
    from standwatch.keys import ed25519

    key = signing.load_key(given)  # before anything begins: who cannot sign need not fetch a phone
    person = given.person or signing.whose(server, ed25519.public(key), given.by)["id"]
    made = server.post("/passkeys/invitations", {"person": person})
    told = (
        f"open this on the device that {visible(made['person'])} will sign with, before {when(made['until'])}:",
        f"  {made['link']}",
        "waiting …",
    )
    print(*told, sep="\n", file=sys.stderr, flush=True)
    credential = _made(server, made["invitation"])
    return _sign(server, given, server.get("/passkeys"), credential, key)


def _made(server: Server, invitation: str) -> str:
    """The credential id of the passkey that a browser made with an invitation; waits for it."""
    while True:
        found = server.get(f"/passkeys/invitations/{segment(invitation)}")
        if found["credential"]:
            return found["credential"]
        time.sleep(_LOOK)


_WHICH: Final = "its fingerprint or id, or how that begins; after -- where that is a dash"
_LOOK: Final = 1.0  # seconds between two looks whether the browser is done


def _sign(
    server: Server,
    given: Namespace,
    page: dict[str, Any],
    credential: str,
    key: Ed25519PrivateKey | None = None,
) -> int:
    from standwatch.facts.parts import enrolment_bytes
    from standwatch.facts.short_words import short_words
    from standwatch.keys import ed25519

    one = _one(page, credential, ("waits",))
    digest = _checked(one)
    if not given.json:
        kept = "it may be copied to other devices" if one["synced"] else "it stays on its device"
        say(
            f"a passkey of {visible(one['person'])} for {visible(one['origin'])}; {kept}",
            f"  id           {visible(one['credential'])}",
            f"  words        {short_words(digest)}   the page that made it shows the same",
            f"  fingerprint  {one['fingerprint']}",
        )
    signing.confirm(
        given, f"vouch that this is a passkey of {one['person']}, and that the words are the same?"
    )
    key = key or signing.load_key(given)
    public = ed25519.public(key)
    by = signing.whose(server, public, given.by)["id"]
    names = ("count", "credential", "follows", "key", "origin", "person", "rp_id", "synced")
    message = enrolment_bytes(by=by, org=page["org"], **{name: one[name] for name in names})
    order = {"by": by, "key": public, "sig": ed25519.sign(key, message)}
    found = server.post(f"/passkeys/{segment(one['credential'])}/sign", order)
    out(found) if given.json else say(visible(found["text"]))
    return DONE


def _checked(one: dict[str, Any]) -> str:
    """The digest of its key, computed here: its beginning is what the person compares."""
    from hashlib import sha256

    digest = sha256(one["key"].encode()).hexdigest()
    if digest[:16] != one["fingerprint"]:
        raise Tampered("the fingerprint shown is not that of the passkey's key", cure="standwatch verify")
    return digest


def _one(page: dict[str, Any], begin: str, states: tuple[str, ...]) -> dict[str, Any]:
    found = [
        one
        for one in page["passkeys"]
        if one["state"] in states
        and (one["credential"].startswith(begin) or one["fingerprint"].startswith(begin))
    ]
    if len(found) != 1 or not begin:
        many = "more than one passkey begins" if found else "no such passkey begins"
        raise NotFound(f"{many} with {visible(begin)!r}", cure="standwatch passkey list")
    return found[0]


def _list(given: Namespace, page: dict[str, Any]) -> None:
    if given.json:
        out(page)
        return
    table(
        ("person", "passkey", "state", "since", "vouched for by", "page"),
        [
            (
                visible(one["person"]),
                one["fingerprint"],
                _state(one),
                when(one["at"]) if one["at"] else "",
                visible(one["by"]),
                visible(one["origin"]),
            )
            for one in page["passkeys"]
        ],
    )


def _state(one: dict[str, Any]) -> str:
    if one["state"] == "waits":
        return f"waits: standwatch passkey sign {one['fingerprint']}"
    return one["state"] + (f", doubted at {one['doubted']}: a copy?" if one["doubted"] >= 0 else "")


VERBS = (
    Verb(
        "passkey",
        "Make a passkey with a link, vouch for one, list them, or end one.",
        "standwatch passkey add --key ~/.config/standwatch/key.pem",
        _arguments,
        passkey,
    ),
)
