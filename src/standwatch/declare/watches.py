"""`watch:` of an organisation → its watches by name: who may take them, over what, and when they are wanted."""

from typing import Any, Final

from standwatch.declare.notify import time_of_day, time_zone
from standwatch.declare.people import Directory, names
from standwatch.declare.schema import Fields, Reader, choice, duration, listing, mapping, shaped
from standwatch.declare.text import Node, Problems
from standwatch.facts.watches import DAYS, LONGEST, USUAL, Hours, WatchRule

_name = shaped(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", "a watch's name in letters, digits, - and _")
_pattern = shaped(r"[^\x00-\x20\x7f]{1,256}", "a system's name or a pattern with *")
_days: Reader[tuple[str, ...]] = listing(choice(*DAYS), "days", least=1)
_none: Final[Hours | None] = None


def read_watches(whom: Directory) -> Reader[dict[str, WatchRule]]:
    """A reader of the section; `whom` says who may be named."""
    people = names(whom, lenient=False)

    def watch(_: str, node: Node, problems: Problems) -> WatchRule | None:
        fields = Fields(node, problems, "a watch")
        found = WatchRule(
            people=fields.need("people", people, ()),
            systems=fields.take("systems", listing(_pattern, "systems", least=1, single=True), ("*",)),
            hours=fields.take("hours", _hours, _none),
            longest=fields.take("longest", _span, USUAL),
        )
        fields.close()
        if not found.people and fields.has("people"):
            problems.warn(fields.place("people"), "nobody could take this watch, expected a person")
        return found

    return mapping(_name, watch, "watches")


def _hours(node: Node, problems: Problems) -> Hours | None:
    fields = Fields(node, problems, "hours")
    nothing: tuple[str, ...] = ()
    found = Hours(
        begin=fields.need("from", time_of_day, 0),
        end=fields.need("until", time_of_day, 0),
        zone=fields.take("zone", time_zone, "UTC"),
        days=fields.take("days", _days, nothing),
    )
    fields.close()
    return found


def _span(node: Node, problems: Problems) -> int | None:
    found: Any = duration(node, problems)
    if found is not None and not 0 < found <= LONGEST:
        problems.add(node.mark, f"{found} s, expected at most {LONGEST // 86_400}d")
        return None
    return found
