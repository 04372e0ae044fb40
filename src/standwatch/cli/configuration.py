"""`check`, `sign-config`, `observe`: the organisation's text, before and while it has force."""

from __future__ import annotations

import re
from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from standwatch.cli import signing
from standwatch.cli.moments import instant, now
from standwatch.cli.show import advise, out, paint, say, visible, when
from standwatch.cli.verbs import DONE, Verb, nothing
from standwatch.cli.wire import Server, Unreachable, organisation
from standwatch.facts.errors import Conflict, Malformed, NotFound, StandwatchError

if TYPE_CHECKING:
    from standwatch.declare.configuration import Declared
    from standwatch.facts.configuration import Configuration, Manifest, System


def read(org: Path) -> Declared:
    """What the folder declares. Raises `Misconfigured` with every problem."""
    from standwatch.declare.configuration import declare
    from standwatch.store.folder import read_folder

    return declare(read_folder(org))


def check(given: Namespace) -> int:
    """Read the whole folder; say every problem, and what stands between it and production."""
    from standwatch.store.artifacts import artifact_doubts

    found = read(Path(given.org))
    gaps = [*production(found.configuration)]
    warnings = (*found.warnings, *artifact_doubts(Path(given.org), found.configuration))
    if given.json:
        out({"root": found.configuration.root, "warnings": warnings, "before_production": gaps})
        return DONE
    say(
        f"{paint('good', 'good')}: {len(found.configuration.systems)} systems, root {found.configuration.root}"
    )
    say(*(paint(visible(warning), "warn") for warning in warnings))
    if gaps:
        say("before production:", *(f"  {visible(gap)}" for gap in gaps))
    return DONE


def production(configuration: Configuration) -> list[str]:
    """What stands between this organisation and production, a sentence each."""
    organisation_ = configuration.organisation
    gaps = (
        ["development: true skips signatures and reaches no tier above 1"]
        if organisation_.development
        else []
    )
    if not organisation_.public_url.startswith("https://"):
        gaps.append(f"public_url {organisation_.public_url} is not https")
    if not any("admin" in person.roles and person.keys for person in organisation_.people):
        gaps.append("no admin has a key, so nobody can sign a widening: standwatch key new")
    for name, system in sorted(configuration.systems.items()):
        gaps += [f"{name}: {gap}" for gap in _system_gaps(configuration, system)]
    return gaps


def _system_gaps(configuration: Configuration, system: System) -> list[str]:
    manifest, gaps = system.manifest, list[str]()
    roles = (
        ("owner", manifest.owner),
        ("halt_authority", manifest.halt_authority),
        ("validator", manifest.validator),
    )
    gaps += [f"its {role} is nobody" for role, people in roles if not people]
    if manifest.validator and set(manifest.validator) <= set(manifest.owner):
        gaps.append("its owner is its only validator")
    keyed = {person.id for person in configuration.organisation.people if person.keys}
    gaps += _answering_gaps(manifest, keyed)
    if manifest.validator and not keyed & set(manifest.validator):
        gaps.append("its validator has no key")
    if unlocked := sorted(manifest.described - system.lock.tools.keys()):
        gaps.append(f"not accepted: {', '.join(unlocked)} (standwatch accept {manifest.system})")
    gaps += [
        f"{one.name} is started without a sandbox" for one in manifest.components if one.sandbox == "none"
    ]
    if manifest.observe_until > now():
        gaps.append(f"observed, not enforced, until {when(manifest.observe_until)}")
    return gaps


def _answering_gaps(manifest: Manifest, keyed: set[str]) -> list[str]:
    """Questions that could be asked and not answered, for want of keys."""
    gaps: dict[str, None] = {}
    for name in ("", *manifest.tools):
        answering = manifest.answering(name)
        able = len(keyed & set(answering.by))
        if answering.by and not able:
            gaps["nobody who may answer its questions has a key"] = None
        elif able < answering.quorum and answering.by:
            what = f" of {name}" if name and manifest.tools[name].approvals else ""
            said = f"{answering.quorum} people must approve{what}; keys here: {able} of them (passkeys count too)"
            gaps[said] = None
    return list(gaps)


# --- sign-config -----------------------------------------------------------------------------------------------


def sign_config(given: Namespace) -> int:
    """Sign a configuration that widens what is allowed: what differs is shown first."""
    from standwatch.facts.parts import config_bytes
    from standwatch.keys import ed25519

    org = organisation(given.org)
    server = Server(org)
    waiting = server.get("/configuration")
    if waiting["result"] != "waits":
        raise NotFound(
            "no configuration waits for a signature", code="nothing_waits", cure="standwatch check"
        )
    mine = read(org).configuration.root
    if mine != waiting["root"]:
        raise Conflict(
            f"what waits ({waiting['root'][:16]}) is not what lies in {org} ({mine[:16]})",
            cure="standwatch check, then try again: the server reads the folder once a second",
        )
    if not given.json:
        _show(waiting)
    signing.confirm(given, "Sign this configuration?")
    key = signing.load_key(given)
    public = ed25519.public(key)
    person = signing.whose(server, public, given.by)
    message = config_bytes(
        by=person["id"], follows=waiting["follows"], org=waiting["org"], root=waiting["root"]
    )
    order = {"by": person["id"], "root": waiting["root"], "sig": ed25519.sign(key, message)}
    tell(server.post("/configuration/signatures", order), as_json=given.json)
    return DONE


def _show(waiting: dict[str, Any]) -> None:
    say(f"root {waiting['root']}, {waiting['direction']} than what is in force:")
    say(*(f"  {visible(line)}" for line in waiting["differences"]))


def tell(adopted: dict[str, Any], *, as_json: bool) -> None:
    """What became of a configuration."""
    if as_json:
        out(adopted)
        return
    match adopted["result"]:
        case "in_force":
            say(
                f"configuration {adopted['root'][:16]} is {paint('in force', 'good')} ({adopted['direction']})"
            )
        case "waits":
            say(
                f"configuration {adopted['root'][:16]} is {adopted['direction']} and {paint('waits', 'warn')}:"
            )
            for one in adopted["needed"]:
                advise(f"{one['why']}: {', '.join(one['any_of']) or 'nobody can'}", "standwatch sign-config")
        case "refused":
            say(
                paint("refused; the configuration in force stays:", "bad"), *map(visible, adopted["problems"])
            )
        case _:
            say(f"configuration {adopted['root'][:16]} is in force, unchanged")


def reload(org: Path, *, as_json: bool) -> None:
    """Have the running server take up the folder now; silent where none runs."""
    try:
        adopted = Server(org).post("/configuration/reload")
    except Unreachable:
        if not as_json:
            say("no server runs; it takes force when one does")
        return
    if not as_json:
        tell(adopted, as_json=False)


# --- observe -----------------------------------------------------------------------------------------------------

_OBSERVE = re.compile(r"^observe:[^\n]*\n?(?:[ \t]+[^\n]*\n?)*", re.MULTILINE)


def _observe_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("system", metavar="SYSTEM")
    parser.add_argument(
        "--until", required=True, metavar="TIME", help="it ends by itself: 14d, 2026-12-01, …"
    )


def observe(given: Namespace) -> int:
    """Write `observe` into a system's manifest. Widening, so it takes force as any widening does."""
    org = organisation(given.org)
    until = instant(given.until) // 60_000_000 * 60_000_000
    if until <= now():
        raise Malformed("observation ends in the future", code="bad_until")
    before = read(org).configuration
    if given.system not in before.systems:
        known = ", ".join(sorted(before.systems)) or "none"
        raise NotFound(f"no manifest declares {given.system}; declared: {known}")
    path = org / "systems" / f"{given.system}.yaml"
    text = path.read_text(encoding="utf-8")
    changed = observed(text, until)
    _require_same_but(org, path, changed, given.system, until)
    replace(path, changed)
    if not given.json:
        say(f"{given.system} is observed until {when(until)}:")
        advise("policy, provenance, content and grant are judged and recorded, not enforced")
    reload(org, as_json=given.json)
    if given.json:
        out({"system": given.system, "until": until})
    return DONE


def observed(text: str, until: int) -> str:
    """The manifest `text` with `observe` set to end at `until` (µs, whole minutes)."""
    line = f"observe: {{until: {datetime.fromtimestamp(until / 1e6, UTC):%Y-%m-%dT%H:%M}Z}}\n"
    if _OBSERVE.search(text):
        return _OBSERVE.sub(line, text, count=1)
    return text.rstrip("\n") + "\n" + line


def _require_same_but(org: Path, path: Path, changed: str, system: str, until: int) -> None:
    """Refuse to write what does not read back as the same manifest but for `observe`."""
    from standwatch.declare.configuration import declare
    from standwatch.store.folder import read_folder

    files = read_folder(org)
    files[path.relative_to(org).as_posix()] = changed.encode()
    if declare(files).configuration.systems[system].manifest.observe_until != until:
        raise StandwatchError(
            f"{path} cannot be edited safely", cure=f"set observe: {{until: …}} in {path} by hand"
        )


def replace(path: Path, text: str) -> None:
    """Replace a file of the configuration whole: a server that reads meanwhile sees the old one or the new one."""
    draft = path.with_name(f".{path.name}.new")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


VERBS = (
    Verb(
        "check",
        "Read the configuration; say every problem at once.",
        "standwatch --org bank check",
        nothing,
        check,
    ),
    Verb(
        "sign-config",
        "Sign a changed configuration that waits because it widens.",
        "standwatch sign-config --key ~/.config/standwatch/key.pem",
        signing.arguments,
        sign_config,
    ),
    Verb(
        "observe",
        "Judge and record a system without enforcing, until a date.",
        "standwatch observe payments-agent --until 14d",
        _observe_arguments,
        observe,
    ),
)
