"""`/openai/{system}/v1`: OpenAI's API before any upstream that speaks it.

    POST /openai/{system}/v1/chat/completions, /openai/{system}/v1/responses
    GET  /openai/{system}/v1/models, /openai/{system}/v1/models/{model}

Errors of the upstream come back as they are. Ours are OpenAI's error object; `code` is one of the four words, and
`reference` the id of the action.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Final
from urllib.parse import unquote

import msgspec

from standwatch.enforce.llms import offered
from standwatch.enforce.ports import Caller, Gate
from standwatch.facts.llm import Prompt, Provider
from standwatch.facts.sse import encode_event
from standwatch.facts.words import SENTENCES, Word
from standwatch.fronts.door import Door
from standwatch.fronts.http_message import Headers, Request, Response, Stream
from standwatch.fronts.http_origin import LOOPBACK_HOSTS, LOOPBACK_ORIGINS
from standwatch.fronts.llm import openai_chat, openai_responses
from standwatch.fronts.llm.dialect import Dialect
from standwatch.fronts.llm.flow import Flow
from standwatch.fronts.llm.heard import Hearer
from standwatch.fronts.llm.usage import counted, uncounted

PREFIX: Final = "/openai/"
MOST_BODY: Final = 32 << 20
PROVIDERS: Final[frozenset[Provider]] = frozenset({"openai", "openai-compatible"})
PASSED: Final = ("openai-beta", "idempotency-key", "x-client-request-id")
"""Headers that go on. Not `openai-organization` or `openai-project`: whose account pays is the gateway's to say."""

STATUS: Final[dict[Word, int]] = {"pending": 403, "refused": 403, "invalid": 400, "unavailable": 503}
"""`pending` is no success here: an SDK would read an answer out of it."""
_STAY: Final = (("x-should-retry", "false"),)


def error(status: int, message: str, code: str, ident: str = "", headers: Headers = ()) -> Response:
    """An error object as OpenAI's SDKs read it."""
    return Response(status, msgspec.json.encode({"error": _error(message, code, ident)}), headers)


def _error(message: str, code: str, ident: str) -> dict[str, Any]:
    told: dict[str, Any] = {"message": message, "type": f"standwatch_{code}", "param": None, "code": code}
    return {**told, "reference": ident} if ident else told


def _spoken(word: Word, ident: str) -> str:
    return f"{SENTENCES[word]} (reference {ident})"


class _OpenAi:
    """What both of its APIs share."""

    providers = PROVIDERS
    passed = PASSED

    def refusal(self, word: Word, ident: str, headers: Headers = (), *, told: str = "") -> Response:
        """Our own refusal."""
        headers = headers if word == "unavailable" else (*headers, *_STAY)
        message = f"{told} (reference {ident})" if told and word == "invalid" else _spoken(word, ident)
        return error(STATUS[word], message, word, ident, headers)


class Chat(_OpenAi):
    """Chat completions."""

    path = openai_chat.PATH
    read = staticmethod(openai_chat.read_chat)

    def hearer(self) -> Hearer:
        """A reader of one completion."""
        return openai_chat.ChatHearer()

    def broken(self, word: Word, ident: str) -> bytes:
        """An error in a stream; its SDKs raise it."""
        return encode_event(msgspec.json.encode({"error": _error(_spoken(word, ident), word, ident)}))

    def counted(self, prompt: Prompt) -> Prompt:
        """With `stream_options.include_usage`."""
        return counted(prompt)

    def uncounted(self, raw: bytes, data: bytes) -> bytes:
        """Without the usage that nobody asked for."""
        return uncounted(raw, data)


class Responses(_OpenAi):
    """Responses, whose streams always tell the usage."""

    path = openai_responses.PATH
    read = staticmethod(openai_responses.read_response)

    def hearer(self) -> Hearer:
        """A reader of one response."""
        return openai_responses.ResponsesHearer()

    def broken(self, word: Word, ident: str) -> bytes:
        """The `error` event."""
        told = {
            "type": "error",
            "code": word,
            "message": _spoken(word, ident),
            "param": None,
            "sequence_number": 0,
        }
        return encode_event(msgspec.json.encode(told), event=b"error")

    def counted(self, prompt: Prompt) -> Prompt:
        """As it is."""
        return prompt

    def uncounted(self, raw: bytes, data: bytes) -> bytes:
        """As it is."""
        del data
        return raw


_CREATE: Final[dict[str, Dialect]] = {"chat/completions": Chat(), "responses": Responses()}

UNKNOWN_CALLER: Final = error(
    401, "A valid bearer token of the gateway is needed as the API key.", "unauthenticated", "",
    (("www-authenticate", 'Bearer realm="standwatch"'), *_STAY),
)  # fmt: skip
NOWHERE: Final = error(404, "This path is not served here.", "not_found", "", _STAY)


class OpenAiFront:
    """`hosts` and `origins` as `check_origin` takes them."""

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
        """Answer one request below `/openai/`."""
        system, version, rest = _parts(request.path)
        if version != "v1":
            return NOWHERE
        dialect = _CREATE.get(rest)
        refused = self._door.refusal(request, "GET" if dialect is None else "POST")
        if refused is not None:
            return _in_form(refused)
        caller = self._door.caller(request, system)
        if caller is None:
            return UNKNOWN_CALLER
        if dialect is not None:
            return await self._flow.generate(request, caller, system, dialect)
        if rest == "models" or rest.startswith("models/"):
            return self._models(caller, system, unquote(rest[7:]))
        return NOWHERE

    def _models(self, caller: Caller, system: str, name: str) -> Response:
        """What the manifest allows, by name."""
        del caller
        declared = self._gate.configuration.systems.get(system)
        found = offered(declared.manifest.components, PROVIDERS) if declared is not None else ()
        told = [{"id": model, "object": "model", "created": 0, "owned_by": owner} for model, owner in found]
        if not name:
            return Response(200, msgspec.json.encode({"object": "list", "data": told}))
        one = next((each for each in told if each["id"] == name), None)
        return NOWHERE if one is None else Response(200, msgspec.json.encode(one))


def _parts(path: str) -> tuple[str, str, str]:
    """System, version and the rest of a path below `/openai/`."""
    system, _, rest = path.removeprefix(PREFIX).partition("/")
    version, _, rest = rest.partition("/")
    return system, version, rest


def _in_form(response: Response) -> Response:
    """A refusal at the door in OpenAI's form."""
    if response.status == 401:
        return UNKNOWN_CALLER
    said: Callable[[bytes], Any] = msgspec.json.decode
    told = said(response.body)
    return error(response.status, told["message"], told["code"], "", (*response.headers, *_STAY))
