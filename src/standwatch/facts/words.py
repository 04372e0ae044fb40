"""The house's vocabulary as ordered constants: spelled the same in code, manifest, API, console and docs."""

from typing import Final, Literal

Effect = Literal["read", "write", "irreversible"]
"""What a tool does to the world; `write` can be taken back."""

Decision = Literal["allow", "modify", "step_up", "defer", "deny"]
"""AARM's five decisions."""

SEVERITY: Final[dict[Decision, int]] = {"allow": 0, "modify": 1, "step_up": 2, "defer": 3, "deny": 4}
"""`ALLOW < MODIFY < STEP_UP < DEFER < DENY`: the most restrictive finding is the verdict."""

Level = Literal["autonomous", "supervised", "restricted", "halted"]
"""What a grant lets a system do unattended."""

LEVELS: Final[tuple[Level, ...]] = ("halted", "restricted", "supervised", "autonomous")
"""Lowest first: caps compose by the minimum of this order."""

Seam = Literal["proxy", "hook", "client"]
"""How an action reached us: it could not go round us; its host asked us; it co-operates."""

Word = Literal["done", "refused", "pending", "invalid", "unavailable"]
"""`done`, or one of the four words an agent may hear instead."""

SENTENCES: Final[dict[Word, str]] = {
    "done": "Done.",
    "refused": "This action is not permitted. Do not retry it; report the reference to your operator.",
    "pending": "This action waits for a person. Repeat the same call later; the reference identifies it.",
    "invalid": "The request is not valid for this action. Correct it before calling again.",
    "unavailable": "The action could not be carried out now. Try again later.",
}
"""One fixed sentence for each word: a check's rationale would teach a hijacked agent (DESIGN.md §5)."""

OutcomeStatus = Literal["ok", "error", "timeout", "not_sent", "withheld", "unknown"]
"""What became of a forwarded action; only `not_sent` proves that nothing happened."""

PrincipalKind = Literal["agent", "service", "human"]


def lower(*levels: Level) -> Level:
    """The lowest of `levels`; `autonomous` for none."""
    return LEVELS[min(map(LEVELS.index, levels), default=-1)]


def stricter(*decisions: Decision) -> Decision:
    """The most restrictive of `decisions`; `allow` for none."""
    worst: Decision = "allow"
    for decision in decisions:
        if SEVERITY[decision] > SEVERITY[worst]:
            worst = decision
    return worst
