"""`/anthropic/{system}/v1`: Anthropic's messages before any upstream that speaks them.

    POST /anthropic/{system}/v1/messages, /anthropic/{system}/v1/messages/count_tokens
    GET  /anthropic/{system}/v1/models, /anthropic/{system}/v1/models/{model}

Errors of the upstream come back as they are. Ours have Anthropic's shape; `request_id` is the id of the action.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final
from urllib.parse import unquote

import msgspec

from standwatch.enforce.llms import offered
from standwatch.enforce.ports import Caller, Gate
from standwatch.facts.errors import Forbidden
from standwatch.facts.llm import Prompt, Provider
from standwatch.facts.words import SENTENCES, Word
from standwatch.fronts.door import Door, shown
from standwatch.fronts.http_message import Headers, Request, Response, Stream
from standwatch.fronts.http_origin import LOOPBACK_HOSTS, LOOPBACK_ORIGINS
from standwatch.fronts.llm.anthropic_heard import MessagesHearer, error, error_event
from standwatch.fronts.llm.anthropic_read import COUNT_PATH, PATH, read_messages
from standwatch.fronts.llm.dialect import Dialect
from standwatch.fronts.llm.flow import Flow
from standwatch.fronts.llm.heard import Hearer

PREFIX: Final = "/anthropic/"
PROVIDERS: Final[frozenset[Provider]] = frozenset({"anthropic"})
STAY: Final = (("x-should-retry", "false"),)
"""Its SDKs do not try again then."""

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

    providers = PROVIDERS
    path = PATH
    passed = ("anthropic-version", "anthropic-beta")

    def read(self, body: bytes) -> Prompt:
        """The prompt in a body. Raises `Malformed`."""
        return read_messages(body)

    def hearer(self) -> Hearer:
        """A reader of one answer."""
        return MessagesHearer()

    def refusal(self, word: Word, ident: str, headers: Headers = (), *, told: str = "") -> Response:
        """Our own refusal; its SDKs try again what is unavailable, and nothing else."""
        status, kind = ERRORS[word]
        headers = headers if word == "unavailable" else (*headers, *STAY)
        sentence = told if told and word == "invalid" else SENTENCES[word]
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


class BetaMessages(Messages):
    """`POST /v1/messages?beta=true`, as its SDKs ask what is in beta."""

    path = f"{PATH}?beta=true"


class BetaCountTokens(CountTokens):
    """The same of counting."""

    path = f"{COUNT_PATH}?beta=true"


_CREATE: Final[dict[tuple[str, bool], Dialect]] = {
    ("messages", False): Messages(),
    ("messages", True): BetaMessages(),
    ("messages/count_tokens", False): CountTokens(),
    ("messages/count_tokens", True): BetaCountTokens(),
}


def models(named: tuple[tuple[str, str], ...]) -> bytes:
    """The answer to `GET /v1/models`: those that the manifest names."""
    data = [_model(name) for name, _ in named]
    page = (
        {"first_id": data[0]["id"], "last_id": data[-1]["id"]}
        if data
        else {"first_id": None, "last_id": None}
    )
    return msgspec.json.encode({"data": data, "has_more": False, **page})


def model(named: tuple[tuple[str, str], ...], name: str) -> bytes | None:
    """The answer to `GET /v1/models/{name}`; None for one that the manifest does not name."""
    found = any(one == name for one, _ in named)
    return msgspec.json.encode(_model(name)) if found else None


def _model(name: str) -> dict[str, str]:
    # When it was made, nobody told us; its SDKs want a time.
    return {"type": "model", "id": name, "display_name": name, "created_at": "1970-01-01T00:00:00Z"}


class AnthropicFront:
    """`/anthropic/{system}/v1`. `hosts` and `origins` as `check_origin` takes them."""

    def __init__(
        self,
        gate: Gate,
        flow: Flow,
        *,
        hosts: Collection[str] = LOOPBACK_HOSTS,
        origins: Collection[str] = LOOPBACK_ORIGINS,
    ) -> None:
        self._gate = gate
        self._flow = flow
        self._door = Door(gate, hosts, origins)

    async def handle(self, request: Request) -> Response | Stream:
        """Answer one request below `/anthropic/`."""
        system, version, rest = _parts(request.path)
        if version != "v1":
            return NOWHERE
        beta = "beta" in request.query.split("=", 1)[0]
        dialect = _CREATE.get((rest, beta))
        barred = self._door.barred(request, "GET" if dialect is None else "POST")
        if barred is not None:
            return _in_form(barred)
        caller = self._caller(request, system)
        if caller is None:
            return UNAUTHENTICATED
        if dialect is not None:
            return await self._flow.generate(request, caller, system, dialect)
        if rest == "models" or rest.startswith("models/"):
            return self._models(system, unquote(rest[7:]))
        return NOWHERE

    def _caller(self, request: Request, system: str) -> Caller | None:
        """By `x-api-key`, where its SDKs put a key, or by a bearer token."""
        key = request.header("x-api-key")
        said = f"Bearer {key}" if key else request.header("authorization")
        if not said:
            return None
        try:
            return self._gate.identify(said, system, request.header("standwatch-run") or "", shown(request))
        except Forbidden:
            return None

    def _models(self, system: str, name: str) -> Response:
        declared = self._gate.configuration.systems.get(system)
        found = offered(declared.manifest.components, PROVIDERS) if declared is not None else ()
        body = model(found, name) if name else models(found)
        return NOWHERE if body is None else Response(200, body)


def _parts(path: str) -> tuple[str, str, str]:
    """System, version and the rest of a path below `/anthropic/`."""
    system, _, rest = path.removeprefix(PREFIX).partition("/")
    version, _, rest = rest.partition("/")
    return system, version, rest


def _in_form(response: Response) -> Response:
    """A refusal at the door in Anthropic's form."""
    told: dict[str, str] = msgspec.json.decode(response.body)
    kind = "invalid_request_error" if response.status == 405 else "permission_error"
    body = msgspec.json.encode(error(kind, told["message"]))
    return Response(response.status, body, (*response.headers, *STAY))
