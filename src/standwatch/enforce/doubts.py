"""What speaks against a call by where its values come from and by what its run did before: one doubt a rule.

The defaults come in once a run has read what an outsider may have written: until then the model is taken at its word,
from then on it is taken to be the attacker's. They ask and do not refuse, unless the manifest says so.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from standwatch.enforce.case import Case
from standwatch.enforce.counting import allowed
from standwatch.enforce.envelope import ToolEnvelope
from standwatch.enforce.environments.places import loopback
from standwatch.enforce.patterns import names
from standwatch.enforce.steering import Leaf, escaped, leaves, mapping, members, steers
from standwatch.enforce.steering import names as member_names
from standwatch.facts.configuration import ArgumentRule, Otherwise, Source
from standwatch.facts.naming import verb
from standwatch.facts.rules import Sequence
from standwatch.facts.words import Decision
from standwatch.flow.intent import speaks_of
from standwatch.flow.origin import Embedded, Origin, Place
from standwatch.flow.shapes import host_of, leads_nowhere

OF_VALUES: Final = frozenset({"source", "carries", "urls", "steering"})
"""Codes of doubts that people lay to rest by vouching for a value."""
BAD: Final[frozenset[Source]] = frozenset({"untrusted", "model"})
"""Origins that a hijacked model chooses from."""
REACHES: Final = frozenset({"url", "domain", "email", "iban", "card", "account", "phone", "crypto"})
"""What, inside prose, can lead somebody somewhere or money away."""
LEADS_OUT: Final = frozenset({"url", "domain"})
"""What, asked for, carries its own text to whoever answers there."""

MOST_SHOWN: Final = 120
"""Characters of a value that a reason quotes; the action has all of it."""

_NO_RULE: Final = ArgumentRule()


class _At(msgspec.Struct, frozen=True):
    """Where a rule is held against a value."""

    case: Case
    tool: ToolEnvelope
    name: str
    rule: ArgumentRule
    leaf: Leaf

    @property
    def own(self) -> Otherwise:
        """What breaking the argument's own rule comes to."""
        return self.rule.otherwise or self.tool.tool.otherwise


class Doubt(msgspec.Struct, frozen=True):
    """One rule that is not met. `pointer` and `text`: the value, where it is about one; `origin`: whence it is."""

    code: str
    decision: Decision
    why: str
    argument: str = ""
    pointer: str = ""
    text: str = ""
    kind: str = ""
    origin: Origin | None = None


def doubts(case: Case) -> tuple[Doubt, ...]:
    """Every doubt about the call of `case`, those about the whole of it first. Linear in the call's arguments."""
    if case.tool is None:
        return ()
    found = [*_of_values(case, case.tool)]
    return (*_of_call(case, case.tool), *found)


def guarded(case: Case, tool: ToolEnvelope) -> bool:
    """Whether the defaults look at this call."""
    return tool.tool.unruled != "any" and case.trail.read_untrusted


def _default(tool: ToolEnvelope) -> Otherwise:
    return "deny" if tool.tool.unruled == "deny" else "step_up"


# --- the call as a whole -----------------------------------------------------------------------------------------


def _of_call(case: Case, tool: ToolEnvelope) -> Iterator[Doubt]:
    said, name = tool.tool, tool.tool.name
    if said.intent and not speaks_of(case.trail.task, said.intent):
        yield Doubt("no_intent", said.otherwise, f"the task does not speak of {name}")
    if said.per_task is not None and (most := allowed(case, tool)) <= case.trail.past.count(name):
        yield Doubt("per_task", said.otherwise, f"the task asks for {most} of {name}, and they are done")
    if said.after_untrusted and case.trail.read_untrusted:
        yield Doubt(
            "after_untrusted", said.after_untrusted, "the run has read what an outsider may have written"
        )
    for sequence, patterns in tool.sequences:
        before = [one for one in case.trail.past.tools if names(sequence.after, one)]
        if before and not _excused(case, sequence, patterns):
            label = f" ({sequence.name})" if sequence.name else ""
            yield Doubt("sequence", sequence.otherwise, f"{name} comes after {', '.join(before[:4])}{label}")
    if said.effect != "read" and not said.intent and guarded(case, tool) and not _related(case, tool):
        yield Doubt(
            "unrelated", _default(tool), f"nothing in the task speaks of {name} or of what it is given"
        )


def _excused(case: Case, sequence: Sequence, patterns: dict[str, Any]) -> bool:
    """Whether every argument of `unless` is there, and every text in it as it says."""
    arguments = case.act.arguments
    return bool(sequence.unless) and all(
        name in arguments
        and (found := [leaf.value for leaf in leaves(name, arguments[name])])
        and all(isinstance(one, str) and pattern.fullmatch(one) for one in found)
        for name, pattern in patterns.items()
    )


def _related(case: Case, tool: ToolEnvelope) -> bool:
    """Whether the task speaks of the act, or gives it a value that steers."""
    if speaks_of(case.trail.task, verb(tool.tool.name)):
        return True
    return any(
        steers(leaf) and case.trail.of_task(leaf.value)
        for name, value in case.act.arguments.items()
        for leaf in leaves(name, value)
    )


# --- values ------------------------------------------------------------------------------------------------------


def _of_values(case: Case, tool: ToolEnvelope) -> Iterator[Doubt]:
    for name, value in case.act.arguments.items():
        rule = tool.tool.arguments.get(name, _NO_RULE)
        # A statement has no words of its own that steer: as a value it comes from where it comes.
        commanded = name == tool.tool.effect_by and tool.reading is not None and rule.reads_as == "shell"
        if commanded:
            yield from _of_command(case, tool, name, rule)
        elif rule.sources and not case.trail.sources(value) <= set(rule.sources):
            own, origin = rule.otherwise or tool.tool.otherwise, case.trail.origin(value)
            yield Doubt("source", own, _from(f"{name} {_shown(value)}", origin), name, "", "", "", origin)
        for leaf in leaves(name, value):
            yield from _of_leaf(_At(case, tool, name, rule, leaf))
        if isinstance(value, dict | list):
            yield from _of_names(case, tool, name, rule, value)


def _of_command(case: Case, tool: ToolEnvelope, name: str, rule: ArgumentRule) -> Iterator[Doubt]:
    """The words of a command line that decide where something goes or what comes in, each a value with an origin of
    its own: URLs, hosts and packages. `from` speaks of them, and by default what an outsider wrote is asked about."""
    carried = tool.reading.carried if tool.reading is not None else ()
    if not rule.sources and not guarded(case, tool):
        return
    good = set(rule.sources) or {"task", "trusted", "model"}
    for one in carried:
        if one.kind != "package" and loopback(host_of(one.text)):
            continue
        origins = [piece.origin for piece in case.trail.embedded(one.text)] or [case.trail.origin(one.text)]
        origin = next((found for found in origins if found.source not in good), None)
        if origin is not None:
            own = (rule.otherwise or tool.tool.otherwise) if rule.sources else _default(tool)
            why = _from(f"{one.kind} {_shown(one.text)} in {name}", origin)
            yield Doubt("carries", own, why, name, f"/{escaped(name)}", one.text, one.kind, origin)


def _of_names(case: Case, tool: ToolEnvelope, name: str, rule: ArgumentRule, value: Any) -> Iterator[Doubt]:
    """Names of members that the accepted definition does not give, by default: one that an outsider wrote, and any
    where the definition has a map, whose keys are as good as values (`{"bob": "editor"}`)."""
    if tool.tool.effect == "read" or rule.sources or not guarded(case, tool):
        return
    schema = case.act.definition.schema if case.act.definition is not None else {}
    declared, map_of_values = members(schema), mapping(schema)
    for leaf in member_names(name, value):
        if leaf.value in declared:
            continue
        origin = case.trail.origin(leaf.value)
        read = origin.source == "untrusted" and origin.where != (case.trail.gap,)
        if read or (map_of_values and origin.source in BAD):
            why = _from(f"{name} {_shown(leaf.value)}", origin)
            yield Doubt("steering", _default(tool), why, name, leaf.pointer, str(leaf.value), "", origin)


def _of_leaf(at: _At) -> Iterator[Doubt]:
    case, rule, leaf = at.case, at.rule, at.leaf
    if rule.secrets != "any" and (places := case.trail.secret_in(leaf.value)):
        why = f"{at.name} carries a secret of {_places(places)}"
        yield Doubt("secret", rule.secrets or "deny", why, at.name, leaf.pointer, "", "secret")
    unread = case.trail.secrets.unread
    weighed = _weighed(at)
    pieces = () if weighed else _pieces(at)
    if not weighed and not pieces:
        return  # a look-up that nothing could come of
    origin = case.trail.origin(leaf.value)
    # INVARIANT: what a result kept from us is not taken for harmless: people say whether this text may leave.
    if unread is not None and rule.secrets != "any" and origin.source in BAD and isinstance(leaf.value, str):
        why = f"{at.name} may carry a secret of {_places((unread,))}, whose fields could not be read"
        yield Doubt("secret_unread", "step_up", why, at.name, leaf.pointer, "", "secret")
    if origin.source == "trusted" and _chosen(at) and (other := case.trail.chosen_instead(leaf.value)):
        why = f"{at.name} {_shown(leaf.value)} is not {_shown(other)}, of which the task speaks"
        yield Doubt("steering", _default(at.tool), why, at.name, leaf.pointer, str(leaf.value), "", origin)
    if origin.source not in BAD and rule.urls != "none" and not rule.carries:
        return
    whole = _guards_values(at) and steers(leaf) and not _declared(at) and origin.source in BAD
    if whole:
        why = _from(f"{at.name} {_shown(leaf.value)}", origin)
        yield Doubt("steering", _default(at.tool), why, at.name, leaf.pointer, str(leaf.value), "", origin)
    for one in _pieces(at) if weighed else pieces:
        yield from _of_embedded(at, one, whole=whole)


def _weighed(at: _At) -> bool:
    """Whether the origin of the value as a whole decides anything here, or is known by now."""
    trail = at.case.trail
    kept_back = trail.secrets.unread is not None and at.rule.secrets != "any"
    steering = _guards_values(at) and steers(at.leaf)
    return kept_back or steering or bool(at.rule.sources) or (trail.chooses and _chosen(at))


def _pieces(at: _At) -> tuple[Embedded, ...]:
    """What stands inside a text, where something could come of it by a rule or by the defaults."""
    said = at.rule.urls in ("none", "read") or bool(at.rule.carries)
    value = at.leaf.value
    if not isinstance(value, str) or not (said or guarded(at.case, at.tool)):
        return ()
    if at.tool.tool.effect == "read" and not at.rule.carries and leads_nowhere(value):
        return ()  # of a read only what leads out counts
    return at.case.trail.embedded(value)


def _chosen(at: _At) -> bool:
    """Whether the task's own choice among trusted values counts here: an effect, after something untrusted was read."""
    return at.tool.tool.effect != "read" and "model" not in at.rule.sources and guarded(at.case, at.tool)


def _guards_values(at: _At) -> bool:
    return at.tool.tool.effect != "read" and not at.rule.sources and guarded(at.case, at.tool)


def _declared(at: _At) -> bool:
    """The manifest's own values need no origin (that nothing else comes is the check of limits), nor do the names of
    members that the accepted definition gives."""
    value = at.leaf.value
    if at.leaf.key:
        definition = at.case.act.definition
        return definition is not None and value in members(definition.schema)
    return any(type(value) is type(one) and value == one for one in at.rule.one_of or ())


def _of_embedded(at: _At, one: Embedded, *, whole: bool) -> Iterator[Doubt]:
    """What stands inside a text. `whole`: the text is in doubt itself, with everything in it."""
    broken = _url_rule(at, one)
    if broken is not None:
        yield _inside(at, one, "urls", broken)
    # A text that is nothing but this is judged as a value, where something is said of values.
    judged = whole or (bool(at.rule.sources) and one.text.strip() == str(at.leaf.value).strip())
    if not judged and (found := _carrying(at, one)) is not None and found != broken:
        yield _inside(at, one, "carries", found)


def _inside(at: _At, one: Embedded, code: str, decision: Decision) -> Doubt:
    why = _from(f"{one.kind} {_shown(one.text)} in {at.name}", one.origin)
    return Doubt(code, decision, why, at.name, at.leaf.pointer, one.text, one.kind, one.origin)


def _url_rule(at: _At, one: Embedded) -> Otherwise | None:
    """What a URL comes to that may not be there, or that nobody wrote and the run has not read; None for nothing."""
    if one.kind not in LEADS_OUT:
        return None
    if at.rule.urls == "none":
        return at.own
    if at.rule.urls == "any" or one.origin.source not in BAD or at.case.trail.reached.has(one.text):
        return None
    if at.rule.urls == "read":
        return at.own
    free = at.tool.tool.effect != "read" or "model" in at.rule.sources or not guarded(at.case, at.tool)
    return None if free else _default(at.tool)


def _carrying(at: _At, one: Embedded) -> Otherwise | None:
    """What comes of something that stands inside a text, by `carries` or by default; None for nothing."""
    if at.rule.carries:
        return None if one.origin.source in at.rule.carries else at.own
    doubted = at.tool.tool.effect != "read" and one.kind in REACHES and one.origin.source in BAD
    return _default(at.tool) if doubted and guarded(at.case, at.tool) else None


# --- words -------------------------------------------------------------------------------------------------------


def _from(what: str, origin: Origin) -> str:
    return f"{what} comes from {origin.source}{f' ({_places(origin.where)})' if origin.where else ''}"


def _places(places: tuple[Place, ...]) -> str:
    """The latest places, in words."""
    return " and ".join(", ".join(filter(None, (_who(one), one.at, one.call))) for one in places[-2:])


def _who(place: Place) -> str:
    return place.tool or place.server or "a result"


def _shown(value: Any) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= MOST_SHOWN else text[: MOST_SHOWN - 1] + "…"
