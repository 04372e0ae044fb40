"""Check digits from the published formulas. Every function takes digits or letters without separators."""

from collections.abc import Sequence
from hashlib import sha256

_VERHOEFF_D = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
    "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
)  # fmt: skip
_VERHOEFF_P = (
    "0123456789", "1576283094", "5803796142", "8916043527",
    "9453126870", "4286573901", "2793806415", "7046913258",
)  # fmt: skip
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BECH32_STEPS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_BECH32_ENDS = (1, 0x2BC830A3)  # BIP 173 and BIP 350


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1 annex B: cards, IMEI, Canadian SIN."""
    total = 0
    for index, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + index % 2)
        total += value - 9 * (value > 9)
    return total % 10 == 0


def mod97(code: str) -> bool:
    """ISO/IEC 7064 MOD 97-10 with letters as 10 to 35: an IBAN after its first four characters went to the end."""
    return int("".join(str(int(each, 36)) for each in code)) % 97 == 1


def weighted(digits: str, weights: Sequence[int]) -> int:
    """The sum of digits times weights; what lies beyond the shorter of the two does not count."""
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False))


def mod11_10(digits: str) -> bool:
    """ISO/IEC 7064 MOD 11,10: German tax id, Croatian OIB."""
    product = 10
    for digit in digits[:-1]:
        total = (int(digit) + product) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10 == int(digits[-1])


def verhoeff(digits: str) -> bool:
    """J. Verhoeff, Error Detecting Decimal Codes (1969): Aadhaar."""
    check = 0
    for index, digit in enumerate(reversed(digits)):
        check = int(_VERHOEFF_D[check][int(_VERHOEFF_P[index % 8][int(digit)])])
    return check == 0


def ean(digits: str) -> bool:
    """GS1's check digit: weights 1 and 3, from the right. Swiss AHV numbers."""
    return sum(int(digit) * (3 if index % 2 else 1) for index, digit in enumerate(reversed(digits))) % 10 == 0


def base58check(text: str, versions: Sequence[int]) -> bool:
    """Bitcoin's base58check: 25 bytes, the last four are the start of the double SHA-256 of the others."""
    value = 0
    for char in text:
        position = _BASE58.find(char)
        if position < 0:
            return False
        value = value * 58 + position
    if value.bit_length() > 200:
        return False
    data = value.to_bytes(25, "big")
    if len(data) - len(data.lstrip(b"\0")) != len(text) - len(text.lstrip("1")):
        return False
    return data[0] in versions and sha256(sha256(data[:21]).digest()).digest()[:4] == data[21:]


def bech32(text: str) -> bool:
    """BIP 173 and 350: the polymod over prefix and data ends in the constant of one of them."""
    if text.lower() != text and text.upper() != text:
        return False
    prefix, _, data = text.lower().rpartition("1")
    values = [_BECH32.find(each) for each in data]
    if not prefix or min(values, default=-1) < 0:
        return False
    check = 1
    for value in (*(ord(each) >> 5 for each in prefix), 0, *(ord(each) & 31 for each in prefix), *values):
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, step in enumerate(_BECH32_STEPS):
            check ^= step if top >> bit & 1 else 0
    return check in _BECH32_ENDS
