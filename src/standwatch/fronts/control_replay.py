"""The record of past runs under another configuration: what is asked for, and what comes of it."""

from __future__ import annotations

import msgspec

from standwatch.enforce.replaying import Replayed


class ReplayOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Another configuration: its files by path in the organisation's folder, as base64. `since`: an index or an
    RFC 3339 time from where acts are judged, "" for all; `system`: one system, "" for all."""

    files: dict[str, bytes]
    since: str = ""
    system: str = ""


class ReplayDocument(msgspec.Struct, frozen=True):
    """`root`: of the other configuration; `direction`: whether it is `wider`, `narrower` or the `same` beside the one
    in force, and by what (`differences`); `replayed`: what it would have come to."""

    root: str
    direction: str
    differences: tuple[str, ...]
    replayed: Replayed
    warnings: tuple[str, ...] = ()
