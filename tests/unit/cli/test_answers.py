"""`approve` and `refuse` where several people must, and `approve --endorse`; the same with a passkey over the API."""

from __future__ import annotations

import asyncio
import getpass
import json
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from standwatch.cli.main import main
from standwatch.cli.wire import Refused, Server, organisation
from standwatch.enforce.ports import Reply
from standwatch.facts.parts import enrolment_bytes
from standwatch.keys import ed25519
from standwatch.record.assertion import challenge_of, from_base64url
from support.passkeys import Authenticator, as_json
from support.quorum import RULES, validated, written
from support.watch import Watch, done, served

PAGE = {"rp_id": "watch.example", "origin": "https://watch.example"}


@dataclass
class Running:
    cli: Callable[..., tuple[int, str, str]]
    server: Server
    watch: Watch
    loop: asyncio.AbstractEventLoop
    folder: Path

    def pays(self, recipient: str = "DE02") -> Reply:
        work = self.watch.act(done, recipient=recipient, amount=1)
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(20)

    def key(self, name: str) -> str:
        path = self.folder / f"{name}.pem"
        if not path.exists():
            ed25519.save(self.watch.keys[name], path, passphrase="", plain=True)
        return str(path)


def begun(folder: Path, capsys: pytest.CaptureFixture[str], rules: str) -> Generator[Running]:
    written(folder, rules)
    path = folder / "standwatch.yaml"  # the account that runs the tests acts as Otto
    lines = path.read_text().splitlines()
    path.write_text(
        "\n".join(
            line.replace("}", f", os_user: {getpass.getuser()}}}", 1) if "id: otto" in line else line
            for line in lines
        )
        + "\n"
    )
    with served(folder) as (watch, loop, _):

        def cli(*words: str) -> tuple[int, str, str]:
            capsys.readouterr()
            code = main(["--org", str(folder), *words])
            told = capsys.readouterr()
            return code, told.out, told.err

        asyncio.run_coroutine_threadsafe(validated(watch), loop).result(20)
        yield Running(cli, Server(organisation(str(folder))), watch, loop, folder)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))


@pytest.fixture
def two(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Generator[Running]:
    """Two of three must approve."""
    yield from begun(tmp_path / "org", capsys, RULES)


@pytest.fixture
def one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Generator[Running]:
    """Any one of three."""
    yield from begun(tmp_path / "org", capsys, RULES.replace("quorum: 2", "quorum: 1"))


def test_it_says_who_is_missing_until_enough_have_approved(two: Running) -> None:
    ident = two.pays().id
    code, told, _ = two.cli("approve", ident, "--key", two.key("olga"), "--yes")
    assert code == 0
    assert "2 must approve, of: Olga, Otto, Nina; has: nobody yet" in told
    assert "1 of 2 have approved" in told
    assert "has: Olga" in two.cli("status")[1]
    assert two.pays().word == "pending"
    code, _, problem = two.cli("approve", ident, "--key", two.key("olga"), "--yes")
    assert code == 1
    assert "approved already" in problem
    code, told, _ = two.cli("approve", ident, "--key", two.key("nina"), "--yes")
    assert code == 0
    assert "of 2 have approved" not in told
    assert two.pays().word == "done"
    told = two.cli("explain", ident)[1]
    assert "(2 of them must approve)" in told
    assert told.count("verifies, ed25519:") == 2


def test_it_says_that_a_hold_falls_on_it_until_it_is_released(one: Running) -> None:
    ident = one.pays().id
    assert "held (" not in one.cli("status")[1]
    halted = one.server.post("/holds", {"scope": "tool:bank.send", "reason": "odd"})
    words = f"held (hold {halted['hold']}): nothing is carried out until it is released"
    assert words in one.cli("status")[1]
    code, told, _ = one.cli("approve", ident, "--key", one.key("olga"), "--yes")
    assert code == 0
    assert told.index(words) < told.index("sha256 ")
    one.cli("release", str(halted["hold"]), "--reason", "checked")
    assert "held (" not in one.cli("status")[1]


def test_what_is_approved_is_refused_by_somebody_else_until_it_has_left(two: Running) -> None:
    ident = two.pays().id
    for name in ("olga", "nina"):
        assert two.cli("approve", ident, "--key", two.key(name), "--yes")[0] == 0
    code, told, _ = two.cli("refuse", ident, "--key", two.key("otto"), "--yes")
    assert code == 0
    assert "refused by Otto" in told
    assert two.pays().word == "refused"


def test_a_value_is_vouched_for_instead(one: Running) -> None:
    ident = one.pays().id
    told = one.cli("approve", ident, "--key", one.key("olga"))[1]
    assert f"standwatch approve {ident} --endorse recipient" in told
    code, _, problem = one.cli("approve", ident, "--endorse", "amount", "--key", one.key("olga"), "--yes")
    assert code == 1
    assert "that can be: recipient" in problem
    code, told, _ = one.cli(
        "approve", ident, "--endorse", "recipient", "--key", one.key("olga"), "--yes", "--json"
    )
    assert code == 0
    assert "passes when it is asked for again" in json.loads(told)["text"]
    assert [one.pays().word, one.pays().word, one.pays("DE03").word] == ["done", "done", "pending"]
    assert "vouched for a value of it" in one.cli("explain", ident)[1]


def enrolled(running: Running, phone: Authenticator) -> None:
    made = running.server.post("/passkeys/begin", {})
    credential = phone.create(from_base64url(made["options"]["challenge"], 64), **PAGE)
    line = running.server.post("/passkeys/finish", {"ceremony": made["ceremony"], "credential": credential})
    names = ("count", "credential", "follows", "key", "origin", "person", "rp_id", "synced")
    key = running.watch.keys["otto"]
    message = enrolment_bytes(
        by="otto", org=running.server.get("/passkeys")["org"], **{name: line[name] for name in names}
    )
    order = {"by": "otto", "key": ed25519.public(key), "sig": ed25519.sign(key, message)}
    running.server.post(f"/passkeys/{line['credential']}/sign", order)


def by_passkey(running: Running, phone: Authenticator, ident: str, **order: Any) -> dict[str, Any]:
    asked = running.server.post(f"/questions/{ident}/challenge", order)
    challenge = from_base64url(asked["options"]["challenge"], 64)
    assert challenge == challenge_of(asked["signs"].encode())
    gesture = as_json(phone.get(challenge, **PAGE))
    told = order | {"head": asked["head"], "until": asked["until"], "credential": gesture}
    return running.server.post(f"/questions/{ident}/assertion", told)


def test_with_a_passkey_too_and_what_was_signed_for_one_thing_is_none_for_another(one: Running) -> None:
    phone = Authenticator("otto's phone")
    enrolled(one, phone)
    ident = one.pays().id
    with pytest.raises(Refused, match="no value of"):
        by_passkey(one, phone, ident, decision="endorse", argument="amount")
    asked = one.server.post(f"/questions/{ident}/challenge", {"decision": "endorse", "argument": "recipient"})
    assert asked["signs"].startswith("standwatch/endorsement/1\n")
    gesture = as_json(phone.get(from_base64url(asked["options"]["challenge"], 64), **PAGE))
    order = {"head": asked["head"], "until": asked["until"], "credential": gesture}
    with pytest.raises(Refused):
        one.server.post(f"/questions/{ident}/assertion", order | {"decision": "approve"})
    told = by_passkey(one, phone, ident, decision="endorse", argument="recipient")
    assert "passes when it is asked for again" in told["text"]
    assert one.pays().word == "done"
    assert one.watch.gate.state.passkeys[phone.credential].count == phone.count


def test_a_passkey_that_ends_takes_its_endorsement_along(one: Running) -> None:
    phone = Authenticator("otto's phone")
    enrolled(one, phone)
    by_passkey(one, phone, one.pays().id, decision="endorse", argument="recipient")
    assert one.pays().word == "done"
    one.server.post(f"/passkeys/{phone.credential}/end", {"reason": "lost"})
    assert one.pays().word == "pending"
