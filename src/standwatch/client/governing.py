"""`@governed`: a `predict` of this process that asks before it runs and is heard before anybody acts on it."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hashlib
import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar, cast, overload

from standwatch.client.answers import Decisions, Going, Row
from standwatch.client.context import Flow, step, trace_of, within
from standwatch.client.errors import ClientError, Unreachable
from standwatch.client.session import AsyncClient, Client, Rows, asking, decided
from standwatch.client.tools import governed_tool
from standwatch.client.wire import body_of

F = TypeVar("F", bound=Callable[..., Any])
Outputs = Mapping[str, Any]
"""By output: one value for each row, as a list or anything with `tolist`."""
Local = str | Mapping[str, Any] | Callable[[Rows], Sequence[str | Mapping[str, Any]]]
"""What is answered where no gateway is: an outcome, outputs, or a function that gives one or the other for each row."""

_BLOCK = 1 << 20
PARTING: Final = 2.0
"""Seconds for which a coroutine that is being cancelled waits to be heard."""


class _Terms:
    """What was said to the decorator."""

    def __init__(self, system: str, model: str, version: str, digest: str, local: Local | None) -> None:
        self.system, self.model, self.version, self.digest, self.local = system, model, version, digest, local

    def told(self, outputs: object, flow: Flow) -> bytes:
        """What the model said, to be told; what cannot be written is told as its error."""
        try:
            if not isinstance(outputs, Mapping):
                raise TypeError("predict gives outputs by name")  # noqa: TRY301
            said = {name: _listed(values) for name, values in cast("Mapping[str, Any]", outputs).items()}
            ran = {"outputs": said, "version": self.version, "digest": self.digest, "used": flow.made}
            return body_of(ran | {"system": self.system})
        except (TypeError, ValueError) as error:
            return self.failed(error)

    def failed(self, error: BaseException) -> bytes:
        """What the model raised: its kind and no more, for messages carry data."""
        return body_of({"error": type(error).__name__, "system": self.system})

    def alone(self, rows: Rows, error: Unreachable) -> Decisions:
        """What was declared for the case that no gateway is; raises `error` where nothing was."""
        local = self.local
        if local is None:
            raise error
        found = local(rows) if callable(local) else [local] * len(rows)
        if len(found) != len(rows):
            raise ValueError(f"on_unreachable gave {len(found)} answers for {len(rows)} rows") from error
        return Decisions("", tuple(map(_local, found)), recorded=False)


class Governed:
    """A governed `predict`. Calling it has rows decided; `predict` is the function as it was written."""

    def __init__(self, client: Client, predict: Callable[[list[Any]], Outputs], terms: _Terms) -> None:
        self._client, self.predict, self._terms = client, predict, terms
        functools.update_wrapper(self, predict)

    def __call__(
        self,
        rows: Rows,
        *,
        parameters: Mapping[str, Any] | None = None,
        used: Sequence[str] | None = None,
        expects: Mapping[str, Mapping[str, Any]] | None = None,
        traceparent: str | None = None,
    ) -> Decisions:
        """Have `rows` decided: as `Client.decide`, with the model here."""
        terms, trace = self._terms, trace_of(traceparent)
        asked = asking(terms.system, rows, terms.model, "", parameters, used, expects)
        try:
            found = self._client.ask(asked, trace)
        except Unreachable as error:
            return terms.alone(rows, error)
        # What was told may stand in the record though its answer was lost: nothing else is answered then.
        return decided(self._run(found, rows, trace) if isinstance(found, Going) else found)

    def _run(self, going: Going, rows: Rows, trace: str) -> Decisions:
        with within(step(trace), False) as flow:
            try:
                outputs = self.predict([rows[at] for at in going.rows])
            except Exception as error:
                ran = self._terms.failed(error)
            except BaseException as error:  # we are being stopped: it is owed all the same
                with contextlib.suppress(ClientError):  # what stops us is what is raised
                    self._client.tell(going, self._terms.failed(error))
                raise
            else:
                ran = self._terms.told(outputs, flow)
        return self._client.tell(going, ran)


class GovernedAsync:
    """A governed `async def predict`."""

    def __init__(
        self, client: AsyncClient, predict: Callable[[list[Any]], Awaitable[Outputs]], terms: _Terms
    ) -> None:
        self._client, self.predict, self._terms = client, predict, terms
        functools.update_wrapper(self, predict)

    async def __call__(
        self,
        rows: Rows,
        *,
        parameters: Mapping[str, Any] | None = None,
        used: Sequence[str] | None = None,
        expects: Mapping[str, Mapping[str, Any]] | None = None,
        traceparent: str | None = None,
    ) -> Decisions:
        """Have `rows` decided: as `AsyncClient.decide`, with the model here."""
        terms, trace = self._terms, trace_of(traceparent)
        asked = asking(terms.system, rows, terms.model, "", parameters, used, expects)
        try:
            found = await self._client.ask(asked, trace)
        except Unreachable as error:
            return terms.alone(rows, error)
        return decided(await self._run(found, rows, trace) if isinstance(found, Going) else found)

    async def _run(self, going: Going, rows: Rows, trace: str) -> Decisions:
        with within(step(trace), False) as flow:
            try:
                outputs = await self.predict([rows[at] for at in going.rows])
            except Exception as error:
                ran = self._terms.failed(error)
            except asyncio.CancelledError as error:  # we are being stopped: it is owed all the same
                await _parting(self._telling(going, self._terms.failed(error)))
                raise
            else:
                ran = self._terms.told(outputs, flow)
        telling = self._telling(going, ran)
        try:
            return await asyncio.shield(telling)
        except asyncio.CancelledError:  # half told is not told
            await _parting(telling)
            raise

    def _telling(self, going: Going, ran: bytes) -> asyncio.Task[Decisions]:
        return asyncio.get_running_loop().create_task(self._client.tell(going, ran))


class _Decorator:
    """What `governed` gives: it takes a function for a `Client`, a coroutine function for an `AsyncClient`."""

    def __init__(self, client: Client | AsyncClient, terms: _Terms) -> None:
        self._client, self._terms = client, terms

    @overload
    def __call__(self, predict: Callable[[list[Any]], Awaitable[Outputs]]) -> GovernedAsync: ...
    @overload
    def __call__(self, predict: Callable[[list[Any]], Outputs]) -> Governed: ...
    def __call__(self, predict: Callable[[list[Any]], Any]) -> Governed | GovernedAsync:
        waits = inspect.iscoroutinefunction(predict)
        match self._client:
            case Client() if not waits:
                return Governed(self._client, predict, self._terms)
            case AsyncClient() if waits:
                return GovernedAsync(self._client, predict, self._terms)
            case _:
                raise TypeError("a function goes with a Client, a coroutine function with an AsyncClient")


@overload
def governed(
    what: str,
    *,
    client: Client | AsyncClient | None = None,
    system: str = "",
    left_out: Sequence[str] = (),
    wait: float = 0.0,
) -> Callable[[F], F]: ...
@overload
def governed(
    what: Client | AsyncClient,
    *,
    system: str,
    model: str = "",
    version: str = "",
    artifact: str | Path = "",
    on_unreachable: Local | None = None,
) -> _Decorator: ...
def governed(what: str | Client | AsyncClient, **said: Any) -> Any:
    """Govern a tool, named as the manifest has it, or a model's `predict`: see `governed_tool`, `governed_model`."""
    return governed_tool(what, **said) if isinstance(what, str) else governed_model(what, **said)


def governed_model(
    client: Client | AsyncClient,
    *,
    system: str,
    model: str = "",
    version: str = "",
    artifact: str | Path = "",
    on_unreachable: Local | None = None,
) -> _Decorator:
    """Govern `predict(rows) -> outputs`, whose model runs in this process.

    `predict` gets the rows (mappings, as given) that the gateway allows and returns a list for each output. What it
    says is told to the gateway, and only what the gateway then answers is returned: the model's outputs, or those of
    the declared fallback. `version` and the SHA-256 of `artifact`, read once and now, are told along: where they
    are not what is deployed, the gateway does not let the answer pass. An exception in `predict` is answered by the
    fallback. Decisions made while it runs are named as those that this one rests on.

    Where no gateway answers the question it raises `Unreachable`, unless `on_unreachable` says what is to be answered;
    such decisions have `recorded` False, `route` and `code` `unreachable`, and no id. Whatever else is not answered
    raises too: nothing is decided without leave, and where the answer to what the model said is lost it may stand in
    the record already.

    A coroutine that is cancelled tells so first, for which it takes two seconds at most.

    Raises OSError for an artifact that cannot be read.
    """
    return _Decorator(client, _Terms(system, model, version, _digest(artifact), on_unreachable))


async def _parting(telling: asyncio.Task[Decisions]) -> None:
    """Wait `PARTING` at most until it was heard; how it ended is nobody's any more."""
    try:
        await asyncio.wait((telling,), timeout=PARTING)
    finally:
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)


def _digest(artifact: str | Path) -> str:
    if not artifact:
        return ""
    found = hashlib.sha256()
    with Path(artifact).open("rb") as file:
        while block := file.read(_BLOCK):
            found.update(block)
    return found.hexdigest()


def _listed(values: Any) -> list[Any]:
    plain = getattr(values, "tolist", None)
    return plain() if callable(plain) else list(values)  # pyright: ignore[reportReturnType]


def _local(answer: str | Mapping[str, Any]) -> Row:
    if isinstance(answer, str):
        return Row("", answer, "unreachable", "unreachable")
    return Row("", "", "unreachable", "unreachable", outputs=dict(answer))
