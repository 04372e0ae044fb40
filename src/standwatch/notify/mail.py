"""Mail: one plain text message, handed to a mail server by SMTP (RFC 5321) with TLS that is verified."""

import contextlib
import smtplib
import socket
import ssl
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final

from standwatch.facts.notifying import Smtp
from standwatch.notify.message import Message, headline, plain

PATIENCE: Final = 10.0
"""Seconds for one step of the conversation."""
DEADLINE: Final = 30.0
"""Seconds for all of it: a server that drips is hung up on."""
_IMPLICIT: Final = 465
_SUBJECT: Final = 160


def compose(message: Message, smtp: Smtp, to: Sequence[str]) -> EmailMessage:
    """The mail. Its id follows from the message's, so that a mail sent twice is one; an incident is one thread."""
    domain = smtp.sender.rpartition("@")[2]
    mail = EmailMessage(policy=SMTP.clone(max_line_length=200))
    mail["From"] = Address(f"Standwatch, {_one_line(message.organisation)}", addr_spec=smtp.sender)
    mail["To"] = [Address(addr_spec=one) for one in to]
    mail["Subject"] = _one_line(headline(message))[:_SUBJECT]
    mail["Date"] = format_datetime(datetime.fromtimestamp(message.at // 1_000_000, UTC))
    mail["Message-ID"] = f"<{message.id}@{domain}>"
    if message.incident:
        mail["References"] = f"<{message.incident}@{domain}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's out-of-office answers it
    mail["X-Standwatch-Incident"] = f"{message.incident}; {message.stage}; {message.severity}"
    mail.set_content(plain(message), cte="quoted-printable")
    return mail


def _one_line(text: str) -> str:
    # INVARIANT: no header is ever made of text that could end its line.
    return "".join(letter if letter.isprintable() else " " for letter in text)


def send(mail: EmailMessage, smtp: Smtp, to: Sequence[str], login: tuple[str, str] | None) -> str:
    """Hand `mail` to the server; what went wrong with some of the recipients, "" for nothing. Blocks, for `DEADLINE`
    seconds at most. Raises `OSError` or `smtplib.SMTPException` where nobody gets it."""
    context = ssl.create_default_context()
    if smtp.port == _IMPLICIT:
        server: smtplib.SMTP = smtplib.SMTP_SSL(timeout=PATIENCE, context=context)
    else:
        server = smtplib.SMTP(timeout=PATIENCE)
    hang_up = threading.Timer(DEADLINE, _cut, (server,))
    hang_up.daemon = True
    hang_up.start()
    try:
        server._host = smtp.host  # pyright: ignore[reportAttributeAccessIssue] # what TLS names, where connect is apart
        server.connect(smtp.host, smtp.port)
        if smtp.port != _IMPLICIT and smtp.starttls:
            server.starttls(context=context)
        if login is not None:
            server.login(*login)
        refused = server.send_message(mail, smtp.sender, list(to))
        with contextlib.suppress(OSError, smtplib.SMTPException):  # it has taken the mail
            server.quit()
    finally:
        hang_up.cancel()
        server.close()
    return f"{len(refused)} of {len(to)} recipients refused" if refused else ""


def _cut(server: smtplib.SMTP) -> None:
    with contextlib.suppress(OSError):
        if server.sock is not None:
            server.sock.shutdown(socket.SHUT_RDWR)
