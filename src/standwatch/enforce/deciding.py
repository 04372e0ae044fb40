"""The passage of a decision: the same checks, the same record, another order (DESIGN.md §5). It does no I/O.

A model that was asked has done nothing yet; what leaves is its answer. So a decision is one entry, sequenced and
durable between the model's answer and the caller's: whatever was sequenced meanwhile, a hold or a rollback, is seen
before anybody hears it, and then the rows are judged again.
"""

import hashlib
from typing import Final

import msgspec

from standwatch.authority.grant import Grant, permits
from standwatch.enforce.case import Case
from standwatch.enforce.contract import differs
from standwatch.enforce.deciding_rows import decide, too_weighty
from standwatch.enforce.deciding_steps import Batch, Steps, Stop, View
from standwatch.enforce.deciding_written import (
    WHOLE,
    about,
    answered,
    by_a_model,
    record,
    refuse,
    told,
    unrecorded,
)
from standwatch.enforce.judge import Judgement, judge
from standwatch.enforce.masking import inputs_of, said
from standwatch.enforce.models import ModelEnvelope
from standwatch.enforce.ports import Act, Caller
from standwatch.enforce.steps import Begin, NotRecorded, Recorded
from standwatch.facts.configuration import Finding
from standwatch.facts.decisions import Ask
from standwatch.facts.ids import new_id
from standwatch.facts.words import Seam, lower
from standwatch.record.serving import Serving

ROUNDS: Final = 8
"""How often rows are judged again because something was sequenced meanwhile, before they are `unavailable`."""

SERVED_LATE: Final = frozenset({"held", "halted", "restricted"})
"""Codes of refusals that a declared fallback answers instead: the system may not decide, but the service goes on."""


def deciding(caller: Caller, ask: Ask, view: View, begin: Begin, seam: Seam = "proxy") -> Steps:
    """Take the rows of `ask` through: judge, ask the model, judge its answer, record, reply. Never raises."""
    ident, now = new_id(begin.now, begin.chance[:10]), begin.now
    envelope = _envelope(view, ask)
    act = _act(caller, ask, envelope, seam, ident, view)
    if envelope is None:
        return (yield from refuse(_case(act, view, run=begin.run, now=now), ident, begin.chance))
    if wrong := _misshapen(envelope, ask):
        case = _case(act, view, run=begin.run, now=now, envelope=envelope)
        found = judge(case)
        if found.disposition in ("allow", "modify"):
            found = _against(found, ("invalid", wrong))
        refused = yield from refuse(case, ident, begin.chance, found)
        return msgspec.structs.replace(refused, message=wrong) if refused.word == "invalid" else refused
    for _ in range(ROUNDS):
        # A configuration may have come into force since: whoever is judged again is judged under that one.
        envelope = _envelope(view, ask)
        if envelope is None or envelope.names != ask.rows.names:
            return answered("unavailable", ident)
        fresh = Batch(ask, caller, seam, ident, begin.run, begin.chance, now, envelope, [])
        batch = msgspec.structs.replace(fresh, results=[None] * len(ask.rows.rows), findings=[], served={})
        route = view.state.routes.get(f"{ask.system}/{envelope.name}")
        batch.version, batch.digest, stop = _choose(batch, route, view, now)
        case = _case(act, view, run=batch.run, now=now, envelope=envelope, version=batch.version)
        if route is not None and batch.version and batch.version == route.canary:
            case = _under_the_lower(case, view.front_grant(ask.system, envelope.name, route.canary, now))
        judgement = judge(case)
        if judgement.disposition not in ("allow", "modify"):
            code = judgement.deciding.code
            if code not in SERVED_LATE or envelope.model.fallback.kind == "refuse":
                return (yield from refuse(case, ident, begin.chance, judgement))
            stop = (code, judgement.deciding.reason)
        elif not view.recording:
            stop = ("unrecorded", "the record cannot be written")
        elif stop[0] == "not_deployed":
            return (yield from refuse(case, ident, begin.chance, _against(judgement, stop)))
        elif not stop[0] and view.stopped(case.scopes):
            stop = ("held", "halted in memory: the record could not be written")
        elif not stop[0] and too_weighty(case.grant, case):
            stop = ("supervised", "a supervised system of tier 3 does not decide")
        now = yield from decide(batch, case, stop, route, view)
        if (spoken := said(case, [one.outputs for one in batch.results if one is not None])) is not None:
            if spoken.enforced and spoken.decision != "allow":
                return (yield from refuse(case, ident, begin.chance, _with(judgement, spoken)))
            batch.findings.append(spoken)
        written = yield record(batch, case, judgement, now)
        now = written.now
        match written:
            case Recorded():
                return told(batch, case, written.index)
            case NotRecorded(code="stale"):
                continue
            case NotRecorded(code="unrecorded"):
                return unrecorded(batch, case)
            case NotRecorded(code="unknown") if not by_a_model(batch):
                return unrecorded(batch, case)
            case NotRecorded(code="unknown"):
                # INVARIANT: what may stand in the record as decided by a model is not told as something else.
                return answered("unavailable", ident)
            case NotRecorded():
                late = _against(judgement, (written.code, written.detail))
                return (yield from refuse(case, ident, begin.chance, late))
            case _:
                return answered("unavailable", ident)
    return answered("unavailable", ident)


# --- who decides ---------------------------------------------------------------------------------------------


def _envelope(view: View, ask: Ask) -> ModelEnvelope | None:
    system = view.world.envelopes.get(ask.system)
    if system is None:
        return None
    if not ask.model and len(system.models) == 1:
        return next(iter(system.models.values()))
    return system.models.get(ask.model)


def _act(caller: Caller, ask: Ask, envelope: ModelEnvelope | None, seam: Seam, ident: str, view: View) -> Act:  # noqa: PLR0917
    name = envelope.name if envelope is not None else ask.model
    return Act(
        caller=caller,
        system=ask.system,
        event="decision",
        tool=f"{name}.decision",
        target=name,
        arguments={},
        seam=seam,
        id=ident,
        inputs=inputs_of(view.world.envelopes.get(ask.system), f"{name}.decision", ask),
    )


def _case(
    act: Act, view: View, *, run: str, now: int, envelope: ModelEnvelope | None = None, version: str = ""
) -> Case:
    state, world = view.state, view.world
    own = (f"agent:{act.caller.principal}", *(f"run:{one}" for one in state.lineage(run)))
    scopes = (*envelope.scopes, f"version:{envelope.name}@{version}", *own) if envelope is not None else own
    return Case(
        act=act,
        run=run,
        now=now,
        seen=state.seen,
        conf=max(state.config, 0),
        world=world,
        state=state,
        grant=view.grant(act.system, now),
        envelope=world.envelopes.get(act.system),
        tool=None,
        effect="read",
        scopes=scopes,
        trail=view.trail(run),
        valid=None,
    )


def _misshapen(envelope: ModelEnvelope, ask: Ask) -> str:
    """Why the request as a whole cannot be served: it could not be read, or takes an output for what it is not."""
    if not ask.rows.rows or WHOLE in ask.problems:
        return ask.problems.get(WHOLE, "there are no rows")
    for name, expected in ask.expects.items():
        declared = next((output for output in envelope.model.outputs if output.name == name), None)
        if declared is None:
            return f"there is no output {name!r} here"
        if wrong := differs(declared, expected):
            return wrong
    return ""


def _against(judgement: Judgement, stop: Stop) -> Judgement:
    """The judgement with one more finding, that decides."""
    code, reason = stop
    return _with(judgement, Finding("sequencer", "deny", reason, code))


def _with(judgement: Judgement, finding: Finding) -> Judgement:
    return msgspec.structs.replace(
        judgement,
        verdict="deny",
        disposition="deny",
        deciding=finding,
        findings=(*judgement.findings, finding),
    )


def _under_the_lower(case: Case, other: Grant) -> Case:
    """A canary decides under its own evidence, and under no more than the version in front."""
    lowest = lower(case.grant.level, other.level)
    return case if lowest == case.grant.level else msgspec.structs.replace(case, grant=other)


def _choose(batch: Batch, route: Serving | None, view: View, now: int) -> tuple[str, str, Stop]:
    """The version that answers this request, its digest, and why none may."""
    wanted = batch.ask.version
    if route is None or not route.version:
        return "", "", ("undeployed", "no version is deployed")
    if wanted:
        if wanted != route.version:  # whoever could ask for the canary by name would choose its own share
            return "", "", ("not_deployed", "the version asked for is not in front")
        return wanted, route.digest, _GO
    if route.canary and _lot(batch) < route.share:
        # What a validator has rejected since is not tried on people any more.
        level = view.front_grant(batch.ask.system, batch.envelope.name, route.canary, now).level
        if permits(level, "decision") == "envelope":
            return route.canary, route.canary_digest, _GO
    return route.version, route.digest, _GO


_GO: Final[Stop] = ("", "")


def _lot(batch: Batch) -> int:
    """Ten thousand lots. Who asks about one person draws the same for them while this canary runs; a batch about
    several draws once."""
    subjects = {about(row, batch.envelope.subjects) for row in batch.ask.rows.rows}
    if len(subjects) == 1 and (one := next(iter(subjects))):
        named = msgspec.json.encode([batch.ask.system, batch.envelope.name, one])
        return int.from_bytes(hashlib.sha256(named).digest()[:8], "big") % 10_000
    return int.from_bytes(batch.chance[10:18], "big") % 10_000
