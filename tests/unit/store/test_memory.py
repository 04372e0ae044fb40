"""What recognises an entry that was sent twice."""

from standwatch.facts.entries import Answered, AnsweredTimed, Asked, AskedMany, Deferred, Denied
from standwatch.store.memory import resend_key

JUDGED = {"id": "a", "run": "r", "system": "s", "tool": "t", "digest": "d", "seen": 0, "why": "w"}
SAID = {"id": "a", "of": 1, "digest": "d", "key": "k", "sig": "s", "head": "", "until": 1}


def test_everybody_s_answer_is_their_own() -> None:
    """Else the second of a quorum would push out what recognises the first, and a worker that sends it again hears
    that its person has approved already."""
    said = [
        resend_key(Answered(**SAID, by=by, decision=decision))  # type: ignore[arg-type]
        for by in ("ann", "ben")
        for decision in ("approve", "refuse")
    ]
    assert len(set(said)) == 4
    assert resend_key(AnsweredTimed(**SAID, by="ann", decision="approve", took=9)) == said[0]  # type: ignore[arg-type]


def test_a_question_is_one_of_whatever_version_and_other_kinds_are_others() -> None:
    one = resend_key(Asked(**JUDGED, until=1))  # type: ignore[arg-type]
    assert one == resend_key(AskedMany(**JUDGED, until=1, people=["ann"]))  # type: ignore[arg-type]
    denied, deferred = Denied(**JUDGED, code="c"), Deferred(**JUDGED, until=1, code="c")  # type: ignore[arg-type]
    assert len({one, resend_key(denied), resend_key(deferred)}) == 3
