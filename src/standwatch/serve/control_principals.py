"""Who may call: entries that add a principal, give a human a token, or take either away."""

import re
from typing import Final

import msgspec

from standwatch.facts.configuration import Configuration
from standwatch.facts.entries import Principal
from standwatch.facts.errors import Conflict, Malformed, NotFound
from standwatch.fronts.control_ports import AgentLine, AgentOrder
from standwatch.record.state import State
from standwatch.serve.control_evidence import standing_of
from standwatch.serve.control_people import resolve

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


def lines(state: State) -> tuple[AgentLine, ...]:
    """Every principal that holds or held a token, by name."""
    return tuple(
        AgentLine(name, one.role, tuple(one.systems), one.starts, one.at, one.until, one.revoked)
        for name, one in sorted(state.principals.items())
        if one.role != "human" or one.token
    )


def added(order: AgentOrder, by: str, digest: str, state: State, configuration: Configuration) -> Principal:
    """The entry that gives a principal the token with hash `digest`. Raises `Malformed`, `NotFound` or `Conflict`."""
    if order.role == "human":
        return _human(order, by, digest, state, configuration)
    if order.role not in ("agent", "service"):
        raise Malformed(f"{order.role!r} is no role: expected agent, service or human")
    if not _NAME.fullmatch(order.name) or configuration.person(order.name):
        raise Malformed(
            f"{order.name[:80]!r} is no name for an agent: lower-case letters, digits, . _ -, at most 63, nobody's id",
            cure="standwatch agent add invoices-bot --system NAME",
        )
    known = state.principals.get(order.name)
    if known is not None and (not known.revoked or known.role == "human"):
        raise Conflict(f"{order.name} is there already", cure=f"standwatch agent revoke {order.name}")
    if not order.systems:
        raise Malformed("an agent needs a system", cure=f"standwatch agent add {order.name} --system NAME")
    for system in order.systems:
        standing_of(system, state)
    return Principal(
        by=by,
        name=order.name,
        role=order.role,
        systems=list(dict.fromkeys(order.systems)),
        token=digest,
        starts=order.starts,
        until=order.until,
    )


def _human(order: AgentOrder, by: str, digest: str, state: State, configuration: Configuration) -> Principal:
    """A human keeps the keys that the configuration gave them."""
    person = resolve(configuration, order.name)
    if person is None:
        raise NotFound(f"{order.name} is nobody of standwatch.yaml", cure="standwatch check")
    known = state.principals.get(person.id)
    base = known or Principal(by="", name=person.id, role="human", keys=list(person.keys))
    return msgspec.structs.replace(base, at=0, by=by, token=digest, until=order.until, revoked=False)


def revoked(name: str, by: str, state: State) -> Principal:
    """The entry that ends a credential. A human loses the token and keeps the keys: those are the configuration's."""
    known = state.principals.get(name)
    if known is None or known.revoked or (known.role == "human" and not known.token):
        raise NotFound(f"no principal {name} has a token", cure="standwatch agent list")
    if known.role == "human":
        return msgspec.structs.replace(known, at=0, by=by, token="")
    return msgspec.structs.replace(known, at=0, by=by, revoked=True)
