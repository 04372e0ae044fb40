"""Why a grant is no higher."""

import msgspec

from standwatch.facts.words import Level


class Reason(msgspec.Struct, frozen=True, omit_defaults=True):
    """One cap that applies: the level it allows, a stable code, a sentence, and the command that would cure it."""

    cap: Level
    code: str
    text: str
    cure: str = ""
