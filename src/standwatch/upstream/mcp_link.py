"""A server behind either transport: found out about once, then called. What supervises it sees only this."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final, Protocol

from standwatch.facts.configuration import Component
from standwatch.facts.mcp import McpAnswer, McpCall
from standwatch.upstream import mcp_wire as wire
from standwatch.upstream.egress import Egress
from standwatch.upstream.http import HttpClient, Unreachable, UpstreamError, UpstreamTimeout
from standwatch.upstream.mcp_children import Children
from standwatch.upstream.mcp_exchange import Surroundings
from standwatch.upstream.mcp_headers import ParamHeaders
from standwatch.upstream.mcp_http import Endpoint, internal
from standwatch.upstream.mcp_session import Introduced, Modern, NotMcp, Sessions, discovered
from standwatch.upstream.mcp_stdio import Conversation
from standwatch.upstream.sandbox import confine
from standwatch.upstream.stdio import Launch, launch, resolve

Heard = Callable[[str, str, bytes], None]
"""(session, method, raw parameters) of a notification that belongs to no call."""

_ASKS: Final = frozenset({"sampling", "elicitation", "roots"})


class Link(Protocol):
    """INVARIANT: `call` is used only between a `begin` that returned and the `ended` that follows it."""

    async def begin(self) -> Introduced:
        """First contact, or the next after `ended`. Raises `UpstreamError`."""
        ...

    async def ended(self) -> None:
        """Returns when the server is gone and must be begun anew."""
        ...

    @property
    def running(self) -> bool:
        """False from the moment that a started server is known to be gone."""
        ...

    async def call(self, call: McpCall) -> McpAnswer: ...

    def doubt(self) -> None:
        """It does not speak as it did: it should be asked again."""
        ...

    def want(self, session: str, *, wanted: bool) -> None:
        """Whether anybody listens to `session`."""
        ...

    def sweep(self) -> None:
        """Ends sessions that nobody has used for long."""
        ...

    async def end_session(self, session: str) -> None: ...

    async def close(self) -> None: ...

    def diagnose(self) -> str:
        """What a server last said on its stderr."""
        ...


class HttpLink:
    """A server at a URL. The era it was found to speak is kept until it says otherwise."""

    def __init__(
        self, component: Component, marked: Callable[[str], ParamHeaders], heard: Heard, around: Surroundings
    ) -> None:
        self._component, self._environment = component, around.environment
        self._present = around.present
        self._era = around.era
        self._client = HttpClient()
        self._at = Endpoint(self._client, component.url, around.bounds)
        self._modern = Modern(self._at, marked, lambda method, params: heard("", method, params))
        self._sessions = Sessions(self._at, heard, self.doubt)
        self._over = asyncio.Event()
        self.call = self._modern.call

    async def begin(self) -> Introduced:
        self._over.clear()
        own = resolve(self._component.name, self._component.headers, self._environment)
        self._at.own = tuple((name.lower(), value) for name, value in own.items())
        self._at.present = self._present
        if self._era != "legacy":
            said = await self._modern.call(internal("server/discover", self._at.bounds.probe))
            if not said.sent:
                why = said.error.message if said.error is not None else "no connection to the server"
                raise Unreachable(why)
            found = discovered(said)
            if found is not None:
                self.call = self._modern.call
                return found
        session = await self._sessions.session("", {}, self._at.bounds.handshake)
        self.call = self._sessions.call
        return session.introduced

    @property
    def running(self) -> bool:
        return True

    async def ended(self) -> None:
        await self._over.wait()
        await self._sessions.close()

    def doubt(self) -> None:
        self._over.set()

    def sweep(self) -> None:
        self._sessions.sweep()

    def want(self, session: str, *, wanted: bool) -> None:
        self._sessions.want(session, wanted=wanted)

    async def end_session(self, session: str) -> None:
        await self._sessions.end_session(session)

    async def close(self) -> None:
        await self._sessions.close()
        await self._client.close()

    def diagnose(self) -> str:
        return ""


class StdioLink:
    """A server that we start: one child for all, and one of its own for a session whose client may be asked."""

    def __init__(self, component: Component, heard: Heard, around: Surroundings) -> None:
        self._component = component
        self._around = around
        self._heard = heard
        self._bounds = around.bounds
        self._era: str = around.era
        self._shared: Conversation | None = None
        self._latest: Conversation | None = None
        self._children = Children(self._converse, around.bounds)
        self._egress: Egress | None = None

    async def begin(self) -> Introduced:
        self._shared = await self._converse("", {})
        return self._shared.introduced

    @property
    def running(self) -> bool:
        return self._shared is not None and self._shared.running

    async def ended(self) -> None:
        if self._shared is not None:
            await asyncio.shield(self._shared.ended)
            await self._shared.close()

    async def _converse(self, session: str, capabilities: dict[str, Any]) -> Conversation:
        what = await self._launch()
        made = Conversation(self._bounds, lambda method, params: self._heard(session, method, params))
        self._latest = made
        try:
            found = await made.begin(what, self._era, capabilities)
        except (NotMcp, UpstreamTimeout):
            # Some old servers die of a question before `initialize`: next time that comes first.
            self._era = self._around.era or ("" if self._era else "legacy")
            raise
        self._era = "modern" if found.revision == wire.MODERN else "legacy"
        return made

    async def _launch(self) -> Launch:
        """How its children are started; all of them have one way to its hosts."""
        # Off the loop: the operating system's keyring may take seconds, and a hold waits for nobody.
        what = await asyncio.to_thread(launch, self._component, self._around.folder, self._around.environment)
        sandbox = self._around.sandbox
        if sandbox is None:
            return what
        if sandbox.hosts and self._egress is None:
            self._egress = await Egress.begin(sandbox.hosts)
        way = self._egress.way if self._egress is not None else None
        return confine(what, sandbox, self._around.folder, hidden=self._around.hidden, way=way)

    async def call(self, call: McpCall) -> McpAnswer:
        shared = self._shared
        if shared is None:
            return wire.fault("the server is not running", sent=False)
        asks = call.session and (call.session in self._children or not _ASKS.isdisjoint(call.capabilities))
        if not asks or self._era == "modern":
            return await shared.call(call)
        try:
            own = await self._children.of(call.session, call.capabilities, call.timeout)
        except UpstreamError as error:
            return wire.fault(str(error), sent=False)
        return await own.call(call)

    def doubt(self) -> None:
        """A process speaks as it did until its end."""

    def sweep(self) -> None:
        self._children.sweep()

    def want(self, session: str, *, wanted: bool) -> None:
        """A pipe is always listened to."""

    async def end_session(self, session: str) -> None:
        await self._children.end(session)

    async def close(self) -> None:
        await self._children.close()
        if self._shared is not None:
            await self._shared.close()
        if self._egress is not None:
            await self._egress.close()

    def diagnose(self) -> str:
        latest = self._latest if self._shared is None or not self._shared.running else self._shared
        child = None if latest is None else latest.child
        return "" if child is None else child.last_words.decode("utf-8", "replace")
