"""`passkey list|sign|revoke`: whose passkeys count. They are made in a browser, on the console's own page."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from standwatch.cli import signing
from standwatch.cli.show import out, say, table, visible, when
from standwatch.cli.verbs import DONE, Verb, common
from standwatch.cli.wire import Server, organisation, segment
from standwatch.facts.errors import NotFound, Tampered


def _arguments(parser: ArgumentParser) -> None:
    acts = parser.add_subparsers(dest="act", required=True, metavar="list|sign|revoke")
    acts.add_parser("list", help="passkeys, and those that wait for a signature", parents=[common()])
    signed = acts.add_parser(
        "sign", help="vouch with your key for a passkey that was just made", parents=[common()]
    )
    signed.add_argument("credential", metavar="PASSKEY", help="its fingerprint or id, or how that begins")
    signing.arguments(signed)
    ended = acts.add_parser(
        "revoke", help="end one: what it approved and was not used is void", parents=[common()]
    )
    ended.add_argument("credential", metavar="PASSKEY", help="its fingerprint or id, or how that begins")
    ended.add_argument("--reason", default="", metavar="TEXT")


def passkey(given: Namespace) -> int:
    """List, vouch for, or end passkeys."""
    server = Server(organisation(given.org))
    page = server.get("/passkeys")
    match given.act:
        case "sign":
            return _sign(server, given, page)
        case "revoke":
            one = _one(page, given.credential, ("live", "waits"))
            found = server.post(f"/passkeys/{segment(one['credential'])}/end", {"reason": given.reason})
            out(found) if given.json else say(visible(found["text"]))
        case _:
            _list(given, page)
    return DONE


def _sign(server: Server, given: Namespace, page: dict[str, Any]) -> int:
    from standwatch.facts.parts import enrolment_bytes
    from standwatch.keys import ed25519

    one = _one(page, given.credential, ("waits",))
    _checked(one)
    if not given.json:
        kept = "it may be copied to other devices" if one["synced"] else "it stays on its device"
        say(
            f"a passkey of {visible(one['person'])} for {visible(one['origin'])}; {kept}",
            f"  id           {visible(one['credential'])}",
            f"  fingerprint  {one['fingerprint']}   the page that made it shows the same",
        )
    signing.confirm(given, f"vouch that this is a passkey of {one['person']}?")
    key = signing.load_key(given)
    public = ed25519.public(key)
    by = signing.whose(server, public, given.by)["id"]
    names = ("count", "credential", "follows", "key", "origin", "person", "rp_id", "synced")
    message = enrolment_bytes(by=by, org=page["org"], **{name: one[name] for name in names})
    order = {"by": by, "key": public, "sig": ed25519.sign(key, message)}
    found = server.post(f"/passkeys/{segment(one['credential'])}/sign", order)
    out(found) if given.json else say(visible(found["text"]))
    return DONE


def _checked(one: dict[str, Any]) -> None:
    """The fingerprint is computed here: it is what the person compares."""
    from hashlib import sha256

    if sha256(one["key"].encode()).hexdigest()[:16] != one["fingerprint"]:
        raise Tampered("the fingerprint shown is not that of the passkey's key", cure="standwatch verify")


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
        return "waits: standwatch passkey sign"
    return one["state"] + (f", doubted at {one['doubted']}: a copy?" if one["doubted"] >= 0 else "")


VERBS = (
    Verb(
        "passkey",
        "List passkeys, vouch for one that was made in the console, or end one.",
        "standwatch passkey sign 3f9a1c20 --key ~/.config/standwatch/key.pem",
        _arguments,
        passkey,
    ),
)
