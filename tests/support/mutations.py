"""One byte changed, somewhere in what was approved or in the assertion that approves it: how many are accepted?

An answer is accepted where the sequencer and `verify` would both take it for the action that is about to leave; an
endorsement, for the value. `KINDS` are what people sign: approvals of either version, and endorsements.
"""

import random
from collections import Counter
from typing import Any, Final

import msgspec

from standwatch.facts.canonical import canonical
from standwatch.facts.entries import Answered, Endorsed
from standwatch.facts.parts import (
    Action,
    action_bytes,
    action_digest,
    approval_bytes,
    endorsement_bytes,
    value_digest,
)
from standwatch.record import endorsements, signed
from standwatch.record.assertion import challenge_of, parse_assertion, spell_assertion
from standwatch.record.passkeys import Passkey, Passkeys, verifies
from support.logs import OLGA, ORIGIN, START
from support.passkeys import Authenticator, enrolled

ACTION: Final = Action(
    id="01m7q5cqg9e008000000000001",
    by="agent-1",
    run="01m7q5cqg0e008000000000000",
    system="payments-agent",
    tool="bank.send_money",
    target="bank",
    arguments={"amount": 120.5, "memo": "Büro, zweite Rate", "recipient": "DE02120300000000202051"},
    event="tool_call",
    phase="call",
    schema="5c" * 32,
    conf=6,
    nonce="00112233445566778899aabbccddeeff",
    org=ORIGIN,
)
PLACES: Final = (
    "action",
    "assertion text",
    "authenticatorData",
    "clientDataJSON",
    "signature",
    "credential",
    "key",
    "member",
)
KINDS: Final = ("approval/1", "approval/2", "endorsement/1")
FLAG: Final = "f1" * 32
_MEMBERS: Final = ("by", "decision", "digest", "head")
_VOUCHED: Final = ("by", "name", "digest", "run", "head")


class Approved(msgspec.Struct, frozen=True):
    """An honest approval: what was approved, the answer, the passkeys that the record knows, and the question's flag.

    `action` are the bytes whose digest is in the answer: the action's, or of an endorsement those of the value.
    """

    action: bytes
    answer: Answered | Endorsed
    passkeys: Passkeys
    flag: str = ""


def approved(alg: str = "ES256", kind: str = "approval/1") -> Approved:
    """An action that Olga approved with a passkey, or a value of it that she vouched for."""
    phone, data = Authenticator("to be mutated", alg), action_bytes(ACTION)
    known = {phone.credential: Passkey(3, enrolled(phone, "p-olga", OLGA, ORIGIN), 0)}
    if kind == "endorsement/1":
        return _vouched(phone, data, known)
    flag = FLAG if kind == "approval/2" else ""
    told: dict[str, Any] = {"by": "p-olga", "decision": "approve", "digest": action_digest(data)}
    told |= {"head": "9:" + "ab" * 32, "until": START + 600_000_000}
    message = approval_bytes(asked=12, org=ORIGIN, flag=flag, **told)
    sig = spell_assertion(phone.get(challenge_of(message)))
    answer = Answered(id=ACTION.id, of=12, key=phone.key, sig=sig, at=START, **told)
    return Approved(data, answer, known, flag)


def _vouched(phone: Authenticator, action: bytes, known: Passkeys) -> Approved:
    value = {"argument": "recipient", "kind": "value.1", "nonce": ACTION.nonce, "run": ACTION.run}
    data = canonical(value | {"tool": ACTION.tool, "value": ACTION.arguments["recipient"]})
    told: dict[str, Any] = {"by": "p-olga", "digest": value_digest(action, "recipient"), "run": ACTION.run}
    told |= {"head": "9:" + "ab" * 32, "until": START + 600_000_000}
    message = endorsement_bytes(asked=12, org=ORIGIN, flag=FLAG, argument="recipient", **told)
    sig = spell_assertion(phone.get(challenge_of(message)))
    entry = Endorsed(id=ACTION.id, of=12, key=phone.key, sig=sig, at=START, name="recipient", **told)
    return Approved(data, entry, known, FLAG)


def accepted(case: Approved, action: bytes, answer: Answered | Endorsed, flag: str | None = None) -> bool:
    """Whether `answer` releases `action`, or vouches for it; `flag` is the question's."""
    flag = case.flag if flag is None else flag
    if isinstance(answer, Endorsed):
        signature = signed.Signature(answer.by, answer.sig, answer.key)
        message = endorsements.message(answer, flag, ORIGIN)
        bound = answer.digest == action_digest(action) and answer.by == "p-olga"
        return bound and signed.verifies(signature, message, case.passkeys, ())
    message = approval_bytes(
        asked=answer.of,
        by=answer.by,
        decision=answer.decision,
        digest=action_digest(action),
        flag=flag,
        head=answer.head,
        org=ORIGIN,
        until=answer.until,
    )
    bound = answer.decision == "approve" and answer.digest == action_digest(action)
    return bound and verifies(case.passkeys, answer, message)


def changed(data: bytes, chance: random.Random) -> bytes:
    """`data` with one byte another."""
    place = chance.randrange(len(data))
    return data[:place] + bytes([data[place] ^ chance.randrange(1, 256)]) + data[place + 1 :]


def mutate(case: Approved, place: str, chance: random.Random) -> tuple[bytes, Answered | Endorsed]:
    """The action and the answer, with one byte of one of them changed at `place`."""
    action, answer = case.action, case.answer
    made = parse_assertion(answer.sig)
    match place:
        case "action":
            return changed(action, chance), answer
        case "assertion text":
            text = changed(answer.sig.encode(), chance).decode("latin-1")
            return action, msgspec.structs.replace(answer, sig=text)
        case "key":
            return action, msgspec.structs.replace(
                answer, key=changed(answer.key.encode(), chance).decode("latin-1")
            )
        case "member":
            name = chance.choice(_MEMBERS if isinstance(answer, Answered) else _VOUCHED)
            text = changed(getattr(answer, name).encode(), chance).decode("latin-1")
            return action, msgspec.structs.replace(answer, **{name: text})
        case "authenticatorData":
            made = msgspec.structs.replace(made, authenticator=changed(made.authenticator, chance))
        case "clientDataJSON":
            made = msgspec.structs.replace(made, client=changed(made.client, chance))
        case "signature":
            made = msgspec.structs.replace(made, signature=changed(made.signature, chance))
        case _:
            ident = changed(made.credential.encode(), chance).decode("latin-1")
            made = msgspec.structs.replace(made, credential=ident)
    return action, msgspec.structs.replace(answer, sig=spell_assertion(made))


def tried(
    count: int, seed: int, alg: str = "ES256", kind: str = "approval/1"
) -> tuple[Counter[str], Counter[str]]:
    """(tried, accepted) of `count` mutations, by place. Raises where the honest approval itself is not accepted."""
    case, chance = approved(alg, kind), random.Random(seed)
    assert accepted(case, case.action, case.answer), "the honest one"
    places = (*PLACES, "flag") if case.flag else PLACES
    done, wrong = Counter[str](), Counter[str]()
    for number in range(count):
        place = places[number % len(places)]
        if place == "flag":
            flag = changed(case.flag.encode(), chance).decode("latin-1")
            done[place] += 1
            wrong[place] += accepted(case, case.action, case.answer, flag)
            continue
        action, answer = mutate(case, place, chance)
        done[place] += 1
        wrong[place] += accepted(case, action, answer)
    return done, wrong
