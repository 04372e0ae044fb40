# ruff: noqa: E501 — a message is one line, here as on the terminal
"""`notify`: what a good section means, each mistake with its place, and that who is told permits nothing."""

from __future__ import annotations

import msgspec
import pytest

from docs.test_facts import rows
from standwatch.declare.configuration import Declared, declare
from standwatch.declare.narrowing import compare
from standwatch.facts.configuration import Configuration
from standwatch.facts.errors import Misconfigured
from standwatch.facts.notifying import EVENTS, Channel, Quiet, Route, Slack, Smtp, Webhook

HOOK = 'oncall: {webhook: "https://pager.example/x", secret_env: S}'


def organisation(notify: str, *, development: bool = False) -> Declared:
    text = "organisation: T\norigin: t.invalid/log\npublic_url: https://t.example\npeople: [{id: m, address: m@t.example}]\n"
    text += "groups: {night: [m@t.example]}\n" + ("development: true\n" if development else "")
    return declare({"standwatch.yaml": (text + notify).encode()})


def configuration(notify: str) -> Configuration:
    return organisation(notify).configuration


def test_everything_that_can_be_said() -> None:
    found = configuration(
        "notify:\n"
        "  channels:\n"
        f"    {HOOK}\n"
        "    room: {slack: '${ROOM}'}\n"
        "    mail: {smtp: {host: mail.example, from: w@t.example, to: [owner, night, a@t.example], port: 465, user_env: U, password_env: P}}\n"
        "  routes:\n"
        "    - {to: [oncall, room], severity: page}\n"
        "    - {to: mail, events: [deferred], systems: ['pay*'], quiet: {from: '22:00', until: '06:30'}}\n"
    ).organisation.notify
    assert found.channels == {
        "oncall": Channel(webhook=Webhook("https://pager.example/x", "S")),
        "room": Channel(slack=Slack("${ROOM}")),
        "mail": Channel(
            smtp=Smtp("mail.example", "w@t.example", ("owner", "night", "a@t.example"), 465, True, "U", "P")
        ),
    }
    assert found.routes == (
        Route(("oncall", "room"), severity="page"),
        Route(("mail",), ("deferred",), ("pay*",), "info", Quiet(1320, 390)),
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("notify: {chanels: {}}", "6:10: unknown key 'chanels' in notify, expected 'channels' (did you mean that?)"),
        ("notify: {channels: {a: {}}}", "6:24: nothing, expected one of webhook, slack or smtp"),
        (
            "notify: {channels: {a: {webhook: 'https://x.example'}}}",
            "6:24: a webhook says no 'secret_env', expected secret_env: NAME to sign it with",
        ),
        (
            "notify: {channels: {a: {webhook: 'http://x.example/', secret_env: S}}}",
            "6:34: x.example would be told in clear text, expected https://…",
        ),
        (
            "notify: {channels: {a: {webhook: 'https://me:pw@x.example/', secret_env: S}}}",
            "6:34: 'https://me:pw@x.example/', expected an address such as https://hooks.bank.example/standwatch, or ${NAME}",
        ),
        (
            f"notify: {{channels: {{{HOOK}}}, routes: [{{to: oncal}}]}}",
            "6:97: 'oncal' is no channel, expected 'oncall' (did you mean that?)",
        ),
        (
            f"notify: {{channels: {{{HOOK}}}, routes: [{{to: oncall, events: [holds]}}]}}",
            "6:114: 'holds', expected 'hold' (did you mean that?)",
        ),
        (
            f"notify: {{channels: {{{HOOK}}}, routes: [{{to: oncall, quiet: {{from: '22:00', until: '24:00'}}}}]}}",
            "6:135: '24:00', expected a time of day such as 22:00",
        ),
        (
            f"notify: {{channels: {{{HOOK}}}, routes: [{{to: oncall, quiet: {{from: '22:00', until: '06:00', zone: Europe/Nowhere}}}}]}}",
            "6:150: 'Europe/Nowhere' is no time zone that this host knows, expected a time zone such as UTC or Europe/Vienna",
        ),
        (
            "notify: {channels: {m: {smtp: {host: h.example, from: w@t.example, to: [nobody]}}}}",
            "6:73: 'nobody' is nobody, expected an address or one of",
        ),
        (
            "notify: {channels: {m: {smtp: {host: h.example, from: w@t.example, to: owner, starttls: false}}}}",
            "6:89: h.example would be told in clear text, expected true",
        ),
        (
            'notify: {channels: {m: {smtp: {host: h.example, from: "w@t.example\\nBcc: x@y.example", to: owner}}}}',
            "6:55: 'w@t.example",
        ),
        (
            "notify: {channels: {m: {smtp: {host: h.example, from: w@t.example, to: owner, user_env: U}}}}",
            "6:31: user_env and password_env go together, expected both or none",
        ),
    ],
)  # fmt: skip
def test_each_mistake_has_its_place(text: str, problem: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        organisation(text)
    assert any(said.startswith(f"standwatch.yaml:{problem}") for said in refused.value.problems), (
        refused.value
    )


def test_development_may_speak_in_clear_and_a_credential_in_the_file_is_remarked_on() -> None:
    text = "notify: {channels: {a: {slack: 'http://chat.example/T0/B0/x'}}, routes: [{to: a}]}"
    (warning,) = [said for said in organisation(text, development=True).warnings if "knows this" in said]
    assert warning == "standwatch.yaml:7:32: whoever knows this address can write there, expected ${NAME}"
    assert any(
        "nobody is told anything" in said
        for said in organisation(f"notify: {{channels: {{{HOOK}}}}}").warnings
    )


def test_who_is_told_permits_nothing_but_is_part_of_the_configuration() -> None:
    before = configuration("")
    after = configuration(f"notify: {{channels: {{{HOOK}}}, routes: [{{to: oncall}}]}}")
    assert before.root != after.root
    assert configuration("notify: {}").root == before.root, "a section that says nothing changes nothing"
    change = compare(before, after)
    assert (change.organisation, change.systems) == ("wider", {}), (
        "it waits for a signature, and no system changes"
    )
    assert "pager.example" not in str(change.differences), "an address may be a credential"
    assert msgspec.json.decode(msgspec.json.encode(after), type=Configuration) == after


def test_the_documentation_lists_every_event() -> None:
    said = {
        row[0]: (row[1], row[2].strip(" |")) for row in rows("docs/manifest.md", "`routes`") if len(row) == 3
    }
    assert {name: said.get(name) for name in EVENTS} == dict(EVENTS)
