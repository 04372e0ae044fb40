"""`approvals` of a manifest and of its tools: who answers, how many of them, in which order, and who never."""

from typing import Final

import msgspec

from standwatch.declare.asks import read_decoys
from standwatch.declare.people import Directory, names
from standwatch.declare.schema import Fields, Reader, boolean, choice, duration, integer, listing
from standwatch.declare.text import Node, Problems
from standwatch.facts.configuration import Answering, Approvals, Excluded

MOST: Final = 16
"""People who must approve one action, at most."""

_EXCLUDED: Final[tuple[Excluded, ...]] = ("owner", "requester")
_excluded: Reader[Excluded] = choice(*_EXCLUDED)


class Said(msgspec.Struct, frozen=True):
    """`approvals` of a system: the rule, how many seconds a question stays open, and how often decoys come."""

    rule: Approvals = Approvals()
    seconds: int | None = None
    decoys: int | None = None


def read_approvals(whom: Directory) -> Reader[Said]:
    """A reader of `approvals` of a system."""

    def read(node: Node, problems: Problems) -> Said:
        fields = Fields(node, problems, "approvals")
        expires = fields.take("expires", _maybe(duration), None)
        decoys = fields.take("decoys", read_decoys, None)
        found = _approving(fields, whom, problems)
        fields.close()
        return Said(found, expires, decoys)

    return read


def read_tool_approvals(whom: Directory) -> Reader[Approvals]:
    """`approvals` of one tool: what it does not say is as its system says."""

    def read(node: Node, problems: Problems) -> Approvals:
        fields = Fields(node, problems, "approvals")
        found = _approving(fields, whom, problems)
        fields.close()
        return found

    return read


def _approving(fields: Fields, whom: Directory, problems: Problems) -> Approvals:
    nobody: tuple[str, ...] | None = None
    never = fields.take("never", _maybe_never, None)
    found = Approvals(
        by=fields.take("by", names(whom, lenient=False), () if fields.has("by") else nobody),
        quorum=fields.take("quorum", _maybe(integer(1, MOST)), None),
        ordered=fields.take("ordered", _maybe_boolean, None),
        never=None if never is None else tuple(one for one in _EXCLUDED if one in never),
    )
    if found.by and found.quorum is not None and found.quorum > len(found.by):
        problems.add(
            fields.place("quorum"),
            f"{found.quorum} of {len(found.by)} people, expected at most as many as `by` names",
        )
    return found


def few(answering: Answering, owner: tuple[str, ...]) -> str:
    """What keeps every question from being asked, or some of them; "" where enough people can always answer."""
    left = [one for one in answering.by if "owner" not in answering.never or one not in owner]
    if len(left) < answering.quorum:
        return f"{answering.quorum} must approve and {len(left)} may: what asks is refused"
    if "requester" in answering.never and len(left) - 1 < answering.quorum:
        return f"{answering.quorum} must approve and {len(left)} may: what one of them wants is refused"
    return ""


def _maybe(reader: Reader[int]) -> Reader[int | None]:
    return reader


def _maybe_boolean(node: Node, problems: Problems) -> bool | None:
    return boolean(node, problems)


def _maybe_never(node: Node, problems: Problems) -> tuple[Excluded, ...] | None:
    return _never(node, problems)


_never: Reader[tuple[Excluded, ...]] = listing(_excluded, "whom", least=1, single=True)
