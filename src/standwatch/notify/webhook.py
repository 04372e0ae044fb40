"""Webhooks after the Standard Webhooks specification 1.0.0: JSON, three headers, HMAC-SHA-256."""

import base64
import binascii
import hmac
from hashlib import sha256

import msgspec

from standwatch.facts.errors import Malformed
from standwatch.notify.inert import stamp
from standwatch.notify.message import Message, headline

PREFIX = "whsec_"


def body(message: Message) -> bytes:
    """`{type, timestamp, data}` (Payload structure). `type` is `standwatch.EVENT.STAGE`."""
    data = msgspec.to_builtins(message)
    return msgspec.json.encode(
        {
            "type": f"standwatch.{message.event}.{message.stage}"
            if message.stage != "test"
            else "standwatch.test",
            "timestamp": stamp(message.at),
            "data": {**data, "text": headline(message)},
        }
    )


def key_of(secret: str) -> bytes:
    """The key in a secret as both sides keep it: `whsec_` and base64 of 24 to 64 bytes. Raises `Malformed`."""
    try:
        key = base64.b64decode(secret.strip().removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.strip().startswith(PREFIX) or not 24 <= len(key) <= 64:
        raise Malformed("the secret is not whsec_ and base64 of 24 to 64 bytes", code="bad_secret")
    return key


def signed(secret: str, ident: str, at: int, content: bytes) -> list[tuple[str, str]]:
    """The headers that go with `content`, attempted at `at` (µs). The id has no point in it, so nothing shifts."""
    seconds = at // 1_000_000
    mac = hmac.new(key_of(secret), b"%b.%d.%b" % (ident.encode(), seconds, content), sha256).digest()
    return [
        ("content-type", "application/json"),
        ("webhook-id", ident),
        ("webhook-timestamp", str(seconds)),
        ("webhook-signature", f"v1,{base64.b64encode(mac).decode()}"),
    ]
