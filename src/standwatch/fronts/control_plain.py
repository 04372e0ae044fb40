"""What the operators' listener serves beside the table of operations: health, metrics, the log, streams, this document.

`control` answers them by hand, since none is one JSON document for one call; the OpenAPI document names them from here.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from standwatch.fronts.control_live import SIFT, Changed, EntryLine
from standwatch.fronts.control_metrics import OPENMETRICS

TEXT: Final = "text/plain; charset=utf-8"
BYTES: Final = "application/octet-stream"


class Plain(msgspec.Struct, frozen=True):
    """One resource that is read. `gives`: the type of a JSON body, or of one event's data; None where it is neither.

    `open`: read without a credential. `down`: answers 503 in its own media type while no action may pass.
    """

    path: str
    name: str
    summary: str
    media: str
    gives: Any = None
    query: tuple[str, ...] = ()
    open: bool = False
    down: bool = False
    unknown: bool = False
    """Answers 404 where there is none of that name, or none yet."""


PLAIN: Final = (
    Plain("/healthz", "healthz", "Whether the process answers at all.", TEXT, open=True),
    Plain("/readyz", "readyz", "Whether actions may pass now; else why not.", TEXT, open=True, down=True),
    Plain(
        "/.well-known/jwks.json",
        "key_set",
        "The keys that verify the credentials which upstreams are shown for released acts (RFC 7517).",
        "application/json",
        dict[str, Any],
        open=True,
    ),
    Plain("/metrics", "metrics", "What `status` tells, in numbers.", OPENMETRICS),
    Plain(
        "/log/checkpoint",
        "checkpoint",
        "The latest signed checkpoint, as a C2SP signed note.",
        TEXT,
        open=True,
        unknown=True,
    ),
    Plain(
        "/log/tile/{level}/{index}",
        "hash_tile",
        "A whole tile of hashes (C2SP tlog-tiles). An index beyond 999 has further segments, `x001/234`.",
        BYTES,
        unknown=True,
    ),
    Plain(
        "/log/tile/{level}/{index}/{width}",
        "partial_hash_tile",
        "The first `width` hashes of a tile: `index` ends in `.p`.",
        BYTES,
        unknown=True,
    ),
    Plain(
        "/log/tile/entries/{index}",
        "entry_bundle",
        "A whole bundle of entries. Of a partial one the first entries are at `index` with `.p/WIDTH` behind it.",
        BYTES,
        unknown=True,
    ),
    Plain("/api/v1/openapi.json", "openapi", "This document.", "application/json", dict[str, Any], open=True),
    Plain(
        "/api/v1/entries/stream",
        "tail",
        "Entries as they are written, one server-sent event each, its id the index; it does not end by itself.",
        "text/event-stream",
        EntryLine,
        query=("from", *SIFT),
    ),
    Plain(
        "/api/v1/changes/stream",
        "changes",
        "That something changed, and what it concerns: `changed`, then one event for each topic, by its name.",
        "text/event-stream",
        Changed,
    ),
    Plain(
        "/api/v1/export",
        "export",
        "A range of the record with everything that verifying it takes: a tar archive, written as it is read.",
        "application/x-tar",
        query=("from", "to", "payloads"),
    ),
)
