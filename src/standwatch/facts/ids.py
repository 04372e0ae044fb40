"""Ids that sort by time: UUIDv7 (RFC 9562 §5.7), written as 26 characters of Crockford base32."""

from typing import Final

from standwatch.facts.errors import Malformed

ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS: Final = tuple(a + b for a in ALPHABET for b in ALPHABET)
_VALUE: Final = {letter: value for value, letter in enumerate(ALPHABET)}
ID_LENGTH: Final = 26


def new_id(now: int, entropy: bytes) -> str:
    """A UUIDv7 from `now` (µs since 1970, UTC) and 10 random bytes, as 26 lower-case Crockford characters.

    The 128 bits are left-padded with two zero bits. Sub-millisecond time fills `rand_a` (RFC 9562 §6.2,
    method 3), so ids made in one process sort by time within the millisecond.
    """
    milliseconds, micros = divmod(now, 1000)
    fraction = (micros << 12) // 1000
    tail = int.from_bytes(entropy[:8], "big") & 0x3FFFFFFFFFFFFFFF
    value = (milliseconds & 0xFFFFFFFFFFFF) << 80 | 7 << 76 | fraction << 64 | 2 << 62 | tail
    return (
        ALPHABET[value >> 125]
        + "".join([_PAIRS[value >> shift & 1023] for shift in range(115, -1, -10)])
        + (ALPHABET[value & 31])
    )


def parse_id(text: str) -> str:
    """`text` if it is an id as `new_id` writes them; raises `Malformed` otherwise (one id has one spelling)."""
    if len(text) != ID_LENGTH or any(letter not in _VALUE for letter in text) or text[0] > "7":
        raise Malformed(
            f"{text[:40]!r} is not an id: 26 characters of lower-case Crockford base32 were expected"
        )
    return text


def id_time(text: str) -> int:
    """The time inside an id, in µs since 1970, to the millisecond."""
    value = 0
    for letter in parse_id(text):
        value = value << 5 | _VALUE[letter]
    return (value >> 80) * 1000


def id_micros(text: str) -> int:
    """The time inside an id that `new_id` wrote, in µs since 1970."""
    value = 0
    for letter in parse_id(text):
        value = value << 5 | _VALUE[letter]
    return (value >> 80) * 1000 + ((value >> 64 & 0xFFF) * 1000 + 4095 >> 12)


def id_mark(text: str) -> int:
    """The second of the random bytes that `new_id` made `text` from: the first that it keeps whole."""
    value = 0
    for letter in parse_id(text):
        value = value << 5 | _VALUE[letter]
    return value >> 48 & 255
