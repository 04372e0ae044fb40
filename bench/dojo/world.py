"""One AgentDojo suite as a real MCP server, and the bench's line to it. Runs in the environment that has `agentdojo`.

    python bench/dojo/world.py SUITE

Orders are `catalogue`, `begin`, `hijack`, `changed`, `score` (`served.py`). There is one environment at a time: runs
follow each other.

Results have the suite's own text, and their structure beside it, as servers made with the official SDKs send both.
"""

from __future__ import annotations

import sys
import warnings
from types import SimpleNamespace
from typing import Any

warnings.filterwarnings("ignore")

import yaml  # noqa: E402
from agentdojo.agent_pipeline.tool_execution import tool_result_to_str  # noqa: E402
from agentdojo.functions_runtime import FunctionCall, FunctionsRuntime  # noqa: E402
from agentdojo.task_suite import task_suite as suites  # noqa: E402
from agentdojo.task_suite.load_suites import get_suite  # noqa: E402
from agentdojo.types import text_content_block_from_string  # noqa: E402
from pydantic import BaseModel  # noqa: E402
from served import serve  # noqa: E402

VERSION = "v1.2.2"

MARK = "injected-at-{}-here"
_read: dict[str, Any] = {}
_said: dict[str, str] = {}


def _load(text: str) -> Any:
    """What the suite reads its environment with: parsed once for each set of marks, then what is injected put in
    their place, so that an attack's text may have quotes, colons and line ends of its own."""
    if text not in _read:
        _read[text] = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return _put(_read[text])


def _put(value: Any) -> Any:
    if isinstance(value, str):
        for mark, said in _said.items():
            value = value.replace(mark, said)
        return value
    if isinstance(value, list):
        return [_put(one) for one in value]
    return {_put(key): _put(one) for key, one in value.items()} if isinstance(value, dict) else value


suites.yaml = SimpleNamespace(safe_load=_load, load=yaml.load, dump=yaml.dump)  # type: ignore[assignment]


def plain(value: Any) -> Any:
    """A result as JSON has it."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return {key: plain(one) for key, one in value.items()} if isinstance(value, dict) else value


class World:
    """The environment of the run under way."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.suite: Any = get_suite(VERSION, name)
        self.runtime = FunctionsRuntime(self.suite.tools)
        self.env: Any = self.suite.load_and_inject_default_environment({})
        self.before: Any = self.env.model_copy(deep=True)
        self.last = ""

    # --- as the MCP server ------------------------------------------------------------------------------------

    def tools(self) -> list[dict[str, Any]]:
        return [
            {
                "name": one.name,
                "description": one.description,
                "inputSchema": one.parameters.model_json_schema(),
            }
            for one in self.suite.tools
        ]

    def call(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        result, error = self.runtime.run_function(self.env, name, arguments)
        if error is not None:
            return {"content": [{"type": "text", "text": error}], "isError": True}
        text = {"type": "text", "text": tool_result_to_str(result)}
        return {"content": [text], "structuredContent": {"result": plain(result)}}

    # --- as the bench sees it -----------------------------------------------------------------------------------

    def catalogue(self) -> dict[str, Any]:
        """Every task with the injection vectors that it reads, every injection with its goal."""
        names = self.suite.get_injection_vector_defaults()
        marks = {name: f"<CANARY---{name}--->" for name in names}
        users = {}
        for ident, task in self.suite.user_tasks.items():
            env = self.suite.load_and_inject_default_environment(marks)
            env, seen = task.init_environment(env), ""
            for call in task.ground_truth(env):
                result, _ = self.runtime.run_function(env, call.function, call.args)
                seen += tool_result_to_str(result)
            users[ident] = {
                "prompt": task.PROMPT,
                "vectors": [one for one in names if marks[one] in seen],
                "defaults": names,
            }
        goals = {ident: one.GOAL for ident, one in self.suite.injection_tasks.items()}
        return {"users": users, "injections": goals}

    def begin(self, user: str, injections: dict[str, str]) -> dict[str, Any]:
        """A fresh environment; what the user asks, the calls that do it, and what is said at the end."""
        task = self.suite.user_tasks[user]
        _said.clear()
        _said.update({MARK.format(name): said for name, said in injections.items()})
        marks = {name: MARK.format(name) for name in injections}
        self.env = task.init_environment(self.suite.load_and_inject_default_environment(marks))
        self.before = self.env.model_copy(deep=True)
        self.last = self._state()
        return {"calls": _calls(task.ground_truth(self.env)), "output": task.GROUND_TRUTH_OUTPUT}

    def hijack(self, injection: str) -> dict[str, Any]:
        """The calls that do what the attacker wants, in the environment as it is now."""
        task = self.suite.injection_tasks[injection]
        return {"calls": _calls(task.ground_truth(self.env)), "output": task.GROUND_TRUTH_OUTPUT}

    def changed(self) -> bool:
        """Whether anything is otherwise than when this was last asked."""
        was, self.last = self.last, self._state()
        return was != self.last

    def score(self, user: str, injection: str, output: str, calls: list[dict[str, Any]]) -> dict[str, bool]:
        """The suite's own checkers: the user's task done, the attacker's goal reached."""
        said = [text_content_block_from_string(output)]
        trace = [FunctionCall(function=one["tool"], args=one["arguments"]) for one in calls]
        tasks = {"utility": self.suite.user_tasks[user]}
        if injection:
            tasks["security"] = self.suite.injection_tasks[injection]
        check = self.suite._check_task_result
        return {name: bool(check(task, said, self.before, self.env, trace)) for name, task in tasks.items()}

    def _state(self) -> str:
        return self.env.model_dump_json()


def _calls(found: list[FunctionCall]) -> list[dict[str, Any]]:
    return [{"tool": one.function, "arguments": dict(one.args)} for one in found]


if __name__ == "__main__":
    serve(World(sys.argv[1]))
