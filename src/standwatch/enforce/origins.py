"""Where each value of an action's arguments comes from, for the people who are asked: sealed with the findings.

The check `provenance` judges whole arguments against the manifest's rules; a person sees each value for itself.
"""

from collections.abc import Collection
from typing import Any, Final, Literal, cast

from standwatch.facts.configuration import Source
from standwatch.flow.trail import Trail

MOST: Final = 1_000
"""Values that are labelled; those beyond have no label, and a page says that nothing is known of them."""


def origins(
    trail: Trail, arguments: dict[str, Any], vouched: Collection[str] = ()
) -> dict[str, Source | Literal["endorsed"]]:
    """JSON pointer (RFC 6901) of each value that is no object or list → its provenance in the run; `endorsed` within
    the arguments `vouched`."""
    found: dict[str, Source | Literal["endorsed"]] = {}
    heads = {_escaped(name) for name in vouched}
    waiting: list[tuple[str, Any]] = [("", arguments)]
    while waiting and len(found) < MOST:
        pointer, value = waiting.pop()
        if isinstance(value, dict):
            members = cast("dict[str, Any]", value)
            waiting += [(f"{pointer}/{_escaped(name)}", member) for name, member in members.items()]
        elif isinstance(value, list):
            waiting += [(f"{pointer}/{place}", each) for place, each in enumerate(cast("list[Any]", value))]
        else:
            endorsed = pointer.partition("/")[2].partition("/")[0] in heads
            found[pointer] = "endorsed" if endorsed else trail.source(value)
    return found


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
