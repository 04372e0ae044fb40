"""What upstreams are shown for released acts, judged by others: oauth4webapi, oidc-provider, joserfc."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from standwatch.facts.entries import Intent, Outcome
from support.authorising import authorising, free_port, judging
from support.system import ROOT, Scripted, manifest, scripted, server, serving, tool, waited

AUDIENCE = "https://bank.example"
RULES: dict[str, Any] = {"bank.pay": {"effect": "read"}, "bank.look": {"effect": "read"}}
PAY = {"to": "DE89370400440532013000", "amount": 12.5}


async def bank(it: Any) -> None:
    if it.message["params"]["name"] == "hang":
        await it.free.wait()
    it.json(it.say("done"))


@pytest.fixture
def up() -> Iterator[Scripted]:
    with scripted(bank, tools=[tool("pay"), tool("look")]) as running:
        yield running


def system(up: Scripted, **credential: Any) -> str:
    return manifest("s", [server("bank", url=up.url, credential=credential)], RULES)


def shown(up: Scripted, method: str = "tools/call") -> list[dict[str, str]]:
    """The headers of each request."""
    return [
        {name: value for name, value in one.headers.items() if name in ("authorization", "dpop")}
        for one in up.rude.of(method)
    ]


def part(token: str, which: int) -> dict[str, Any]:
    import base64

    text = token.split(".")[which]
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


@pytest.mark.parametrize("workers", [0, 2])
def test_each_act_is_shown_a_token_for_exactly_it(up: Scripted, tmp_path: Path, workers: int) -> None:
    said = system(up, kind="jwt", audience=AUDIENCE, scope=["payments"], expires="30s")
    with serving(tmp_path / "org", {"s": said}, workers=workers) as watch:
        issuer = f"http://127.0.0.1:{watch.operators}"
        key_set = f"http://127.0.0.1:{watch.agents}/.well-known/jwks.json"
        bot = watch.agent("bot", "s")
        assert bot.call("pay", **PAY).word == "done"
        assert bot.call("look", n=2).word == "done"
        headers = shown(up)
        with judging(issuer, key_set, AUDIENCE) as judge:
            for index, arguments in enumerate((PAY, {"n": 2})):
                found = judge("POST", up.url, headers[index], True)
                assert "claims" in found, found
                claims = found["claims"]
                (detail,) = claims["authorization_details"]
                intent = next(one for one in watch.of(Intent) if one.id == claims["jti"])
                assert (claims["iss"], claims["sub"], claims["client_id"]) == (issuer, "bot", "s")
                assert claims["exp"] - claims["iat"] == 30
                assert claims["scope"] == "payments"
                assert detail["digest"] == intent.digest
                assert detail["arguments"] == hashlib.sha256(rfc8785.dumps(arguments)).hexdigest()
                assert detail["log"] == watch.origin
                assert watch.entries()[detail["entry"]][1] == intent
                assert detail["type"] == "standwatch_action"
            first, second = headers
            assert first["dpop"] != second["dpop"]
            crossed = {"authorization": first["authorization"], "dpop": second["dpop"]}
            assert "refused" in judge("POST", up.url, crossed, True), "a proof is for one token"
            assert "refused" in judge("GET", up.url, first, True), "and for one method"
            assert "refused" in judge("POST", up.url + "/other", first, True), "and one URL"
            bearer = {"authorization": first["authorization"].replace("DPoP", "Bearer")}
            assert "refused" in judge("POST", up.url, bearer, True), "without the key it is nothing"
        for listing in shown(up, "server/discover") + shown(up, "tools/list"):
            (detail,) = part(listing["authorization"].split()[1], 1)["authorization_details"]
            assert detail["type"] == "standwatch_catalogue", "what no act needs names none"


def test_the_published_keys_verify_it_by_another_library(up: Scripted, tmp_path: Path) -> None:
    with serving(tmp_path / "org", {"s": system(up, kind="jwt", dpop=False)}) as watch:
        watch.agent("bot", "s").call("look")
        (headers,) = shown(up)
        assert "dpop" not in headers
        token = headers["authorization"].removeprefix("Bearer ")
        for port in (watch.agents, watch.operators):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/.well-known/jwks.json") as answer:
                told = json.load(answer)
            assert all("d" not in key for key in told["keys"])
            opened = jws.deserialize_compact(token, KeySet.import_key_set(told), algorithms=["EdDSA"])
            claims = json.loads(opened.payload)
            assert claims["aud"] == up.url
            assert claims["exp"] - time.time() <= 60
        for at in range(0, len(token), 7):
            if token[at] == ".":
                continue
            changed = token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]
            with pytest.raises((JoseError, ValueError)):
                jws.deserialize_compact(changed, KeySet.import_key_set(told), algorithms=["EdDSA"])


@pytest.mark.parametrize("client", ["standwatch", "by-key"])
def test_the_organisations_own_server_exchanges_it(up: Scripted, tmp_path: Path, client: str) -> None:
    port = free_port()
    at = f"http://127.0.0.1:{port}"
    secret = {"client_secret": "${sealed:login}"} if client == "standwatch" else {}
    said = system(
        up, kind="exchange", audience=AUDIENCE, scope=["payments"], token_url=f"{at}/token", issuer=at,
        revocation_url=f"{at}/token/revocation", client_id=client, **secret,
    )  # fmt: skip
    with serving(tmp_path / "org", {"s": said}, accept=False) as watch:
        sealed(watch.folder, "login", "a secret: of two")
        key_set = f"http://127.0.0.1:{watch.agents}/.well-known/jwks.json"
        bot = watch.agent("bot", "s")
        with authorising(port, key_set, f"http://127.0.0.1:{watch.operators}") as server_:
            watch.accept("s")
            done = waited(lambda: (said := bot.call("pay", **PAY)).word == "done" and said)
            exchanged = [server_.said()]
            while exchanged[-1].get("details", [{}])[0].get("type") != "standwatch_action":
                exchanged.append(server_.said())
            asked = exchanged[-1]
            (detail,) = asked["details"]
            assert asked["client"] == client
            assert asked["nonce"], "its proof had the nonce that the server asked for"
            assert asked["subject"]["jti"] == done.reference
            assert detail == asked["subject"]["authorization_details"][0]
            with judging(at, f"{at}/jwks", AUDIENCE) as judge:
                found = judge("POST", up.url, shown(up)[-1], True)
                assert "claims" in found, found
                assert found["claims"]["iss"] == at, "the token is the server's own"
                assert found["claims"]["cnf"] == asked["subject"]["cnf"], "bound to the same key of ours"
            while exchanged[-1].get("revocation") != client:
                exchanged.append(server_.said())
        reached = len(up.calls)
        gone = bot.call("pay", **PAY)
        assert gone.word == "unavailable", "nobody exchanges anything any more"
        assert len(up.calls) == reached
        assert watch.outcome(gone.reference).status == "not_sent"


def sealed(folder: Path, name: str, value: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "standwatch.cli.main", "--org", str(folder), "secret", "set", name],
        input=value + "\n", text=True, cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    assert value not in done.stdout


def test_a_static_secret_is_put_in_last_and_stands_nowhere(up: Scripted, tmp_path: Path) -> None:
    secret = f"very-secret-{os.urandom(8).hex()}"
    one = server("bank", url=up.url, headers={"Authorization": "Bearer ${sealed:bank}"})
    with serving(tmp_path / "org", {"s": manifest("s", [one], RULES)}, accept=False) as watch:
        bot = watch.agent("bot", "s")
        assert bot.call("look").word != "done", "a server is not spoken to without its secret"
        sealed(watch.folder, "bank", secret)
        watch.stop(), watch.start()
        bot = watch.agent("bot-2", "s")
        watch.accept("s")
        assert waited(lambda: bot.call("look").word == "done")
        assert shown(up)[-1] == {"authorization": f"Bearer {secret}"}
        watch.stop()
        for path in watch.folder.rglob("*"):
            if path.is_file() and path.stat().st_size < 1 << 26:
                assert secret.encode() not in path.read_bytes(), path
        assert secret not in "\n".join(watch.said)
        box = watch.state / "secrets" / "bank"
        assert box.stat().st_mode & 0o777 == 0o600
        data = bytearray(box.read_bytes())
        data[-1] ^= 1
        box.write_bytes(data)
        watch.start()
        assert watch.agent("bot-3", "s").call("look").word != "done", "a changed box opens nothing"
        watch.run("secret", "remove", "bank")
        assert watch.run("secret", "list") == {"secrets": []}


def test_a_hold_during_the_exchange_sends_nothing(up: Scripted, tmp_path: Path) -> None:
    """The token endpoint stops answering; the hold cuts the act before anything has left."""
    port = free_port()
    at = f"http://127.0.0.1:{port}"
    said = system(
        up, kind="exchange", audience=AUDIENCE, token_url=f"{at}/token", issuer=at, client_id="by-key"
    )
    with serving(tmp_path / "org", {"s": said}, accept=False) as watch:
        bot = watch.agent("bot", "s")
        key_set = f"http://127.0.0.1:{watch.agents}/.well-known/jwks.json"
        with authorising(port, key_set, f"http://127.0.0.1:{watch.operators}") as asked:
            watch.accept("s")
            waited(lambda: bot.call("look").word == "done")
            reached, intents = len(up.calls), len(watch.of(Intent))
            asked.freeze()
            told: list[Any] = []
            thread = threading.Thread(target=lambda: told.append(bot.call("look")))
            thread.start()
            waited(lambda: len(watch.of(Intent)) > intents)
            watch.halt("system:s")
            thread.join(20)
            assert told[0].word == "unavailable"
            assert len(up.calls) == reached
            waited(lambda: len(watch.of(Outcome)) == len(watch.of(Intent)))
