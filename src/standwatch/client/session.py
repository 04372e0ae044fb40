"""`Client` and `AsyncClient`: ask the gateway for decisions, and for leave to act."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Self

from standwatch.client.acting import Acting, ActingAsync
from standwatch.client.answers import Decisions, Going, answered
from standwatch.client.context import current, trace_of
from standwatch.client.errors import Unreachable
from standwatch.client.runs import PATH as RUNS
from standwatch.client.runs import Opened, asking_run, opened
from standwatch.client.wire import Async, Place, Prover, Sync, body_of

PATH: Final = "/v1/decisions"
WORD: Final = f"{RUNS}/current/word"

Rows = Sequence[Mapping[str, Any]]
"""One mapping for each row: feature to value, None for missing."""


class Client(Acting):
    """Asks the gateway at `url` with a bearer token; may be shared between threads. Seconds for `timeout`.

    `run` names a run of the token's own. Usable as a context manager.

    >>> with Client("http://127.0.0.1:8400", "sw_example") as client:
    ...     pass
    """

    def __init__(
        self, url: str, token: str, *, timeout: float = 10.0, run: str = "", key: Prover | None = None
    ) -> None:
        self._place, self._timeout = Place(url, token, run, key), timeout
        self._wire = Sync(self._place, timeout)

    def open_run(
        self, system: str, task: str, *, on_behalf_of: str = "", key: Prover | None = None
    ) -> Opened:
        """Open a run for `task`, in the user's words. With `key` (`make_key`) its token is good with that key alone.

        Raises `Refused` for a token that may not start runs, and `ClientError`.
        """
        asked = asking_run(system, key, task=task, on_behalf_of=on_behalf_of)
        return opened(self._wire.post(RUNS, asked, {}), key)

    def open_below(
        self,
        system: str,
        *,
        tools: Sequence[str] = (),
        effects: Sequence[str] = (),
        minutes: int = 0,
        key: Prover | None = None,
    ) -> Opened:
        """With a run's token: open one below it, for a sub-agent, that may never do more. What is not said is as it is
        in the run above; `tools` are names of `server.tool`, or their beginnings and `*`.
        """
        asked = asking_run(system, key, tools=list(tools), effects=list(effects), minutes=minutes)
        return opened(self._wire.post(RUNS, asked, {}), key)

    def of(self, run: Opened) -> Client:
        """The same gateway, asked with the token of `run` and its key."""
        return Client(self._place.url, run.token, timeout=self._timeout, key=run.key)

    def waiting(self) -> AsyncClient:
        """The same gateway, token and run, for the event loop that asks first."""
        place = self._place
        return AsyncClient(place.url, place.token, timeout=self._timeout, run=place.run, key=place.key)

    def decide(
        self,
        system: str,
        rows: Rows,
        *,
        model: str = "",
        version: str = "",
        parameters: Mapping[str, Any] | None = None,
        used: Sequence[str] | None = None,
        expects: Mapping[str, Mapping[str, Any]] | None = None,
        traceparent: str | None = None,
    ) -> Decisions:
        """Have `rows` decided by `system`, whose only model need not be named.

        `parameters` say how old inputs are (`age.FEATURE`, `cache_age`, in seconds) and whatever else should stand in
        the record; `used` are ids of the decisions that these rest on (by default those made before in the same
        `composition`); `expects` says how you read an output (`{"score": {"polarity": "higher means denied"}}`): where
        that is not what it means the request is `Invalid`.

        Raises `ClientError`: then nothing was decided.
        """
        asked = asking(system, rows, model, version, parameters, used, expects)
        return decided(self.ask(asked, trace_of(traceparent)))

    def ask(self, asked: bytes, trace: str) -> Decisions | Going:
        """Send a request made by `asking`."""
        return answered(*self._wire.post(PATH, asked, {"Traceparent": trace}))

    def tell(self, going: Going, ran: bytes) -> Decisions:
        """Tell what a model said that was allowed to run."""
        return heard(going, answered(*self._wire.post(f"{PATH}/{going.id}/outcome", ran, {})))

    def word(self, system: str, text: str) -> bool:
        """Pass on what the agent said at its end, to be held against the record of the run that this client is in.

        Whether it was taken. Nothing depends on it, so nothing is raised where nobody can be reached.
        """
        try:
            return self._wire.post(WORD, body_of({"system": system, "text": text}), {})[0] == 200
        except Unreachable:
            return False

    def close(self) -> None:
        """Close connections."""
        self._wire.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncClient(ActingAsync):
    """`Client` for one event loop.

    >>> import asyncio
    >>> async def main():
    ...     async with AsyncClient("http://127.0.0.1:8400", "sw_example") as client:
    ...         pass
    >>> asyncio.run(main())
    """

    def __init__(
        self, url: str, token: str, *, timeout: float = 10.0, run: str = "", key: Prover | None = None
    ) -> None:
        self._place, self._timeout = Place(url, token, run, key), timeout
        self._wire = Async(self._place, timeout)

    async def open_run(
        self, system: str, task: str, *, on_behalf_of: str = "", key: Prover | None = None
    ) -> Opened:
        """As `Client.open_run`."""
        asked = asking_run(system, key, task=task, on_behalf_of=on_behalf_of)
        return opened(await self._wire.post(RUNS, asked, {}), key)

    async def open_below(
        self,
        system: str,
        *,
        tools: Sequence[str] = (),
        effects: Sequence[str] = (),
        minutes: int = 0,
        key: Prover | None = None,
    ) -> Opened:
        """As `Client.open_below`."""
        asked = asking_run(system, key, tools=list(tools), effects=list(effects), minutes=minutes)
        return opened(await self._wire.post(RUNS, asked, {}), key)

    def of(self, run: Opened) -> AsyncClient:
        """As `Client.of`."""
        return AsyncClient(self._place.url, run.token, timeout=self._timeout, key=run.key)

    async def decide(
        self,
        system: str,
        rows: Rows,
        *,
        model: str = "",
        version: str = "",
        parameters: Mapping[str, Any] | None = None,
        used: Sequence[str] | None = None,
        expects: Mapping[str, Mapping[str, Any]] | None = None,
        traceparent: str | None = None,
    ) -> Decisions:
        """As `Client.decide`."""
        asked = asking(system, rows, model, version, parameters, used, expects)
        return decided(await self.ask(asked, trace_of(traceparent)))

    async def ask(self, asked: bytes, trace: str) -> Decisions | Going:
        """As `Client.ask`."""
        return answered(*await self._wire.post(PATH, asked, {"Traceparent": trace}))

    async def tell(self, going: Going, ran: bytes) -> Decisions:
        """As `Client.tell`."""
        return heard(going, answered(*await self._wire.post(f"{PATH}/{going.id}/outcome", ran, {})))

    async def word(self, system: str, text: str) -> bool:
        """As `Client.word`."""
        try:
            return (await self._wire.post(WORD, body_of({"system": system, "text": text}), {}))[0] == 200
        except Unreachable:
            return False

    async def close(self) -> None:
        """Close connections."""
        await self._wire.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def asking(  # noqa: PLR0917 - the members of one request
    system: str,
    rows: Rows,
    model: str = "",
    version: str = "",
    parameters: Mapping[str, Any] | None = None,
    used: Sequence[str] | None = None,
    expects: Mapping[str, Mapping[str, Any]] | None = None,
) -> bytes:
    """The body of a request. Raises ValueError or TypeError for values that JSON has no form for.

    >>> asking("mortgage", [{"income": 4200.5}, {"income": None}], used=["41/0"])
    b'{"system":"mortgage","names":["income"],"rows":[[4200.5],[null]],"used":["41/0"]}'
    """
    flow = current()
    if used is None:
        used = flow.made if flow is not None and flow.later else ()
    names = list(rows[0]) if rows else []
    body: dict[str, Any] = {"system": system}
    if names and all(row.keys() == rows[0].keys() for row in rows):
        body |= {"names": names, "rows": [[row[name] for name in names] for row in rows]}
    else:
        body["rows"] = [dict(row) for row in rows]
    beside = {
        "model": model,
        "version": version,
        "parameters": parameters,
        "used": list(used),
        "expects": expects,
    }
    return body_of(body | {name: value for name, value in beside.items() if value})


def decided(found: Decisions | Going) -> Decisions:
    """The decisions, noted in the flow we are in."""
    decisions = _one(found)
    flow = current()
    if flow is not None:
        flow.add(decisions.used)
    return decisions


def heard(going: Going, found: Decisions | Going) -> Decisions:
    """The decisions on what a model said, with the contract that was told when it went."""
    return replace(_one(found), contract=going.contract)


def _one(found: Decisions | Going) -> Decisions:
    if isinstance(found, Going):
        raise Unreachable(
            "this model runs in its callers: have it governed instead (standwatch.client.governed)"
        )
    return found
