"""Whether a validation may be taken: by whom it is said, and whether it meets what the tier demands."""

from typing import Final

from standwatch.authority.coverage import demanded, looked_after
from standwatch.authority.demands import demand, runs
from standwatch.facts.entries import Declared
from standwatch.facts.errors import Forbidden, Malformed
from standwatch.record.state import State

OUTCOMES: Final = ("pass", "conditions", "reject")


def require_looked(state: State, declared: Declared, outcome: str, now: int, tier: int) -> None:
    """Raise `Malformed` where `tier` wants a signed look at what goes round first: a rejection never does."""
    if outcome == "reject" or not demanded(tier) or looked_after(state, declared.system, now):
        return
    raise Malformed(
        f"tier {tier} wants {demanded(tier)}: nobody who may has signed for the envelope in force",
        code="no_coverage",
        cure=f"standwatch coverage {declared.system} --host --report --sign",
    )


def require_validator(declared: Declared, by: str, development: bool, tier: int | None = None) -> None:
    """Raise `Forbidden` unless `by` may validate the system: named by its manifest, not its owner, and from the tier
    on that demands it (the declared one unless `tier` says another) nobody who runs it."""
    if by not in declared.validators:
        named = ", ".join(declared.validators) or "nobody"
        raise Forbidden(f"{by} is not the validator of {declared.system}: its manifest names {named}")
    if by in declared.owner and not development:
        raise Forbidden(
            f"{by} owns {declared.system}: no owner validates their own system",
            code="own_validator",
            cure=f"name another validator in systems/{declared.system}.yaml",
        )
    stakes = declared.tier if tier is None else tier
    if demand(stakes).apart and runs(declared, by) and not development:
        raise Forbidden(
            f"{by} runs {declared.system}: tier {stakes} wants a validator who stands apart",
            code="own_validator",
            cure=f"name another validator in systems/{declared.system}.yaml",
        )


def require_statement(
    declared: Declared, outcome: str, report: str, until: int, now: int, *, tier: int | None = None
) -> None:
    """Raise `Malformed` for a statement that could not count: its words, its report, or its end.

    `tier` is that of the system as declared and measured; the declared one where it is left out.

    A rejection needs no more than the word: saying no is never made harder than saying yes.
    """
    if outcome not in OUTCOMES:
        raise Malformed(
            f"{outcome!r} is no outcome: expected one of {', '.join(OUTCOMES)}", code="bad_outcome"
        )
    if outcome == "reject":
        return
    stakes = declared.tier if tier is None else tier
    wanted = demand(stakes)
    command = f"standwatch validate {declared.system} --until DATE --outcome {outcome}"
    if until <= now:
        raise Malformed("a validation ends in the future", code="bad_until", cure=command)
    if until - now > wanted.longest:
        days = wanted.longest // 86_400_000_000
        raise Malformed(
            f"tier {stakes} is validated for at most {days} days at a time",
            code="bad_until",
            cure=command,
        )
    if wanted.report and not report:
        raise Malformed(
            f"tier {stakes} wants the digest of a report",
            code="no_report",
            cure=command + " --report DIGEST",
        )
