"""Which channels an incident goes to, and when they want quiet. Pure."""

from datetime import UTC, datetime, tzinfo
from fnmatch import fnmatchcase
from functools import cache
from zoneinfo import ZoneInfo

from standwatch.facts.notifying import SEVERITIES, Notify, Quiet, Route
from standwatch.notify.incidents import Incident


def channels(notify: Notify, incident: Incident) -> tuple[str, ...]:
    """The channels of every route that fits `incident`, each once."""
    return tuple(dict.fromkeys(one for route in notify.routes if _fits(route, incident) for one in route.to))


def quiet(notify: Notify, incident: Incident, channel: str, now: int) -> bool:
    """Whether every route that brings `incident` to `channel` wants quiet now. A page is never quiet."""
    if incident.severity == "page":
        return False
    routes = [route for route in notify.routes if channel in route.to and _fits(route, incident)]
    return bool(routes) and all(route.quiet is not None and within(route.quiet, now) for route in routes)


def within(hours: Quiet, now: int) -> bool:
    """Whether `now` (µs UTC) is in `hours`: their beginning is, their end is not."""
    local = datetime.fromtimestamp(now // 1_000_000, UTC).astimezone(_zone(hours.zone))
    minute = local.hour * 60 + local.minute
    if hours.begin < hours.end:
        return hours.begin <= minute < hours.end
    return minute >= hours.begin or minute < hours.end


@cache
def _zone(name: str) -> tzinfo:
    """A zone that this host does not know (any more) is UTC: told at another hour is better than not told."""
    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        return UTC


def _fits(route: Route, incident: Incident) -> bool:
    if SEVERITIES.index(incident.severity) < SEVERITIES.index(route.severity):
        return False
    if route.events and not set(route.events) & set(incident.kinds):
        return False
    # What is about no system that we know is everybody's: rather told too widely than to nobody.
    return not incident.systems or any(
        fnmatchcase(system, pattern) for system in incident.systems for pattern in route.systems
    )
