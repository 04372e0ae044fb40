"""The byte vectors of docs/record.md: what is written down is read for ever, so these bytes never change.

The document is the source: the vectors are read out of it, decoded, made again from structs, and hashed.
"""

import re
from base64 import b64decode
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from standwatch.enforce.llms import generation_arguments
from standwatch.facts.canonical import parse
from standwatch.facts.entries import AnyEntry, Unmasked
from standwatch.facts.parts import (
    Action,
    action_bytes,
    action_digest,
    approval_bytes,
    commitment,
    config_bytes,
    coverage_bytes,
    endorsement_bytes,
    evidence_bytes,
    glass_bytes,
    relaxation_bytes,
    revalidation_bytes,
    session_bytes,
    value_digest,
    watch_bytes,
)
from standwatch.fronts.llm.heard import Heard
from standwatch.fronts.llm.openai_chat import ChatHearer, read_chat
from standwatch.record.leaf import KNOWN, Unknown, decode, encode
from standwatch.record.receipt import Receipt, receipt_bytes
from standwatch.record.signature import spell_public, verify
from standwatch.record.tree import leaf_hash
from standwatch.record.veils import opens

DOCUMENT = (Path(__file__).parents[3] / "docs" / "record.md").read_text(encoding="utf-8")
_vector = re.compile(
    r"^#### (?P<name>[^\n]+)\n\n```\n(?P<text>.*?)\n```\n\n`(?P<hash>[0-9a-f]{64})`", re.M | re.S
)
VECTORS = {match["name"]: (match["text"].encode(), match["hash"]) for match in _vector.finditer(DOCUMENT)}
LEAVES = {name: vector for name, vector in VECTORS.items() if name.partition(" ")[0] in KNOWN}

AT = 1_795_000_000_000_000
ACTION = Action(
    id="01m7q5cqg9e008000000000001",
    by="agent-1",
    run="01m7q5cqg0e008000000000000",
    system="payments-agent",
    tool="bank.send_money",
    target="bank",
    arguments={"amount": 120.5, "memo": "Büro", "recipient": "DE02"},
    event="tool_call",
    phase="call",
    schema="5c" * 32,
    conf=6,
    nonce="00112233445566778899aabbccddeeff",
    org="bank.invalid/record",
)


def vector(name: str) -> bytes:
    """The bytes of a vector whose SHA-256 the document gives."""
    text, digest = VECTORS[name]
    assert sha256(text).hexdigest() == digest
    return text


def test_there_is_a_vector_of_every_kind_and_nothing_else() -> None:
    assert {name.partition(" ")[0] for name in LEAVES} == KNOWN
    assert set(VECTORS) - set(LEAVES) == {
        "action.1",
        "action.1 (a generation)",
        "generation.1",
        "approval/1",
        "approval/2",
        "value.1",
        "endorsement/1",
        "evidence/1",
        "config/1",
        "coverage/1",
        "enrolment/1",
        "relaxation/1",
        "revalidation/1",
        "break-glass/1",
        "session/1",
        "watch/1",
        "receipt/1",
    }


@pytest.mark.parametrize("name", LEAVES)
def test_a_leaf_has_these_bytes_and_this_hash(name: str) -> None:
    leaf, digest = LEAVES[name]
    assert leaf_hash(leaf).hex() == digest
    entry = decode(leaf)
    assert not isinstance(entry, Unknown)
    assert encode(msgspec.structs.replace(entry, at=0), AT) == leaf  # type: ignore[type-var]
    assert rfc8785.dumps(parse(leaf)) == leaf  # JCS by construction
    assert leaf.startswith(b'{"at":%d,' % AT)


def test_the_table_names_every_field_and_no_other() -> None:
    table = DOCUMENT[DOCUMENT.index("| field | in |") : DOCUMENT.index("Nothing that may have to be erased")]
    named = {
        name for line in table.splitlines()[2:] if line for name in re.findall(r"`(\w+)`", line.split("|")[1])
    }
    fields = {name for kind in AnyEntry.__args__ for name in kind.__struct_fields__}
    assert named == fields | {"kind"}


def test_no_field_of_any_kind_sorts_before_at() -> None:
    names = {name for text, _ in LEAVES.values() for name in parse(text)}
    assert min(names) == "at"


def test_the_canonical_action_has_these_bytes_and_this_digest() -> None:
    text = vector("action.1")
    assert action_bytes(ACTION) == text == rfc8785.dumps(parse(text))
    assert action_digest(text) == VECTORS["action.1"][1]
    assert b'"amount":120.5' in text


PROMPT = (
    '{"model":"small-1","messages":[{"role":"user","content":"Pay Büro"}],'
    '"tools":[{"type":"function","function":{"name":"pay"}}],"max_tokens":64}'
).encode()
ANSWER = (
    b'{"id":"c-1","model":"small-1-2026","choices":[{"index":0,"message":{"content":null,"tool_calls":[{"index":0,'
    b'"function":{"name":"pay","arguments":"{}"}}]},"finish_reason":"tool_calls"}],'
    b'"usage":{"prompt_tokens":12,"completion_tokens":3}}'
)


def test_the_action_of_a_generation_has_these_bytes() -> None:
    arguments = generation_arguments(read_chat(PROMPT))
    action = msgspec.structs.replace(
        ACTION,
        id="01m7q5cqg9e008000000000002",
        tool="writer.generation",
        target="small-1",
        arguments=arguments,
        event="generation",
        schema="",
    )
    assert action_bytes(action) == vector("action.1 (a generation)")
    assert arguments["sha256"] == sha256(PROMPT).hexdigest()


def test_what_is_kept_of_an_answer_has_these_bytes() -> None:
    hearer = ChatHearer()
    heard = Heard(read_chat(PROMPT), hearer.facts)
    for delta in hearer.whole(ANSWER):
        heard.said(delta)
    heard.status, heard.request = 200, "req-1"
    heard.sent(ANSWER)
    assert heard.document("whole") == vector("generation.1")


def test_a_session_is_opened_over_these_bytes() -> None:
    assert session_bytes(org="bank.invalid/record", session="5e" * 32) == vector("session/1")


def test_an_approval_is_signed_over_these_bytes() -> None:
    digest = VECTORS["action.1"][1]
    head = "12:" + "00" * 32
    made = approval_bytes(
        asked=12,
        by="p-olga",
        decision="approve",
        digest=digest,
        head=head,
        org=ACTION.org,
        until=AT + 600_000_000,
    )
    assert made == vector("approval/1")
    flagged = approval_bytes(
        asked=12,
        by="p-olga",
        decision="approve",
        digest=digest,
        flag="f1" * 32,
        head=head,
        org=ACTION.org,
        until=AT + 600_000_000,
    )
    assert flagged == vector("approval/2")


def test_a_value_is_vouched_for_over_these_bytes() -> None:
    digest = value_digest(action_bytes(ACTION), "recipient")
    assert digest == VECTORS["value.1"][1] == sha256(vector("value.1")).hexdigest()
    assert value_digest(action_bytes(ACTION), "nothing") == ""
    made = endorsement_bytes(
        argument="recipient",
        asked=12,
        by="p-olga",
        digest=digest,
        flag="f1" * 32,
        head="12:" + "00" * 32,
        org=ACTION.org,
        run=ACTION.run,
        until=AT + 3_600_000_000,
    )
    assert made == vector("endorsement/1")


def test_evidence_and_configurations_are_signed_over_these_bytes() -> None:
    made = evidence_bytes(
        by="p-chen",
        components="c0" * 32,
        envelope="e1" * 32,
        follows=17,
        org=ACTION.org,
        outcome="pass",
        report="",
        system="payments-agent",
        until=AT + 7_776_000_000_000,
    )
    assert made == vector("evidence/1")
    assert config_bytes(by="p-maria", follows=17, org=ACTION.org, root="f0" * 32) == vector("config/1")


def test_a_look_at_what_goes_round_is_signed_over_these_bytes() -> None:
    made = coverage_bytes(
        by="p-chen",
        envelope="e1" * 32,
        follows=7,
        host="laptop-7",
        org="bank.invalid/record",
        system="payments-agent",
        until=1_802_776_000_000_000,
        ways=[["bank.send_money", "direct", "irreversible"]],
        why="c1" * 32,
    )
    assert made == vector("coverage/1")


def test_a_relaxation_is_signed_over_these_bytes() -> None:
    made = relaxation_bytes(
        by="p-olga",
        check="policy",
        compensating="step_up",
        envelope="e1" * 32,
        follows=11,
        org=ACTION.org,
        scope="tool:bank.send_money",
        system="payments-agent",
        until=AT + 3_600_000_000,
        why="c1" * 32,
    )
    assert made == vector("relaxation/1")


def test_a_right_is_given_back_over_these_bytes() -> None:
    made = revalidation_bytes(by="p-chen", follows=31, org=ACTION.org, person="p-olga", why="e3" * 32)
    assert made == vector("revalidation/1")


def test_a_question_is_opened_by_its_salt_and_one_word() -> None:
    entry = decode(LEAVES["act.unmasked.1"][0])
    assert isinstance(entry, Unmasked)
    assert opens(entry, "c91a1382273c6ff936d65ffb3857ed46784ced9ea08c5cf594e74e0cb4fb3da8")
    assert not opens(
        msgspec.structs.replace(entry, decoy=False),
        "c91a1382273c6ff936d65ffb3857ed46784ced9ea08c5cf594e74e0cb4fb3da8",
    )


def test_a_break_glass_is_sealed_over_these_bytes() -> None:
    made = glass_bytes(
        by="p-maria",
        glass=-1,
        key=f"ed25519:{'A' * 43}=",
        may=["halt", "release"],
        org=ACTION.org,
        people=["p-nina"],
        step="sealed",
        systems=["payments-agent"],
        until=AT + 7_776_000_000_000,
    )
    assert made == vector("break-glass/1")


def test_a_watch_is_signed_over_these_bytes() -> None:
    made = watch_bytes(
        by="p-chen",
        follows=11,
        giver="p-olga",
        org=ACTION.org,
        shown="5a" * 32,
        systems=["*"],
        taker="p-chen",
        until=AT + 28_800_000_000,
        watch="night",
    )
    assert made == vector("watch/1")


def test_a_receipt_is_signed_over_these_bytes() -> None:
    leaf = LEAVES["act.intent.1"][1]
    assert receipt_bytes(Receipt(ACTION.id, 9, leaf, ACTION.org, AT)) == vector("receipt/1")


def test_the_signature_and_the_commitment_that_the_document_shows() -> None:
    shown = dict(re.findall(r"^\| (\w+) \| `([^`]+)` \|$", DOCUMENT, re.M))
    private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(shown["secret"]))
    assert shown["public"] == spell_public(private.public_key().public_bytes_raw())
    assert b64decode(shown["signature"]) == private.sign(vector("approval/1"))
    assert verify(shown["public"], vector("approval/1"), shown["signature"])
    assert shown["commitment"] == commitment(bytes.fromhex(shown["salt"]), vector("action.1"))
