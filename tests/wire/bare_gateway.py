"""The MCP front and real upstream clients behind a gate that lets everything pass. TEST AND BENCH ONLY.

    python bare_gateway.py URL        prints the URL of the gateway before the MCP server at URL

It judges and records nothing: what fails through it is the fault of the front or of the upstream client, and never
of a check. `tests/wire/test_mcp_conformance.py` starts it through one function that the real gateway can replace.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from pathlib import Path
from typing import Any

from standwatch.enforce.ports import NOTHING_SHOWN, Act, Caller, Carried, Forward, Reply, Shown
from standwatch.facts.configuration import (
    Component,
    Configuration,
    Listener,
    Lock,
    Manifest,
    Organisation,
    System,
    Tool,
)
from standwatch.facts.errors import Forbidden
from standwatch.facts.ids import new_id
from standwatch.fronts.http import Request, Response, Stream, serve_http
from standwatch.fronts.mcp.front import McpFront
from standwatch.upstream.mcp import UpstreamServer, open_server

TOKEN = "sw_bare"
SYSTEM = "fixture"


class PassThrough:
    """A gate for tests: it knows one token, and every act goes. `acts` is what it was asked."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self.acts: list[Act] = []
        self.keep = False
        self._everything = {
            name: frozenset(one.manifest.tools) for name, one in configuration.systems.items()
        }

    def identify(
        self, authorization: str, system: str, run: str = "", shown: Shown = NOTHING_SHOWN
    ) -> Caller:
        if authorization != f"Bearer {TOKEN}":
            raise Forbidden("not this token")
        return Caller("tester", "agent", (system,), run)

    def visible(self, caller: Caller, system: str) -> frozenset[str]:
        del caller
        return self._everything[system]

    async def act(self, act: Act, forward: Forward, **_: Any) -> Reply:
        if self.keep:
            self.acts.append(act)
        ident = new_id(time.time_ns() // 1000, os.urandom(10))
        if act.event == "tool_call" and act.tool not in self._everything[act.system]:
            return Reply("refused", ident)
        return Reply("done", ident, await forward(act.arguments))

    async def begin(self, act: Act) -> Reply:
        return Reply("done", act.id or new_id(time.time_ns() // 1000, os.urandom(10)))

    async def finish(self, caller: Caller, ident: str, carried: Carried) -> Reply:
        del caller
        return Reply("done", ident, carried)

    async def open_run(
        self, caller: Caller, system: str, task: str, on_behalf_of: str = "", bound: str = ""
    ) -> tuple[str, str, int]:
        del caller, system, task, on_behalf_of, bound
        return new_id(time.time_ns() // 1000, os.urandom(10)), TOKEN, 0

    async def close_run(self, caller: Caller, run: str) -> None:
        del caller, run


def configuration(tools: list[str], components: tuple[Component, ...]) -> Configuration:
    """One system with these tools (`server.name`), all of them reads."""
    listener = Listener("127.0.0.1", 0)
    organisation = Organisation("test", "example.test/log", "http://localhost", listener, listener)
    manifest = Manifest(
        system=SYSTEM,
        purpose="conformance",
        owner=(),
        halt_authority=(),
        validator=(),
        components=components,
        tools={name: Tool(name, "read") for name in tools},
    )
    return Configuration(organisation, {SYSTEM: System(manifest, Lock(), "")}, (), "root")


def everything(name: str, url: str = "", command: tuple[str, ...] = ()) -> Component:
    """A server that may give and ask everything."""
    return Component(
        kind="mcp_server",
        name=name,
        url=url,
        command=command,
        resources=("**",),
        prompts=("**",),
        may_ask=("sampling", "elicitation", "roots"),
    )


async def start(url: str, era: Any = "") -> tuple[str, PassThrough, list[Any]]:
    """Serves the gateway before `url`; its address, its gate, and what must be kept alive."""
    component = everything("fixture", url)
    fronts: list[McpFront] = []

    def changed(_: Any) -> None:
        for front in fronts:
            front.changed(SYSTEM)

    server: UpstreamServer = open_server(
        component, organisation_folder=Path(), environment=os.environ, on_change=changed, era=era
    )
    if not await server.ready(20):
        raise RuntimeError(f"the upstream is down: {server.trouble}")
    gate = PassThrough(configuration([f"fixture.{name}" for name in server.definitions], (component,)))
    servers = {"fixture": server}
    front = McpFront(
        gate, lambda _: servers, lambda: time.time_ns() // 1000, os.urandom, key=bytes(32), on_error=_shout
    )
    fronts.append(front)

    async def handle(request: Request) -> Response | Stream:
        prefix, _, system = request.path.rpartition("/")
        if prefix != "/mcp" or system != SYSTEM:
            return Response(404, b"{}")
        return await front.handle(request, system)

    listener = await serve_http(handle, name="bare", on_error=_shout)
    return f"http://localhost:{listener.port}/mcp/{SYSTEM}", gate, [listener, server, front]


def _shout(error: BaseException) -> None:
    import traceback

    traceback.print_exception(error)


async def main() -> None:
    parser = argparse.ArgumentParser(description="A gateway that lets everything pass, for tests")
    parser.add_argument("url")
    parser.add_argument("--era", default="", choices=("", "modern", "legacy"))
    options = parser.parse_args()
    url, _, kept = await start(options.url, options.era)
    print(url, flush=True)
    await asyncio.Event().wait()
    del kept


if __name__ == "__main__":
    asyncio.run(main())
