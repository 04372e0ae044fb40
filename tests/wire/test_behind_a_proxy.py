"""A running server behind a stated reverse proxy: whose word counts, and what a browser behind it gets."""

from __future__ import annotations

import http.client
import json
from collections.abc import Generator
from http.cookies import SimpleCookie
from typing import Any

import pytest

from standwatch.facts.entries import PasskeyRefused, SignedOut
from standwatch.record.assertion import from_base64url
from support.passkeys import Authenticator, as_json
from support.system import Living, waited

HOST = "watch.bank.example"
PAGE = f"https://{HOST}"
FORWARDED = {"X-Forwarded-For": "198.51.100.7", "X-Forwarded-Proto": "https"}


@pytest.fixture(scope="module")
def living(tmp_path_factory: pytest.TempPathFactory) -> Generator[Living]:
    found = Living(tmp_path_factory.mktemp("proxied") / "org", {})
    file, address = found.folder / "standwatch.yaml", f"127.0.0.1:{found.operators}"
    listener = {"listen": address, "proxy": ["127.0.0.1"]}
    text = file.read_text().replace(f'"operators": "{address}"', f'"operators": {json.dumps(listener)}')
    file.write_text(text.replace(f"http://{address}", PAGE))
    found.start()
    try:
        yield found
    finally:
        found.stop()
        found.verified()


def ask(
    living: Living, method: str, path: str, body: Any = None, **headers: str | None
) -> tuple[int, Any, Any]:
    """As the proxy sends it on; a header that is None is left out."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    sent = {"Host": HOST, "User-Agent": "Phone/1.0", **FORWARDED} | named
    if method == "POST":
        sent = {"Origin": PAGE} | sent
    connection = http.client.HTTPConnection("127.0.0.1", living.operators, timeout=30)
    data = None if body is None else json.dumps(body).encode()
    connection.request(method, path, data, {name: value for name, value in sent.items() if value is not None})
    answer = connection.getresponse()
    found = answer.status, answer.headers, answer.read()
    connection.close()
    return found


def signed_in(living: Living, phone: Authenticator, **told: Any) -> tuple[int, Any, Any]:
    _, _, asked = ask(living, "POST", "/api/v1/sessions/challenge", {})
    options = json.loads(asked)
    challenge = from_base64url(options["options"]["challenge"], 64)
    gesture = as_json(phone.get(challenge, **({"rp_id": HOST, "origin": PAGE} | told)))
    return ask(living, "POST", "/api/v1/sessions", {"ceremony": options["ceremony"], "credential": gesture})


def enrolled(living: Living, name: str) -> Authenticator:
    """A phone of `name`, enrolled over the link and vouched for in the terminal."""
    found = Authenticator(f"behind a proxy, {name}'s")
    made = living.api.post("/passkeys/invitations", {"person": name})
    assert made["link"].startswith(f"{PAGE}/enrol#")
    _, _, said = ask(living, "POST", "/api/v1/enrolments/challenge", {"link": made["link"].partition("#")[2]})
    begun = json.loads(said)
    credential = found.create(from_base64url(begun["options"]["challenge"], 64), rp_id=HOST, origin=PAGE)
    order = {"seat": begun["seat"], "ceremony": begun["ceremony"], "credential": credential}
    status, _, state = ask(living, "POST", "/api/v1/enrolments", order)
    assert status == 200, state
    fingerprint = json.loads(state)["fingerprint"]
    living.run("passkey", "sign", fingerprint, "--key", living.key(name), "--yes")
    return found


@pytest.fixture(scope="module")
def phone(living: Living) -> Authenticator:
    """Maria's."""
    return enrolled(living, "maria")


def test_a_phone_behind_the_proxy_signs_in_and_is_bound_to_its_own_network(
    living: Living, phone: Authenticator
) -> None:
    status, headers, _ = signed_in(living, phone)
    assert status == 201
    said = headers["set-cookie"]
    assert said.startswith("__Host-standwatch=")
    assert said.endswith("; Secure")
    assert headers["strict-transport-security"]
    cookie = f"__Host-standwatch={SimpleCookie(said)['__Host-standwatch'].value}"
    assert ask(living, "GET", "/api/v1/whoami", Cookie=cookie)[0] == 200
    elsewhere = ask(living, "GET", "/api/v1/whoami", Cookie=cookie, X_Forwarded_For="203.0.113.9")
    assert elsewhere[0] == 401, "the network is the phone's, as the proxy says, not the proxy's own"
    assert waited(lambda: [one for one in living.of(SignedOut) if one.code == "elsewhere"])


def test_nobody_is_local_because_the_proxy_is(living: Living) -> None:
    """On loopback a development organisation lets anybody read: that is about the client, never about the proxy."""
    assert ask(living, "GET", "/", Accept="text/html")[0] == 303
    local = dict.fromkeys(FORWARDED) | {"Forwarded": "for=127.0.0.1;proto=https"}
    assert ask(living, "GET", "/", Accept="text/html", **local)[0] in (200, 303)
    spoofed = {"X_Forwarded_For": "127.0.0.1, 198.51.100.7"}
    assert ask(living, "GET", "/", Accept="text/html", **spoofed)[0] == 303


@pytest.mark.parametrize(
    "headers",
    [
        {"X_Forwarded_For": None, "X_Forwarded_Proto": None},
        {"X_Forwarded_Proto": None},
        {"Forwarded": "for=198.51.100.7;proto=https"},
        {"X_Forwarded_For": "unknown"},
    ],
)
def test_a_proxy_that_says_nothing_or_two_things_is_refused(
    living: Living, headers: dict[str, str | None]
) -> None:
    status, answered, body = ask(living, "GET", "/api/v1/whoami", **headers)
    assert (status, json.loads(body)["code"]) == (400, "bad_proxy")
    assert "strict-transport-security" not in answered
    assert ask(living, "GET", "/healthz", **headers)[0] == 200


def test_a_name_of_another_is_refused_and_so_is_another_page(living: Living, phone: Authenticator) -> None:
    assert ask(living, "GET", "/api/v1/whoami", Host="evil.example")[0] == 421
    assert ask(living, "POST", "/api/v1/sessions/challenge", {}, Origin="https://evil.example")[0] == 403
    assert ask(living, "POST", "/api/v1/sessions/challenge", {}, X_Forwarded_Proto="http")[0] == 403
    assert signed_in(living, phone, origin="https://evil.example")[0] == 403
    assert [one.code for one in living.of(PasskeyRefused)] == ["wrong_origin"]
    warnings = living.api.get("/status")["warnings"]
    assert any("may have been at work as" in one for one in warnings)


def test_who_leaves_the_configuration_is_signed_out(living: Living) -> None:
    status, headers, _ = signed_in(living, enrolled(living, "chen"))
    assert status == 201
    cookie = f"__Host-standwatch={SimpleCookie(headers['set-cookie'])['__Host-standwatch'].value}"
    assert json.loads(ask(living, "GET", "/api/v1/whoami", Cookie=cookie)[2])["ident"] == "chen"
    file = living.folder / "standwatch.yaml"
    (line,) = [line for line in file.read_text().splitlines() if line.startswith("people: ")]
    people = [one for one in json.loads(line.removeprefix("people: ")) if one["id"] != "chen"]
    file.write_text(file.read_text().replace(line, f"people: {json.dumps(people)}"))
    assert living.api.post("/configuration/reload")["result"] in ("in_force", "unchanged")
    waited(lambda: ask(living, "GET", "/api/v1/whoami", Cookie=cookie)[0] == 401)
    assert [one for one in living.api.get("/sessions") if one["person"] == "chen"] == []
