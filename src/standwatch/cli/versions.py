"""`versions`, `deploy`, `promote`, `rollback`: which version of a model answers, and taking it back."""

from __future__ import annotations

import re
import shlex
import sys
from argparse import ArgumentParser, Namespace
from typing import Any, Final

from standwatch.cli.show import advise, out, paint, row, say, table, title, visible, when
from standwatch.cli.verbs import DONE, Verb
from standwatch.cli.wire import Server, Unreachable, organisation, segment
from standwatch.facts.errors import Forbidden, Malformed, StandwatchError

_SHARE: Final = re.compile(r"([0-9]{1,2})(?:\.([0-9]{1,2}))?%")
_SHOWN: Final = 12


# --- looking ---------------------------------------------------------------------------------------------------------


def _versions_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("system", metavar="SYSTEM")
    parser.add_argument(
        "--at", default="", metavar="T", help="as of an entry's number, or a time: 2026-11-20T08:00Z"
    )


def versions(given: Namespace) -> int:
    """Which version of each model answers, since when, by whose act, and what it could go back to."""
    found = _of(Server(organisation(given.org)), given.system, given.at)
    if given.json:
        out(found)
        return DONE
    moment = f"as of {when(found['at'])} (entry {found['index']})" if found["past"] else when(found["at"])
    say(f"{paint(visible(found['system']), 'bold')}  {moment}")
    for one in found["models"]:
        _model(one, found["names"])
    if not found["models"]:
        say("no model is declared")
    return DONE


def _of(server: Server, system: str, at: str = "") -> dict[str, Any]:
    return server.get(f"/systems/{segment(system)}/versions", at=at)


def _model(one: dict[str, Any], names: dict[str, str]) -> None:
    title(one["model"])
    for place, version, more in _places(one, names):
        row(
            place,
            "good" if place == "serves" else "dim",
            f"{one['model']}@{version}" if version else "nothing",
            *more,
        )
    for pin in one["pinned"]:
        by = names.get(pin["by"], pin["by"])
        until = f", until {when(pin['until'])}" if pin["until"] else ""
        row("pinned", "halted", pin["scope"], f"hold {pin['hold']} by {by}, {when(pin['at'])}{until}")
        advise("nothing is deployed until it is released", f"standwatch release {pin['hold']} --reason …")
    for hold in one.get("held", []):
        by = names.get(hold["by"], hold["by"])
        row("held", "halted", hold["scope"], f"hold {hold['hold']} by {by}, {when(hold['at'])}")
        advise("it does not answer: its fallback does", f"standwatch release {hold['hold']} --reason …")
    for version in one["declared"]:
        state = "" if version["locked"] else "not accepted"
        row("declared", "dim", version["version"], version["digest"][:16], state, version["lacks"])
    for text in one["limits"]:
        advise(f"known limit: {text}")
    _changes(one["changes"], names)


def _places(one: dict[str, Any], names: dict[str, str]) -> list[tuple[str, str, tuple[str, ...]]]:
    by = names.get(one["by"], one["by"])
    since = f"since {when(one['since'])} (entry {one['entry']}), by {by}" if one["entry"] >= 0 else ""
    found: list[tuple[str, str, tuple[str, ...]]] = [("serves", one["version"], (one["digest"][:16], since))]
    if one["canary"]:
        found.append(("canary", one["canary"], (f"{one['share'] / 100:g} % of requests",)))
    if one["shadow"]:
        agreed = f"{one['agreed']} of {one['compared']} rows the same" if one["compared"] else "is not heard"
        found.append(("shadow", one["shadow"], (agreed,)))
    taken = one.get("taken_back", ())
    if previous := one.get("previous", ""):
        older = ", ".join(name for name in one["former"] if name not in (previous, *taken))
        warm = "kept warm" if one["warm"] else ""
        found.append(("previous", previous, (warm, f"before it: {older}" if older else "")))
    found += [("taken back", name, ("nobody goes back to it unasked",)) for name in taken]
    loaded = one.get("loaded", {})
    return [
        (what, version, (*more, "" if loaded.get(version, True) else "its server says it is not loaded"))
        for what, version, more in found
    ]


def _changes(changes: list[dict[str, Any]], names: dict[str, str]) -> None:
    if changes:
        say()
        heads = ("entry", "when", "what", "version", "by", "why")
        table(heads, [_change(one, names) for one in changes[:_SHOWN]])


def _change(one: dict[str, Any], names: dict[str, str]) -> tuple[str, ...]:
    share = f" {one['share'] / 100:g} %" if one["share"] else ""
    former = f" for {one['former']}" if one["former"] else ""
    by = names.get(one["by"], str(one["by"]))
    what, version = f"{one['mode']}{share}", f"{one['version']}{former}"
    return str(one["index"]), when(one["at"]), what, version, by, str(one["why"])


# --- forwards --------------------------------------------------------------------------------------------------------


def _deploy_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("system", metavar="SYSTEM")
    parser.add_argument("version", metavar="VERSION")
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--canary", default="", metavar="SHARE", help="before this part of the requests only: 5%%"
    )
    how.add_argument("--shadow", action="store_true", help="beside the version in front: it is not heard")
    how.add_argument("--end", action="store_true", help="take a canary or shadow VERSION off again")
    parser.add_argument("--reason", required=True, help="why; it stands in the record")
    _common(parser)


def _common(parser: ArgumentParser, *, acknowledge: bool = True) -> None:
    parser.add_argument("--model", default="", metavar="M", help="which, where the system has several")
    if acknowledge:
        parser.add_argument(
            "--acknowledge",
            default="",
            metavar="DIGEST",
            help="that you have read exactly these known limits",
        )


def deploy(given: Namespace) -> int:
    """Put a version in front. Shows the known limits, and records who acknowledged them."""
    share = _share(given.canary)
    mode = "shadow" if given.shadow else "end" if given.end else "canary" if share else "full"
    server = Server(organisation(given.org))
    heard = mode in ("full", "canary")
    order = {
        "version": given.version,
        "reason": given.reason,
        "model": given.model,
        "mode": mode,
        "share": share,
        "acknowledged": _acknowledged(given, server) if heard else "",
    }
    return _post(given, server, "deployments", order)


def _promote_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("system", metavar="SYSTEM")
    parser.add_argument("--reason", default="", help="why; it stands in the record")
    _common(parser)


def promote(given: Namespace) -> int:
    """Put the canary in front, as it runs."""
    server = Server(organisation(given.org))
    order = {
        "mode": "promote",
        "reason": given.reason,
        "model": given.model,
        "acknowledged": _acknowledged(given, server),
    }
    return _post(given, server, "deployments", order)


def _share(text: str) -> int:
    """`5%` in ten-thousandths; 0 for ""."""
    found = _SHARE.fullmatch(text)
    share = int(found[1]) * 100 + int((found[2] or "0").ljust(2, "0")) if found else 0
    if text and not share:
        raise Malformed(
            f"{text[:20]!r} is no share of requests: expected 0.01% to 99.99%, such as 5%", code="bad_share"
        )
    return share


def _acknowledged(given: Namespace, server: Server) -> str:
    """The digest of the known limits, once whoever deploys has read them. Raises `StandwatchError` where nobody did."""
    if given.acknowledge:
        return given.acknowledge
    models = [one for one in _of(server, given.system)["models"] if given.model in ("", one["model"])]
    if len(models) != 1 or not models[0]["acknowledge"]:
        return ""  # none to acknowledge, or the server says what is wrong
    known = models[0]
    lines = [f"known limits of {known['model']}:", *(f"  - {text}" for text in known["limits"])]
    print("\n".join(map(visible, lines)), file=sys.stderr)
    if given.json or not sys.stdin.isatty():
        raise StandwatchError(
            "whoever deploys acknowledges the known limits, and nobody can be asked here",
            code="limits_unacknowledged",
            cure=_again(given, known["acknowledge"]),
        )
    print("Deploy knowing this? Type yes: ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() != "yes":
        raise Forbidden("not acknowledged: nothing was deployed", code="limits_unacknowledged")
    return known["acknowledge"]


def _again(given: Namespace, digest: str) -> str:
    words = [given.verb, given.system, *([given.version] if given.verb == "deploy" else [])]
    for option in ("canary", "model", "reason"):
        value = getattr(given, option, "")
        words += [f"--{option}", value] if value else []
    return "standwatch " + shlex.join([*words, "--acknowledge", digest])


def _post(given: Namespace, server: Server, where: str, order: dict[str, Any]) -> int:
    found = server.post(f"/systems/{segment(given.system)}/{where}", order)
    if given.json:
        out(found)
        return DONE
    say(visible(found["text"]))
    for note in found["notes"]:
        say(paint(f"  {visible(note)}", "warn"))
    if found["release"]:
        say(f"  to deploy again: {found['release']}")
    return DONE


# --- backwards -------------------------------------------------------------------------------------------------------


def _rollback_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("system", metavar="SYSTEM")
    parser.add_argument(
        "--to", default="", metavar="V", help="a former version (default: the last that may serve)"
    )
    parser.add_argument("--reason", required=True, help="why; the next person on call reads it")
    _common(parser, acknowledge=False)


def rollback(given: Namespace) -> int:
    """Back to a former version: one act, no approval."""
    server = Server(organisation(given.org))
    order = {"to": given.to, "reason": given.reason, "model": given.model}
    try:
        return _post(given, server, "rollback", order)
    except Unreachable as error:
        cure = f"standwatch halt {shlex.quote(f'system:{given.system}')} --reason …   (works with the server down)"
        raise Unreachable(str(error), cure=cure) from None


VERBS = (
    Verb(
        "versions",
        "Which version of each model answers, since when, by whom; now or at any moment.",
        "standwatch versions mortgages --at 2026-11-20T08:00Z",
        _versions_arguments,
        versions,
    ),
    Verb(
        "deploy",
        "Put a version of a model in front, before a part of the requests, or beside it unheard.",
        "standwatch deploy mortgages 2 --canary 5% --reason 'retrained on October'",
        _deploy_arguments,
        deploy,
    ),
    Verb(
        "promote",
        "Put the canary in front.",
        "standwatch promote mortgages --reason 'a week without complaints'",
        _promote_arguments,
        promote,
    ),
    Verb(
        "rollback",
        "Take a model back to a former version now. Needs no approval; pins it until released.",
        "standwatch rollback mortgages --reason 'denies everybody since noon'",
        _rollback_arguments,
        rollback,
    ),
)
