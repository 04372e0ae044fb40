"""`passkey` and `session` against a real server on a real socket; the browser's half over the same API."""

from __future__ import annotations

import getpass
import json
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from standwatch.cli.main import main
from standwatch.cli.wire import Refused, Server, organisation
from standwatch.keys import ed25519
from standwatch.record.assertion import from_base64url
from support.passkeys import Authenticator, as_json
from support.watch import Watch, served

Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def running(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Generator[tuple[Cli, Server, Watch, Path]]:
    """The CLI as Otto uses it, the API as his browser does, and his key in a file."""
    folder, key = tmp_path / "an organisation", tmp_path / "otto.pem"
    folder.mkdir()
    with served(folder, account=getpass.getuser()) as (watch, _, _):
        ed25519.save(watch.keys["otto"], key, passphrase="", plain=True)

        def cli(*words: str) -> tuple[int, str, str]:
            capsys.readouterr()
            code = main(["--org", str(folder), *words])
            told = capsys.readouterr()
            return code, told.out, told.err

        yield cli, Server(organisation(str(folder))), watch, key


def made(server: Server, phone: Authenticator) -> dict[str, Any]:
    begun = server.post("/passkeys/begin", {})
    challenge = from_base64url(begun["options"]["challenge"], 64)
    credential = phone.create(challenge, rp_id="watch.example", origin="https://watch.example")
    return server.post("/passkeys/finish", {"ceremony": begun["ceremony"], "credential": credential})


def test_a_passkey_is_made_vouched_for_listed_and_ended(running: tuple[Cli, Server, Watch, Path]) -> None:
    cli, server, watch, key = running
    phone = Authenticator()
    line = made(server, phone)
    assert (line["state"], line["person"]) == ("waits", "otto")
    code, told, _ = cli("passkey", "list")
    assert code == 0
    assert "waits: standwatch passkey sign" in told
    code, told, _ = cli("passkey", "sign", line["fingerprint"][:8], "--key", str(key), "--yes")
    assert code == 0, told
    assert line["fingerprint"] in told
    assert "it stays on its device" in told
    assert "enrolled a passkey of otto, vouched for by otto" in told
    code, told, _ = cli("passkey", "list", "--json")
    (one,) = json.loads(told)["passkeys"]
    assert (one["state"], one["by"], one["credential"]) == ("live", "otto", phone.credential)
    assert watch.gate.state.passkeys[phone.credential].live
    code, told, _ = cli("passkey", "revoke", phone.credential[:8], "--reason", "phone lost")
    assert code == 0
    assert "ended a passkey of otto" in told
    assert not watch.gate.state.passkeys[phone.credential].live
    code, _, error = cli("passkey", "revoke", phone.credential[:8])
    assert code == 1
    assert "passkey list" in error


def test_somebody_else_s_key_vouches_for_nothing(running: tuple[Cli, Server, Watch, Path]) -> None:
    cli, server, watch, key = running
    made(server, Authenticator())
    other = key.with_name("nina.pem")
    ed25519.save(watch.keys["nina"], other, passphrase="", plain=True)
    code, _, error = cli("passkey", "sign", Authenticator().credential, "--key", str(other), "--yes")
    assert code == 1
    assert "may not vouch" in error
    assert watch.gate.state.passkeys == {}
    assert cli("passkey", "sign", "nothing", "--key", str(key), "--yes")[0] == 1


def test_bodies_that_are_no_credentials_are_refused_in_the_one_shape(
    running: tuple[Cli, Server, Watch, Path],
) -> None:
    _, server, _, _ = running
    for path, body in (
        ("/passkeys/finish", {"ceremony": "x", "credential": {}}),
        ("/passkeys/begin", {"person": "nobody"}),
        ("/passkeys/begin", {"more": 1}),
        ("/passkeys/AAAA/sign", {"by": "otto", "key": "", "sig": ""}),
        ("/passkeys/AAAA/end", {"reason": ""}),
        ("/questions/AAAA/challenge", {"decision": "approve"}),
        ("/questions/AAAA/assertion", {"decision": "approve", "head": "", "until": 1, "credential": {}}),
    ):
        with pytest.raises(Refused) as caught:
            server.post(path, body)
        assert caught.value.status in (400, 403, 404), path


def test_both_ends_of_an_enrolment_show_the_same_words(
    running: tuple[Cli, Server, Watch, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    cli, server, watch, key = running
    monkeypatch.setattr("standwatch.cli.passkeys._LOOK", 0.01)
    seen: list[dict[str, Any]] = []
    invite = Server.post

    def with_a_phone(self: Server, path: str, body: object = None) -> Any:
        """The person opens the link as soon as it is there."""
        found = invite(self, path, body)
        if path == "/passkeys/invitations":
            seen.append(opened(server, found["link"], Authenticator()))
        return found

    monkeypatch.setattr(Server, "post", with_a_phone)
    code, told, said = cli("passkey", "add", "--key", str(key), "--yes")
    assert code == 0, said
    assert "https://watch.example/enrol#" in said
    assert seen[0]["words"] in told
    assert len(seen[0]["words"].split()) == 6
    assert "enrolled a passkey of otto, vouched for by otto" in told
    assert watch.gate.state.passkeys[Authenticator().credential].live


def opened(server: Server, link: str, phone: Authenticator) -> dict[str, Any]:
    """What the browser's page does with a link."""
    begun = server.post("/enrolments/challenge", {"link": link.partition("#")[2]})
    challenge = from_base64url(begun["options"]["challenge"], 64)
    credential = phone.create(challenge, rp_id="watch.example", origin="https://watch.example")
    order = {"seat": begun["seat"], "ceremony": begun["ceremony"], "credential": credential}
    return server.post("/enrolments", order)


def test_an_admin_invites_and_nobody_else_does(running: tuple[Cli, Server, Watch, Path]) -> None:
    cli, _, _, _ = running
    code, _, error = cli("passkey", "invite", "olga@watch.example")  # Otto operates
    assert code == 1
    assert "ask an admin" in error
    code, told, _ = cli("passkey", "invite", "otto@watch.example", "--json")
    assert code == 0
    assert json.loads(told)["person"] == "otto"


def test_sessions_are_listed_and_ended(running: tuple[Cli, Server, Watch, Path]) -> None:
    cli, server, watch, key = running
    assert cli("session", "list")[1].strip() == "nobody has signed in"
    phone = Authenticator()
    made(server, phone)
    assert cli("passkey", "sign", phone.credential, "--key", str(key), "--yes")[0] == 0
    asked = server.post("/sessions/challenge", {})
    challenge = from_base64url(asked["options"]["challenge"], 64)
    gesture = as_json(phone.get(challenge, rp_id="watch.example", origin="https://watch.example"))
    opened_ = server.post("/sessions", {"ceremony": asked["ceremony"], "credential": gesture})
    code, told, _ = cli("session", "list")
    assert code == 0
    assert opened_["session"][:12] in told
    assert "otto" in told
    assert json.loads(cli("session", "list", "--json")[1])[0]["credential"] == phone.credential
    assert "no open session begins" in cli("session", "end", "zz")[2]
    assert cli("session", "end", opened_["session"][:8])[0] == 0
    assert watch.gate.state.sessions == {}
