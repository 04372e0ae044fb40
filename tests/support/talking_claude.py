"""A scripted model behind Claude Code: it makes the calls that its plan has for the last prompt."""

from __future__ import annotations

import os
import re
from typing import Any

from support.scripted_claude import MODEL, Asked, Claude, message, steps, usage

Plan = list[list[dict[str, Any]]]


class Planned:
    """`plans`: by the name that stands in a prompt as `plan=NAME`, turn by turn the calls; then it is done."""

    def __init__(self) -> None:
        self.plans: dict[str, Plan] = {}
        self.claude = Claude(self._answer)

    def _answer(self, it: Asked) -> None:
        if "/v1/messages" not in it.path or "count_tokens" in it.path:
            it.json({"input_tokens": 1})
            return
        said, turn = self._turn(it.body["messages"])
        plan = self.plans.get(said, [])
        calls = plan[turn] if it.body.get("tools") and turn < len(plan) else []
        blocks = [
            {
                "type": "tool_use",
                "id": f"toolu_{os.urandom(9).hex()}",
                "name": one["name"],
                "input": one["input"],
            }
            for one in calls
        ]
        _say(it, blocks or [{"type": "text", "text": "Done."}])

    @staticmethod
    def _turn(messages: list[dict[str, Any]]) -> tuple[str, int]:
        """The plan's name, and how often the model has spoken since."""
        turn = 0
        for one in reversed(messages):
            if one["role"] == "assistant":
                turn += 1
            elif found := re.findall(r"plan=([\w-]+)", _words(one["content"])):
                return found[-1], turn
        return "", turn


def _words(content: Any) -> str:
    if isinstance(content, str):
        return content
    return " ".join(one["text"] for one in content if one["type"] == "text")


def _say(it: Asked, blocks: list[dict[str, Any]]) -> None:
    stop = "tool_use" if blocks[0]["type"] == "tool_use" else "end_turn"
    if not it.body.get("stream"):
        it.json(message(blocks, it.body.get("model", MODEL), stop_reason=stop))
        return
    it.begin()
    begun = message(
        [], it.body["model"], stop_reason=None, usage=usage(output_tokens=1), id=f"msg_{os.urandom(9).hex()}"
    )
    it.event({"type": "message_start", "message": begun})
    for index, block in enumerate(blocks):
        for one in steps(index, block):
            it.event(one)
    delta = {"stop_reason": stop, "stop_sequence": None}
    it.event({"type": "message_delta", "delta": delta, "usage": {"output_tokens": 15}})
    it.event({"type": "message_stop"})
    it.end()
