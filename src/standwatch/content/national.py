"""Check digits of the numbers that states give to people: each from the authority's or ISO's published formula.

Every function takes the number without separators, in capitals, of the form its pattern has seen to."""

from standwatch.content import checksums
from standwatch.content.checksums import weighted
from standwatch.content.forms import day, short_day

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def us_ssn(digits: str) -> bool:
    """SSA: no area 000, 666 or 9xx, no group 00, no serial 0000."""
    return (
        digits[:3] not in ("000", "666") and digits[0] != "9" and digits[3:5] != "00" and digits[5:] != "0000"
    )


def us_itin(digits: str) -> bool:
    group = int(digits[3:5])
    return digits[0] == "9" and (
        50 <= group <= 65 or 70 <= group <= 88 or 90 <= group <= 92 or 94 <= group <= 99
    )


def uk_nino(code: str) -> bool:
    return code[:2] not in ("BG", "GB", "NK", "KN", "TN", "NT", "ZZ")


def uk_nhs(digits: str) -> bool:
    return (11 - weighted(digits, range(10, 1, -1)) % 11) % 11 == int(digits[9])


def de_tax(digits: str) -> bool:
    """One digit stands twice or three times in the first ten, the others at most once; MOD 11,10."""
    most = max(digits[:10].count(each) for each in set(digits[:10]))
    return digits[0] != "0" and most in (2, 3) and checksums.mod11_10(digits)


def de_pension(code: str) -> bool:
    digits = code[:8] + f"{_LETTERS.index(code[8]) + 1:02}" + code[9:11]
    products = (
        int(each) * weight for each, weight in zip(digits, (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1), strict=True)
    )
    return sum(product // 10 + product % 10 for product in products) % 10 == int(code[11])


def fr_nir(code: str) -> bool:
    number = code[:13].replace("2A", "19").replace("2B", "18")
    return number.isdigit() and 97 - int(number) % 97 == int(code[13:])


def es_id(code: str) -> bool:
    number = code[:-1].replace("X", "0").replace("Y", "1").replace("Z", "2")
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23] == code[-1]


_ITALIAN = dict(
    zip(
        "0123456789" + _LETTERS,
        (
            1,
            0,
            5,
            7,
            9,
            13,
            15,
            17,
            19,
            21,
            1,
            0,
            5,
            7,
            9,
            13,
            15,
            17,
            19,
            21,
            2,
            4,
            18,
            20,
            11,
            3,
            6,
            8,
            12,
            14,
            16,
            10,
            22,
            25,
            24,
            23,
        ),
        strict=True,
    )
)


def it_fiscal(code: str) -> bool:
    odd = sum(_ITALIAN[each] for each in code[:15:2])
    even = sum(int(each) if each.isdigit() else _LETTERS.index(each) for each in code[1:15:2])
    return _LETTERS[(odd + even) % 26] == code[15]


def pl_pesel(digits: str) -> bool:
    month = int(digits[2:4]) % 20
    check = (10 - weighted(digits[:10], (1, 3, 7, 9) * 3) % 10) % 10
    return day(2000, month, int(digits[4:6])) and check == int(digits[10])


def nl_bsn(digits: str) -> bool:
    return (weighted(digits[:8], range(9, 1, -1)) - int(digits[8])) % 11 == 0 and digits != "000000000"


def se_personal(digits: str) -> bool:
    ten = digits.replace("+", "")[-10:]
    number = int(ten[4:6])
    return short_day(ten[:2], ten[2:4], str(number - 60 if number > 60 else number)) and checksums.luhn(ten)


def fi_hetu(code: str) -> bool:
    plain = "".join(each for each in code if each.isalnum())
    digits, check = plain[:6] + plain[-4:-1], plain[-1]
    return (
        digits.isdigit()
        and short_day(digits[4:6], digits[2:4], digits[:2])
        and "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(digits) % 31] == check
    )


def be_national(digits: str) -> bool:
    check = int(digits[9:])
    return (
        check in (97 - int(digits[:9]) % 97, 97 - int("2" + digits[:9]) % 97) and int(digits[2:4]) % 20 <= 12
    )


def pt_nif(digits: str) -> bool:
    check = 11 - weighted(digits[:8], range(9, 1, -1)) % 11
    return (0 if check >= 10 else check) == int(digits[8]) and digits[0] in "12356789"


def dk_cpr(digits: str) -> bool:
    """No check digit since 2007: a day of birth, and a word near it."""
    return short_day(digits[4:6], digits[2:4], digits[:2])


def no_national(digits: str) -> bool:
    first = (11 - weighted(digits[:9], (3, 7, 6, 1, 8, 9, 4, 5, 2)) % 11) % 11
    second = (11 - weighted(digits[:10], (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11) % 11
    return first == int(digits[9]) and second == int(digits[10]) and int(digits[2:4]) % 40 <= 12


def at_insurance(digits: str) -> bool:
    return weighted(digits[:3] + digits[4:], (3, 7, 9, 5, 8, 4, 2, 1, 6)) % 11 == int(digits[3])


def ie_pps(code: str) -> bool:
    extra = _LETTERS.index(code[8]) + 1 if len(code) > 8 and code[8] != "W" else 0
    return "WABCDEFGHIJKLMNOPQRSTUV"[(weighted(code[:7], range(8, 1, -1)) + extra * 9) % 23] == code[7]


def cz_birth(digits: str) -> bool:
    """Czech and Slovak: ten digits divisible by eleven (or the rest of ten, then the check digit is 0)."""
    month = int(digits[2:4]) % 50
    rest = int(digits[:9]) % 11
    return day(2000, month - 20 if month > 20 else month, int(digits[4:6])) and rest % 10 == int(digits[9])


def ro_cnp(digits: str) -> bool:
    check = weighted(digits[:12], (2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9)) % 11
    return day(2000, int(digits[3:5]), int(digits[5:7])) and (1 if check == 10 else check) == int(digits[12])


def bg_egn(digits: str) -> bool:
    month = int(digits[2:4]) % 20
    return day(2000, month, int(digits[4:6])) and weighted(
        digits[:9], (2, 4, 8, 5, 10, 9, 7, 3, 6)
    ) % 11 % 10 == int(digits[9])


def baltic(digits: str) -> bool:
    """Estonia and Lithuania: two rows of weights."""
    check = weighted(digits[:10], (1, 2, 3, 4, 5, 6, 7, 8, 9, 1)) % 11
    if check == 10:
        check = weighted(digits[:10], (3, 4, 5, 6, 7, 8, 9, 1, 2, 3)) % 11 % 10
    return (
        digits[0] in "123456" and day(2000, int(digits[3:5]), int(digits[5:7])) and check == int(digits[10])
    )


def br_cpf(digits: str) -> bool:
    first = weighted(digits[:9], range(10, 1, -1)) * 10 % 11 % 10
    second = weighted(digits[:10], range(11, 1, -1)) * 10 % 11 % 10
    return first == int(digits[9]) and second == int(digits[10])


def br_cnpj(digits: str) -> bool:
    weights = (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)
    checks = [11 - weighted(digits[:size], weights[13 - size :]) % 11 for size in (12, 13)]
    return [0 if each >= 10 else each for each in checks] == [int(digits[12]), int(digits[13])]


def in_aadhaar(digits: str) -> bool:
    return digits[0] in "23456789" and checksums.verhoeff(digits)


def ca_sin(digits: str) -> bool:
    return digits[0] not in "08" and checksums.luhn(digits)


def au_tfn(digits: str) -> bool:
    return weighted(digits, (1, 4, 3, 7, 5, 8, 6, 9, 10)) % 11 == 0


def au_medicare(digits: str) -> bool:
    return digits[0] in "23456" and weighted(digits[:8], (1, 3, 7, 9) * 2) % 10 == int(digits[8])


def au_abn(digits: str) -> bool:
    return (weighted(digits, (10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19)) - 10) % 89 == 0


def sg_nric(code: str) -> bool:
    total = weighted(code[1:8], (2, 7, 6, 5, 4, 3, 2)) + {"T": 4, "G": 4, "M": 3}.get(code[0], 0)
    table = {
        "S": "JZIHGFEDCBA",
        "T": "JZIHGFEDCBA",
        "F": "XWUTRQPNMLK",
        "G": "XWUTRQPNMLK",
        "M": "XWUTRQPNJLK",
    }[code[0]]
    return table[total % 11] == code[8]


def za_id(digits: str) -> bool:
    return short_day(digits[:2], digits[2:4], digits[4:6]) and digits[10] in "012" and checksums.luhn(digits)


def tr_id(digits: str) -> bool:
    odd, even = sum(map(int, digits[:9:2])), sum(map(int, digits[1:8:2]))
    return (
        digits[0] != "0"
        and (odd * 7 - even) % 10 == int(digits[9])
        and sum(map(int, digits[:10])) % 10 == int(digits[10])
    )


def mx_curp(code: str) -> bool:
    table = "0123456789ABCDEFGHIJKLMN\xd1OPQRSTUVWXYZ"
    total = sum(table.index(each) * (18 - index) for index, each in enumerate(code[:17]))
    return short_day(code[4:6], code[6:8], code[8:10]) and str((10 - total % 10) % 10) == code[17]


def ar_cuit(digits: str) -> bool:
    check = 11 - weighted(digits[:10], (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return {11: 0, 10: 9}.get(check, check) == int(digits[10])


def cl_rut(code: str) -> bool:
    total = weighted(code[:-1][::-1], (2, 3, 4, 5, 6, 7) * 2)
    return "0K987654321"[total % 11] == code[-1]


def cn_resident(code: str) -> bool:
    """GB 11643, ISO/IEC 7064 MOD 11-2."""
    total = weighted(code[:17], (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2))
    return day(int(code[6:10]), int(code[10:12]), int(code[12:14])) and "10X98765432"[total % 11] == code[17]


def kr_rrn(digits: str) -> bool:
    """Its check digit was dropped in 2020: a day, and the digit of century and sex."""
    return short_day(digits[:2], digits[2:4], digits[4:6]) and digits[6] in "12345678"


def jp_my_number(digits: str) -> bool:
    rest = weighted(digits[:11][::-1], (2, 3, 4, 5, 6, 7, 2, 3, 4, 5, 6)) % 11
    return (0 if rest <= 1 else 11 - rest) == int(digits[11])


def hk_id(code: str) -> bool:
    plain = "".join(each for each in code if each.isalnum()).rjust(9)
    values = [36 if each == " " else int(each, 36) for each in plain]
    return sum(value * weight for value, weight in zip(values, range(9, 0, -1), strict=True)) % 11 == 0


def tw_id(code: str) -> bool:
    first = "ABCDEFGHJKLMNPQRSTUVXYWZIO".index(code[0]) + 10
    return (first // 10 + first % 10 * 9 + weighted(code[1:], (8, 7, 6, 5, 4, 3, 2, 1, 1))) % 10 == 0


def th_id(digits: str) -> bool:
    return (11 - weighted(digits[:12], range(13, 1, -1)) % 11) % 10 == int(digits[12])
