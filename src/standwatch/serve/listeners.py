"""The agents' door: every path an agent can reach, and no other."""

import os
from collections.abc import Awaitable, Callable
from typing import Final

from standwatch.facts.configuration import Listener as Address
from standwatch.facts.entries import Answered, AnyEntry, Config, Declared, Endorsed, Principal, Unmasked
from standwatch.facts.ids import new_id
from standwatch.fronts.actions import ActionsFront
from standwatch.fronts.decisions import DecisionsFront
from standwatch.fronts.decisions_client import DecisionsClientFront
from standwatch.fronts.decisions_read import MOST_BODY
from standwatch.fronts.http import (
    LOOPBACK_HOSTS,
    LOOPBACK_ORIGINS,
    Limits,
    Refusal,
    Request,
    Response,
    Stream,
)
from standwatch.fronts.llm.anthropic import AnthropicFront
from standwatch.fronts.llm.flow import Flow
from standwatch.fronts.llm.openai import MOST_BODY as MOST_PROMPT
from standwatch.fronts.llm.openai import OpenAiFront
from standwatch.fronts.mcp.front import McpFront
from standwatch.fronts.mlflow import PATHS as MLFLOW_PATHS
from standwatch.fronts.mlflow import MlflowFront
from standwatch.fronts.runs import RunsFront
from standwatch.respond.scope import Scope
from standwatch.serve.control_scopes import covered
from standwatch.serve.decisions import LiveDecisions
from standwatch.serve.gate import LiveGate
from standwatch.serve.place import now
from standwatch.serve.servers import Servers

Answer = Response | Stream
Handler = Callable[[Request], Awaitable[Answer]]

LIMITS: Final = Limits(
    larger_bodies=(
        *((path, MOST_BODY) for path in (b"/v2/models/", b"/invocations/", b"/v1/decisions")),
        (b"/openai/", MOST_PROMPT),
        (b"/anthropic/", MOST_PROMPT),
    )
)
"""The agents' listener takes more where batches of rows come in, or prompts with images, and nowhere else."""

KEY_SET: Final = "/.well-known/jwks.json"
"""Where upstreams find the keys of the credentials that they are shown; on both listeners."""

NOWHERE: Final = Refusal(404, "not_found", "There is nothing here.").response()


class Agents:
    """The agents' listener: `/mcp/{system}`, `/v2/models/{system}`, `/v1/actions`, `/v1/decisions`, `/v1/runs` …"""

    def __init__(
        self,
        gate: LiveGate,
        servers: Servers,
        address: Address,
        key: bytes,
        on_error: Callable[[BaseException], None],
        *,
        chance: Callable[[int], bytes] = os.urandom,
        key_set: bytes = b'{"keys":[]}',
    ) -> None:
        """`key_set` verifies the credentials that upstreams are shown (RFC 7517)."""
        self._key_set = key_set
        hosts = (*LOOPBACK_HOSTS, *address.allowed_hosts)
        origins = (*LOOPBACK_ORIGINS, *address.allowed_origins)
        self.mcp = McpFront(
            gate, servers.of, now, chance, key=key, hosts=hosts, origins=origins, on_error=on_error
        )
        self._gate = gate
        gate.on_cut, gate.listening = self.cut, self.mcp.runs
        self._actions = ActionsFront(gate, hosts=hosts, origins=origins)
        self._runs = RunsFront(gate, hosts=hosts, origins=origins)
        self.decisions = LiveDecisions(gate, servers.models, clock=now, chance=chance)
        self._oip = DecisionsFront(self.decisions, hosts=hosts, origins=origins, ready=lambda: gate.recording)
        self._mlflow = MlflowFront(self.decisions, hosts=hosts, origins=origins)
        self.flow = Flow(gate, servers.llms.of, lambda: new_id(now(), chance(10)))
        self._openai = OpenAiFront(gate, self.flow, hosts=hosts, origins=origins)
        self._anthropic = AnthropicFront(gate, self.flow, hosts=hosts, origins=origins)
        self._in_process = DecisionsClientFront(self.decisions, hosts=hosts, origins=origins)

    async def handle(self, request: Request) -> Answer:
        """Answer one request of an agent."""
        path = request.path
        if path.startswith("/mcp/"):
            return await self.mcp.handle(request, path[5:])
        if path.startswith("/openai/"):
            return await self._openai.handle(request)
        if path.startswith("/anthropic/"):
            return await self._anthropic.handle(request)
        if path.startswith("/v2"):
            return await self._oip.handle(request)
        if path.startswith("/v1/decisions"):
            return await self._in_process.handle(request)
        if path.startswith("/invocations/") or path in MLFLOW_PATHS:
            return await self._mlflow.handle(request)
        if path.startswith("/v1/actions"):
            return await self._actions.handle(request)
        if path.startswith("/v1/runs"):
            return await self._runs.handle(request)
        if path == KEY_SET and request.method == "GET":
            return Response(200, self._key_set)
        return NOWHERE

    def cut(self, scope: str) -> None:
        """Cut the streams and waiting calls under `scope`.

        Streams carry what servers say, so a hold on any part of a system cuts all of that system: whoever listens
        comes back, and is judged again.
        """
        kind, _, name = scope.partition(":")
        state, named = self._gate.state, Scope(kind, name)
        match named.kind:
            case "agent":
                self.mcp.cut(lambda _, caller: caller.principal == named.name)
            case "run":
                _, opened = state.runs.get(named.name, (0, None))
                key = ("", "") if opened is None or not opened.implicit else (opened.principal, opened.system)
                self.mcp.cut(
                    lambda system, caller: (
                        named.name in state.lineage(caller.run)
                        or (not caller.run and (caller.principal, system) == key)
                    )
                )
            case _:
                systems = covered(named, self._gate.world, state)
                self.mcp.cut(lambda system, _: system in systems)


def cutting(agents: Agents, gate: LiveGate, entry: AnyEntry) -> None:
    """Tell listeners when what they may use has changed."""
    match entry:
        case Config() | Declared() | Principal(revoked=False):
            for system in gate.configuration.systems:
                agents.mcp.changed(system)
        case Answered() | Endorsed() if entry.id not in gate.state.veiled:
            question = gate.state.questions.get(entry.id)
            if question is None or not question.open:  # one of several is not the end of it
                agents.mcp.answered(entry.id)
        case Unmasked(decoy=False):  # only now an approval has force: who calls again before is told to wait
            agents.mcp.answered(entry.id)
        case _:
            pass
