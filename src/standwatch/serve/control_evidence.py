"""What humans sign: answers to questions, and validations. Verified here, before the record takes them."""

from collections.abc import Collection

from standwatch.authority.grant import running_of
from standwatch.authority.tiers import tier
from standwatch.facts.configuration import Configuration
from standwatch.facts.entries import Answered, AnsweredTimed, Declared, Evidence
from standwatch.facts.errors import Forbidden, Malformed, NotFound, StandwatchError
from standwatch.fronts.control_ports import AnswerOrder, ValidationOrder
from standwatch.gate.demands import require_looked, require_statement, require_validator
from standwatch.gate.deploying import Candidate, running_with
from standwatch.record import questions
from standwatch.record.assertion import challenge_of, verify_assertion
from standwatch.record.passkeys import by_credential, is_passkey
from standwatch.record.questions import Question
from standwatch.record.replay import evidence_message
from standwatch.record.signature import verify
from standwatch.record.signed import Signature, is_human
from standwatch.record.source import Source, hashes
from standwatch.record.state import Standing, State
from standwatch.record.tree import Frontier
from standwatch.respond.places import declared_digest, place
from standwatch.serve.control_party import party_of
from standwatch.serve.control_signed import keys_of
from standwatch.serve.control_signed import require as require_signed


def answer(
    ident: str, order: AnswerOrder, state: State, configuration: Configuration, source: Source, *, now: int
) -> Answered:
    """The entry for a human's answer to question `ident`. Raises `NotFound`, `Forbidden` or `Malformed`."""
    if order.decision not in ("approve", "refuse"):
        raise Malformed(f"{order.decision!r} is no answer: expected approve or refuse")
    question = open_question(ident, state, now, order.decision)
    asked = question.entry
    require_answerer(order.by, order.decision, question, state, now)
    if not now < order.until <= asked.until:
        raise Malformed("an answer stands for no longer than its question", code="bad_until", reference=ident)
    require_head(order.head, source)
    entry = Answered(
        by=order.by,
        id=ident,
        of=question.index,
        decision=order.decision,
        digest=asked.digest,
        key=order.key,
        sig=order.sig,
        head=order.head,
        until=order.until,
    )
    message = questions.message(entry, asked, state.origin)
    if is_passkey(order.sig):
        require_passkey(entry, message, state, configuration, now)
    else:
        require_signature(order.by, order.key, order.sig, message, keys_of(order.by, state, configuration))
        require_no_passkey(entry, asked.effect, state, configuration)
    return entry


def timed(entry: Answered, took: int) -> AnsweredTimed:
    """`entry` with how long its question was before its person (ms; 0 where nobody knows)."""
    said = {name: getattr(entry, name) for name in Answered.__struct_fields__}
    return AnsweredTimed(**said, took=took)


class Cloned(Forbidden):
    """A passkey's own signature with a counter, `count`, that does not go on: there may be a copy of it."""

    code = "cloned"

    def __init__(self, entry: Answered, count: int, last: int) -> None:
        super().__init__(
            f"the passkey's counter says {count} and stood at {last}: there may be a copy of it",
            cure="standwatch passkey list",
        )
        self.entry, self.count = entry, count


def require_passkey(
    entry: Answered, message: bytes, state: State, configuration: Configuration, now: int
) -> None:
    """Raise `Forbidden` or `Malformed` unless a live passkey of `entry.by` signed `message` on our page."""
    known, made = by_credential(state.passkeys, entry)
    if not is_human(state, entry.by):
        raise Forbidden(f"{entry.by} is nobody of this organisation any more", code="unknown_key")
    party = party_of(configuration.organisation)
    if (known.entry.rp_id, known.entry.origin) != (party.rp_id, party.origin):
        raise Forbidden(
            f"that passkey was enrolled for {known.entry.origin}; the console is at {party.origin} now",
            code="wrong_origin",
            cure="enrol one there",
        )
    # The signature first: only the passkey's own can cast doubt on it.
    count = verify_assertion(made, known.as_enrolled, challenge_of(message))
    if not known.counts(count):
        raise Cloned(entry, count, known.count)


def require_no_passkey(entry: Answered, effect: str, state: State, configuration: Configuration) -> None:
    """Raise `Forbidden` where approving an irreversible effect takes a passkey: `approvals` in standwatch.yaml."""
    if entry.decision == "approve":
        require_right_key(Signature(entry.by, entry.sig), entry.id, effect, state, configuration)


def require_right_key(
    signature: Signature, ident: str, effect: str, state: State, configuration: Configuration
) -> None:
    """The same, of whatever lets action `ident` through."""
    if effect != "irreversible" or is_passkey(signature.sig):
        return
    rule = configuration.organisation.irreversible_takes
    has = any(one.live and one.entry.person == signature.by for one in state.passkeys.values())
    if rule == "passkey" or (rule == "enrolled" and has):
        raise Forbidden(
            "what cannot be taken back is approved with a passkey here: your key may still refuse it",
            code="passkey_needed",
            cure=f"approve it in the console: {party_of(configuration.organisation).origin}",
            reference=ident,
        )


def require_answerer(person: str, decision: str, question: Question, state: State, now: int) -> None:
    """Raise `Forbidden` unless `person` may answer so now: one of those asked, still, once, and in their order."""
    asked = question.entry
    if person not in questions.people(asked, state) or not state.may_answer(person, asked.system, asked.tool):
        named = ", ".join(questions.people(asked, state)) or "nobody"
        raise Forbidden(
            f"{person} may not answer for {asked.system}: it was asked of {named}", reference=asked.id
        )
    answer = Answered(
        by=person,
        id=asked.id,
        of=question.index,
        decision=decision,
        digest=asked.digest,
        key="",
        sig="",
        head="",
        until=0,
    )
    if problem := questions.objection(state, question, answer, now):
        raise Forbidden(problem, code="not_now", reference=asked.id, cure=f"standwatch explain {asked.id}")


def open_question(ident: str, state: State, now: int, decision: str = "approve") -> Question:
    """The question `ident`, which can still be answered so: what is approved may be refused until it is used."""
    question = state.questions.get(ident)
    if question is None:
        raise NotFound(f"no question {ident} is open", cure="standwatch status", reference=ident)
    refusable = decision == "refuse" and not question.used
    if question.answer is not None and not (refusable and question.answer.decision == "approve"):
        raise StandwatchError(
            f"{ident} was answered already: {question.answer.decision}",
            code="answered",
            reference=str(question.answer_index),
            cure=f"standwatch explain {ident}",
        )
    if now >= question.entry.until:
        raise NotFound(f"question {ident} has expired", code="expired", cure=f"standwatch explain {ident}")
    return question


def validation(
    system: str, order: ValidationOrder, state: State, configuration: Configuration, now: int
) -> Evidence:
    """The entry for a validator's statement about `system` as it is declared now, or with another version in front."""
    entry = drafted(system, order, state, configuration, now)
    signature = Signature(order.by, order.sig, order.key)
    require_signed(signature, evidence_message(entry, state.origin), state, configuration)
    return entry


def drafted(
    system: str, order: ValidationOrder, state: State, configuration: Configuration, now: int
) -> Evidence:
    """The same, its signature not looked at: what is signed is made of it."""
    declared = standing_of(system, state).entry
    stakes = tier(state, system)
    require_validator(declared, order.by, state.development, stakes)
    require_statement(declared, order.outcome, order.report, order.until, now, tier=stakes)
    require_looked(state, declared, order.outcome, now, stakes)
    components = runs(declared, order.version, order.model, state, configuration)
    return Evidence(
        by=order.by,
        system=system,
        envelope=declared.envelope,
        components=components,
        follows=state.last_statement(system),
        outcome=order.outcome,
        until=order.until,
        report=order.report,
        key=order.key,
        sig=order.sig,
    )


def runs(declared: Declared, version: str, model: str, state: State, configuration: Configuration) -> str:
    """The component digest that a statement names: what runs now, or would with `version` of `model` in front.

    Raises `NotFound` or `Conflict` for a version that nobody could deploy.
    """
    if not version:
        return running_of(state, declared.system, declared.components)
    where = place(configuration.systems.get(declared.system), declared.system, model)
    digest = declared_digest(where, version)
    return running_with(state, Candidate(declared.system, where.model.component, version, digest))


def standing_of(system: str, state: State) -> Standing:
    """The system as declared; raises `NotFound`."""
    standing = state.systems.get(system)
    if standing is None:
        known = ", ".join(sorted(state.systems)) or "none"
        raise NotFound(f"no manifest declares {system}; declared: {known}", cure="standwatch status")
    return standing


def require_signature(by: str, key: str, sig: str, message: bytes, keys: Collection[str]) -> None:
    """Raise `Forbidden` unless `sig` is that of `key` over `message`, and `key` one of `keys`."""
    if key not in keys:
        raise Forbidden(
            f"that is no key of {by}: standwatch.yaml lists the keys of its people",
            code="unknown_key",
            cure="standwatch key new",
        )
    if not verify(key, message, sig):
        raise Forbidden(f"the signature is not that of {by} over exactly this", code="bad_signature")


def require_head(head: str, source: Source) -> None:
    """Raise `Malformed` unless the checkpoint signed along, `SIZE:ROOT` in hexadecimal, is one of this log.

    "" stands for a log that has signed none yet.
    """
    if not head:
        return
    size, _, root = head.partition(":")
    if not (size.isdecimal() and len(size) < 17 and 0 < int(size) <= source.size):
        raise Malformed("the checkpoint signed along is not one of this log", code="bad_head")
    if Frontier.of(hashes(source, int(size)), int(size)).root().hex() != root:
        raise Malformed(
            "the checkpoint that you kept is not of this log: somebody shows you another history",
            code="forked",
            cure="standwatch verify",
        )
