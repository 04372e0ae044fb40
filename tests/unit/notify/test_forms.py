"""The three forms of a message, each read by somebody else: `standardwebhooks`, Slack's rules, a real mail server."""

from __future__ import annotations

import asyncio
import email.policy
import ipaddress
import json
import smtplib
import ssl
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from standwatch.facts.errors import Malformed
from standwatch.facts.notifying import Smtp
from standwatch.notify import mail, slack, webhook
from standwatch.notify.message import Message, headline, plain
from support.mailbox import Inbox, mail_server
from support.notifying import NOON, SECRET

MESSAGE = Message(
    "0" * 32, "1" * 32, "opened", "hold", "page", "system pay is halted", NOON, "Bank",
    "https://watch.example", ("pay",), ("hold 7 by Olga", "and another"), 3, (7, 8),
)  # fmt: skip


# --- webhooks ----------------------------------------------------------------------------------------------------


def now() -> int:
    return int(datetime.now(UTC).timestamp() * 1_000_000)


@given(st.text(max_size=200), st.sampled_from(["a", "0123456789abcdef" * 2]))
@settings(max_examples=50)
def test_somebody_elses_verifier_accepts_what_we_sign(title: str, ident: str) -> None:
    content = webhook.body(msgspec.structs.replace(MESSAGE, title=title))
    headers = dict(webhook.signed(SECRET, ident, now(), content))
    assert Webhook(SECRET).verify(content, headers)["data"]["title"] == title


def test_and_refuses_what_we_did_not() -> None:
    content = webhook.body(MESSAGE)
    headers = dict(webhook.signed(SECRET, "a", now(), content))
    for spoilt in (
        (content + b" ", headers),
        (content, {**headers, "webhook-id": "b"}),
        (content, {**headers, "webhook-timestamp": str(now() // 1_000_000 + 1)}),
        (content, dict(webhook.signed(SECRET, "a", now() - 600_000_000, content))),
        (content, dict(webhook.signed("whsec_" + b64encode(b"x" * 32).decode(), "a", now(), content))),
    ):
        with pytest.raises(WebhookVerificationError):
            Webhook(SECRET).verify(*spoilt)


def test_the_example_of_the_specifications_own_library() -> None:
    headers = dict(
        webhook.signed(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330_000_000, b'{"test": 2432232314}')
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_c2hvcnQ=", "whsec_ä"]
)
def test_a_secret_that_protects_nothing_is_none(secret: str) -> None:
    with pytest.raises(Malformed):
        webhook.key_of(secret)


def test_the_body_says_what_it_is() -> None:
    said = json.loads(webhook.body(MESSAGE))
    assert (said["type"], said["timestamp"]) == ("standwatch.hold.opened", "2027-01-15T12:00:00.000000Z")
    data = said["data"]
    assert data["text"] == "[page] system pay is halted"
    assert (data["incident"], data["stage"], data["severity"], data["systems"]) == (
        "1" * 32,
        "opened",
        "page",
        ["pay"],
    )
    assert (data["lines"], data["more"], data["entries"]) == (list(MESSAGE.lines), 3, [7, 8])


# --- Slack -------------------------------------------------------------------------------------------------------


def test_slack_gets_plain_text_and_nothing_to_parse() -> None:
    said = json.loads(slack.body(msgspec.structs.replace(MESSAGE, title="<!channel> & <https://x|y>")))
    assert said["text"].startswith("[page] &lt;!channel&gt; &amp; &lt;https://x|y&gt;\n")
    assert {block["text"]["type"] for block in said["blocks"]} == {"plain_text"}
    assert not any((said["mrkdwn"], said["link_names"], said["unfurl_links"], said["unfurl_media"]))
    assert said["parse"] == "none"
    assert said["blocks"][1]["text"]["text"].endswith("record: 7, 8\nBank: https://watch.example")


def test_slacks_bounds_are_kept() -> None:
    long = msgspec.structs.replace(MESSAGE, title="t" * 500, lines=("l" * 200,) * 20)
    said = json.loads(slack.body(long))
    assert [len(block["text"]["text"]) for block in said["blocks"]] == [150, 3000]
    assert len(said["text"]) == 3000


# --- mail --------------------------------------------------------------------------------------------------------


def smtp(port: int, **more: Any) -> Smtp:
    return Smtp(
        "127.0.0.1", "watch@bank.example", ("olga@bank.example",), port, **{"starttls": False, **more}
    )


def sent(
    message: Message, to: tuple[str, ...] = ("olga@bank.example",), inbox: Inbox | None = None
) -> tuple[Inbox, str]:
    inbox = inbox or Inbox()
    with mail_server(inbox) as port:
        note = mail.send(mail.compose(message, smtp(port), to), smtp(port), to, None)
    return inbox, note


def read(content: bytes) -> EmailMessage:
    found = message_from_bytes(content, policy=email.policy.default)
    assert isinstance(found, EmailMessage)
    return found


def test_a_mail_is_plain_text_for_whom_it_is_meant() -> None:
    inbox, note = sent(MESSAGE, ("olga@bank.example", "chen@bank.example"))
    ((sender, to, content),) = inbox.mails
    assert (sender, to, note) == ("watch@bank.example", ["olga@bank.example", "chen@bank.example"], "")
    found = read(content)
    assert found["Subject"] == headline(MESSAGE)
    assert found["Message-ID"] == f"<{'0' * 32}@bank.example>"
    assert found["References"] == f"<{'1' * 32}@bank.example>"
    assert found["Auto-Submitted"] == "auto-generated"
    assert found.get_content_type() == "text/plain"
    assert found.get_content().replace("\r\n", "\n").strip() == plain(MESSAGE)


@given(st.text(max_size=300))
@settings(max_examples=40)
def test_no_text_makes_a_header_or_another_part(text: str) -> None:
    """Composed and read again by the standard library: the headers are ours, whatever the title was."""
    hostile = msgspec.structs.replace(MESSAGE, title=text, organisation=text)
    found = read(mail.compose(hostile, smtp(25), ("olga@bank.example",)).as_bytes())
    assert set(found.keys()) == {
        "From", "To", "Subject", "Date", "Message-ID", "References", "Auto-Submitted", "X-Standwatch-Incident",
        "Content-Type", "Content-Transfer-Encoding", "MIME-Version",
    }  # fmt: skip
    assert not found.is_multipart()


def test_a_title_that_wants_to_be_a_header_stays_a_title() -> None:
    inbox, _ = sent(msgspec.structs.replace(MESSAGE, title="x\r\nBcc: evil@x.example\r\n\r\n<b>y</b>"))
    ((_, to, content),) = inbox.mails
    assert to == ["olga@bank.example"]
    assert read(content)["Bcc"] is None
    assert read(content)["Subject"] == "[page] x  Bcc: evil@x.example    <b>y</b>"


def test_recipients_that_are_refused_are_remarked_on_and_all_of_them_are_a_failure() -> None:
    inbox = Inbox()
    inbox.refused.add("gone@bank.example")
    _, note = sent(MESSAGE, ("gone@bank.example", "olga@bank.example"), inbox)
    assert note == "1 of 2 recipients refused"
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        sent(MESSAGE, ("gone@bank.example",), inbox)
    inbox.code = "451 later"
    with pytest.raises(smtplib.SMTPDataError):
        sent(MESSAGE, inbox=inbox)


def certificate(folder: Path) -> Path:
    """A key and a certificate of 127.0.0.1, signed by itself, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail")])
    today = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "mail.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.mark.parametrize("trusted", [True, False], ids=["trusted", "stranger"])
def test_starttls_is_verified_and_a_login_goes_over_it_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, trusted: bool
) -> None:
    path = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
    logins: list[Any] = []

    def login(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        logins.append((data.login, data.password))
        return AuthResult(success=True)

    inbox = Inbox()
    options = {
        "tls_context": context,
        "require_starttls": True,
        "authenticator": login,
        "auth_required": True,
    }
    with mail_server(inbox, **options) as port:
        server = smtp(port, starttls=True)
        composed = mail.compose(MESSAGE, server, ("olga@bank.example",))
        if not trusted:
            with pytest.raises(ssl.SSLCertVerificationError):
                mail.send(composed, server, ("olga@bank.example",), ("user", "pass"))
            assert (logins, inbox.mails) == ([], [])
            return
        mail.send(composed, server, ("olga@bank.example",), ("user", "pass"))
    assert logins == [(b"user", b"pass")]
    assert inbox.secure == [True]


def test_a_server_that_drips_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "DEADLINE", 0.5)

    async def work() -> None:
        async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                while True:
                    writer.write(b"2")
                    await writer.drain()
                    await asyncio.sleep(0.05)
            except OSError:
                writer.close()

        server = await asyncio.start_server(drip, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        composed = mail.compose(MESSAGE, smtp(port), ("olga@bank.example",))
        began = asyncio.get_running_loop().time()
        with pytest.raises((OSError, smtplib.SMTPException)):
            await asyncio.to_thread(mail.send, composed, smtp(port), ("olga@bank.example",), None)
        assert asyncio.get_running_loop().time() - began < 30
        server.close()

    asyncio.run(work())
