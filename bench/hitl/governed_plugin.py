"""A pytest plugin: every function tool of every agent is governed by an adapter, before a gateway that allows it.

The gateway is scripted. It shows whether a framework's own tests of its human in the loop notice the adapter.
"""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from agents import FunctionTool
from agents.agent import AgentBase
from agents.tool_context import ToolContext

from standwatch.client import Client
from standwatch.client.openai_agents import Standwatch

COUNTS = {"asked": 0, "told": 0}


class Gateway(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        told = self.path.endswith("/outcome")
        COUNTS["told" if told else "asked"] += 1
        said = {"word": "done" if told else "go", "id": asked.get("id") or "x"}
        body = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


def pytest_configure() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    watch = Standwatch(Client(f"http://127.0.0.1:{server.server_port}", "sw_test"), "suite")
    made: dict[int, Any] = {}
    before = AgentBase.get_all_tools

    def govern(tool: Any) -> Any:
        if id(tool) in made:
            return made[id(tool)][1]
        if not isinstance(tool, FunctionTool) or tool._is_agent_tool or tool._is_codex_tool:
            return tool
        if callable(tool.needs_approval):  # such a tool is refused by `tools`
            return tool
        if id(tool) not in made:
            if tool.needs_approval is False:
                found = watch._governed(tool)
            else:

                async def invoke(context: ToolContext[Any], text: str, tool: FunctionTool = tool) -> Any:
                    return await watch._invoke(tool, context, text)

                found = replace(tool, on_invoke_tool=invoke)
            made[id(tool)] = (tool, found)
            made[id(found)] = (found, found)
        return made[id(tool)][1]

    async def get_all_tools(self: Any, *args: Any, **more: Any) -> Any:
        return [govern(one) for one in await before(self, *args, **more)]

    AgentBase.get_all_tools = get_all_tools


def pytest_terminal_summary(terminalreporter: Any) -> None:
    terminalreporter.write_line(
        f"the gateway was asked {COUNTS['asked']} times and told {COUNTS['told']} outcomes"
    )
