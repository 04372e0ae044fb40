"""Check digits from the published formulas. Every function takes digits or letters without separators."""


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1 annex B: cards, IMEI, Canadian SIN."""
    total = 0
    for index, digit in enumerate(reversed(digits)):
        value = ord(digit) - 48
        doubled = value * 2
        total += value if index % 2 == 0 else doubled - 9 * (doubled > 9)
    return total % 10 == 0


def mod97(code: str) -> bool:
    """ISO/IEC 7064 MOD 97-10 with letters as 10 to 35: IBAN after its first four characters went to the end."""
    return int("".join(str(int(each, 36)) for each in code)) % 97 == 1
