"""Routes. Questions and answers, the queue of what was put off, vigilance, and signing with a passkey."""

from __future__ import annotations

from typing import Final

from standwatch.fronts.control_budget import DeferredLine, PullOrder, RevalidationOrder, VigilanceReport
from standwatch.fronts.control_passkeys import ApprovalAsked, ApprovalOrder, PasskeyAnswerOrder
from standwatch.fronts.control_ports import AnswerOrder, Done, QuestionLine, QuestionSheet
from standwatch.fronts.control_route import Route
from standwatch.fronts.control_sheet import Standing
from standwatch.fronts.control_signing import SigningAsked, SigningDone, SigningOrder

QUESTIONS: Final[tuple[Route, ...]] = (
    Route(
        "GET",
        "/questions",
        "questions",
        "What waits for a human's signature.",
        tuple[QuestionLine, ...],
        lambda ops, call: ops.questions(call.who),
    ),
    Route(
        "GET",
        "/questions/{id}",
        "question",
        "One question with the canonical action whole: what has to be signed.",
        QuestionSheet,
        lambda ops, call: ops.question(call.who, call.names["id"]),
    ),
    Route(
        "GET",
        "/questions/{id}/sheet",
        "inquiry",
        "The same, also of a question that is over, with all that is known around it and how it stands.",
        QuestionSheet,
        lambda ops, call: ops.inquiry(call.who, call.names["id"], call.query.get("as_of", "")),
        query=("as_of",),
    ),
    Route(
        "GET",
        "/questions/{id}/standing",
        "standing",
        "How a question stands, open or over: every answer to it, and whether it was used.",
        Standing,
        lambda ops, call: ops.standing(call.who, call.names["id"], call.query.get("as_of", "")),
        query=("as_of",),
    ),
    Route(
        "POST",
        "/questions/{id}/answer",
        "answer",
        "A person's signed answer.",
        Done,
        lambda ops, call: ops.answer(call.who, call.names["id"], call.body),
        AnswerOrder,
    ),
    Route(
        "POST",
        "/questions/{id}/challenge",
        "ask_approval",
        "What your passkey must sign to answer, as `navigator.credentials.get` wants it.",
        ApprovalAsked,
        lambda ops, call: ops.ask_approval(call.who, call.names["id"], call.body),
        ApprovalOrder,
    ),
    Route(
        "POST",
        "/questions/{id}/assertion",
        "answer_by_passkey",
        "An answer that a browser signed with a passkey.",
        Done,
        lambda ops, call: ops.answer_by_passkey(call.who, call.names["id"], call.body),
        PasskeyAnswerOrder,
    ),
)

BUDGET: Final[tuple[Route, ...]] = (
    Route(
        "GET",
        "/deferred",
        "deferred",
        "Acts that wait because too much was asked, and whom each could be asked of now.",
        tuple[DeferredLine, ...],
        lambda ops, call: ops.deferred(call.who),
    ),
    Route(
        "POST",
        "/deferred/{id}/ask",
        "ask_deferred",
        "Put a deferred act to those who may approve it, where they have room for a question.",
        Done,
        lambda ops, call: ops.ask_deferred(call.who, call.names["id"]),
        made=True,
    ),
    Route(
        "POST",
        "/deferred/{id}/drop",
        "drop_deferred",
        "Take a deferred act out of the queue: it is not asked about, and its retries are refused.",
        Done,
        lambda ops, call: ops.drop_deferred(call.who, call.names["id"], call.body),
        PullOrder,
        made=True,
    ),
    Route(
        "GET",
        "/vigilance",
        "vigilance",
        "How watchful those are who approve: what they were asked, how long they looked, what they did with decoys.",
        VigilanceReport,
        lambda ops, call: ops.vigilance(call.who, call.query.get("system", ""), call.query.get("as_of", "")),
        query=("system", "as_of"),
    ),
    Route(
        "POST",
        "/people/{person}/revalidation",
        "revalidate",
        "Give somebody who approved a decoy the right to answer back: a validator's signature.",
        Done,
        lambda ops, call: ops.revalidate(call.who, call.names["person"], call.body),
        RevalidationOrder,
        made=True,
    ),
)

SIGNING: Final[tuple[Route, ...]] = (
    Route(
        "POST",
        "/signing/challenge",
        "ask_signature",
        "What your passkey must sign, as `navigator.credentials.get` wants it: for everything but answers.",
        SigningAsked,
        lambda ops, call: ops.ask_signature(call.who, call.body),
        SigningOrder,
    ),
    Route(
        "POST",
        "/signing/assertion",
        "sign_by_passkey",
        "What a browser signed with a passkey: it does what it was signed for, or waits for somebody else's signature.",
        SigningDone,
        lambda ops, call: ops.sign_by_passkey(call.who, call.body),
        SigningOrder,
    ),
)
