"""From a case to a judgement: run every check, take the most restrictive finding, say until when it stands."""

from functools import reduce
from typing import Final

import msgspec

from standwatch.enforce import endorsed
from standwatch.enforce.case import Case
from standwatch.enforce.checks import IN_ORDER, OBSERVABLE, Check
from standwatch.enforce.relaxing import Bypass, bypass, tighter
from standwatch.facts.configuration import Finding
from standwatch.facts.words import SEVERITY, Decision


class Judgement(msgspec.Struct, frozen=True):
    """What the checks came to. `disposition` is what will be done: it leaves out what is only observed.

    `deciding` is the finding behind the disposition; `until` the first moment (µs) at which the verdict could be
    another one although nothing was sequenced; 0 for never. `relaxed` are the indices of the relaxations it rests on,
    `caps` the tighter limits that stand in for what they bypass.
    """

    verdict: Decision
    disposition: Decision
    findings: tuple[Finding, ...]
    deciding: Finding
    until: int
    relaxed: tuple[int, ...] = ()
    caps: dict[str, int] = {}


def judge(case: Case) -> Judgement:
    """Run the checks in order. Behind a denial that is enforced the rest are `not_reached`, and say so."""
    observing = case.envelope is not None and case.now < case.envelope.system.manifest.observe_until
    findings: list[Finding] = []
    verdict: Decision = "allow"
    deciding = _NOTHING
    bypassed: list[Bypass] = []
    for name, check in IN_ORDER:
        if deciding.decision == "deny":
            findings.append(_NOT_REACHED[name])
            continue
        finding = _run(name, check, case)
        if finding.decision != "allow":
            if observing and name in OBSERVABLE:
                finding = msgspec.structs.replace(finding, enforced=False)
            elif case.relaxed and (found := bypass(case, finding, observing=observing)) is not None:
                finding = msgspec.structs.replace(finding, enforced=False, relaxed=found.index)
                bypassed.append(found)
                if found.asks and SEVERITY[deciding.decision] < SEVERITY["step_up"]:
                    deciding = found.asking
            elif SEVERITY[finding.decision] > SEVERITY[deciding.decision]:
                deciding = finding
            if SEVERITY[finding.decision] > SEVERITY[verdict]:
                verdict = finding.decision
        findings.append(finding)
    # INVARIANT: a verdict rests on one finding of every configured check.
    if [finding.check for finding in findings] != _NAMES:
        deciding = Finding("judge", "deny", "a configured check left no finding", "missing_finding")
        verdict = "deny"
    return Judgement(
        verdict,
        deciding.decision,
        tuple(findings),
        deciding,
        _until(case, observing, bypassed),
        tuple(found.index for found in bypassed),
        reduce(tighter, (dict(found.caps) for found in bypassed), {}),
    )


def every(case: Case) -> tuple[Finding, ...]:
    """What each check finds, also behind a denial; nothing is bypassed or observed away."""
    return tuple(_run(name, check, case) for name, check in IN_ORDER)


def _run(name: str, check: Check, case: Case) -> Finding:
    try:
        finding = check(case)
    except Exception as error:
        return Finding(name, "deny", f"the check failed: {type(error).__name__}: {error}", "check_failed")
    if finding.check != name:
        return Finding(name, "deny", "the check left no finding of its own", "missing_finding")
    return finding


_NOTHING: Final = Finding("")
_NAMES: Final = [name for name, _ in IN_ORDER]
_NOT_REACHED: Final = {name: Finding(name, "deny", "", "not_reached", reached=False) for name in _NAMES}


def _until(case: Case, observing: bool, bypassed: list[Bypass]) -> int:
    """The earliest end of anything the verdict rests on: grant, credential, run, observation, relaxation, a freeze
    to come."""
    _, run = case.state.runs.get(case.run, (0, None))
    ends = [case.grant.until, case.act.caller.until, run.until if run else 0]
    ends += [found.until for found in bypassed]
    ends += endorsed.ends(case)
    if case.envelope is not None:
        manifest = case.envelope.system.manifest
        ends += [
            span.begin
            for span in case.envelope.freezes
            if case.effect in span.effects and span.begin > case.now
        ]
        if observing:
            ends.append(manifest.observe_until)
    return min([end for end in ends if end], default=0)
