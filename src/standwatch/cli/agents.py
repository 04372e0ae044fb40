"""`agent add|revoke|list`: who may call, with which token."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from standwatch.cli.moments import instant, now
from standwatch.cli.show import out, say, table, visible, when
from standwatch.cli.verbs import DONE, Verb, common
from standwatch.cli.wire import Server, organisation, segment


def _arguments(parser: ArgumentParser) -> None:
    acts = parser.add_subparsers(dest="act", required=True, metavar="add|revoke|list")
    added = acts.add_parser("add", help="a new principal; its token is shown once", parents=[common()])
    added.add_argument(
        "name", metavar="NAME", help="the agent's name; for --role human a person's id or address"
    )
    added.add_argument(
        "--system", action="append", default=[], metavar="SYSTEM", help="a system it may use (repeatable)"
    )
    added.add_argument("--role", choices=("agent", "service", "human"), default="agent")
    added.add_argument(
        "--service", dest="role", action="store_const", const="service", help="the same as --role service"
    )
    added.add_argument(
        "--starts",
        action="store_true",
        help="it may open runs with a task: for the harness, never for a model",
    )
    added.add_argument("--until", default="", metavar="TIME", help="when its token ends: 90d, 2027-01-01, …")
    revoked = acts.add_parser(
        "revoke", help="end its token, and cut what it has in flight", parents=[common()]
    )
    revoked.add_argument("name", metavar="NAME")
    acts.add_parser("list", help="every principal with a token", parents=[common()])


def agent(given: Namespace) -> int:
    """Add, revoke or list principals."""
    server = Server(organisation(given.org))
    match given.act:
        case "add":
            return _add(server, given)
        case "revoke":
            found = server.post(f"/agents/{segment(given.name)}/revoke")
            out(found) if given.json else say(visible(found["text"]))
        case _:
            _list(server, given)
    return DONE


def _add(server: Server, given: Namespace) -> int:
    order = {
        "name": given.name,
        "systems": given.system,
        "starts": given.starts,
        "until": instant(given.until) if given.until else 0,
        "role": given.role,
    }
    found = server.post("/agents", order)
    if given.json:
        out(found)
        return DONE
    until = f" until {when(found['until'])}" if found["until"] else ""
    say(found["token"])
    say(
        f"  the token of {visible(found['name'])}{until}; it is not shown again",
        f"  to end it: standwatch agent revoke {visible(found['name'])}",
    )
    return DONE


def _list(server: Server, given: Namespace) -> None:
    found = server.get("/agents")
    if given.json:
        out(found)
        return
    table(
        ("name", "role", "systems", "state"),
        [
            (one["name"], one["role"], ", ".join(one["systems"]), _state(one["revoked"], one["until"]))
            for one in found
        ],
    )


def _state(revoked: bool, until: int) -> str:
    if revoked:
        return "revoked"
    if until:
        return f"{'ended' if until <= now() else 'until'} {when(until)}"
    return "valid"


VERBS = (
    Verb(
        "agent",
        "Add, revoke or list the agents, services and people that hold tokens.",
        "standwatch agent add invoices-bot --system payments-agent --until 90d",
        _arguments,
        agent,
    ),
)
