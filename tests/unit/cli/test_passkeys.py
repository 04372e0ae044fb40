"""`passkey list|sign|revoke` against a real server on a real socket; the browser's half over the same API."""

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
from support.passkeys import Authenticator
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
