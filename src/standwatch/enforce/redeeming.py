"""What an act comes back to: the question that was asked about it, its answer, or the queue it was put into."""

from typing import Any

import msgspec

from standwatch.enforce.drafting import Draft, essence
from standwatch.enforce.ports import Reply, Resumed
from standwatch.enforce.steps import Event, Question, View
from standwatch.facts.parts import Action, action_digest
from standwatch.record import questions


def redeem(draft: Draft, view: View, found: Event, now: int) -> Draft | Reply | None:
    """What this act repeats: deferred; or a question that is open, refused, or approved and so judged again."""
    if not isinstance(found, Question) or not found.action:
        return None
    asked = _action(found.action)
    if essence(asked) != essence(draft.action):
        return None
    if draft.act.resumes is not None and draft.act.resumes.id != asked.id:
        return None
    put_off = view.state.deferred.get(asked.id)
    if put_off is not None and now < put_off.entry.until:
        return Reply("refused" if put_off.dropped else "pending", asked.id)
    question = view.state.questions.get(asked.id)
    if question is None or question.used or now >= question.entry.until:
        return None
    if action_digest(found.action) != question.entry.digest:
        return None
    if question.answer is not None and question.answer.decision != "approve":
        return Reply("refused", asked.id)
    if asked.id in view.state.veiled and not question.open:  # in a moment it is known to be real
        return Reply("pending", asked.id, digest=question.entry.digest, until=question.entry.until)
    if questions.spent(view.state, question, now):
        return None
    if question.answer is None:
        return Reply("pending", asked.id, digest=question.entry.digest, until=question.entry.until)
    if now >= question.until:
        return None
    # INVARIANT: what is released is the action that was signed, with its own id, nonce and digest.
    return Draft(
        act=draft.act,
        run=draft.run,
        chance=draft.chance,
        action=asked,
        data=found.action,
        digest=action_digest(found.action),
        signed=question.answer_index,
        modified=draft.modified,
        masked=draft.masked,
        withdrawn=draft.withdrawn,
    )


def resumable(resumed: Resumed, view: View, now: int) -> bool:
    """Whether the question somebody comes back to is still there, unused, about the same bytes, and of this rule."""
    if resumed.root != view.state.root:
        return False
    question = view.state.questions.get(resumed.id)
    if question is None or question.used or question.entry.digest != resumed.digest:
        return False
    return now < question.entry.until


def _action(data: bytes) -> Action:
    members = msgspec.json.decode(data, type=dict[str, Any])
    members.pop("kind", None)
    return msgspec.convert(members, Action)
