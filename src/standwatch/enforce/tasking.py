"""A run's task, read off the first message of a harness that the manifest trusts with it.

The attacker is whoever wrote what a harness puts into that message beside its user's words: a quoted letter, a page,
an attachment. So only the first request of a run counts, nothing but plain text of one message, and where the manifest
says what stands around the user's words, only what stands there: a marker that stands twice was written by somebody
else, and then there is no task.
"""

from typing import Final

from standwatch.facts.llm import Prompt
from standwatch.facts.spending import FirstMessage

MOST_TASK: Final = 16_000
"""Characters; nobody asks for something at greater length, and who does opens a run."""

_BEFORE: Final = ("previous_response_id", "conversation", "prompt", "thread")
"""Members that say that something came before."""


def task_in(rule: FirstMessage | None, principal: str, prompt: Prompt) -> str:
    """The task that `prompt` says; "" where it says none, or is not to be believed."""
    if rule is None or principal not in rule.agents or any(prompt.value.get(name) for name in _BEFORE):
        return ""
    said: list[str] = []
    messages: set[str] = set()
    for turn in prompt.turns:
        if turn.role == "system":
            continue
        if turn.role != "user" or turn.kind not in ("text", "image"):
            return ""  # a document, an answer or a result: this is no first message, or not only the user's words
        messages.add(_message(turn.at))
        if turn.kind == "text":
            said.append(turn.text)
    text = _marked("\n".join(said), rule)
    return text if len(messages) == 1 and len(text) <= MOST_TASK else ""


def _message(at: str) -> str:
    """Which message a pointer leads into: `/messages/0`, `/input/0`, or `/input`."""
    return "/".join(at.split("/", 3)[:3])


def _marked(text: str, rule: FirstMessage) -> str:
    """What stands between the harness' own words. INVARIANT: nobody moves a marker by writing another one."""
    for marker in (rule.after, rule.before):
        if marker and text.count(marker) != 1:
            return ""
    begin = text.index(rule.after) + len(rule.after) if rule.after else 0
    end = text.index(rule.before) if rule.before else len(text)
    return text[begin:end].strip() if begin <= end else ""
