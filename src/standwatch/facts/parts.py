"""The sealed parts beside a leaf (RECORD.md, Sealed parts), and the bytes a human signs."""

import hashlib
import hmac
from typing import Any, Final, Literal

import msgspec

from standwatch.facts.canonical import canonical

PartName = Literal[
    "action", "findings", "result", "reason", "task", "manifest", "context", "row", "flag", "body"
]

SALT_BYTES: Final = 32

MOST_BODY: Final = 1 << 20
"""Bytes of a prompt that are kept beside its entry; of a longer one only the action, with its digest."""
MOST_REFUSED: Final = 64 << 10
"""Bytes of a refused action, or of its prompt, that are kept beside its entry."""


class Part(msgspec.Struct, frozen=True, array_like=True):
    """Bytes to be sealed beside an entry: what they are, the salt of their commitment, and the bytes."""

    name: PartName
    salt: bytes
    data: bytes


def commitment(salt: bytes, data: bytes) -> str:
    """HMAC-SHA-256(salt, data), hexadecimal: binds the leaf to the sealed bytes and says nothing about them."""
    if len(salt) > _BLOCK or len(data) >= _LETS_GO:
        return hmac.digest(salt, data, "sha256").hex()
    key = salt + _ZEROS[len(salt) :]
    inner = _sha256(key.translate(_INNER) + data).digest()
    return _sha256(key.translate(_OUTER) + inner).hexdigest()


# HMAC spelled out (RFC 2104 §2): `hmac.digest` lets go of the interpreter's lock whatever the size, and on the hot
# path another thread is waiting for it: taking it back costs ten times the digest.
_sha256: Final = hashlib.sha256
_BLOCK: Final = 64
_LETS_GO: Final = 1_900
_ZEROS: Final = bytes(_BLOCK)
_INNER: Final = bytes(n ^ 0x36 for n in range(256))
_OUTER: Final = bytes(n ^ 0x5C for n in range(256))


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """One thing a system asks to do, exactly as it is judged, recorded and signed."""

    id: str
    by: str
    run: str
    system: str
    tool: str
    target: str
    """The server that carries it out, or the resource it names."""
    arguments: dict[str, Any]
    event: str
    """What is done: `tool_call`, `resource_read`, `prompt_get`, `completion`, `elicitation`, `sampling`, `roots`,
    `decision`, `generation`."""
    phase: str
    """`call` where the system asks the world, `ask` where a server asks its client."""
    schema: str
    """Digest of the tool's definition, or ""."""
    conf: int
    nonce: str
    """16 random bytes, hexadecimal: makes the digest say nothing about guessable arguments."""
    org: str
    """The log's origin: an approval given in staging is void in production."""


def action_bytes(action: Action) -> bytes:
    """The canonical action: JCS, with `kind` `action.1`. Its SHA-256 is the action's digest."""
    members: dict[str, Any] = {"kind": "action.1", **{name: getattr(action, name) for name in _ACTION_FIELDS}}
    return canonical(members)


_ACTION_FIELDS: Final = Action.__struct_fields__


def action_digest(data: bytes) -> str:
    """SHA-256 of canonical action bytes, hexadecimal."""
    return hashlib.sha256(data).hexdigest()


APPROVAL_CONTEXT: Final = b"standwatch/approval/1\n"
FLAGGED_CONTEXT: Final = b"standwatch/approval/2\n"


def approval_bytes(
    *, asked: int, by: str, decision: str, digest: str, head: str, org: str, until: int, flag: str = ""
) -> bytes:
    """What a human signs to approve or refuse the action asked about at index `asked` (RECORD.md).

    `flag` is the commitment that an `act.asked.2` carries; without one it is what answers to `act.asked.1` are
    signed over.
    """
    members: dict[str, Any] = {
        "asked": asked,
        "by": by,
        "decision": decision,
        "digest": digest,
        "head": head,
        "org": org,
        "until": until,
    }
    if not flag:
        return APPROVAL_CONTEXT + canonical(members)
    return FLAGGED_CONTEXT + canonical({**members, "flag": flag})


ENDORSEMENT_CONTEXT: Final = b"standwatch/endorsement/1\n"


def endorsement_bytes(
    *, argument: str, asked: int, by: str, digest: str, flag: str, head: str, org: str, run: str, until: int
) -> bytes:
    """What a human signs to vouch for the value with `digest` (`value_digest`), in one run (RECORD.md)."""
    return ENDORSEMENT_CONTEXT + canonical(
        {
            "argument": argument,
            "asked": asked,
            "by": by,
            "digest": digest,
            "flag": flag,
            "head": head,
            "org": org,
            "run": run,
            "until": until,
        }
    )


def value_digest(action: bytes, argument: str) -> str:
    """Digest of the value of `argument` in canonical action bytes: SHA-256 of JCS of `{argument, kind: "value.1",
    nonce, run, tool, value}`. "" where the action has no such argument."""
    members: dict[str, Any] = msgspec.json.decode(action, type=dict[str, Any])
    if argument not in members["arguments"]:
        return ""
    told = {name: members[name] for name in ("nonce", "run", "tool")}
    value = {"argument": argument, "kind": "value.1", "value": members["arguments"][argument]}
    return hashlib.sha256(canonical(told | value)).hexdigest()


EVIDENCE_CONTEXT: Final = b"standwatch/evidence/1\n"


def evidence_bytes(
    *,
    by: str,
    components: str,
    envelope: str,
    follows: int,
    org: str,
    outcome: str,
    report: str,
    system: str,
    until: int,
) -> bytes:
    """What a validator signs over a system's envelope and component digests."""
    return EVIDENCE_CONTEXT + canonical(
        {
            "by": by,
            "components": components,
            "envelope": envelope,
            "follows": follows,
            "org": org,
            "outcome": outcome,
            "report": report,
            "system": system,
            "until": until,
        }
    )


CONFIG_CONTEXT: Final = b"standwatch/config/1\n"


def config_bytes(*, by: str, follows: int, org: str, root: str) -> bytes:
    """What a person signs to let the configuration with digest `root` follow the one of entry `follows`."""
    return CONFIG_CONTEXT + canonical({"by": by, "follows": follows, "org": org, "root": root})


SESSION_CONTEXT: Final = b"standwatch/session/1\n"


def session_bytes(*, org: str, session: str) -> bytes:
    """What a passkey signs to open the session whose cookie has the SHA-256 `session`, in the log `org`."""
    return SESSION_CONTEXT + canonical({"org": org, "session": session})


ENROLMENT_CONTEXT: Final = b"standwatch/enrolment/1\n"


def enrolment_bytes(
    *,
    by: str,
    count: int,
    credential: str,
    follows: int,
    key: str,
    org: str,
    origin: str,
    person: str,
    rp_id: str,
    synced: bool,
) -> bytes:
    """What `by` signs, with a key of the configuration, to make `credential` a passkey of `person`."""
    return ENROLMENT_CONTEXT + canonical(
        {
            "by": by,
            "count": count,
            "credential": credential,
            "follows": follows,
            "key": key,
            "org": org,
            "origin": origin,
            "person": person,
            "rp_id": rp_id,
            "synced": synced,
        }
    )


RELAXATION_CONTEXT: Final = b"standwatch/relaxation/1\n"


def relaxation_bytes(
    *,
    by: str,
    check: str,
    compensating: str,
    envelope: str,
    follows: int,
    org: str,
    scope: str,
    system: str,
    until: int,
    why: str,
) -> bytes:
    """What `by` signs to let `check` be bypassed. `why` commits to the reason: so it is signed, and can be erased."""
    return RELAXATION_CONTEXT + canonical(
        {
            "by": by,
            "check": check,
            "compensating": compensating,
            "envelope": envelope,
            "follows": follows,
            "org": org,
            "scope": scope,
            "system": system,
            "until": until,
            "why": why,
        }
    )


COVERAGE_CONTEXT: Final = b"standwatch/coverage/1\n"


def coverage_bytes(
    *,
    by: str,
    envelope: str,
    follows: int,
    host: str,
    org: str,
    system: str,
    until: int,
    ways: list[list[str]],
    why: str,
) -> bytes:
    """What validator `by` signs to say that `ways` (tool, code, effect) are all that goes round on `host`."""
    return COVERAGE_CONTEXT + canonical(
        {
            "by": by,
            "envelope": envelope,
            "follows": follows,
            "host": host,
            "org": org,
            "system": system,
            "until": until,
            "ways": ways,
            "why": why,
        }
    )


REVALIDATION_CONTEXT: Final = b"standwatch/revalidation/1\n"


def revalidation_bytes(*, by: str, follows: int, org: str, person: str, why: str) -> bytes:
    """What validator `by` signs to give `person` the right to answer back. `why` commits to the reason."""
    return REVALIDATION_CONTEXT + canonical(
        {"by": by, "follows": follows, "org": org, "person": person, "why": why}
    )


GLASS_CONTEXT: Final = b"standwatch/break-glass/1\n"


def glass_bytes(
    *,
    by: str,
    glass: int,
    key: str,
    may: list[str],
    org: str,
    people: list[str],
    step: str,
    systems: list[str],
    until: int,
) -> bytes:
    """What seals a break-glass (a person's key), and what drills and opens it (the key in the envelope)."""
    return GLASS_CONTEXT + canonical(
        {
            "by": by,
            "glass": glass,
            "key": key,
            "may": may,
            "org": org,
            "people": people,
            "step": step,
            "systems": systems,
            "until": until,
        }
    )


WATCH_CONTEXT: Final = b"standwatch/watch/1\n"


def watch_bytes(
    *,
    by: str,
    follows: int,
    giver: str,
    org: str,
    shown: str,
    systems: list[str],
    taker: str,
    until: int,
    watch: str,
) -> bytes:
    """What a watch is taken and given over with: the list of open matters as `by` saw it is signed by its digest."""
    return WATCH_CONTEXT + canonical(
        {
            "by": by,
            "follows": follows,
            "giver": giver,
            "org": org,
            "shown": shown,
            "systems": systems,
            "taker": taker,
            "until": until,
            "watch": watch,
        }
    )
