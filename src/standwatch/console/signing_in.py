"""Signing in, enrolling a passkey, and what one has open: `/signin`, `/enrol`, `/you`."""

from __future__ import annotations

from typing import Final

import msgspec

from standwatch.console.form import Act, Form, Onward
from standwatch.console.page import ANONYMOUS, Ask, Page
from standwatch.fronts.control_client import FORGET
from standwatch.fronts.control_passkeys import PasskeyEndOrder, PasskeyLine
from standwatch.fronts.control_sessions import InvitationOrder, SessionLine


class SignIn(msgspec.Struct, frozen=True):
    """`next` is a path of ours; `issuer` the host whose word is taken beside a passkey's, "" for none; `home` is the
    origin that passkeys are made for: opened by another name, this page says so."""

    next: str
    home: str
    issuer: str
    who: str
    undone: bool = False
    """Whether an act brought them here, and was not done."""


class Enrol(msgspec.Struct, frozen=True):
    """The page takes all that it shows from the link, which its script alone sees."""

    minutes: int


class You(msgspec.Struct, frozen=True):
    """One's own sessions and passkeys; `others` are everybody else's sessions, for who sees every system. `may_end`:
    whether those may be ended too."""

    ident: str
    name: str
    how: str
    sessions: tuple[SessionLine, ...]
    passkeys: tuple[PasskeyLine, ...]
    others: tuple[SessionLine, ...]
    may_end: bool


async def sign_in(ask: Ask) -> SignIn:
    """Who may sign in with what."""
    return SignIn(
        our_path(ask.query.get("next", "")),
        ask.ops.passkey_origin(),
        ask.ops.issuer_host(),
        "" if ask.who.ident == ANONYMOUS.ident else ask.who.name,
        bool(ask.query.get("undone", "")),
    )


async def enrol(_: Ask) -> Enrol:
    """The page of a link."""
    return Enrol(15)


async def you(ask: Ask) -> You:
    """What one has open."""
    sessions = await ask.ops.list_sessions(ask.who)
    page = await ask.ops.list_passkeys(ask.who)
    return You(
        ask.who.ident,
        ask.who.name,
        ask.who.how,
        tuple(one for one in sessions if one.person == ask.who.ident),
        tuple(one for one in page.passkeys if one.person == ask.who.ident),
        tuple(one for one in sessions if one.person != ask.who.ident),
        ask.who.admin,
    )


async def end_session(ask: Ask, _: Form) -> Onward:
    """End one of one's sessions; with the one that asks, its cookie goes."""
    name = ask.names["session"]
    await ask.ops.end_session(ask.who, name)
    if name in ("current", ask.who.session):
        return Onward("/signin", FORGET)
    return Onward("/you")


async def end_passkey(ask: Ask, _: Form) -> str:
    """End a passkey: one's own, in one act; an admin ends anybody's."""
    order = PasskeyEndOrder("ended from the console")
    await ask.ops.end_passkey(ask.who, ask.names["credential"], order)
    return "/you"


async def make_passkey(ask: Ask, _: Form) -> str:
    """A link for oneself, and there at once: its secret stands in the fragment, which goes to no server."""
    made = await ask.ops.invite(ask.who, InvitationOrder())
    return "/enrol#" + made.link.partition("#")[2]


def our_path(path: str) -> str:
    """`path` where it leads nowhere but to a page of ours; else `/`."""
    plain = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if plain and "\\" not in path and len(path) <= 2_000 else "/"


SIGN_IN = Page(
    "/signin", "signin", "Sign in", sign_in, query=("next", "undone"), past=False, public=True, halts=""
)
ENROL = Page("/enrol", "enrol", "Make a passkey", enrol, past=False, public=True, halts="")
YOU = Page("/you", "you", "You", you, past=False, menu="You", key="y")

ACCOUNT_ACTS: Final[tuple[Act, ...]] = (
    Act("/sessions/{session}/end", end_session),
    Act("/passkeys/{credential}/end", end_passkey),
    Act("/you/passkey", make_passkey),
)
