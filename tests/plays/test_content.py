"""Content on its way: what goes out is refused, asked about or masked; what comes back is masked or withheld."""

from typing import Any

import msgspec
import pytest

from standwatch.enforce.case import World
from standwatch.enforce.contents import contents_of
from standwatch.enforce.envelope import build
from standwatch.enforce.masks import TOKEN
from standwatch.enforce.policy import Policies, Slice
from standwatch.enforce.ports import Act, Carried
from standwatch.enforce.texts import MOST_BYTES, MOST_VALUES
from standwatch.facts.configuration import ArgumentRule, Configuration, Definition, System, Tool
from standwatch.facts.content import Content, ContentRule
from standwatch.facts.entries import Asked, Denied, Intent, Outcome, OutcomeChecked
from standwatch.facts.parts import action_digest
from standwatch.serve.contents import build as engine
from support import bank
from support.playbook import Stage

NOTE = Tool(name="bank.note", effect="read", arguments={"text": ArgumentRule()})
SECRET = "xoxb-123456789012-1234567890123-4mt0t4lyR4nd0mS3cr3tT0k3"  # gitleaks:allow
ADDRESS = "anna.meier@supplier.example"
CANARY = "ledger-7f3a-canary"


def stage(*rules: ContentRule, canaries: dict[str, str] | None = None, **more: Any) -> Stage:
    """The bank with these content rules; a canary's text is where it is."""
    expected = more.pop("expected", {})
    manifest = msgspec.structs.replace(
        bank.MANIFEST,
        tools={**bank.MANIFEST.tools, NOTE.name: NOTE},
        content=Content(rules, canaries or {}, expected),
        **more,
    )
    plain = bank.configuration(manifest)
    name, system = next(iter(plain.systems.items()))
    lock = msgspec.structs.replace(system.lock, tools={**system.lock.tools, NOTE.name: "note-digest"})
    found = msgspec.structs.replace(plain, systems={name: msgspec.structs.replace(system, lock=lock)})
    return Stage(world(found))


def world(found: Configuration) -> World:
    slices = {
        (name, tool): Slice(bank.PERMIT, "[]", 'Action::"call"', f'Tool::"{tool}"')
        for name, system in found.systems.items()
        for tool in system.manifest.tools
    }

    def contents(system: System) -> Any:
        return contents_of(found, system, engine, lambda where: None if where == "nowhere" else where)

    return World(found, build(found, contents), Policies("", slices))


def note(text: Any, **more: Any) -> Act:
    act = bank.call("bank.note", text=text)
    definition = Definition("note", "note-digest", {})
    return msgspec.structs.replace(act, definition=definition, **more)


def text(answer: str) -> bytes:
    return msgspec.json.encode({"content": [{"type": "text", "text": answer}]})


def back(played: Stage) -> dict[str, Any]:
    """The findings beside the last outcome."""
    index = max(i for i, one in played.log if isinstance(one, Outcome))
    return msgspec.json.decode(played.parts[index]["findings"])


# --- what goes out -------------------------------------------------------------------------------------------


def test_a_secret_in_an_argument_is_refused_and_its_finding_does_not_repeat_it() -> None:
    played = stage(ContentRule(("secrets",), ("arguments",), action="deny"))
    assert played.play(note(f"the token is {SECRET}")).word == "refused"
    assert played.last(Denied).code == "secrets"
    reason = played.findings()["content"]["reason"]
    assert "/text" in reason
    assert "xoxb…" in reason
    assert SECRET[:8] not in reason
    assert played.forwarded == []


def test_without_rules_nothing_is_looked_for() -> None:
    played = stage()
    assert played.play(note(SECRET)).word == "done"
    assert played.findings()["content"] == {"check": "content"}
    assert type(played.last(Outcome)) is Outcome


def test_what_is_observed_goes_and_its_finding_says_what_it_was() -> None:
    played = stage(ContentRule(("secrets",), ("arguments",)))
    assert played.play(note(SECRET)).word == "done"
    found = played.findings()["content"]
    assert found["code"] == "secrets"
    assert found.get("decision", "allow") == "allow"
    assert played.last(Intent).verdict == "allow"


def test_a_person_is_asked_about_what_asks_for_one() -> None:
    played = stage(ContentRule(("email",), ("arguments",), action="step_up"))
    asked = played.play(note(ADDRESS))
    assert asked.word == "pending"
    played.answer(played.last(Asked).id)
    assert played.play(note(ADDRESS)).word == "done"
    assert played.last(Intent).signed >= 0


def test_a_masked_argument_is_what_is_judged_signed_recorded_and_sent() -> None:
    played = stage(
        ContentRule(("email",), ("arguments",), action="mask"),
        ContentRule(("iban",), ("arguments",), action="step_up"),
    )
    act = note(f"write to {ADDRESS} about GB29NWBK60161331926819")
    asked = played.play(act)
    assert asked.word == "pending"
    question = played.last(Asked)
    shown = msgspec.json.decode(played.parts[max(played.parts)]["action"])["arguments"]["text"]
    assert ADDRESS not in shown
    assert TOKEN.search(shown)
    played.answer(question.id)
    assert played.play(act).word == "done"
    intent = played.last(Intent)
    index = next(i for i, one in played.log if one is intent)
    action = played.parts[index]["action"]
    assert intent.digest == question.digest == action_digest(action)
    assert intent.sent
    assert played.findings()["content"]["decision"] == "step_up"
    assert msgspec.json.decode(played.parts[index]["findings"])["masks"] == {TOKEN.search(shown)[0]: ADDRESS}  # type: ignore[index]


def test_a_tool_that_was_given_tokens_answers_with_values() -> None:
    played = stage(ContentRule(("email",), ("arguments",), action="mask"))
    steps = played.begin(note(f"write to {ADDRESS}"))
    command: Any = next(steps)
    while type(command).__name__ != "Forward":
        command = steps.send(played.execute(command, Carried("ok")))
    sent = command.arguments["text"]
    assert ADDRESS not in sent
    assert played.last(Intent).verdict == played.last(Intent).disposition == "modify"
    reply = None
    try:
        while True:
            command = steps.send(played.execute(command, Carried("ok", text(f"did: {sent}"))))
    except StopIteration as stop:
        reply = stop.value
    assert reply.carried.result == text(f"did: write to {ADDRESS}")


def test_what_belongs_into_an_argument_is_not_found() -> None:
    rule = ContentRule(("email",), ("arguments",), action="deny")
    assert stage(rule, expected={"bank.note.text": ("email",)}).play(note(ADDRESS)).word == "done"
    assert stage(rule, expected={"bank.note.other": ("email",)}).play(note(ADDRESS)).word == "refused"


def test_of_several_rules_the_strictest_counts() -> None:
    rules = (
        ContentRule(("email",), ("arguments",), action="deny", tools=("bank.note",)),
        ContentRule(("email",), ("arguments",)),
        ContentRule(("email",), ("arguments",), action="mask", tools=("other.*",)),
    )
    assert stage(*rules).play(note(ADDRESS)).word == "refused"
    assert stage(*rules[1:]).play(note(ADDRESS)).word == "done"


def test_a_name_that_cannot_be_masked_is_refused() -> None:
    played = stage(ContentRule(("email",), ("arguments",), action="mask"))
    assert played.play(note({ADDRESS: "x"})).word == "refused"


# --- what comes back -----------------------------------------------------------------------------------------


def test_a_result_is_withheld_though_its_effect_is_done() -> None:
    played = stage(ContentRule(("secrets",), ("results",), action="deny"))
    reply = played.play(note("hello"), Carried("ok", text(SECRET)))
    assert reply.word == "done"
    assert reply.carried == Carried("withheld")
    outcome = played.last(OutcomeChecked)
    assert outcome.withheld
    assert outcome.status == "ok"
    assert outcome.why
    (finding,) = back(played)["findings"]
    assert finding["code"] == "secrets"
    assert "/content/0/text" in finding["reason"]
    index = max(i for i, one in played.log if isinstance(one, Outcome))
    assert SECRET.encode() in played.parts[index]["result"], "the record has what came back"


@pytest.mark.parametrize("status", ["ok", "error"])
def test_the_model_works_on_tokens_and_the_tool_gets_the_values(status: Any) -> None:
    played = stage(ContentRule(("email",), ("results",), action="mask"))
    answer = msgspec.json.encode(
        {"content": [{"type": "text", "text": f"{ADDRESS}, {ADDRESS}"}], "structuredContent": {"to": ADDRESS}}
    )
    reply = played.play(note("whom?"), Carried(status, answer))
    assert reply.carried is not None
    told = msgspec.json.decode(reply.carried.result)
    token = told["structuredContent"]["to"]
    assert told["content"][0]["text"] == f"{token}, {token}"
    assert TOKEN.fullmatch(token)
    assert back(played)["masks"] == {token: ADDRESS}
    assert not played.last(OutcomeChecked).withheld
    assert played.play(note(f"write to {token}!")).word == "done"
    intent = played.last(Intent)
    index = next(i for i, one in played.log if one is intent)
    action = played.parts[index]["action"]
    assert msgspec.json.decode(action)["arguments"] == {"text": f"write to {ADDRESS}!"}
    assert intent.digest == action_digest(action)
    assert intent.verdict == "allow"


def test_a_result_that_names_a_token_it_was_not_given_does_not_tell_its_value() -> None:
    played = stage(ContentRule(("email",), ("results",), ("bank.get_transactions",), action="mask"))
    first: Any = played.play(bank.call("bank.get_transactions"), Carried("ok", text(ADDRESS))).carried
    token = msgspec.json.decode(first.result)["content"][0]["text"]
    assert TOKEN.fullmatch(token)
    again: Any = played.play(note("and?"), Carried("ok", text(f"stored: {token}"))).carried
    assert msgspec.json.decode(again.result)["content"][0]["text"] == f"stored: {token}"


def test_a_token_that_stands_for_nothing_is_refused() -> None:
    played = stage(ContentRule(("email",), ("results",), action="mask"))
    assert played.play(note("write to masked_email_0123456789abcdef")).word == "refused"
    assert played.last(Denied).code == "unknown_token"


def test_what_its_caller_told_us_its_caller_has() -> None:
    played = stage(ContentRule(("secrets",), ("results",), action="deny"))
    reply = played.play(note("hello", seam="client"), Carried("ok", text(SECRET)))
    assert reply.carried == Carried("ok", text(SECRET))
    assert not played.last(OutcomeChecked).withheld
    assert back(played)["findings"][0]["enforced"] is False


def test_a_withheld_result_teaches_the_run_nothing() -> None:
    played = stage(ContentRule(("secrets",), ("results",), action="deny"))
    answer = msgspec.json.encode(
        {"structuredContent": [{"recipient": "GB29NWBK60161331926819", "memo": SECRET}]}
    )
    act = bank.call("bank.get_transactions")
    assert played.play(act, Carried("ok", answer)).carried == Carried("withheld")
    assert played.trail(bank.RUN).source("FR1420041010050500013M02606") == "model"


# --- what cannot be looked at, and what lets pass ------------------------------------------------------------

ANY_RESULT = ContentRule(("secrets",), ("results",))

BAD = {
    "50 MB": b'{"t":"' + b"x" * (MOST_BYTES + 1) + b'"}',
    "a million tiny values": b"[" + b"1," * (MOST_VALUES + 1) + b"1]",
    "invalid UTF-8": b'{"t":"\xff\xfe"}',
    "half a JSON": b'{"t":"x',
    "very deep": b"[" * 100_000 + b"]" * 100_000,
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_looked_at_is_withheld_whatever_its_rule_does(name: str) -> None:
    played = stage(ANY_RESULT)
    reply = played.play(note("hello"), Carried("ok", BAD[name]))
    assert reply.carried == Carried("withheld")
    assert back(played)["findings"][0]["code"] == "unfinished"


def test_a_canary_that_cannot_be_read_denies() -> None:
    rule = ContentRule(("canaries",), ("arguments",))
    played = stage(rule, canaries={"ledger": "nowhere"})
    assert played.play(note("hello")).word == "refused"
    assert played.last(Denied).code == "unfinished"
    assert stage(rule).play(note("hello")).word == "done", "none is declared, so none is looked for"


def test_observation_lets_findings_pass_and_says_so() -> None:
    rules = (ContentRule(("secrets",), ("arguments", "results"), action="deny"),)
    played = stage(*rules, observe_until=bank.NOW + bank.DAY)
    reply = played.play(note(SECRET), Carried("ok", text(SECRET)))
    assert reply.carried == Carried("ok", text(SECRET))
    intent = played.last(Intent)
    assert (intent.verdict, intent.disposition) == ("deny", "allow")
    assert not played.last(OutcomeChecked).withheld
    assert back(played)["findings"][0]["enforced"] is False


def test_under_observation_nothing_is_masked() -> None:
    rules = (ContentRule(("email",), ("arguments", "results"), action="mask"),)
    played = stage(*rules, observe_until=bank.NOW + bank.DAY)
    reply = played.play(note(ADDRESS), Carried("ok", text(ADDRESS)))
    assert reply.carried == Carried("ok", text(ADDRESS))
    assert played.last(Intent).sent == ""


def test_a_picture_is_not_read_and_a_text_that_says_it_is_one_is() -> None:
    played = stage(ContentRule(("secrets",), ("results",), action="deny"))
    picture = {"type": "image", "mimeType": "image/png", "data": "iVBORw0KGgo////+AAAA"}
    assert played.play(
        note("x"), Carried("ok", msgspec.json.encode({"content": [picture]}))
    ).carried != Carried("withheld")
    hidden = {"type": "image", "mimeType": "image/png", "data": SECRET}
    reply = played.play(note("x"), Carried("ok", msgspec.json.encode({"content": [hidden]})))
    assert reply.carried == Carried("withheld")


@pytest.mark.parametrize("name", ["data", "blob"])
@pytest.mark.parametrize("given", ["AKIAZQ3DRSTUVWXY2345", "4111111111111111"])
def test_what_is_spelled_like_base64_is_looked_at_under_the_name_of_a_picture(name: str, given: str) -> None:
    played = stage(ContentRule(("secrets", "card"), ("arguments",), action="deny"))
    assert played.play(note({name: given})).word == "refused"


def test_a_picture_of_some_size_is_not_read() -> None:
    played = stage(ContentRule(("email",), ("results",), action="mask"))
    picture = {"type": "image", "mimeType": "image/png", "data": "iVBORw0KGgo////+" * 64}
    came = msgspec.json.encode({"content": [picture, {"type": "text", "text": ADDRESS}]})
    carried: Any = played.play(note("x"), Carried("ok", came)).carried
    assert msgspec.json.decode(carried.result)["content"][0] == picture
    assert ADDRESS.encode() not in carried.result


def test_a_result_too_deep_to_be_masked_is_withheld_and_recorded() -> None:
    played = stage(ContentRule(("email",), ("results",), action="mask"))
    deep = (
        b'{"content":[{"type":"text","text":"'
        + ADDRESS.encode()
        + b'"}],"x":'
        + b"[" * 700
        + b"]" * 700
        + b"}"
    )
    reply = played.play(note("x"), Carried("ok", deep))
    assert reply.carried == Carried("withheld")
    outcome = played.last(OutcomeChecked)
    assert outcome.status == "ok"
    assert outcome.withheld
    assert outcome.code == "unfinished"


def test_a_canary_is_said_in_clear_wherever_it_turns_up() -> None:
    rules = (ContentRule(("canaries",), ("arguments", "results")),)
    played = stage(*rules, canaries={"ledger": CANARY})
    assert played.play(note(f"see {CANARY}"), Carried("ok", text("fine"))).word == "done"
    assert (played.last(OutcomeChecked).code, played.last(OutcomeChecked).system) == (
        "canaries",
        "payments-agent",
    )
    assert played.play(note("look"), Carried("ok", text(f"it says {CANARY}"))).word == "done"
    assert [one.code for _, one in played.log if isinstance(one, OutcomeChecked)] == ["canaries"] * 2
    refusing = stage(ContentRule(("canaries",), ("arguments",), action="deny"), canaries={"ledger": CANARY})
    assert refusing.play(note(CANARY)).word == "refused"
    assert refusing.last(Denied).code == "canaries"
