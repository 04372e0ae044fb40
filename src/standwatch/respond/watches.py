"""A watch as people order it: taken, given, ended; and when it is wanted. The rules stand in `record.watches`."""

from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from zoneinfo import ZoneInfo

from standwatch.facts.entries import Watch
from standwatch.facts.errors import Conflict, Forbidden, Malformed, NotFound
from standwatch.facts.watches import DAYS, Hours, WatchRule
from standwatch.record.state import State
from standwatch.record.watches import Matter, holder, last, matters, problem
from standwatch.respond.orders import Orderer


def wanted(rule: WatchRule, now: int) -> bool:
    """Whether somebody should have the watch at `now` (µs UTC)."""
    hours = rule.hours
    if hours is None:
        return True
    local = datetime.fromtimestamp(now // 1_000_000, UTC).astimezone(_zone(hours.zone))
    minute = local.hour * 60 + local.minute
    begun_today = hours.begin <= minute
    over_midnight = hours.begin >= hours.end
    inside = (begun_today and (over_midnight or minute < hours.end)) or (over_midnight and minute < hours.end)
    begun = local if begun_today else local - timedelta(days=1)
    return inside and (not hours.days or DAYS[begun.weekday()] in hours.days)


def spell(hours: Hours | None) -> str:
    """The hours in words; "" for always."""
    if hours is None:
        return ""
    begin, end = (f"{minute // 60:02}:{minute % 60:02}" for minute in (hours.begin, hours.end))
    days = f" {', '.join(hours.days)}" if hours.days else ""
    return f"{begin}–{end} {hours.zone}{days}"


@cache
def _zone(name: str) -> tzinfo:
    """A zone that this host does not know (any more) is UTC: wanted at another hour is better than not wanted."""
    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        return UTC


def draft(
    name: str,
    rule: WatchRule,
    taker: str,
    giver: str,
    *,
    until: int,
    follows: int,
    shown: str,
    state: State,
    now: int,
) -> Watch:
    """The entry by which `taker` would have the watch, without signatures: what is signed is made of it.

    Raises `Forbidden`, `Malformed` or `Conflict` (`stale`).
    """
    if taker not in rule.people:
        raise Forbidden(f"{taker} may not take the watch {name}: standwatch.yaml names who may")
    if not now < until <= now + rule.longest * 1_000_000:
        raise Malformed(
            f"the watch {name} is kept for at most {rule.longest // 60} min at a time, and ends in the future",
            code="bad_until",
        )
    if follows != last(state, name):
        raise Conflict(
            f"entry {follows} is not the last about the watch {name} any more: look, and sign again",
            code="stale",
            cure="standwatch watch list",
        )
    patterns = list(rule.systems)
    found = matters(state, patterns, now)
    return Watch(
        by=taker,
        watch=name,
        step="handed_over" if giver else "taken",
        person=taker,
        giver=giver,
        systems=patterns,
        until=until,
        follows=follows,
        shown=shown,
        relaxations=[one.index for one in found if one.kind == "relaxation"],
    )


def require_seen(shown: str, digest: str, seen: tuple[str, ...], found: tuple[Matter, ...]) -> None:
    """Raise `Conflict` with what changed, unless the list that was looked at, with digest `shown`, is open now.

    `seen` names the matters that stood on it; it serves the sentence, and nothing else.
    """
    if shown == digest:
        return
    here, there = {one.name: one for one in found}, set(seen)
    came = [f"{one.kind} {one.index} ({one.what}) came" for name, one in here.items() if name not in there]
    went = [f"{name.replace(':', ' ')[:80]} went" for name in seen if name not in here]
    changed = "; ".join((*came, *went)[:20]) or "it is not the list that stands here"
    raise Conflict(
        f"what is open has changed since it was looked at: {changed}",
        code="changed",
        cure="look again, and sign",
    )


def require_possible(entry: Watch, state: State, now: int) -> Watch:
    """`entry`, which the record would take now. Raises `Conflict`."""
    if wrong := problem(state, entry, now):
        raise Conflict(wrong, code="not_possible", cure="standwatch watch list")
    return entry


def end(name: str, who: Orderer, state: State, now: int) -> Watch:
    """The entry after which nobody has the watch: its holder may, or an admin. Raises `NotFound` or `Forbidden`."""
    found = holder(state, name, now)
    if found is None:
        raise NotFound(f"nobody has the watch {name[:80]}", cure="standwatch watch list")
    if who.ident != found.entry.person and not who.admin:
        raise Forbidden(
            f"{found.entry.person} has the watch {name}: take it from them, or ask an administrator",
            cure=f"standwatch watch take {name}",
        )
    return Watch(by=who.ident, watch=name, step="ended", follows=found.index)
