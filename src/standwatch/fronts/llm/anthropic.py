"""Anthropic's messages as a dialect: what it reads, what goes on, and how we refuse in its shapes."""

from __future__ import annotations

from typing import Final

import msgspec

from standwatch.facts.llm import Prompt, Provider
from standwatch.facts.words import SENTENCES, Word
from standwatch.fronts.http_message import Headers, Response
from standwatch.fronts.llm.anthropic_heard import MessagesHearer, error, error_event
from standwatch.fronts.llm.anthropic_read import COUNT_PATH, PATH, read_messages
from standwatch.fronts.llm.heard import Hearer

ERRORS: Final[dict[Word, tuple[int, str]]] = {
    "refused": (403, "permission_error"),
    "pending": (403, "permission_error"),
    "invalid": (400, "invalid_request_error"),
    "unavailable": (503, "api_error"),
}
"""Our words as Anthropic's SDKs read errors: status and type."""

UNAUTHENTICATED: Final = Response(
    401,
    msgspec.json.encode(error("authentication_error", "A valid key is needed: x-api-key or a bearer token.")),
)
NOWHERE: Final = Response(404, msgspec.json.encode(error("not_found_error", "There is nothing here.")))
TOO_LARGE: Final = Response(413, msgspec.json.encode(error("request_too_large", "The request is too large.")))


class Messages:
    """`POST /v1/messages`."""

    providers: Final[frozenset[Provider]] = frozenset({"anthropic"})
    path = PATH
    passed: Final = ("anthropic-version", "anthropic-beta")

    def read(self, body: bytes) -> Prompt:
        """The prompt in a body. Raises `Malformed`."""
        return read_messages(body)

    def hearer(self) -> Hearer:
        """A reader of one answer."""
        return MessagesHearer()

    def refusal(self, word: Word, ident: str, headers: Headers = (), *, told: str = "") -> Response:
        """Our own refusal; its SDKs do not try again what is refused, and do what is unavailable."""
        status, kind = ERRORS[word]
        sentence = f"{SENTENCES[word]} {told}".strip()
        return Response(status, msgspec.json.encode(error(kind, sentence, ident)), headers)

    def broken(self, word: Word, ident: str) -> bytes:
        """The event that ends a stream which is not whole."""
        return error_event(ERRORS[word][1], SENTENCES[word], ident)

    def counted(self, prompt: Prompt) -> Prompt:
        """Its streams always say what was used."""
        return prompt

    def uncounted(self, raw: bytes, data: bytes) -> bytes:
        """As it came."""
        del data
        return raw


class CountTokens(Messages):
    """`POST /v1/messages/count_tokens`: the prompt leaves, so it is judged; nothing comes back and nothing is spent."""

    path = COUNT_PATH

    def read(self, body: bytes) -> Prompt:
        """The prompt in a body. Raises `Malformed`."""
        return read_messages(body, counting=True)


def models(offered: tuple[tuple[str, str], ...]) -> bytes:
    """The answer to `GET /v1/models`: those that the manifest names."""
    data = [_model(name) for name, _ in offered]
    page = (
        {"first_id": data[0]["id"], "last_id": data[-1]["id"]}
        if data
        else {"first_id": None, "last_id": None}
    )
    return msgspec.json.encode({"data": data, "has_more": False, **page})


def model(offered: tuple[tuple[str, str], ...], name: str) -> bytes | None:
    """The answer to `GET /v1/models/{name}`; None for one that the manifest does not name."""
    found = any(one == name for one, _ in offered)
    return msgspec.json.encode(_model(name)) if found else None


def _model(name: str) -> dict[str, str]:
    # When it was made, nobody told us; its SDKs want a time.
    return {"type": "model", "id": name, "display_name": name, "created_at": "1970-01-01T00:00:00Z"}
