"""As many calls as the task asks for: a number that it gives them, or as many as it has values for one argument."""

import re
from typing import Final

from standwatch.enforce.case import Case
from standwatch.enforce.envelope import ToolEnvelope
from standwatch.enforce.steering import leaves, steers
from standwatch.facts.naming import words
from standwatch.flow.forms import normal
from standwatch.flow.intent import speaks_of

MOST: Final = 20
"""A task that names a larger number of acts than this wants a manifest that says so."""

_NUMBERS: Final = {
    word: number
    for number, said in enumerate(
        (
            "two both zwei beide deux dos due duas dois twee",
            "three drei trois tres tre três drie",
            "four vier quatre cuatro quattro quatro",
            "five fünf cinq cinco cinque vijf",
            "six sechs seis sei zes",
            "seven sieben sept siete sette sete zeven",
            "eight acht huit ocho otto oito",
            "nine neun neuf nueve nove negen",
            "ten zehn dix diez dieci dez tien",
        ),
        2,
    )
    for word in said.split()
}
_WORD: Final = re.compile(r"[^\W_]+", re.UNICODE)


def allowed(case: Case, tool: ToolEnvelope) -> int:
    """How many calls of `tool` the run may make: `per_task`, or more where the task asks for more."""
    least = tool.tool.per_task or 0
    return max(least, _numbered(case.trail.task, tool), _valued(case, tool)) if least else 0


def task_caps(case: Case) -> dict[str, int]:
    """What `per_task` comes to for the sequencer, so that two calls at once are not both the last one."""
    tool = case.tool
    return (
        {} if tool is None or tool.tool.per_task is None else {f"run/{tool.tool.name}": allowed(case, tool)}
    )


def task_values(case: Case) -> tuple[tuple[str, str], ...]:
    """(argument, value in its one spelling) for the values that steer this call and that the task gives it."""
    if case.tool is None:
        return ()
    return tuple(
        (name, normal(leaf.value))
        for name, value in case.act.arguments.items()
        for leaf in leaves(name, value)
        if steers(leaf) and case.trail.of_task(leaf.value)
    )


def _valued(case: Case, tool: ToolEnvelope) -> int:
    """The most values of the task that calls of the tool have given one argument, this call's among them."""
    found: dict[str, set[str]] = {}
    for name, form in task_values(case):
        found.setdefault(name, set(case.trail.past.used(tool.tool.name, name))).add(form)
    return max((len(one) for one in found.values()), default=0)


def _numbered(task: str, tool: ToolEnvelope) -> int:
    """The largest number that stands right before a word for the act: `two payments`, `3 reservations`."""
    act = (*tool.tool.intent, *words(tool.tool.name.partition(".")[2]))
    said = [word.casefold() for word in _WORD.findall(task)]
    found = [
        number
        for at, word in enumerate(said[:-1])
        if (number := _NUMBERS.get(word, int(word) if word.isdecimal() and len(word) < 3 else 0)) <= MOST
        and number > 1
        and speaks_of(" ".join(said[at + 1 : at + 3]), act)
    ]
    return max(found, default=0)
