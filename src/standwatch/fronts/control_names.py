"""What the names in paths and queries of the operators' API mean, once for all of them."""

from typing import Any, Final

NAMES: Final = {
    "as_of": "A moment: a time with its offset (`2026-11-21T03:00Z`) or an entry's index. Now where it is absent.",
    "at": "A moment, as `as_of`.",
    "before": "The index behind the last entry; the end of the record where it is absent.",
    "by": "Who wrote it: a person's id, or a principal's name.",
    "channel": "A channel of `notify`, by its name.",
    "credential": "A passkey's credential id (base64url).",
    "from": "The first entry's index; from the end where it is negative.",
    "hold": "The index of the hold's entry.",
    "id": "An action's or decision's id, or the index of the entry that began it.",
    "index": "The tile's number, as C2SP tlog-tiles writes it: three digits for each segment.",
    "invitation": "An invitation, by its name; the link's secret is another.",
    "kind": "A kind of entry, or what kinds begin with (`ctl.`).",
    "level": "The tile's level: 0 for leaves.",
    "limit": "How many at most.",
    "model": "A component of kind `model`; may be absent where the system has one.",
    "name": "The principal's name.",
    "payloads": "`true`: with the sealed parts, for those who may read them.",
    "person": "A person, by opaque id.",
    "row": "The row of the batch, from 0.",
    "session": "A session: the SHA-256 of its cookie, or `current` for the one that asks.",
    "run": "A run, by its id.",
    "since": "A moment, as `as_of`, from which on it counts.",
    "system": "A declared system, by its name.",
    "to": "The index behind the last entry.",
    "verdict": "A verdict, an outcome's status, a person's decision, or a validation's outcome.",
    "version": "A version, as the manifest names it.",
    "width": "How many hashes: 1 to 255.",
}
"""Name → meaning. A test holds that every name of the table is here."""

_COUNT: Final = {"type": "integer", "minimum": 0}

FORMS: Final[dict[str, dict[str, Any]]] = {
    "before": {"type": "integer"},
    "from": {"type": "integer"},
    "hold": _COUNT,
    "level": {"type": "integer", "minimum": 0, "maximum": 63},
    "limit": _COUNT,
    "payloads": {"type": "string", "enum": ["true", "false"]},
    "row": _COUNT,
    "to": _COUNT,
    "width": {"type": "integer", "minimum": 1, "maximum": 255},
}
"""Name → its JSON Schema, where it is not any string."""
