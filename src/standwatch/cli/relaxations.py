"""`relax`, `restore`, `relaxations`: one named check bypassed for a while, its end, and how long checks were."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from standwatch.cli import signing
from standwatch.cli.moments import before, instant, utc
from standwatch.cli.show import advise, out, paint, people, row, say, table, title, visible, when
from standwatch.cli.verbs import DONE, NO, Verb
from standwatch.cli.wire import Server, organisation, segment
from standwatch.facts.errors import Malformed, NotFound, Tampered


def _relax_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("check", metavar="CHECK", nargs="?", default="", help="provenance, policy, limits, …")
    parser.add_argument("--system", required=True, metavar="S")
    parser.add_argument("--until", default="", metavar="TIME", help="when it ends by itself: 30m, 2h, …")
    parser.add_argument("--reason", default="", help="why; sealed beside the entry, and signed")
    parser.add_argument(
        "--compensating",
        default="",
        metavar="C",
        help="what stands in: step_up, limits, provenance, policy, per_run:N or per_day:N",
    )
    for kind, text in (
        ("tool", "SERVER.TOOL"),
        ("agent", "NAME"),
        ("run", "ID"),
    ):
        parser.add_argument(
            f"--{kind}", dest=f"on_{kind}", default="", metavar=text, help=f"on this {kind} only"
        )
    parser.add_argument("--sign", default="", metavar="ID", help="sign one that waits for your signature")
    signing.arguments(parser)


def relax(given: Namespace) -> int:
    """Sign that one check may be bypassed for a while. Ends with 1 where another signature is wanted."""
    server = Server(organisation(given.org))
    report = server.get(f"/systems/{segment(given.system)}/relaxations")
    found = _sign(given, server, report) if given.sign else _order(given, server, report)
    if given.json:
        out(found)
    else:
        say(visible(found["text"]))
        if found["result"] == "waits":
            advise("for the other person", f"standwatch relax --system {given.system} --sign {found['id']}")
        else:
            advise(f"until {when(found['until'])}; to end it", f"standwatch restore {found['index']}")
    return DONE if found["result"] == "in_force" else NO


def _order(given: Namespace, server: Server, report: dict[str, Any]) -> dict[str, Any]:
    import secrets

    from standwatch.facts.parts import commitment

    if not (given.check and given.until and given.compensating and given.reason.strip()):
        raise Malformed("relax takes CHECK, --until, --reason and --compensating, or --sign ID")
    salt, reason = secrets.token_bytes(32), given.reason.strip()
    terms = {
        "check": given.check,
        "compensating": given.compensating,
        "envelope": report["envelope"],
        "follows": report["follows"],
        "org": report["org"],
        "scope": _scope(given),
        "system": given.system,
        "until": instant(given.until),
        "why": commitment(salt, reason.encode()),
    }
    person, signature = _signed(given, server, report, terms, reason)
    order = {name: terms[name] for name in ("check", "compensating", "follows", "scope", "until")}
    order |= {"reason": reason, "salt": salt.hex(), "by": person, "signature": signature}
    return server.post(f"/systems/{segment(given.system)}/relaxations", order)


def _sign(given: Namespace, server: Server, report: dict[str, Any]) -> dict[str, Any]:
    from standwatch.facts.parts import commitment

    waiting = next((one for one in report["waiting"] if one["id"] == given.sign), None)
    if waiting is None:
        raise NotFound(
            f"no relaxation {given.sign[:40]} of {given.system} waits",
            cure=f"standwatch relaxations {given.system}",
        )
    if commitment(bytes.fromhex(waiting["salt"]), waiting["reason"].encode()) != waiting["why"]:
        raise Tampered("the reason shown is not the one that would be signed", cure="standwatch verify")
    names = ("check", "compensating", "envelope", "follows", "org", "scope", "system", "until", "why")
    terms = {name: waiting[name] for name in names}
    person, signature = _signed(given, server, report, terms, waiting["reason"])
    return server.post(
        f"/relaxations/{segment(given.sign)}/signatures", {"by": person, "signature": signature}
    )


def _signed(
    given: Namespace, server: Server, report: dict[str, Any], terms: dict[str, Any], reason: str
) -> tuple[str, str]:
    """Show what is about to be signed, whole; then who signs, and the signature."""
    from standwatch.facts.parts import relaxation_bytes
    from standwatch.keys import ed25519

    if not given.json:
        _show(terms, reason, report)
    signing.confirm(given, f"Bypass {terms['check']}?")
    key = signing.load_key(given)
    person = signing.whose(server, ed25519.public(key), given.by)["id"]
    return person, ed25519.sign(key, relaxation_bytes(by=person, **terms))


def _show(terms: dict[str, Any], reason: str, report: dict[str, Any]) -> None:
    say(
        f"{paint(visible(terms['check']), 'bold')} on {visible(terms['scope'])} of {visible(terms['system'])}"
    )
    say(f"  until {when(terms['until'])}; {visible(terms['compensating'])} stands in")
    say(f"  because {visible(reason)}")
    for one in report["checks"]:
        if one["check"] == terms["check"]:
            say(f"  signed by {one['wanted']}; at most {one['longest'] // 60} min")


def _scope(given: Namespace) -> str:
    named = [f"{kind}:{name}" for kind in ("tool", "agent", "run") if (name := getattr(given, f"on_{kind}"))]
    if len(named) > 1:
        raise Malformed("a relaxation has one scope: a tool, an agent, a run, or the system")
    return named[0] if named else f"system:{given.system}"


def _restore_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="the relaxation's number, from relax, relaxations or status")
    parser.add_argument("--reason", default="", help="why; nobody asks for one")


def restore(given: Namespace) -> int:
    """End a relaxation now: one act, no approval."""
    found = Server(organisation(given.org)).post(
        f"/relaxations/{segment(given.id)}/restore", {"reason": given.reason}
    )
    out(found) if given.json else say(visible(found["text"]))
    return DONE


def _relaxations_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("system", metavar="SYSTEM", nargs="?", default="", help="none: what is relaxed now")
    parser.add_argument("--since", default="", metavar="TIME", help="7d, 12h, or a time (default: 30d)")


def relaxations(given: Namespace) -> int:
    """What is bypassed now; of one system also its minutes in bypass, and what may be relaxed by whom."""
    server = Server(organisation(given.org))
    if given.system:
        since = utc(before(given.since)) if given.since else ""
        found = server.get(f"/systems/{segment(given.system)}/relaxations", since=since)
        out(found) if given.json else _tell(found)
        return DONE
    found = server.get("/relaxations")
    if given.json:
        out(found)
        return DONE
    for one in found:
        _line(one, {})
    if not found:
        say("nothing is relaxed")
    return DONE


def _tell(found: dict[str, Any]) -> None:
    names: dict[str, str] = found["names"]
    spent = ", ".join(f"{check} {micros / 60e6:.1f} min" for check, micros in found["bypass"].items())
    say(
        f"{paint(visible(found['system']), 'bold')}  in bypass since {when(found['since'])}: {spent or 'never'}"
    )
    if found["relaxations"]:
        title("relaxations")
        for one in found["relaxations"]:
            _line(one, names)
    for one in found["waiting"]:
        say(
            f"waits for a signature: {visible(one['check'])} on {visible(one['scope'])}, {visible(one['wanted'])}"
        )
        advise(f"signed by {visible(people(one['signed'], names))}", one["sign"])
    title("may be relaxed")
    rows = [(one["check"], _longest(one["longest"]), one["wanted"]) for one in found["checks"]]
    table(("check", "at most", "signed by"), rows)


def _longest(seconds: int) -> str:
    return f"{seconds // 60} min" if seconds else "not here"


def _line(one: dict[str, Any], names: dict[str, str]) -> None:
    word = "relaxed" if one["counts"] else "over"
    ended = f"ended by {people([one['restored']], names)}" if one["restored"] else f"until {when(one['end'])}"
    row(
        word,
        "supervised" if one["counts"] else "dim",
        f"{one['check']} on {one['scope']}",
        f"{one['system']}, relaxation {one['id']}",
        ended,
        f"signed by {people(one['signed'], names)}",
    )
    advise(f"{one['compensating']} stands in: {one['reason'] or 'no reason is kept'}", one["restore"])


VERBS = (
    Verb(
        "relax",
        "Bypass one named check for a while, signed, while something else stands in for it.",
        "standwatch relax provenance --system payments-agent --tool bank.send_money --until 30m "
        "--compensating step_up --reason 'invoices come in another format today'",
        _relax_arguments,
        relax,
    ),
    Verb(
        "restore",
        "End a relaxation now. Needs no approval.",
        "standwatch restore 17",
        _restore_arguments,
        restore,
    ),
    Verb(
        "relaxations",
        "What is bypassed now, and how long each check of a system was.",
        "standwatch relaxations payments-agent --since 7d",
        _relaxations_arguments,
        relaxations,
    ),
)
