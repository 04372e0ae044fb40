"""What may not be done now, and what may not be done there: freezes, and the environments that an act reaches."""

from standwatch.enforce.case import Case, against, allow
from standwatch.facts.configuration import Finding, Freeze
from standwatch.facts.words import SEVERITY


def freeze(case: Case) -> Finding:
    """No declared freeze covers this effect now, where the act reaches."""
    for span in _on(case):
        if not span.environments:
            return against("freeze", "deny", "frozen", f"a freeze is on for {case.effect} effects")
        for name in span.environments:
            if (why := case.reached.environments.get(name)) is not None:
                reason = f"a freeze is on for {case.effect} effects in {name} ({why})"
                return against("freeze", "deny", "frozen", reason)
            if case.effect == "irreversible" and (why := case.reached.unknown.get(name)) is not None:
                reason = f"a freeze is on in {name}, and it cannot be told whether this reaches it ({why})"
                return against("freeze", "deny", "frozen_unknown", reason)
    return allow("freeze")


def _on(case: Case) -> list[Freeze]:
    spans = case.envelope.freezes if case.envelope is not None else ()
    return [span for span in spans if span.begin <= case.now < span.until and case.effect in span.effects]


def environment(case: Case) -> Finding:
    """The strictest answer of the environments that the act reaches; what cannot be told is asked about."""
    worst = allow("limits")
    if case.envelope is None:
        return worst
    frozen = {name for span in _on(case) for name in span.environments}
    for known in case.envelope.environments:
        answer = known.environment.answer(case.effect)
        if (why := case.reached.environments.get(known.name)) is not None and answer is not None:
            said = "are not done" if answer == "deny" else "are asked about"
            reason = f"in {known.name} ({why}) {case.effect} effects {said}"
            found = against("limits", answer, "environment", reason)
        elif (why := case.reached.unknown.get(known.name)) is not None and (answer or known.name in frozen):
            reason = f"it cannot be told whether this reaches {known.name}: {why}"
            found = against("limits", "step_up", "environment_unknown", reason)
        else:
            continue
        if SEVERITY[found.decision] > SEVERITY[worst.decision]:
            worst = found
    return worst
