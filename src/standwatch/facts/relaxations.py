"""What may be bypassed for a while, who must sign for it, and what may stand in for it: stated once, for every floor.

Identity, resolve, red lines, holds, freezes, the manifest's lock and the record are not in the table, so nobody
relaxes them.
"""

from typing import Final, Literal

import msgspec

from standwatch.facts.words import Decision, Effect

Approval = Literal["owner", "halt", "validator", "two"]
"""Whose signature a relaxation needs. `owner`: the system's owner, or anybody above; `halt`: its halt authority;
`validator`: a validator who does not own it; `two`: a halt authority and such a validator, two persons."""

CRITICALITY: Final[dict[str, Approval]] = {
    "content": "owner",
    "limits": "halt",
    "provenance": "validator",
    "policy": "two",
    "grant": "two",
}
"""Every check that may be relaxed, and whose signature that takes: the more a check alone stands between an agent and
an effect, the more it takes. Policies are the organisation's own, and the grant is what everything else argues for."""

SCOPES: Final = ("system", "tool", "agent", "run")
"""Kinds of scope that a relaxation may name: never more than one system."""

LONGEST: Final = 24 * 3_600
"""Seconds. No configuration sets a longer maximum."""

APART: Final = 24 * 3_600_000_000
"""µs after its end within which another relaxation of the same check over the same acts renews it."""

STANDING_IN: Final = ("step_up", "limits", "provenance", "policy", "per_run", "per_day")
"""What may compensate. `step_up`: a person signs each act; `limits`, `provenance`, `policy`: that check still runs and
has something to say of the act; `per_run:N`, `per_day:N`: no more than N calls of the tool, tighter than declared."""

MOST_COMPENSATED: Final = 10_000


class Relaxations(msgspec.Struct, frozen=True):
    """The longest a relaxation may last, in seconds: of any check, and tighter ones for some."""

    most: int
    checks: dict[str, int] = {}


class Compensation(msgspec.Struct, frozen=True):
    """What stands in: one of `STANDING_IN`; `most` of `per_run` and `per_day`, 0 otherwise."""

    kind: str
    most: int = 0


def longest(check: str, *said: Relaxations | None) -> int:
    """Seconds that a relaxation of `check` may last: the least of what organisation and manifest say.

    0, so none at all, where nobody says anything or the check is not one that may be relaxed.
    """
    spoken = [one for one in said if one is not None]
    if check not in CRITICALITY or not spoken:
        return 0
    return min(LONGEST, *(min(one.most, one.checks.get(check, one.most)) for one in spoken))


def compensation(text: str) -> Compensation | None:
    """What `text` names; None for what cannot stand in for anything."""
    kind, _, count = text.partition(":")
    if kind not in STANDING_IN:
        return None
    if kind not in ("per_run", "per_day"):
        return Compensation(kind) if not count and text == kind else None
    if not count.isascii() or not count.isdecimal() or len(count) > 5 or str(int(count)) != count:
        return None
    return Compensation(kind, int(count)) if 0 < int(count) <= MOST_COMPENSATED else None


def compensates(check: str, standing_in: Compensation) -> bool:
    """Whether `standing_in` can stand in for `check` at all: not for itself, and a person not for a question.

    `grant` and `limits` are relaxed only where they would ask a person, so asking one anyhow relaxes nothing.
    """
    if standing_in.kind == "step_up":
        return check not in ("grant", "limits")
    return standing_in.kind != check


_NEVER: Final = frozenset(
    {"check_failed", "missing_finding", "policy_failed", "invalid", "unfinished", "unknown_token"}
)
"""Codes of findings that say that something could not be judged."""


def bypassable(check: str, code: str, decision: Decision, effect: Effect) -> bool:
    """Whether a finding of `check` is one that a relaxation may pass by.

    A check that failed, or could not be evaluated, denies. Of `limits` only what asks, and never for an irreversible
    effect; of `grant` only what a supervised system would ask, likewise: neither a rejection nor a hold is passed by.
    """
    if check not in CRITICALITY or code in _NEVER:
        return False
    match check:
        case "limits":
            return decision == "step_up" and effect != "irreversible"
        case "grant":
            return decision == "step_up" and code == "supervised" and effect != "irreversible"
        case _:
            return True
