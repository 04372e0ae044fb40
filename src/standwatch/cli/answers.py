"""`approve` and `refuse`: the whole action is shown, then signed, byte for byte."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from typing import Any

from standwatch.cli import signing
from standwatch.cli.show import out, paint, people, say, visible, when
from standwatch.cli.verbs import DONE, Verb
from standwatch.cli.wire import Server, organisation, segment
from standwatch.facts.errors import NotFound, Tampered
from standwatch.facts.short_words import short_words


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="the action's id, from status")
    signing.arguments(parser)


def _approving(parser: ArgumentParser) -> None:
    _arguments(parser)
    parser.add_argument(
        "--endorse",
        default="",
        metavar="ARGUMENT",
        help="vouch for the value of ARGUMENT in this run, instead of approving this one call",
    )


def approve(given: Namespace) -> int:
    """Sign that exactly this action may be carried out, once; or vouch for one value of it, for its run."""
    return _endorse(given) if given.endorse else _answer(given, "approve")


def refuse(given: Namespace) -> int:
    """Sign that this action may not be carried out."""
    return _answer(given, "refuse")


def _answer(given: Namespace, decision: str) -> int:
    from standwatch.cli import keeping
    from standwatch.facts.parts import approval_bytes
    from standwatch.keys import ed25519

    server = Server(organisation(given.org))
    sheet = server.get(f"/questions/{segment(given.id)}")
    question, digest = sheet["question"], checked(sheet)
    if not given.json:
        show(sheet, digest)
    signing.confirm(given, f"{decision} this action?")
    key = signing.load_key(given)
    public = ed25519.public(key)
    person = signing.whose(server, public, given.by)
    head = keeping.head(keeping.latest(server))
    message = approval_bytes(
        asked=question["index"],
        by=person["id"],
        decision=decision,
        digest=digest,
        flag=question.get("flag", ""),
        head=head,
        org=sheet["org"],
        until=question["until"],
    )
    order = {"decision": decision, "until": question["until"], "sig": ed25519.sign(key, message)}
    return _send(given, server, order | {"by": person["id"], "key": public, "head": head}, digest)


def _endorse(given: Namespace) -> int:
    """Vouch for a value: the whole action is shown all the same."""
    from standwatch.cli import keeping
    from standwatch.facts.parts import endorsement_bytes
    from standwatch.keys import ed25519

    server = Server(organisation(given.org))
    sheet = server.get(f"/questions/{segment(given.id)}")
    question, digest = sheet["question"], checked(sheet)
    offer = _offered(sheet, given.endorse)
    if not given.json:
        show(sheet, digest)
    value = json.dumps(json.loads(sheet["action"])["arguments"][given.endorse], ensure_ascii=False)
    asked = f"vouch for {given.endorse} = {value} in run {offer['run']}, until {when(offer['until'])}?"
    signing.confirm(given, asked)
    key = signing.load_key(given)
    public = ed25519.public(key)
    person = signing.whose(server, public, given.by)
    head = keeping.head(keeping.latest(server))
    message = endorsement_bytes(
        argument=given.endorse,
        asked=question["index"],
        by=person["id"],
        digest=offer["digest"],
        flag=question.get("flag", ""),
        head=head,
        org=sheet["org"],
        run=offer["run"],
        until=offer["until"],
    )
    order = {"decision": "endorse", "argument": given.endorse, "until": offer["until"]}
    order |= {"by": person["id"], "key": public, "sig": ed25519.sign(key, message), "head": head}
    return _send(given, server, order, offer["digest"])


def _offered(sheet: dict[str, Any], argument: str) -> dict[str, Any]:
    """What is said of the value, compared with the action that is shown. Raises `NotFound`, `Tampered`."""
    from standwatch.facts.parts import value_digest

    found = {one["argument"]: one for one in sheet.get("endorsable", ())}
    if argument not in found:
        raise NotFound(
            f"no value of {argument} can be vouched for; that can be: {', '.join(found) or 'none'}",
            code="not_endorsable",
            cure=f"standwatch approve {sheet['question']['id']}",
        )
    offer, action = found[argument], str(sheet["action"]).encode()
    if value_digest(action, argument) != offer["digest"] or json.loads(action)["run"] != offer["run"]:
        raise Tampered("what is offered is not a value of the action that is shown", cure="standwatch verify")
    return offer


def _send(given: Namespace, server: Server, order: dict[str, Any], digest: str) -> int:
    found = server.post(f"/questions/{segment(given.id)}/answer", order)
    told = found | {"digest": digest, "head": order["head"]}
    out(told) if given.json else say(visible(found["text"]))
    return DONE


def checked(sheet: dict[str, Any]) -> str:
    """The digest of the action shown, computed here. Raises `Tampered` where it is not the one asked about."""
    from standwatch.facts.canonical import canonical, parse
    from standwatch.facts.parts import action_digest

    data = str(sheet["action"]).encode()
    action, question = parse(data), sheet["question"]
    told = {"id": question["id"], "system": question["system"], "tool": question["tool"], "org": sheet["org"]}
    if (
        canonical(action) != data
        or action_digest(data) != question["digest"]
        or any(action.get(name) != value for name, value in told.items())
    ):
        raise Tampered(
            f"what is shown of {question['id']} is not the action that was asked about",
            cure="standwatch verify",
        )
    return question["digest"]


def show(sheet: dict[str, Any], digest: str) -> None:
    """The action whole: nothing left out, nothing summed up, what cannot be seen made visible."""
    question, names = sheet["question"], sheet["names"]
    action = json.loads(sheet["action"])
    about: dict[str, Any] = sheet.get("around") or {}
    if isinstance(action.get("arguments"), dict):
        action["arguments"] = _ordered(action["arguments"], about.get("first", ()))
    asked = f"of {question['system']}, asked by {question['by']} {when(question['at'])}"
    say(f"{paint(visible(question['tool']), 'bold')}  {visible(asked)}")
    say(f"open until {when(question['until'])}; {visible(progress(question, names))}")
    if question.get("held"):
        say(paint(stopped(question["held"]), "bad"))
    say("")
    for line in json.dumps(action, ensure_ascii=False, indent=2).splitlines():
        say("  " + _marked(line))
    say(
        "",
        f"sha256 {digest}",
        f"words  {short_words(digest)}   the agent's answer and the page show the same",
    )
    _around(about)
    for one in sheet.get("endorsable", ()):
        told = f"vouched for by {people(one['by'], names)}" if one["by"] else "nobody vouches for it yet"
        say(visible(f"or vouch for {one['argument']} in this run ({told}):"))
        say(visible(f"  standwatch approve {question['id']} --endorse {one['argument']}"))
    for finding in sheet["findings"].get("findings", ()):
        if finding.get("decision", "allow") != "allow" and finding.get("reached", True):
            say(f"why: {visible(finding['check'])}: {visible(finding.get('reason', ''))}")


def _ordered(arguments: dict[str, Any], first: Sequence[str]) -> dict[str, Any]:
    """What says what is done before the rest of it."""
    return {name: arguments[name] for name in (*first, *arguments) if name in arguments}


def progress(question: dict[str, Any], names: dict[str, str]) -> str:
    """Who may answer, how many of them must, and who has."""
    who = people(question["signers"], names)
    if question.get("quorum", 1) == 1:
        return f"may answer: {who}"
    order = ", in this order" if question["ordered"] else ""
    done = people(question["approved"], names) if question["approved"] else "nobody yet"
    return f"{question['quorum']} must approve{order}, of: {who}; has: {done}"


def stopped(held: Sequence[int]) -> str:
    """That holds fall on what is asked about, by their numbers (-1: one that is not in the record yet)."""
    numbers = ", ".join(f"hold {one}" if one >= 0 else "a hold not recorded yet" for one in held)
    return (
        f"held ({numbers}): nothing is carried out until {'it is' if len(held) == 1 else 'they are'} released"
    )


def _around(about: dict[str, Any]) -> None:
    """What is not signed and worth knowing: the task, where values come from, what was refused before."""
    run = about.get("run", {})
    if run.get("told") == "present":
        say(f"task: {visible(run['task'])}")
    for one in about.get("origins", ()):
        seen = ", ".join(f"{place['tool']} (entry {place['index']})" for place in one["seen"])
        source = "told by the hook" if one["source"] == "hook" else one["source"]
        say(visible(f"from: {one['pointer']} is {source}{f', seen in {seen}' if seen else ''}"))
    for one in about.get("earlier", ()):
        code = f", {one['code']}" if one["code"] else ""
        say(visible(f"before: {one['what']} {one['tool']}{code}, entry {one['index']}"))


def _marked(line: str) -> str:
    shown = visible(line)
    return shown if shown == line else paint(shown, "warn")


VERBS = (
    Verb(
        "approve",
        "Show an action that waits, whole, and sign that it may be carried out once.",
        "standwatch approve 0f5c2m7k1v8e3a9q4t6w2x0y5z --key ~/.config/standwatch/key.pem",
        _approving,
        approve,
    ),
    Verb(
        "refuse",
        "Show an action that waits, whole, and sign that it may not be.",
        "standwatch refuse 0f5c2m7k1v8e3a9q4t6w2x0y5z --yes",
        _arguments,
        refuse,
    ),
)
