"""Record: how long it is, how far signed and by whom, verified now, compared with what somebody kept, taken along."""

from __future__ import annotations

from typing import Final

import msgspec

from standwatch.console.form import Act, Form
from standwatch.console.page import Ask, Page
from standwatch.facts.errors import Malformed
from standwatch.fronts.control_record import Compared, CompareOrder, RecordDocument, VerifyOrder

LATEST: Final = 50_000


class RecordView(msgspec.Struct, frozen=True):
    """The record. `compared` answers the checkpoint that stands in the query."""

    record: RecordDocument
    compared: Compared | None
    pasted: str
    exports: bool
    """Whether the reader may export: an auditor or an administrator."""
    latest: int = LATEST


async def record(ask: Ask) -> RecordView:
    """The record as it is, or was. What is pasted is compared with what it is now."""
    found = await ask.ops.record(ask.who, ask.as_of)
    pasted = ask.query.get("checkpoint", "")
    compared = await ask.ops.compare_checkpoint(ask.who, CompareOrder(pasted)) if pasted.strip() else None
    return RecordView(found, compared, pasted, ask.who.auditor or ask.who.admin)


async def verify(ask: Ask, form: Form) -> str:
    """Verify it now, in the background."""
    latest = form.one("latest", str(LATEST))
    if not (latest.isascii() and latest.isdecimal() and len(latest) < 16):
        raise Malformed(f"{latest[:40]!r} is no number of entries")
    await ask.ops.verify_record(ask.who, VerifyOrder(int(latest)))
    return "/record"


RECORD: Final = Page("/record", "record", "Record", record, query=("checkpoint",), menu="Record", key="c")
RECORD_ACTS: Final = (Act("/record/verification", verify),)
