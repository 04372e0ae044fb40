"""What an upstream is shown with a released act: whether it takes a credential for each, and what that one is for."""

import hashlib
from typing import Any

from standwatch.enforce.case import Case
from standwatch.enforce.drafting import Draft
from standwatch.enforce.steps import Recorded
from standwatch.facts.canonical import canonical
from standwatch.facts.configuration import Component
from standwatch.facts.credentials import Warrant


def shown_to(draft: Draft, case: Case) -> Component | None:
    """The component that carries the act out, where it declares a credential for each act; None where it does not, and
    for what we do not carry ourselves."""
    if draft.act.seam != "proxy" or draft.act.phase != "call" or case.envelope is None:
        return None
    component = case.envelope.components.get(draft.act.tool.partition(".")[0])
    return component if component is not None and component.credential is not None else None


def warrant_of(draft: Draft, arguments: dict[str, Any], intent: Recorded) -> Warrant:
    """For exactly this act, as it was recorded, with exactly the `arguments` that leave."""
    action = draft.action
    return Warrant(
        id=action.id,
        by=action.by,
        run=action.run,
        system=action.system,
        tool=action.tool,
        target=action.target,
        event=action.event,
        digest=draft.digest,
        arguments=hashlib.sha256(canonical(arguments)).hexdigest(),
        index=intent.index,
        org=action.org,
    )
