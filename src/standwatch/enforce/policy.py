"""Cedar, made to fail closed: schema always given, any error or missing decision denies.

Generated permits decide who may call which tool at all; the organisation's files only forbid. Policies are
sliced by tool when a configuration is taken up, and parsed once. Forbids that never look at `context` answer the
same for one caller and tool for ever, so their answer is kept; those that do are shown only the arguments they look
at, and asked again whenever one of those is another. Any forbid forbids, so the more restrictive of the two answers is
the whole one.
"""

from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final, cast
from weakref import WeakValueDictionary

import cedarpy
import msgspec

from standwatch.enforce.looks import Looks, looks, together
from standwatch.facts.words import SEVERITY, Decision, Effect

OTHERWISE: Final = "otherwise"


class Slice(msgspec.Struct, frozen=True):
    """The policies about one tool of one system, as text, with the request's fixed parts."""

    text: str
    entities: str
    """Entities as Cedar's JSON."""
    action: str
    resource: str


class Answer(msgspec.Struct, frozen=True):
    """Cedar's word: `allow`, `step_up` where every deciding forbid says `@otherwise("step_up")`, else `deny`."""

    decision: Decision
    reason: str = ""
    failed: bool = False
    """Nothing could be evaluated: this is no forbid that anybody could relax."""


Entity = dict[str, str]
"""`type` and `id`, as Cedar's JSON names an entity: nothing in an id needs to be escaped."""


class _Set(msgspec.Struct, frozen=True):
    """Policies that are asked together. `looks` is at which arguments; `asks` who say `@otherwise("step_up")`."""

    policies: cedarpy.PolicySet
    looks: Looks
    asks: frozenset[str]
    names: dict[str, str]
    """Cedar's number for a policy → its `@id`."""


class _Parted(msgspec.Struct, frozen=True, weakref=True):
    """A slice's policies, parsed: those whose answer can be kept, and those to be asked anew at each call."""

    lasting: _Set | None
    fresh: _Set | None


def slice_name(tool: str, effect: Effect, most: Effect | None) -> str:
    """Under which name the slice stands of `tool` where a call of it has `effect`; `most` is the declared one of a tool
    whose calls have effects of their own, None for every other tool."""
    return tool if most is None or effect == most else f"{tool} {effect}"


class _Ready(msgspec.Struct, frozen=True):
    """A slice, ready to be asked."""

    parted: _Parted
    entities: cedarpy.Entities
    action: Entity
    resource: Entity


class Policies:
    """All slices of one configuration, parsed. Raises `ValueError` where a slice cannot be parsed.

    `context` maps an action's arguments totally into what Cedar can hold: it has no floats and no nulls.
    """

    def __init__(
        self,
        schema: str,
        slices: dict[tuple[str, str], Slice],
        context: Callable[[dict[str, Any]], dict[str, Any]] = dict,
    ) -> None:
        self._context = context
        self._schema = cedarpy.Schema.from_str(schema) if schema else None
        self._slices = {key: _ready(slice_) for key, slice_ in slices.items()}
        self._kept: dict[tuple[str, str, str], Answer] = {}
        self._same: dict[tuple[str, str, str, bytes], Answer] = {}
        """By a digest of all that policies were shown beside it: the values themselves are not kept."""

    def judge(self, principal: str, system: str, tool: str, arguments: dict[str, Any]) -> Answer:
        """What the policies say to `principal` calling `tool` with `arguments`."""
        ready = self._slices.get((system, tool))
        if ready is None:
            return Answer("deny", "no policy speaks of this tool", failed=True)
        lasting = self._lasting(ready, principal, system, tool)
        if ready.parted.fresh is None or lasting.decision == "deny":
            return lasting
        fresh = self._fresh(ready, ready.parted.fresh, (principal, system, tool), arguments)
        return fresh if SEVERITY[fresh.decision] >= SEVERITY[lasting.decision] else lasting

    def may(self, principal: str, system: str, tool: str) -> bool:
        """False where the answer is no whatever the arguments: lists leave such a tool out."""
        ready = self._slices.get((system, tool))
        return ready is not None and self._lasting(ready, principal, system, tool).decision != "deny"

    def _lasting(self, ready: _Ready, principal: str, system: str, tool: str) -> Answer:
        key = (principal, system, tool)
        kept = self._kept.get(key)
        if kept is None:
            lasting = ready.parted.lasting
            kept = _ALLOW if lasting is None else self._ask(ready, lasting, principal, "{}")
            if len(self._kept) < KEPT:
                self._kept[key] = kept
        return kept

    def _fresh(
        self, ready: _Ready, asked: _Set, who: tuple[str, str, str], arguments: dict[str, Any]
    ) -> Answer:
        """What policies that look at arguments say. INVARIANT: an answer is kept for the very same question alone;
        Cedar looks at nothing but the request, and policies, entities and schema are this configuration's for good.
        """
        try:
            context = _encode(self._seen(asked.looks, arguments))
        except Exception as error:
            return Answer("deny", f"the policies could not be evaluated: {error}", failed=True)
        if asked.looks is None:  # all arguments, which are hardly ever the same again
            return self._ask(ready, asked, who[0], context.decode())
        key = (*who, sha256(context).digest())
        same = self._same.get(key)
        if same is None:
            same = self._ask(ready, asked, who[0], context.decode())
            if not same.failed:
                if len(self._same) >= SAME:
                    self._same.clear()
                self._same[key] = same
        return same

    def _seen(self, looks: Looks, arguments: dict[str, Any]) -> dict[str, Any]:
        """The context: whole, or with those arguments only that these policies look at."""
        if looks is None:
            return self._context(arguments)
        return self._context({name: arguments[name] for name in looks if name in arguments}) if looks else {}

    def _ask(self, ready: _Ready, asked: _Set, principal: str, context: str) -> Answer:
        request = {
            "principal": {"type": "Agent", "id": principal},
            "action": ready.action,
            "resource": ready.resource,
            "context": context,
        }
        try:
            result = cedarpy.is_authorized(request, asked.policies, ready.entities, schema=self._schema)
        except Exception as error:
            return Answer("deny", f"the policies could not be evaluated: {error}", failed=True)
        if result.diagnostics.errors:
            # INVARIANT: Cedar skips an erring forbid; that fails open, so an error denies whatever it decided.
            return Answer("deny", f"a policy failed: {result.diagnostics.errors[0]}", failed=True)
        if result.allowed:
            return Answer("allow")
        reasons = result.diagnostics.reasons
        named = ", ".join(sorted(asked.names.get(one, one) for one in reasons)) or "no permit"
        if result.decision is cedarpy.Decision.Deny and reasons and asked.asks.issuperset(reasons):
            return Answer("step_up", f"forbidden unless signed by {named}")
        return Answer("deny", f"forbidden by {named}")


KEPT: Final = 50_000
SAME: Final = 4_096
"""Answers kept that rest on arguments."""

_ALLOW: Final = Answer("allow")
_encode: Final = msgspec.json.Encoder().encode


def _ready(slice_: Slice) -> _Ready:
    parted = _parted.get(slice_.text)
    if parted is None:
        parted = _parted[slice_.text] = _part(slice_.text)
    action, resource = _entities(slice_.action, slice_.resource)
    return _Ready(parted, cedarpy.Entities.from_json_str(slice_.entities), action, resource)


_parted: Final[WeakValueDictionary[str, _Parted]] = WeakValueDictionary()
"""Parted slices by text while anybody uses them: systems with the same tools share them, and so do a configuration
and the one that follows it."""


def _part(text: str) -> _Parted:
    """Parse a slice, and part it. A permit that looks at the context cannot be parted from the forbids."""
    forms = _forms(text)
    permits = [form for form in forms if form["effect"] == "permit"]
    forbids = [form for form in forms if form["effect"] != "permit"]
    whole = any(looks(form) != frozenset() for form in permits)
    fresh = [form for form in forbids if whole or looks(form) != frozenset()]
    lasting = [form for form in forbids if form not in fresh]
    return _Parted(
        lasting=None if whole else _set(permits + lasting),
        fresh=_set(permits + fresh) if whole or fresh else None,
    )


def _set(forms: list[dict[str, Any]]) -> _Set:
    named = {f"policy{number}": form for number, form in enumerate(forms)}
    text: str = cast("Any", cedarpy).policies_from_json_str(
        _encode({"staticPolicies": named, "templates": {}, "templateLinks": []}).decode()
    )
    policies = cedarpy.PolicySet.from_str(text)
    read = _forms(text)
    if read != forms:
        raise ValueError("Cedar reads a policy differently from how it writes it")
    asks = frozenset(
        ident
        for ident, form in named.items()
        if form.get("annotations", {}).get(OTHERWISE) == "step_up" and form["effect"] == "forbid"
    )
    names = {number: form.get("annotations", {}).get("id") or number for number, form in named.items()}
    return _Set(policies, together([looks(form) for form in forms]), asks, names)


def _forms(text: str) -> list[dict[str, Any]]:
    """The policies of `text` in Cedar's JSON form, in their order. Cedar numbers them; JSON objects are unordered."""
    decoded = msgspec.json.decode(cedarpy.policies_to_json_str(text).encode(), type=dict[str, Any])
    found: dict[str, dict[str, Any]] = decoded.get("staticPolicies", {})
    if decoded.get("templates") or any(f"policy{number}" not in found for number in range(len(found))):
        raise ValueError("a slice holds policies that are not numbered as expected")
    return [found[f"policy{number}"] for number in range(len(found))]


@lru_cache(maxsize=4096)
def _entities(action: str, resource: str) -> tuple[Entity, Entity]:
    """Both names as Cedar itself reads them."""
    form = _forms(f"permit (principal, action == {action}, resource == {resource});")[0]
    return form["action"]["entity"], form["resource"]["entity"]
