"""A call in a run that has read this and that, as the checks see it."""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec

from standwatch.enforce.case import Case
from standwatch.enforce.drafting import case_of, draft_of
from standwatch.enforce.envelope import build
from standwatch.enforce.steps import CHANCE, Begin
from standwatch.facts.configuration import Component, Freeze, Returns, Tool
from standwatch.facts.environments import Environment
from standwatch.flow.origin import Read
from standwatch.flow.trail import Trail
from support import bank
from support.playbook import Stage

STAGE: Final = Stage()
TASK: Final = "Send 40 to anna@bank.example and say that https://bank.example/help explains it"


def case(tool: Tool, trail: Trail, sequences: Any = (), **arguments: Any) -> Case:
    """A call of `tool`, alone in its manifest, in a run that has read `trail`."""
    manifest = msgspec.structs.replace(bank.MANIFEST, tools={tool.name: tool}, sequences=tuple(sequences))
    envelope = build(bank.configuration(manifest))["payments-agent"]
    act = bank.call(tool.name, **arguments)
    made = case_of(draft_of(act, STAGE, Begin(bank.NOW, bank.RUN, bytes(CHANCE))), STAGE, bank.NOW)
    return msgspec.structs.replace(
        made, envelope=envelope, tool=envelope.tools[tool.name], effect=tool.effect, trail=trail
    )


def told(*texts: str, task: str = TASK, returns: Returns = Returns()) -> Trail:  # noqa: B008 - frozen
    trail = Trail(task)
    for number, text in enumerate(texts):
        data = json.dumps({"content": [{"type": "text", "text": text}]}).encode()
        trail.learn(
            Read(data=data, server="web", tool="web.get", call=f"c{number}", returns=returns, told_by_us=True)
        )
    return trail


def case_of_tool(
    tool: Tool,
    arguments: dict[str, Any],
    environments: dict[str, Environment] | None = None,
    freeze: tuple[Freeze, ...] = (),
) -> Case:
    """A call of `tool`, alone in its manifest, in a run that has read nothing."""
    component = Component(kind="mcp_server", name=tool.server, command=("box",))
    manifest = msgspec.structs.replace(
        bank.MANIFEST,
        components=(component,),
        tools={tool.name: tool},
        environments=environments or {},
        freeze=freeze,
    )
    config = bank.configuration(manifest)
    stage = Stage(bank.world(config))
    act = bank.call(tool.name, **arguments)
    return case_of(draft_of(act, stage, Begin(bank.NOW, bank.RUN, bytes(CHANCE))), stage, bank.NOW)
