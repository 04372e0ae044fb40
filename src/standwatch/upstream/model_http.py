"""One request to a model server: its whole answer within bounds of time and bytes, or a `Trouble` in one sentence.

A model that was asked has done nothing yet, so a request may be sent again where a kept connection closed under it.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from standwatch.facts.decisions import Trouble
from standwatch.upstream.http import (
    HttpClient,
    Timeouts,
    TooLarge,
    Unreachable,
    Unsendable,
    UpstreamError,
    UpstreamTimeout,
)
from standwatch.upstream.http_target import Headers

_JSON: Final = (("content-type", "application/json"), ("accept", "application/json"))
_LEAST_BYTES: Final = 1 << 20
_ROW_BYTES: Final = 4 << 10
_QUOTED: Final = 200
"""Characters of a server's own words that go into a sentence of ours."""
_TELLING: Final = ("error", "message", "detail")
_unprintable = re.compile(r"[^\x20-\x7e\xa0-\ufffd]+")


class BadAnswer(ValueError):
    """An answer that does not say what it must; its text is one sentence."""


class ModelHttp:
    """The connections to the servers of one model, with the headers that every request carries."""

    def __init__(self, client: HttpClient, headers: Headers = ()) -> None:
        self._client = client
        self._headers = (*_JSON, *headers)

    async def ask(self, url: str, body: bytes, rows: int, within: float) -> bytes | Trouble:
        """The body of a 200. It may have a mebibyte, and 4 KiB for each of `rows`."""
        most = _LEAST_BYTES + rows * _ROW_BYTES
        limits = Timeouts(connect=within, first_byte=within, total=within)
        try:
            answer = await self._client.request(
                "POST",
                url,
                headers=self._headers,
                body=body,
                timeouts=limits,
                max_bytes=most,
                idempotent=True,
            )
        except UpstreamError as error:
            return trouble(error, within, most)
        if answer.status != 200:
            return Trouble("upstream_error", _refusal(answer.status, answer.body))
        return answer.body

    async def look(self, url: str, within: float = 2.0) -> bytes | None:
        """The body of a GET that was answered 200; None for anything else."""
        limits = Timeouts(connect=within, first_byte=within, total=within)
        try:
            answer = await self._client.request(
                "GET", url, headers=self._headers, timeouts=limits, max_bytes=_LEAST_BYTES, idempotent=True
            )
        except UpstreamError:
            return None
        return answer.body if answer.status == 200 else None

    async def close(self) -> None:
        """Close every connection."""
        await self._client.close()


def trouble(error: UpstreamError, within: float, most: int) -> Trouble:
    """What went wrong on the way, in the four words of a `Trouble`."""
    match error:
        case UpstreamTimeout():
            return Trouble("timeout", f"the model server gave no answer within {within:g} s")
        case TooLarge():
            return Trouble("bad_answer", f"the model server's answer has more than {most} bytes")
        case Unreachable():
            return Trouble("unreachable", f"the model server cannot be reached: {error}")
        case Unsendable():
            return Trouble("unreachable", f"the model server cannot be asked: {error}")
        case _:
            return Trouble("upstream_error", f"the model server failed: {error}")


def _refusal(status: int, body: bytes) -> str:
    """OIP's `$inference_error_response` has `error`; others say `message` or `detail`."""
    said = ""
    try:
        told = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        texts = (msgspec.json.decode(told[name], type=str) for name in _TELLING if name in told)
        said = next(texts, "")
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        pass
    said = " ".join(_unprintable.sub(" ", said).split())
    said = said if len(said) <= _QUOTED else said[: _QUOTED - 1] + "…"
    return f"the model server answered HTTP {status}" + (f": {said}" if said else "")
