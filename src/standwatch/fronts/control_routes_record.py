"""Routes. Reading the record: entries, actions, runs, proofs."""

from __future__ import annotations

from typing import Any, Final

from standwatch.fronts.control_live import SIFT, Latest, Traffic, sift_of
from standwatch.fronts.control_ports import EntryLine
from standwatch.fronts.control_record import (
    Compared,
    CompareOrder,
    RecordDocument,
    VerificationLine,
    VerifyOrder,
)
from standwatch.fronts.control_replay import ReplayDocument, ReplayOrder
from standwatch.fronts.control_route import Route
from standwatch.fronts.control_runs import RunDocument, RunList
from standwatch.record.proof import ProofFile

RECORD: Final[tuple[Route, ...]] = (
    Route(
        "GET",
        "/entries",
        "entries",
        "Entries of the record; a negative `from` counts from its end.",
        tuple[EntryLine, ...],
        lambda ops, call: ops.entries(call.who, call.query.get("from", ""), call.query.get("limit", "")),
        query=("from", "limit"),
    ),
    Route(
        "GET",
        "/entries/latest",
        "latest",
        "Entries before an index, the latest first, of one system, kind, person or verdict.",
        Latest,
        lambda ops, call: ops.latest(
            call.who, call.query.get("before", ""), call.query.get("limit", ""), sift_of(call.query)
        ),
        query=("before", "limit", *SIFT),
    ),
    Route(
        "GET",
        "/traffic",
        "traffic",
        "What each system asked for in the last hour, how it went and how long it took; now or as of a moment.",
        Traffic,
        lambda ops, call: ops.traffic(call.who, call.query.get("as_of", "")),
        query=("as_of",),
    ),
    Route(
        "GET",
        "/actions/{id}",
        "explain",
        "How one action came to what it came to, with the proof that this is in the log.",
        dict[str, Any],
        lambda ops, call: ops.explain(call.who, call.names["id"], call.query.get("as_of", "")),
        query=("as_of",),
    ),
    Route(
        "GET",
        "/actions/{id}/proof",
        "proof",
        "One file that proves one action or decision to anybody, offline: `standwatch verify FILE`.",
        ProofFile,
        lambda ops, call: ops.proof(call.who, call.names["id"]),
    ),
    Route(
        "GET",
        "/record",
        "record",
        "How long the record is, how far signed and by whom, and how its last verification ended.",
        RecordDocument,
        lambda ops, call: ops.record(call.who, call.query.get("as_of", "")),
        query=("as_of",),
    ),
    Route(
        "POST",
        "/record/verification",
        "verify_record",
        "Verify the live record in the background: the latest entries, or with `latest` 0 all of it.",
        VerificationLine,
        lambda ops, call: ops.verify_record(call.who, call.body),
        VerifyOrder,
    ),
    Route(
        "POST",
        "/record/comparison",
        "compare_checkpoint",
        "Whether the record extends a checkpoint that somebody kept: verified, prefix or rejected, with the proof.",
        Compared,
        lambda ops, call: ops.compare_checkpoint(call.who, call.body),
        CompareOrder,
    ),
    Route(
        "POST",
        "/replay",
        "replay",
        "What past runs would have come to under another configuration; nothing changes.",
        ReplayDocument,
        lambda ops, call: ops.replay(call.who, call.body),
        ReplayOrder,
    ),
    Route(
        "GET",
        "/runs",
        "runs",
        "The latest runs that you may see, of one system or of all; `before` goes further back.",
        RunList,
        lambda ops, call: ops.runs(
            call.who,
            call.query.get("system", ""),
            call.query.get("before", ""),
            call.query.get("as_of", ""),
        ),
        query=("system", "before", "as_of"),
    ),
    Route(
        "GET",
        "/runs/{run}",
        "run",
        "A run: its task, and a page of what it did, with where values came from; now or as of a moment.",
        RunDocument,
        lambda ops, call: ops.run(
            call.who,
            call.names["run"],
            call.query.get("from", ""),
            call.query.get("limit", ""),
            call.query.get("as_of", ""),
            call.query.get("at", ""),
        ),
        query=("from", "at", "limit", "as_of"),
    ),
)
