"""`validate`: a validator's signed statement about a system as it stands now, or with another version in front."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from standwatch.cli import signing
from standwatch.cli.moments import instant
from standwatch.cli.show import out, people, say, visible, when
from standwatch.cli.verbs import DONE, Verb
from standwatch.cli.wire import Server, organisation, segment
from standwatch.facts.errors import Malformed


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("system", metavar="SYSTEM")
    parser.add_argument(
        "--until", required=True, metavar="TIME", help="after this it counts no more: 90d, 2027-01-01, …"
    )
    parser.add_argument("--outcome", choices=("pass", "conditions", "reject"), default="pass")
    parser.add_argument(
        "--version", default="", metavar="V", help="about a version of a model before it is deployed"
    )
    parser.add_argument("--model", default="", metavar="M", help="which, where the system has several")
    parser.add_argument("--report", default="", metavar="DIGEST", help="SHA-256 of your report, hexadecimal")
    signing.arguments(parser)


def validate(given: Namespace) -> int:
    """Sign what you found about the envelope and components that are declared now."""
    from standwatch.facts.parts import evidence_bytes
    from standwatch.keys import ed25519

    report = _digest(given.report)
    until = instant(given.until)
    server = Server(organisation(given.org))
    about = {"version": given.version, "model": given.model if given.version else ""}
    statement = server.get(f"/systems/{segment(given.system)}/statement", **about)
    if not given.json:
        _show(statement, given.outcome, until)
    signing.confirm(given, f"Sign {given.outcome}?")
    key = signing.load_key(given)
    public = ed25519.public(key)
    person = signing.whose(server, public, given.by)
    message = evidence_bytes(
        by=person["id"],
        components=statement["components"],
        envelope=statement["envelope"],
        follows=statement["follows"],
        org=statement["org"],
        outcome=given.outcome,
        report=report,
        system=given.system,
        until=until,
    )
    order = {
        "outcome": given.outcome,
        "until": until,
        "by": person["id"],
        "key": public,
        "sig": ed25519.sign(key, message),
        "report": report,
        **about,
    }
    found = server.post(f"/systems/{segment(given.system)}/evidence", order)
    out(found) if given.json else say(visible(found["text"]))
    return DONE


def _digest(text: str) -> str:
    digest = text.removeprefix("sha256:").lower()
    if digest and (len(digest) != 64 or set(digest) - set("0123456789abcdef")):
        raise Malformed(
            "a report is named by its SHA-256: 64 hexadecimal digits",
            code="bad_digest",
            cure="sha256sum REPORT",
        )
    return digest


def _show(statement: dict[str, Any], outcome: str, until: int) -> None:
    say(f"{visible(statement['system'])}, tier {statement['tier']}: wants {statement['demands']}")
    if statement["version"]:
        say(f"  about version {visible(statement['version'])}, as if it were in front")
    say(f"  envelope    {statement['envelope']}", f"  components  {statement['components']}")
    say(f"  may validate: {visible(people(statement['validators'], {}))}")
    say(f"  {outcome} until {when(until)}")


VERBS = (
    Verb(
        "validate",
        "Sign what you, its validator, found about a system as it stands now.",
        "standwatch validate payments-agent --until 90d --outcome pass",
        _arguments,
        validate,
    ),
)
