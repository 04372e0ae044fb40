"""What content rules change on the way: tokens become values, values become tokens, and results stay. Pure."""

import re
from collections.abc import Callable, Iterator
from typing import Any, Final, cast

import msgspec

from standwatch.enforce.case import Case
from standwatch.enforce.contents import Contents, Look
from standwatch.enforce.envelope import Envelope
from standwatch.enforce.llms import generation_arguments
from standwatch.enforce.looking import CHECK, Looked, failed, look_at, look_at_bytes, masked
from standwatch.enforce.masks import MARK, Full, Masks, unknown
from standwatch.enforce.ports import Act, Carried
from standwatch.enforce.relaxing import bypass
from standwatch.enforce.texts import replaced
from standwatch.facts.configuration import Finding
from standwatch.facts.content import ContentPlace
from standwatch.facts.decisions import Ask
from standwatch.facts.llm import Prompt
from standwatch.facts.words import SEVERITY


def contents_of(case: Case) -> Contents | None:
    """The content rules on this act; None where nothing is looked for."""
    return case.envelope.contents if case.envelope is not None else None


def opened(act: Act, masks: Masks) -> Act:
    """`act` with the values of the tokens that its run knows: what is judged, signed and sent are the values.

    Not of a prompt, whose model works on tokens, nor of what a server asks, which goes to the client."""
    if act.event == "generation" or act.inward or not masks.values:
        return act
    arguments = replaced(act.arguments, lambda _, one: masks.restored(one) if isinstance(one, str) else one)
    return act if arguments == act.arguments else msgspec.structs.replace(act, arguments=arguments)


def place_of(act: Act) -> ContentPlace:
    """Where what `act` brings along stands."""
    if act.event == "generation":
        return "prompts"
    return "results" if act.inward else "arguments"


def place_back(act: Act) -> ContentPlace:
    """Where what comes back of `act` stands: a client's answer goes to the server that asked."""
    if act.event == "generation":
        return "answers"
    return "arguments" if act.inward else "results"


def looked(case: Case) -> Looked | None:
    """What stands in an act's arguments, or in its prompt; None where nothing is looked for."""
    contents, act = contents_of(case), case.act
    look = contents.look(place_of(act), act.tool) if contents is not None else None
    if look is None or contents is None:
        return None
    return look_at(look, _value(act), expected=_expected(contents, act))


def _value(act: Act) -> Any:
    if act.event == "decision":
        return act.inputs
    return act.arguments if act.prompt is None else act.prompt.value


def inputs_of(envelope: Envelope | None, tool: str, ask: Ask) -> Any:
    """The rows of a decision as content looks at them; None where nothing is looked for in them."""
    contents = envelope.contents if envelope is not None else None
    if contents is None or contents.look("arguments", tool) is None:
        return None
    rows = [dict(zip(ask.rows.names, row, strict=False)) for row in ask.rows.rows]
    return {"rows": rows, "parameters": ask.parameters}


def said(case: Case, outputs: list[list[Any]]) -> Finding | None:
    """What is found in what a model decided; None for nothing. There is nothing in it that could be masked."""
    contents = contents_of(case)
    look = contents.look("results", case.act.tool) if contents is not None else None
    if contents is None or look is None:
        return None
    finding = look_at(look, outputs, expected=_anywhere(contents, case.act.tool)).finding
    return None if finding is None else _weighed(case, _unmasked(finding))


def _anywhere(contents: Contents, tool: str) -> frozenset[tuple[str, str]]:
    """(anywhere, word) of what belongs into the results of this tool."""
    return frozenset(("", word) for word in contents.expected.get(tool, ()))


def _unmasked(finding: Finding) -> Finding:
    if finding.decision != "modify":
        return finding
    return msgspec.structs.replace(
        finding, decision="deny", reason=f"cannot be masked: {finding.reason}", code="unmaskable"
    )


def _expected(contents: Contents, act: Act) -> frozenset[tuple[str, str]]:
    """(argument, word) of what belongs into the arguments of this tool."""
    prefix = f"{act.tool}."
    return frozenset(
        (where.removeprefix(prefix), word)
        for where, words in contents.expected.items()
        if where.startswith(prefix)
        for word in words
    )


def modifies(findings: tuple[Finding, ...]) -> bool:
    """Whether `content` found something that may be for a mask, and nothing lets that pass."""
    last = findings[-1]
    return last.check == CHECK and last.enforced and last.decision in ("modify", "step_up")


def with_tokens(case: Case, masks: Masks) -> tuple[Act, Finding, dict[str, str]] | None:
    """The act with tokens in the place of what is masked, the finding that says so, and the tokens' values; None where
    nothing is to be masked. Raises `Full`."""
    found = looked(case)
    if found is None or found.finding is None or not any(one.action == "mask" for one in found.details):
        return None
    mine = Recording(masks)
    value = masked(_value(case.act), found, mine)
    prompt = case.act.prompt
    if prompt is None:
        return msgspec.structs.replace(case.act, arguments=value), found.finding, mine.table
    changed = _changed(prompt, value)
    arguments = generation_arguments(changed)
    act = msgspec.structs.replace(case.act, prompt=changed, arguments=arguments)
    return act, found.finding, mine.table


def _changed(prompt: Prompt, value: Any) -> Prompt:
    """The prompt with another body; its turns as that body has them."""
    turns = tuple(
        msgspec.structs.replace(turn, text=_text(value, turn.at, turn.text)) for turn in prompt.turns
    )
    return msgspec.structs.replace(prompt, body=msgspec.json.encode(value), value=value, turns=turns)


def _text(value: Any, pointer: str, old: str) -> str:
    """The text at `pointer` (RFC 6901), where one still stands there."""
    found = value
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        try:
            found = found[int(name) if isinstance(found, list) else name]
        except (KeyError, IndexError, ValueError, TypeError):
            return old
    return found if isinstance(found, str) else old


class Recording(Masks):
    """Masks that also say which tokens were given since."""

    __slots__ = ("_of", "table")

    def __init__(self, of: Masks) -> None:
        self._of = of
        self.values = of.values
        self.table: dict[str, str] = {}

    def token(self, word: str, value: str) -> str:
        token = self._of.token(word, value)
        self.table[token] = value
        return token


class Back(msgspec.Struct, frozen=True):
    """What came back, as the caller gets it: `carried`. `findings` for the outcome; `table`: what was masked."""

    carried: Carried
    findings: tuple[Finding, ...] = ()
    withheld: bool = False
    table: dict[str, str] = {}


def came_back(case: Case, carried: Carried, masks: Masks, own: dict[str, str]) -> Back:
    """Step 13: look at what came back. `own`: the tokens that went out with this act; their values come back.

    INVARIANT: what could not be looked at is not told; the act is done all the same, and the record has its result."""
    contents, act = contents_of(case), case.act
    if contents is None or not act.returns:
        return Back(carried)
    if act.prompt is not None:
        findings = tuple(_weighed(case, one) for one in carried.findings)
        return Back(carried, findings, carried.status == "withheld")
    if not carried.result:
        return Back(carried)
    known = masks.values if act.inward else own
    try:
        told = carried.result if act.inward else _covered(carried.result, act, masks, own)
    except _UNREADABLE as error:
        return Back(Carried("withheld"), (failed(str(error)),), True)
    data, why = _restored(told, masks, frozenset(known))
    look = contents.look(place_back(act), act.tool)
    if look is None:
        changed = data is not carried.result
        return Back(msgspec.structs.replace(carried, result=data) if changed else carried)
    return _weigh(case, carried, data, masks, look, why)


def _weigh(  # noqa: PLR0917 - what one look at a result is made of
    case: Case, carried: Carried, data: bytes, masks: Masks, look: Look, why: str
) -> Back:
    found, value = look_at_bytes(look, data, expected=_anywhere(_contents(case), case.act.tool))
    finding = failed(why) if why else found.finding
    if finding is None:
        return Back(msgspec.structs.replace(carried, result=data) if data is not carried.result else carried)
    finding = _weighed(case, finding)
    acts = finding.enforced and case.act.seam == "proxy"
    if not acts:  # what its caller told us, its caller has
        finding = msgspec.structs.replace(finding, enforced=finding.decision == "allow")
    elif finding.decision == "modify":
        mine = Recording(masks)
        try:
            data = msgspec.json.encode(masked(value, found, mine))
        except (Full, RecursionError, UnicodeError, OverflowError, msgspec.MsgspecError) as error:
            return Back(Carried("withheld"), (failed(str(error)),), True)
        return Back(msgspec.structs.replace(carried, result=data), (finding,), False, mine.table)
    elif finding.decision != "allow":
        return Back(Carried("withheld"), (finding,), True)
    return Back(msgspec.structs.replace(carried, result=data), (finding,))


def _contents(case: Case) -> Contents:
    contents = contents_of(case)
    assert contents is not None
    return contents


def _covered(data: bytes, act: Act, masks: Masks, own: dict[str, str]) -> bytes:
    """`data` with tokens for the values that tokens stood for in this act's arguments, whatever their case.

    INVARIANT: a token opens towards the tool alone: a tool that repeats what it was given tells its caller nothing. Not
    of `own`, the values that the caller gave in the clear. Raises what reading the result does.
    """
    if not masks.values:
        return data
    given = [one for one in _texts(act.arguments) if one]
    tokens = {
        value.casefold(): token
        for token, value in masks.values.items()
        if token not in own and value and any(value in one for one in given)
    }
    if not tokens:
        return data
    longest = sorted(tokens, key=len, reverse=True)
    found = re.compile("|".join(re.escape(one) for one in longest), re.IGNORECASE)

    def cover(text: str) -> str:
        return found.sub(lambda one: tokens.get(one[0].casefold(), MARK), text)

    value: Any = msgspec.json.decode(data)
    told = _everywhere(value, cover)
    return data if told == value else msgspec.json.encode(told)


def _texts(value: Any) -> Iterator[str]:
    """Every text in `value`, names of members too."""
    waiting: list[Any] = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            members = cast("dict[str, Any]", one)
            waiting += [*members, *members.values()]
        elif isinstance(one, list):
            waiting += cast("list[Any]", one)
        elif isinstance(one, str):
            yield one


def _everywhere(value: Any, change: Callable[[str], str]) -> Any:
    """`value` with every text changed, names of members too."""
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        return {change(name): _everywhere(one, change) for name, one in members.items()}
    if isinstance(value, list):
        return [_everywhere(one, change) for one in cast("list[Any]", value)]
    return change(value) if isinstance(value, str) else value


_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeError, RecursionError, OverflowError)


def _restored(data: bytes, masks: Masks, known: frozenset[str]) -> tuple[bytes, str]:
    """`data` with the values of the tokens `known`; the same object where none stands in it."""
    if not known or MARK.encode() not in data:
        return data, ""
    try:
        value: Any = msgspec.json.decode(data)
        told = replaced(value, lambda _, one: masks.restored(one, known) if isinstance(one, str) else one)
        return msgspec.json.encode(told), ""
    except _UNREADABLE as error:
        return data, str(error)


def _weighed(case: Case, finding: Finding) -> Finding:
    """The finding as observation and relaxations let it count, as the judge weighs those of arguments."""
    if case.envelope is not None:
        finding = observed(case.envelope, finding, case.now)
    if finding.decision == "allow" or not finding.enforced or not case.relaxed:
        return finding
    found = bypass(case, finding, observing=False)
    return finding if found is None else msgspec.structs.replace(finding, enforced=False, relaxed=found.index)


def observed(envelope: Envelope, finding: Finding, now: int) -> Finding:
    """The finding as `observe until` lets it count."""
    if finding.decision == "allow" or now >= envelope.system.manifest.observe_until:
        return finding
    return msgspec.structs.replace(finding, enforced=False)


def unknown_in(act: Act, masks: Masks) -> str:
    """A token in the arguments that this run does not know; "" for none."""
    found: list[str] = []
    known = frozenset(masks.values)

    def see(_: str, one: Any) -> Any:
        if isinstance(one, str) and not found and MARK in one and (token := unknown(one, known)):
            found.append(token)
        return one

    if act.event != "generation" and not act.inward:
        replaced(act.arguments, see)
    return found[0] if found else ""


def content(case: Case) -> Finding:
    """What stands in the arguments or the prompt is what may go; what is masked already stays so."""
    contents = contents_of(case)
    if contents is None:
        return Finding(CHECK)
    if contents.masks and case.masks is not None and (token := unknown_in(case.act, case.masks)):
        return Finding(CHECK, "deny", f"{token} stands for nothing in this run", "unknown_token")
    found = looked(case)
    finding = found.finding if found is not None else None
    before = case.modified
    if before is None:
        return (
            Finding(CHECK)
            if finding is None
            else finding
            if case.act.event != "decision"
            else _unmasked(finding)
        )
    if finding is None or finding.decision == "allow":
        return msgspec.structs.replace(before, decision="modify")
    if finding.decision == "modify":
        return _unmasked(finding)
    return finding if finding.decision == "deny" else msgspec.structs.replace(before, decision="step_up")


def code_of(findings: tuple[Finding, ...]) -> str:
    """The stable word for what weighs most: a canary before anything else."""
    codes = [one.code for one in sorted(findings, key=lambda one: -SEVERITY[one.decision])]
    return "canaries" if "canaries" in codes else codes[0]


def alarms(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """What was found before the act left and goes with its outcome, where the record says so in clear: a canary."""
    return tuple(one for one in findings if one.check == CHECK and one.code == "canaries")
