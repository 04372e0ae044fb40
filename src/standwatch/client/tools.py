"""`@governed("bank.send_money")`: a function that is judged before it runs, and heard of after."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

from standwatch.client.acts import Go
from standwatch.client.errors import Invalid, NotDone
from standwatch.client.once import key_of
from standwatch.client.session import AsyncClient, Client

URL: Final = "STANDWATCH_URL"
TOKEN: Final = "STANDWATCH_TOKEN"  # noqa: S105 - the name of a variable
SYSTEM: Final = "STANDWATCH_SYSTEM"
KEY: Final = "standwatch_key"
"""Passed along with a call of a governed function: the key of this one act."""


class Unfit(Invalid, NotDone):
    """The arguments that it may be done with are none that the function takes: nothing was done."""


class Terms:
    """What was said to the decorator."""

    def __init__(
        self,
        tool: str,
        client: Client | AsyncClient | None,
        system: str,
        left_out: Sequence[str],
        wait: float,
    ) -> None:
        self.tool, self._client, self._system = tool, client, system
        self._left_out, self.wait = frozenset(left_out), wait

    @property
    def system(self) -> str:
        """The system whose act it is."""
        return self._system or _said(SYSTEM)

    def sync(self) -> Client:
        """The client that asks; made of the environment where none was given."""
        if self._client is None:
            self._client = Client(_said(URL), _said(TOKEN))
        if not isinstance(self._client, Client):
            raise TypeError("a function goes with a Client, a coroutine function with an AsyncClient")
        return self._client

    def waiting(self) -> AsyncClient:
        """As `sync`, for coroutine functions."""
        if self._client is None:
            self._client = AsyncClient(_said(URL), _said(TOKEN))
        if not isinstance(self._client, AsyncClient):
            raise TypeError("a function goes with a Client, a coroutine function with an AsyncClient")
        return self._client

    def bound(self, signature: inspect.Signature, *args: Any, **kwargs: Any) -> inspect.BoundArguments:
        """The call's arguments by name, defaults as well. Raises TypeError as a call would."""
        found = signature.bind(*args, **kwargs)
        found.apply_defaults()
        return found

    def told(self, bound: inspect.BoundArguments) -> dict[str, Any]:
        """The arguments as one object: what is judged."""
        named: dict[str, Any] = {}
        for name, value in bound.arguments.items():
            if bound.signature.parameters[name].kind is inspect.Parameter.VAR_KEYWORD:
                named |= value
            elif name not in self._left_out and name != "self":
                named[name] = value
        return named

    def more(self, told: Mapping[str, Any], key: str) -> dict[str, Any]:
        """What `act` is given beside."""
        return {"key": key or key_of(self.tool, told), "wait": self.wait}


def changed(bound: inspect.BoundArguments, go: Go) -> inspect.BoundArguments:
    """The call with what the gateway changed; everything else is passed on as it came.

    Raises `Unfit` for an argument that the function does not take.
    """
    rest = next(
        (
            name
            for name, one in bound.signature.parameters.items()
            if one.kind is inspect.Parameter.VAR_KEYWORD
        ),
        "",
    )
    for name in go.changed:
        if name in bound.arguments and name != rest and name in go.arguments:
            bound.arguments[name] = go.arguments[name]
        elif rest and name in go.arguments:
            bound.arguments[rest] = {
                **cast("dict[str, Any]", bound.arguments[rest]),
                name: go.arguments[name],
            }
        else:
            raise Unfit(f"the argument {name} cannot be changed as the gateway asks", go.id)
    return bound


def governed_tool(
    tool: str,
    *,
    client: Client | AsyncClient | None = None,
    system: str = "",
    left_out: Sequence[str] = (),
    wait: float = 0.0,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Govern a function or a coroutine function that does what the manifest calls `tool`.

    Each call's arguments, bound to the function's names, are judged first; the function is called only where the act
    may be done, with what the gateway changed in them, and what became of it is told. Without `client` and `system`
    those of the environment are used (`STANDWATCH_URL`, `STANDWATCH_TOKEN`, `STANDWATCH_SYSTEM`). `left_out` are
    parameters that are no part of the act: contexts, connections. `wait`: seconds in which a person may answer.

    Within `once(scope)`, or called with `standwatch_key=...`, an act is done once however often the work is begun.

    Raises, when called, `Refused`, `Pending`, `Invalid`, `Unavailable`: then the function was not called; `Failed` and
    `AlreadyDone` for what was done before; and what the function raises. Tools that know that nothing happened say so
    by raising `NotDone`.
    """
    terms = Terms(tool, client, system, left_out, wait)

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        signature = inspect.signature(function)
        if inspect.iscoroutinefunction(function):
            return _async(function, signature, terms)
        return _sync(function, signature, terms)

    return decorate


def _sync(function: Callable[..., Any], signature: inspect.Signature, terms: Terms) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        key = kwargs.pop(KEY, "")
        bound = terms.bound(signature, *args, **kwargs)
        told = terms.told(bound)

        def do(go: Go) -> Any:
            use = changed(bound, go)
            return function(*use.args, **use.kwargs)

        return terms.sync().perform(terms.system, terms.tool, told, do, **terms.more(told, key))

    return call


def _async(function: Callable[..., Any], signature: inspect.Signature, terms: Terms) -> Callable[..., Any]:
    @functools.wraps(function)
    async def call(*args: Any, **kwargs: Any) -> Any:
        key = kwargs.pop(KEY, "")
        bound = terms.bound(signature, *args, **kwargs)
        told = terms.told(bound)

        async def do(go: Go) -> Any:
            use = changed(bound, go)
            return await function(*use.args, **use.kwargs)

        return await terms.waiting().perform(terms.system, terms.tool, told, do, **terms.more(told, key))

    return call


def _said(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise ValueError(f"say it to the decorator, or set {name}")
    return value
