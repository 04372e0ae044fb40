"""The agents' door: every path an agent can reach, and no other."""

import os
from collections.abc import Awaitable, Callable
from typing import Final

from standwatch.facts.configuration import Listener as Address
from standwatch.facts.entries import AnyEntry, Config, Declared, Hold, Principal
from standwatch.fronts.actions import ActionsFront
from standwatch.fronts.http import LOOPBACK_HOSTS, LOOPBACK_ORIGINS, Refusal, Request, Response, Stream
from standwatch.fronts.mcp.front import McpFront
from standwatch.fronts.runs import RunsFront
from standwatch.serve.gate import LiveGate
from standwatch.serve.place import now
from standwatch.serve.servers import Servers

Answer = Response | Stream
Handler = Callable[[Request], Awaitable[Answer]]

NOWHERE: Final = Refusal(404, "not_found", "There is nothing here.").response()


class Agents:
    """The agents' listener: `/mcp/{system}`, `/v1/actions`, `/v1/runs`."""

    def __init__(
        self,
        gate: LiveGate,
        servers: Servers,
        address: Address,
        key: bytes,
        on_error: Callable[[BaseException], None],
        *,
        chance: Callable[[int], bytes] = os.urandom,
    ) -> None:
        hosts = (*LOOPBACK_HOSTS, *address.allowed_hosts)
        origins = (*LOOPBACK_ORIGINS, *address.allowed_origins)
        self.mcp = McpFront(
            gate, servers.of, now, chance, key=key, hosts=hosts, origins=origins, on_error=on_error
        )
        self._actions = ActionsFront(gate, hosts=hosts, origins=origins)
        self._runs = RunsFront(gate, hosts=hosts, origins=origins)

    async def handle(self, request: Request) -> Answer:
        """Answer one request of an agent."""
        path = request.path
        if path.startswith("/mcp/"):
            return await self.mcp.handle(request, path[5:])
        if path.startswith("/v1/actions"):
            return await self._actions.handle(request)
        if path.startswith("/v1/runs"):
            return await self._runs.handle(request)
        return NOWHERE


def cutting(agents: Agents, gate: LiveGate, entry: AnyEntry) -> None:
    """Cut standing streams under a hold, and tell listeners when what they may use has changed."""
    systems = list(gate.configuration.systems)
    match entry:
        case Hold() if entry.scope.startswith("agent:"):
            agents.mcp.cut_caller(entry.scope.removeprefix("agent:"))
        case Hold():
            for system, envelope in gate.world.envelopes.items():
                if entry.scope in envelope.scopes:
                    agents.mcp.cut(system)
        case Principal(revoked=True):
            agents.mcp.cut_caller(entry.name)
        case Config() | Declared() | Principal():
            for system in systems:
                agents.mcp.changed(system)
        case _:
            pass
