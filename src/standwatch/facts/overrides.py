"""What is sealed beside an override: the outcome that a person gave, why, and the outcome that stood before."""

import msgspec

from standwatch.facts.errors import Malformed


class Overruling(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="kind", tag="override.1"):
    """The part `reason` of an `act.overridden.1`."""

    outcome: str
    reason: str
    former: str = ""


def overruling_bytes(given: Overruling) -> bytes:
    """The bytes that are committed to and sealed."""
    return msgspec.json.encode(given)


def read_overruling(data: bytes | str) -> Overruling:
    """What `overruling_bytes` wrote. Raises `Malformed`."""
    try:
        return msgspec.json.decode(data, type=Overruling)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Malformed(f"not an override: {error}") from None
