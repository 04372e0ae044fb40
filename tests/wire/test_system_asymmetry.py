"""Every act of the operators' API, sorted by what it does: what starts or widens takes a reason, a right or a
signature; what stops takes one act. Over a running server out of development, by API and by CLI alike.

The table is walked: an act that nobody sorted fails the test.
"""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from standwatch.facts.entries import Denied, Hold, Released
from standwatch.fronts.control_route import BASE
from standwatch.fronts.control_routes import ROUTES
from support.system import Living, manifest, serving

SOON = int(time.time() + 3600) * 1_000_000
FORGED = {"by": "olga", "key": "ed25519:" + "A" * 43 + "=", "sig": "A" * 86 + "=="}
MODEL = {"kind": "model", "name": "scorer", "vendor": "maker", "url": "http://127.0.0.1:9/"}
SCORER = {
    "versions": {n: {"artifact": f"models/{n}.json", "served_as": n} for n in ("1", "2")},
    "inputs": {"income": {"type": "number"}},
    "outputs": {"p": {"type": "probability"}},
    "fallback": "refer-to-human",
}

STARTS: dict[str, tuple[str, dict[str, Any]]] = {
    "release": ("/holds/{hold}/release", {"reason": "a test"}),
    "add_agent": ("/agents", {"name": "newcomer", "systems": ["loans"]}),
    "answer": (
        "/questions/0f5c2m7k1v8e3a9q4t6w2x0y5z/answer",
        {**FORGED, "decision": "approve", "head": "", "until": SOON},
    ),
    "answer_by_passkey": (
        "/questions/0f5c2m7k1v8e3a9q4t6w2x0y5z/assertion",
        {"decision": "approve", "head": "", "until": SOON, "credential": {}},
    ),
    "sign_passkey": ("/passkeys/AAAA/sign", FORGED),
    "validate": ("/systems/loans/evidence", {**FORGED, "outcome": "pass", "until": SOON}),
    "report_coverage": (
        "/systems/loans/coverage",
        {**FORGED, "host": "laptop", "until": SOON, "follows": -1, "salt": "00" * 32},
    ),
    "deploy": ("/systems/loans/deployments", {"version": "2", "reason": "a test"}),
    "rollback": ("/systems/loans/rollback", {"reason": "a test"}),
    "override": ("/decisions/0f5c2m7k1v8e3a9q4t6w2x0y5z/0/override", {"outcome": "yes", "reason": "a test"}),
    "relax": (
        "/systems/loans/relaxations",
        {
            "check": "policy",
            "scope": "system:loans",
            "until": SOON,
            "reason": "a test",
            "salt": "00" * 32,
            "compensating": "limits",
            "follows": -1,
            "by": "olga",
            "signature": FORGED["sig"],
        },
    ),
    "sign_relaxation": ("/relaxations/0/signatures", {"by": "olga", "signature": FORGED["sig"]}),
    "ask_deferred": ("/deferred/0f5c2m7k1v8e3a9q4t6w2x0y5z/ask", {}),
    "seal_glass": (
        "/break-glass",
        {
            **FORGED,
            "people": ["olga"],
            "may": ["release"],
            "systems": ["loans"],
            "until": SOON,
            "reason": "a test",
        },
    ),
    "open_glass": (
        "/break-glass/0/open",
        {"by": "olga", "until": SOON, "sig": FORGED["sig"], "reason": "a test"},
    ),
    "sign_configuration": (
        "/configuration/signatures",
        {"by": "olga", "root": "0" * 64, "sig": FORGED["sig"]},
    ),
    "take_watch": (
        "/watch/day/take",
        {
            "by": "olga",
            "until": SOON,
            "follows": -1,
            "shown": "0" * 64,
            "sig": FORGED["sig"],
            "giver": "",
            "seen": [],
        },
    ),
    "give_watch": (
        "/watch/day/hand-over",
        {
            "by": "olga",
            "to": "otto",
            "until": SOON,
            "follows": -1,
            "shown": "0" * 64,
            "sig": FORGED["sig"],
            "seen": [],
        },
    ),
    "revalidate": (
        "/people/otto/revalidation",
        {**FORGED, "reason": "a test", "salt": "00" * 32, "follows": -1},
    ),
    "sign_by_passkey": ("/signing/assertion", {}),
    "sign_in": ("/sessions", {"ceremony": "none", "credential": {}}),
    "finish_enrolment": ("/enrolments", {"seat": "none", "ceremony": "none", "credential": {}}),
    "finish_passkey": ("/passkeys/finish", {"ceremony": "none", "credential": {}}),
    "invite": ("/passkeys/invitations", {"person": "maria"}),  # another than oneself
}
"""Acts after which more may happen than before: `operationId` → a proper order, its signature forged."""

STOPS = {
    "halt", "take_markers", "revoke_agent", "restore", "end_passkey", "end_session", "drop_deferred", "end_watch",
}  # fmt: skip
"""Acts after which less may happen: none takes a signature."""

NEITHER = {
    "ask_approval", "ask_sign_in", "begin_enrolment", "enrolment", "begin_passkey", "ask_signature", "test_channel",
    "drill_glass", "review_glass", "reload", "verify_record", "compare_checkpoint",
    "replay",
}  # fmt: skip
"""Challenges, looks and tests. `reload` puts a narrowing in force; a widening waits for signatures by itself."""

SIGNED = ("sig", "signature", "credential")


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    folder = tmp_path_factory.mktemp("asymmetry") / "org"
    (folder / "models").mkdir(parents=True)
    for name in ("1", "2"):
        (folder / "models" / f"{name}.json").write_text(f'{{"version": {name}}}')
    system = manifest("loans", [MODEL], {}, decisions={"scorer": SCORER})
    with serving(folder, {"loans": system}, development=False) as running:
        yield running


@pytest.fixture(scope="module")
def tokens(watch: Living) -> dict[str, str]:
    made = {
        name: watch.api.post("/agents", {"name": name, "role": "human"}) for name in ("maria", "otto", "olga")
    }
    return {"": "", **{name: issued["token"] for name, issued in made.items()}}


def ask(watch: Living, token: str, path: str, body: Any) -> tuple[int, dict[str, Any]]:
    heads = {"content-type": "application/json", **({"authorization": f"Bearer {token}"} if token else {})}
    connection = http.client.HTTPConnection("127.0.0.1", watch.operators, timeout=30)
    try:
        connection.request("POST", BASE + path, json.dumps(body), heads)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or b"{}")
    finally:
        connection.close()


def fields(name: str) -> tuple[str, ...]:
    taken = next(route.takes for route in ROUTES if route.name == name)
    kinds = getattr(taken, "__args__", (taken,))
    return tuple(field for kind in kinds for field in getattr(kind, "__struct_fields__", ()))


def test_every_act_is_sorted() -> None:
    acts = {route.name for route in ROUTES if route.method != "GET"}
    assert acts == {*STARTS, *STOPS, *NEITHER}
    assert len(acts) == len(STARTS) + len(STOPS) + len(NEITHER), "each once"


def test_no_stop_takes_a_signature_or_a_second_person() -> None:
    for name in sorted(STOPS):
        taken = set(fields(name))
        assert not taken & {*SIGNED, "key", "by", "approver", "acknowledged"}, name
        assert taken <= {"scope", "reason", "until"}, name


@pytest.mark.parametrize("name", sorted(STARTS))
def test_nothing_starts_without_a_right(watch: Living, tokens: dict[str, str], name: str) -> None:
    """By nobody, and by an operator who sees everything and has authority over nothing; each with a proper order."""
    hold = watch.halt("system:loans")["hold"]  # maria's, over the socket
    path, body = STARTS[name]
    before = watch.size
    for token in (tokens[""], tokens["otto"]):
        status, said = ask(watch, token, path.format(hold=hold), body)
        assert 400 <= status < 500, (name, status, said)
        assert said["code"], said
    new = [entry for _, entry in watch.entries(before) if not isinstance(entry, Denied)]
    assert new == [], name
    watch.release(hold)


@pytest.mark.parametrize("name", sorted(name for name in STARTS if set(fields(name)) & set(SIGNED)))
def test_nothing_starts_on_a_forged_signature(watch: Living, tokens: dict[str, str], name: str) -> None:
    """An administrator's word is no signature, nor is a signature by somebody else's name."""
    path, body = STARTS[name]
    before = watch.size
    for token in (tokens["maria"], tokens["olga"]):
        status, said = ask(watch, token, path.format(hold=0), body)
        assert 400 <= status < 500, (name, status, said)
    assert [entry for _, entry in watch.entries(before) if not isinstance(entry, Denied)] == [], name


@pytest.mark.parametrize("name", sorted(name for name in STARTS if "reason" in fields(name)))
@pytest.mark.parametrize("reason", ["", " \t", "x" * 2_001])
def test_nothing_starts_without_a_reason(
    watch: Living, tokens: dict[str, str], name: str, reason: str
) -> None:
    hold = watch.halt("system:loans")["hold"]
    path, body = STARTS[name]
    before = watch.size
    status, said = ask(watch, tokens["maria"], path.format(hold=hold), {**body, "reason": reason})
    assert 400 <= status < 500, (name, status, said)
    without = {key: value for key, value in body.items() if key != "reason"}
    status, said = ask(watch, tokens["maria"], path.format(hold=hold), without)
    assert 400 <= status < 500, (name, status, said)
    assert watch.size == before, name
    watch.release(hold)


@pytest.mark.parametrize(
    "scope",
    ["system:loans", "version:scorer@1", "component:scorer", "vendor:maker", "agent:bot", "run:r", "all"],
)
def test_one_request_of_an_operator_stops_anything(watch: Living, tokens: dict[str, str], scope: str) -> None:
    status, said = ask(watch, tokens["otto"], "/holds", {"scope": scope, "reason": "a test"})
    assert status == 201, said
    assert said["recorded"]
    status, refused = ask(watch, tokens["olga"], f"/holds/{said['hold']}/release", {"reason": ""})
    assert status == 400, refused
    status, done = ask(watch, tokens["otto"], f"/holds/{said['hold']}/release", {"reason": "over"})
    assert status == 200, done


def test_the_cli_stops_in_one_line_and_starts_only_with_a_reason(watch: Living) -> None:
    holds, released = len(watch.of(Hold)), len(watch.of(Released))
    said = watch.run("halt", "system:loans", "--reason", "a test")
    assert len(watch.of(Hold)) == holds + 1
    with pytest.raises(SystemExit) as misused:
        watch.run("release", str(said["hold"]))
    assert misused.value.code == 2
    watch.run("release", str(said["hold"]), "--reason", " ", code=2)
    assert len(watch.of(Released)) == released
    watch.run("release", str(said["hold"]), "--reason", "over")
    assert len(watch.of(Released)) == released + 1
