"""Runs of LangChain agents and LangGraph graphs, each in a process of its own, on a checkpoint that outlives it.

The model is scripted: what it says next is a function of the messages it gets, as of any model, and each call gets an
id of its own each time that it is made. The tools are real functions whose effects are lines in a file.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import uuid
from pathlib import Path
from typing import Any

from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware, ToolRetryMiddleware
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import tool
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Command, RetryPolicy, interrupt

from standwatch.client import Client, NotDone
from standwatch.client.langchain import Standwatch, resuming
from standwatch.client.langgraph import Standwatch as Graphs

Plan = list[list[dict[str, Any]]]


class Scripted(BaseChatModel):
    """Says turn by turn what is planned, then that it is done."""

    plan: Plan

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Any, **more: Any) -> Any:
        del tools, more
        return self

    def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **more: Any) -> ChatResult:
        del stop, run_manager, more
        since = max(i for i, one in enumerate(messages) if isinstance(one, HumanMessage))
        turn = sum(isinstance(one, AIMessage) for one in messages[since:])
        calls = self.plan[turn] if turn < len(self.plan) else []
        said = [{"name": one["name"], "args": one["args"], "id": f"call_{uuid.uuid4().hex}"} for one in calls]
        message = AIMessage(content="" if said else "Done.", tool_calls=said)
        return ChatResult(generations=[ChatGeneration(message=message)])


class Desk:
    """The tools, for one run. `kill`: the process ends `before` or `after` the effect of a payment; `fails`: how often
    a tool raises before it does anything (`nothing`: and says so)."""

    def __init__(self, ledger: str, who: str, kill: str = "", fails: int = 0, nothing: bool = False) -> None:
        self.ledger, self.who, self.kill, self.fails, self.nothing = ledger, who, kill, fails, nothing

    def write(self, line: str) -> None:
        with Path(self.ledger).open("a", encoding="utf-8") as file:
            file.write(f"{self.who} {line}\n")

    def fail(self) -> None:
        if self.fails:
            self.fails -= 1
            raise NotDone("not yet") if self.nothing else RuntimeError("not yet")

    def tools(self) -> list[Any]:
        desk = self

        @tool
        def look(what: str) -> dict[str, Any]:
            """Looks something up."""
            desk.fail()
            desk.write(f"look {what}")
            return {"what": what, "found": 3}

        @tool
        def note(text: str) -> str:
            """Writes something down."""
            desk.write(f"note {text}")
            return f"noted {text}"

        @tool
        def pay(to: str, amount: float) -> str:
            """Pays."""
            desk.fail()
            if desk.kill == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            desk.write(f"pay {to} {amount:g}")
            if desk.kill == "after":
                os.kill(os.getpid(), signal.SIGKILL)
            return f"paid {amount:g} to {to}"

        @tool
        def wipe(what: str) -> str:
            """Wipes."""
            desk.write(f"wipe {what}")
            return "wiped"

        @tool
        def burn(what: str) -> str:
            """Is in no manifest."""
            desk.write(f"burn {what}")
            return "burnt"

        @tool
        def helper(question: str) -> str:
            """Asks its own user."""
            return f"was told {interrupt(question)}"

        return [look, note, pay, wipe, burn, helper]


def _told(result: Any) -> dict[str, Any]:
    messages = [[one.type, one.content, getattr(one, "status", "")] for one in result.get("messages", ())]
    paused = [
        {"id": one.id, **(one.value if isinstance(one.value, dict) else {"asks": one.value})}
        for one in result.get("__interrupt__", ())
    ]
    return {"messages": messages, "paused": paused}


def _agent(plan: Plan, desk: Desk, watch: dict[str, str], saver: Any, *, kind: str, wait: float) -> Any:
    client = Client(watch["url"], watch["token"])
    if kind == "graph":
        return _graph(plan, Graphs(client, "desk", wait=wait), desk.tools(), saver)
    middle = Standwatch(client, "desk", wait=wait, agents={"helper"})
    if kind == "nested":
        return _nested(plan, desk, middle, saver)
    more = [ToolRetryMiddleware(max_retries=2, initial_delay=0.0, jitter=False)] if kind == "retry" else []
    hitl = HumanInTheLoopMiddleware(interrupt_on={"pay": True}, interrupt_mode="per_call")
    ours = [*([hitl] if kind == "hitl" else []), middle, *more]
    return create_agent(Scripted(plan=plan), desk.tools(), middleware=ours, checkpointer=saver)


def _graph(plan: Plan, watch: Graphs, tools: list[Any], saver: Any) -> Any:
    """A graph of one's own: all calls of a message in one node, tried again where it fails."""
    model = Scripted(plan=plan)

    def ask(state: MessagesState) -> Any:
        return {"messages": [model.invoke(state["messages"])]}

    def route(state: MessagesState) -> str:
        return "tools" if state["messages"][-1].tool_calls else END  # type: ignore[union-attr]

    graph = StateGraph(MessagesState)
    graph.add_node("model", ask)
    again = RetryPolicy(max_attempts=3, initial_interval=0.0, jitter=False, retry_on=(RuntimeError, NotDone))
    graph.add_node("tools", watch.node(tools), retry_policy=again)
    graph.add_edge(START, "model")
    graph.add_conditional_edges("model", route)
    graph.add_edge("tools", "model")
    return graph.compile(checkpointer=saver)


def _nested(plan: Plan, desk: Desk, middle: Standwatch, saver: Any) -> Any:
    """An agent whose tool is another agent; both are governed."""
    inner = create_agent(Scripted(plan=plan), desk.tools(), middleware=[middle])

    @tool
    def helper(task: str) -> str:
        """Has somebody else do it."""
        desk.write(f"helper {task}")
        return inner.invoke({"messages": [("user", task)]})["messages"][-1].content

    outer = Scripted(plan=[[{"name": "helper", "args": {"task": "pay it"}}]])
    return create_agent(outer, [helper], middleware=[middle], checkpointer=saver)


def go(
    watch: dict[str, str],
    thread: str,
    folder: str,
    plan: Plan,
    *,
    resume: bool = False,
    value: Any = None,
    kind: str = "agent",
    kill: str = "",
    fails: int = 0,
    nothing: bool = False,
    wait: float = 0.0,
    asynchronous: bool = False,
    lasting: bool = True,
    durability: str = "async",
) -> dict[str, Any]:
    """One process's part of a run: from the beginning, or from where the last one left it."""
    desk = Desk(f"{folder}/ledger", thread, kill, fails, nothing)
    config = {"configurable": {"thread_id": thread}}
    made = {"plan": plan, "desk": desk, "watch": watch, "kind": kind, "wait": wait}

    def begin(state: Any) -> Any:
        if not resume:
            return {"messages": [("user", "Pay what is owed.")]}
        if value is not None:
            return Command(resume={one.id: value for one in state.interrupts})
        return resuming(state) if state.interrupts else None

    if asynchronous:

        async def main() -> Any:
            async with AsyncSqliteSaver.from_conn_string(f"{folder}/checkpoints") as saver:
                agent = _agent(**made, saver=saver)
                state = await agent.aget_state(config)
                return await agent.ainvoke(begin(state), config, durability=durability)

        return _told(asyncio.run(main()))
    with sqlite3.connect(f"{folder}/checkpoints", check_same_thread=False, timeout=60) as connection:
        agent = _agent(**made, saver=SqliteSaver(connection) if lasting else None)
        state = agent.get_state(config) if lasting else None
        more = {"durability": durability} if lasting else {}
        return _told(agent.invoke(begin(state), config, **more))
