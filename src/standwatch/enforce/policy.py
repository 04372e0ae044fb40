"""Cedar, made to fail closed: schema always given, any error or missing decision denies.

Generated permits decide who may call which tool at all; the organisation's files only forbid. Policies are
sliced by tool when a configuration is taken up, and parsed once. A slice that never looks at `context` answers
the same for one caller and tool for ever, so its answer is kept; one that does is asked every time.
"""

from collections.abc import Callable
from typing import Any, Final

import cedarpy
import msgspec

from standwatch.facts.words import Decision

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


class _Ready(msgspec.Struct, frozen=True):
    policies: cedarpy.PolicySet
    entities: cedarpy.Entities
    action: str
    resource: str
    asks: frozenset[str]
    contextual: bool


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

    def judge(self, principal: str, system: str, tool: str, arguments: dict[str, Any]) -> Answer:
        """What the policies say to `principal` calling `tool` with `arguments`."""
        key = (principal, system, tool)
        kept = self._kept.get(key)
        if kept is not None:
            return kept
        ready = self._slices.get((system, tool))
        if ready is None:
            return Answer("deny", "no policy speaks of this tool")
        answer = self._ask(ready, principal, arguments)
        if not ready.contextual and len(self._kept) < KEPT:
            self._kept[key] = answer
        return answer

    def may(self, principal: str, system: str, tool: str) -> bool:
        """False where the answer is no whatever the arguments: lists leave such a tool out."""
        ready = self._slices.get((system, tool))
        if ready is None:
            return False
        return ready.contextual or self.judge(principal, system, tool, {}).decision != "deny"

    def _ask(self, ready: _Ready, principal: str, arguments: dict[str, Any]) -> Answer:
        request = {
            "principal": f"Agent::{msgspec.json.encode(principal).decode()}",
            "action": ready.action,
            "resource": ready.resource,
            "context": self._context(arguments) if ready.contextual else {},
        }
        try:
            result = cedarpy.is_authorized(request, ready.policies, ready.entities, schema=self._schema)
        except Exception as error:
            return Answer("deny", f"the policies could not be evaluated: {error}")
        if result.diagnostics.errors:
            # INVARIANT: Cedar skips an erring forbid; that fails open, so an error denies whatever it decided.
            return Answer("deny", f"a policy failed: {result.diagnostics.errors[0]}")
        if result.allowed:
            return Answer("allow")
        reasons = result.diagnostics.reasons
        named = ", ".join(reasons) or "no permit"
        if result.decision is cedarpy.Decision.Deny and reasons and ready.asks.issuperset(reasons):
            return Answer("step_up", f"forbidden unless signed by {named}")
        return Answer("deny", f"forbidden by {named}")


KEPT: Final = 50_000


def _ready(slice_: Slice) -> _Ready:
    policies = cedarpy.PolicySet.from_str(slice_.text)
    asks = frozenset(
        ident
        for ident, policy in _static(policies).items()
        if policy.get("annotations", {}).get(OTHERWISE) == "step_up" and policy.get("effect") == "forbid"
    )
    return _Ready(
        policies=policies,
        entities=cedarpy.Entities.from_json_str(slice_.entities),
        action=slice_.action,
        resource=slice_.resource,
        asks=asks,
        contextual="context" in slice_.text,
    )


def _static(policies: cedarpy.PolicySet) -> dict[str, dict[str, Any]]:
    decoded = msgspec.json.decode(cedarpy.policies_to_json_str(str(policies)).encode(), type=dict[str, Any])
    return decoded.get("staticPolicies", {})
