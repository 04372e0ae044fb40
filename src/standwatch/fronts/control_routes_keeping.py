"""Routes. Relaxations, break-glass and watches: what people answer for while it lasts."""

from __future__ import annotations

from typing import Final

from standwatch.fronts.control_glass import DrillOrder, GlassReport, OpenOrder, ReviewOrder, SealOrder
from standwatch.fronts.control_ports import Done
from standwatch.fronts.control_relaxing import (
    RelaxationDone,
    RelaxationLine,
    RelaxationsReport,
    RelaxOrder,
    RelaxSignature,
    RestoreOrder,
)
from standwatch.fronts.control_route import Route
from standwatch.fronts.control_watch import (
    EndWatchOrder,
    GiveOrder,
    Offered,
    TakeOrder,
    WatchReport,
    WatchSheet,
)

RELAXATIONS: Final[tuple[Route, ...]] = (
    Route(
        "GET",
        "/relaxations",
        "relaxations",
        "The checks that are bypassed now, wherever you may see: the first to end first.",
        tuple[RelaxationLine, ...],
        lambda ops, call: ops.relaxations(call.who),
    ),
    Route(
        "GET",
        "/systems/{system}/relaxations",
        "relaxations_of",
        "A system's relaxations since a time, its minutes in bypass by check, what waits, and what may be relaxed.",
        RelaxationsReport,
        lambda ops, call: ops.relaxations_of(call.who, call.names["system"], call.query.get("since", "")),
        query=("since",),
    ),
    Route(
        "POST",
        "/systems/{system}/relaxations",
        "relax",
        "Bypass one named check for a while, with a person's signature: it begins, or waits for another's.",
        RelaxationDone,
        lambda ops, call: ops.relax(call.who, call.names["system"], call.body),
        RelaxOrder,
        made=True,
    ),
    Route(
        "POST",
        "/relaxations/{id}/signatures",
        "sign_relaxation",
        "One more person's signature over a relaxation that waits.",
        RelaxationDone,
        lambda ops, call: ops.sign_relaxation(call.who, call.names["id"], call.body),
        RelaxSignature,
        made=True,
    ),
    Route(
        "POST",
        "/relaxations/{id}/restore",
        "restore",
        "End a relaxation before its time: one act, by anybody who may see its system.",
        Done,
        lambda ops, call: ops.restore(call.who, call.names["id"], call.body),
        RestoreOrder,
    ),
)

GLASSES: Final[tuple[Route, ...]] = (
    Route(
        "GET",
        "/break-glass",
        "glasses",
        "Every break-glass that you may know of: sealed, last drilled, open, waiting for a review.",
        GlassReport,
        lambda ops, call: ops.glasses(call.who),
    ),
    Route(
        "POST",
        "/break-glass",
        "seal_glass",
        "Seal a break-glass: an administrator's signature over the public half of its key.",
        Done,
        lambda ops, call: ops.seal_glass(call.who, call.body),
        SealOrder,
        made=True,
    ),
    Route(
        "POST",
        "/break-glass/{id}/open",
        "open_glass",
        "Break the glass, with the sealed key's signature: once, and for half an hour at most.",
        Done,
        lambda ops, call: ops.open_glass(call.who, call.names["id"], call.body),
        OpenOrder,
        made=True,
    ),
    Route(
        "POST",
        "/break-glass/{id}/drill",
        "drill_glass",
        "Show that a break-glass would open, against nothing.",
        Done,
        lambda ops, call: ops.drill_glass(call.who, call.names["id"], call.body),
        DrillOrder,
        made=True,
    ),
    Route(
        "POST",
        "/break-glass/{id}/review",
        "review_glass",
        "Close the review of an opening in words: by somebody else than who opened it.",
        Done,
        lambda ops, call: ops.review_glass(call.who, call.names["id"], call.body),
        ReviewOrder,
        made=True,
    ),
)

WATCHES: Final[tuple[Route, ...]] = (
    Route(
        "GET",
        "/watch",
        "watches",
        "Every watch: who has it, until when, and whether somebody should.",
        WatchReport,
        lambda ops, call: ops.watches(call.who, call.query.get("as_of", "")),
        query=("as_of",),
    ),
    Route(
        "GET",
        "/watch/{name}",
        "watch",
        "One watch, with the list of what is open: what is signed along when it is taken.",
        WatchSheet,
        lambda ops, call: ops.watch(call.who, call.names["name"], call.query.get("as_of", "")),
        query=("as_of",),
    ),
    Route(
        "POST",
        "/watch/{name}/take",
        "take_watch",
        "Take a watch, signed over what is open: from who gives it, from nobody, or from somebody who did not sign.",
        Done,
        lambda ops, call: ops.take_watch(call.who, call.names["name"], call.body),
        TakeOrder,
        made=True,
    ),
    Route(
        "POST",
        "/watch/{name}/hand-over",
        "give_watch",
        "Give a watch that you have, signed over what is open: it stays yours until the other takes it.",
        Offered,
        lambda ops, call: ops.give_watch(call.who, call.names["name"], call.body),
        GiveOrder,
    ),
    Route(
        "POST",
        "/watch/{name}/end",
        "end_watch",
        "Nobody has the watch from here on.",
        Done,
        lambda ops, call: ops.end_watch(call.who, call.names["name"], call.body),
        EndWatchOrder,
    ),
)
