"""OAuth 2.0 Token Exchange (RFC 8693): what the organisation's authorisation server gives for one released act."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec

from standwatch.facts.errors import StandwatchError
from standwatch.upstream.http import HttpClient, Timeouts, UpstreamError

GRANT: Final = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT_TYPE: Final = "urn:ietf:params:oauth:token-type:jwt"
ACCESS_TOKEN: Final = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105
ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_PATIENCE: Final = Timeouts(connect=3.0, first_byte=5.0, total=8.0)
_MOST: Final = 64 << 10
_TOKEN: Final = 16 << 10


class NotGiven(StandwatchError):
    """The authorisation server gave no token. Its `error` is told, its description is not: it is somebody's text."""

    code = "no_credential"


class Given(msgspec.Struct, frozen=True):
    """A token response (RFC 6749 §5.1). `expires_in` in seconds; 0 where the server did not say."""

    access_token: str
    token_type: str
    expires_in: int = 0
    issued_token_type: str = ""


class _Refused(msgspec.Struct, frozen=True):
    error: str = ""


Attempt = Callable[[str], tuple[dict[str, str], str]]
"""(the server's nonce or "") → the form of one attempt, and a proof of possession for the token endpoint; "" where none
is to be shown. Each attempt has an assertion and a proof of its own: a server takes them once."""


async def exchange(client: HttpClient, url: str, attempt: Attempt, *, basic: tuple[str, str] | None) -> Given:
    """Ask `url`. A server that wants a nonce in the proof is asked once more (RFC 9449 §8).

    Raises `NotGiven`: also for a token of another type than the proof promises, and for one too long to be shown.
    """
    nonce = ""
    for _ in range(2):
        headers = [("content-type", "application/x-www-form-urlencoded"), ("accept", "application/json")]
        if basic is not None:
            headers.append(("authorization", _basic(*basic)))
        form, shown = attempt(nonce)
        if shown:
            headers.append(("dpop", shown))
        try:
            answer = await client.request(
                "POST",
                url,
                headers=headers,
                body=urlencode(form).encode(),
                timeouts=_PATIENCE,
                max_bytes=_MOST,
            )
        except UpstreamError as error:
            raise NotGiven(f"the token endpoint: {error}") from None
        if answer.status == 200:
            return _given(answer.body, bound=bool(shown))
        told = _error(answer.body)
        fresh = answer.headers.get(b"dpop-nonce", b"").decode("latin-1")
        if told != "use_dpop_nonce" or not fresh or nonce:
            raise NotGiven(f"the token endpoint answered {answer.status} {told}".strip())
        nonce = fresh
    raise NotGiven("the token endpoint wants another nonce each time")


def _given(body: bytes, *, bound: bool) -> Given:
    try:
        given = msgspec.json.decode(body, type=Given)
    except (msgspec.DecodeError, msgspec.ValidationError):
        raise NotGiven("the token endpoint's answer is no token response") from None
    wanted = "dpop" if bound else "bearer"
    if given.token_type.lower() != wanted:
        raise NotGiven(
            f"the token endpoint gives a {given.token_type[:20]!r} token where {wanted} is declared"
        )
    if not 0 < len(given.access_token) <= _TOKEN or not given.access_token.isascii():
        raise NotGiven("the token endpoint's token is not one")
    return given


def _error(body: bytes) -> str:
    try:
        told = msgspec.json.decode(body, type=_Refused).error
    except (msgspec.DecodeError, msgspec.ValidationError):
        return ""
    return told if told.replace("_", "").isalnum() and len(told) <= 60 else ""


def _basic(client: str, secret: str) -> str:
    """RFC 6749 §2.3.1: both are form-encoded first."""
    from base64 import b64encode

    pair = f"{quote(client, safe='')}:{quote(secret, safe='')}"
    return "Basic " + b64encode(pair.encode()).decode()


async def revoke(
    client: HttpClient, url: str, token: str, form: dict[str, str], *, basic: tuple[str, str] | None
) -> None:
    """Give `token` up (RFC 7009). That it fails changes nothing: it ends by itself."""
    headers = [("content-type", "application/x-www-form-urlencoded")]
    if basic is not None:
        headers.append(("authorization", _basic(*basic)))
    body: dict[str, Any] = {**form, "token": token, "token_type_hint": "access_token"}
    try:
        await client.request("POST", url, headers=headers, body=urlencode(body).encode(), timeouts=_PATIENCE)
    except UpstreamError:
        return
