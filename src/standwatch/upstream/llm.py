"""From a declaration to the upstream of a language model: where it is, whose key, and how long we wait.

The gateway's key goes into one header of every request and nowhere else; what an upstream sends back is looked
through for it (`scrub`). Only the headers named here go on, in either direction.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Final

from standwatch.facts.configuration import Component
from standwatch.facts.errors import StandwatchError
from standwatch.facts.llm import SILENCE, TIMEOUT, LlmAnswer, LlmFault
from standwatch.upstream.http import (
    HttpClient,
    Timeouts,
    TooLarge,
    UpstreamError,
    UpstreamStream,
    UpstreamTimeout,
)
from standwatch.upstream.stdio import resolve

Headers = tuple[tuple[str, str], ...]
MOST_ANSWER: Final = 64 << 20
"""Bytes of one answer, streamed or not."""
MOST_ERROR: Final = 1 << 20
LEAST_SECRET: Final = 8
"""Characters: what is shorter than this is found in any text."""

PASSED_BACK: Final = (
    b"x-request-id", b"request-id", b"retry-after", b"retry-after-ms", b"x-should-retry", b"openai-processing-ms",
    b"openai-version", b"openai-model",
)  # fmt: skip
"""Headers of an answer that its client can use, beside those about rate limits."""
_LIMITS: Final = (b"x-ratelimit-", b"anthropic-ratelimit-")


def open_llm(component: Component, *, folder: Path, environment: Mapping[str, str]) -> Upstream | Unaskable:
    """The upstream of a component. Opens nothing yet, and never raises: what cannot be asked says so.

    `${NAME}` in the component's headers and `key_env` are read from `environment`, `key_file` below `folder`.
    Belongs to one event loop.
    """
    try:
        headers = resolve(component.name, component.headers, environment)
        key = _key(component, folder, environment)
    except StandwatchError as error:
        return Unaskable(str(error))
    except (OSError, UnicodeError) as error:
        return Unaskable(f"{component.name}: {error}")
    secrets = [headers[name] for name, value in component.headers.items() if "${" in value]
    if key:
        secrets.append(key)
    return Upstream(component, tuple(headers.items()), tuple(secrets), key)


def _key(component: Component, folder: Path, environment: Mapping[str, str]) -> str:
    if component.key_env:
        return resolve(component.name, {"key": f"${{{component.key_env}}}"}, environment)["key"].strip()
    if component.key_file:
        return (folder / component.key_file).read_text(encoding="ascii").strip()
    return ""


def _key_header(provider: str, key: str, headers: Headers) -> Headers:
    """Where the key goes: with Anthropic's versions before 2026 in a header of its own, as its SDKs put it."""
    if not key:
        return ()
    version = next((value for name, value in headers if name == "anthropic-version"), "")
    if provider == "anthropic" and version < "2026":
        return (("x-api-key", key),)
    return (("authorization", f"Bearer {key}"),)


class Upstream:
    """A component's upstream over HTTP."""

    def __init__(
        self, component: Component, headers: Headers, secrets: tuple[str, ...], key: str = ""
    ) -> None:
        self._provider, self._key = component.provider, key
        self._base = component.url.rstrip("/")
        self._headers = headers
        self._client = HttpClient()
        self._secrets = tuple(each.encode() for each in secrets if len(each) >= LEAST_SECRET)
        self.why = ""
        """Why it could not be asked the last time; "" where it could."""
        whole, silence = component.timeout or TIMEOUT, component.silence or SILENCE
        self._whole = Timeouts(first_byte=whole, total=whole)
        self._streamed = Timeouts(first_byte=min(silence, whole), total=whole, silence=silence)

    async def send(
        self, path: str, body: bytes, headers: tuple[tuple[str, str], ...], *, streaming: bool
    ) -> LlmAnswer:
        """POST; never sent twice."""
        try:
            answer = await self._client.stream(
                "POST",
                self._base + path,
                headers=(
                    ("content-type", "application/json"),
                    *headers,
                    *self._headers,
                    *_key_header(self._provider, self._key, headers),
                ),
                body=body,
                timeouts=self._streamed if streaming else self._whole,
                max_bytes=MOST_ANSWER,
            )
        except UpstreamError as error:
            self.why = str(error)
            raise _fault(error) from None
        self.why = f"it answered {answer.status}" if answer.status >= 500 else ""
        return Answer(answer)

    def scrub(self, data: bytes) -> bytes:
        """`data` with asterisks where one of our secrets stood."""
        for secret in self._secrets:
            if secret in data:
                data = data.replace(secret, b"*" * len(secret))
        return data

    async def close(self) -> None:
        """Close every connection."""
        await self._client.close()


class Answer:
    """An answer under way."""

    def __init__(self, stream: UpstreamStream) -> None:
        self._stream = stream
        self.status = stream.status
        self.headers = _useful(stream.headers)

    async def chunks(self) -> AsyncIterator[bytes]:
        """As `UpstreamStream.chunks`; raises `LlmFault`."""
        try:
            async for piece in self._stream.chunks():
                yield piece
        except UpstreamError as error:
            raise _fault(error) from None

    async def whole(self) -> bytes:
        """The rest; raises `LlmFault`."""
        return b"".join([piece async for piece in self.chunks()])

    def close(self) -> None:
        """Gives up what is unread."""
        self._stream.close()


class Unaskable:
    """An upstream that cannot be asked, and why."""

    def __init__(self, why: str) -> None:
        self.why = why

    async def send(
        self, path: str, body: bytes, headers: tuple[tuple[str, str], ...], *, streaming: bool
    ) -> LlmAnswer:
        """Always a fault."""
        del path, body, headers, streaming
        raise LlmFault(self.why, reason="unreachable", sent=False)

    def scrub(self, data: bytes) -> bytes:
        """Nothing to hide."""
        return data

    async def close(self) -> None:
        """Nothing is open."""


def _useful(headers: dict[bytes, bytes]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in headers.items()
        if name == b"content-type" or name in PASSED_BACK or name.startswith(_LIMITS)
    )


def _fault(error: UpstreamError) -> LlmFault:
    match error:
        case UpstreamTimeout():
            return LlmFault(str(error), reason="timeout", sent=error.sent)
        case TooLarge():
            return LlmFault(str(error), reason="too_large", sent=True)
        case _:
            return LlmFault(str(error), reason="broken" if error.sent else "unreachable", sent=error.sent)
