"""A coding agent under the manifest that everybody starts with: what the whole passage says of a command line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from standwatch.declare.coding import draft_coding
from standwatch.declare.configuration import declare
from standwatch.declare.discover import Owner, draft_organisation
from standwatch.enforce.case import Case
from standwatch.enforce.drafting import case_of, draft_of
from standwatch.enforce.judge import Judgement, judge
from standwatch.enforce.ports import Act
from standwatch.enforce.steps import CHANCE, Begin
from standwatch.facts.configuration import Manifest
from standwatch.flow.trail import Trail
from standwatch.serve.world import compile_world
from support import bank
from support.playbook import Stage

SYSTEM: Final = "payments-agent"
TOOL: Final = "claude-code.Bash"
WORKSPACE: Final = "/srv/dev/project"
_BEGIN: Final = Begin(bank.NOW, bank.RUN, bytes(CHANCE))


def manifest(host: str = "claude-code", *edits: tuple[str, str]) -> Manifest:
    """The default manifest of a coding agent, read back; with texts of it replaced by others."""
    text = draft_coding((host,), SYSTEM, "maria@bank.example", "chen@bank.example")
    for old, new in edits:
        assert old in text
        text = text.replace(old, new, 1)
    organisation = draft_organisation(
        "Test",
        "test.invalid/log",
        Owner("p-1", "maria@bank.example"),
        agents="127.0.0.1:8400",
        operators="127.0.0.1:8401",
    )
    found = declare({"standwatch.yaml": organisation.encode(), f"systems/{SYSTEM}.yaml": text.encode()})
    return found.configuration.systems[SYSTEM].manifest


class Coder:
    """An agent whose system is validated: what is asked about is asked about for what it would do."""

    def __init__(self, found: Manifest | None = None) -> None:
        self.stage = Stage(compile_world(bank.configuration(found or manifest())))

    def case(self, command: Any, trail: Trail | None = None, **more: Any) -> Case:
        """The call as its hook hands it over, as the checks see it."""
        act = Act(
            caller=bank.CALLER,
            system=SYSTEM,
            event="tool_call",
            tool=TOOL,
            target="claude-code",
            arguments={
                "command": command,
                "where": "workspace",
                "workspace": WORKSPACE,
                "cwd": WORKSPACE,
                **more,
            },
            seam="hook",
        )
        if trail is not None:
            self.stage._trail = trail  # pyright: ignore[reportPrivateUsage]
        return case_of(draft_of(act, self.stage, _BEGIN), self.stage, bank.NOW)

    def judged(self, command: Any, trail: Trail | None = None, **more: Any) -> Judgement:
        """What all checks come to."""
        return judge(self.case(command, trail, **more))


def passes() -> Callable[[str], bool]:
    """Whether a command line goes through unasked."""
    coder = Coder()
    return lambda line: coder.judged(line).disposition == "allow"
