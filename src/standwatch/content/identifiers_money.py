"""Numbers that move money: accounts, cards, banks, wallets."""

from standwatch.content import checksums
from standwatch.content.detector import CONTEXT, Detector, Match
from standwatch.content.forms import Near, bare, identifier
from standwatch.content.found import IDENTIFIER

# ISO 13616: length of an IBAN by country, from SWIFT's IBAN registry.
_LENGTHS = (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 "
    "EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 "
    "IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 "
    "NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 "
    "SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30 "
)
_IBAN = {part[:2]: int(part[2:]) for part in _LENGTHS.split()}


def iban(code: str) -> bool:
    """Country, its length, and the check digits."""
    return _IBAN.get(code[:2]) == len(code) and checksums.mod97(code[4:] + code[:4])


def _iban(match: Match) -> bool | None:
    return True if iban(bare(match)) else None


def card(digits: str) -> bool:
    """A number in a range that a payment network issues (ISO/IEC 7812; the networks' own lists), of its length."""
    size, two, three, four, six = len(digits), digits[:2], int(digits[:3]), int(digits[:4]), int(digits[:6])
    issued = (
        (digits[0] == "4" and size in (13, 16, 19))  # Visa
        or ((51 <= int(two) <= 55 or 2221 <= four <= 2720) and size == 16)  # Mastercard
        or (two in ("34", "37") and size == 15)  # American Express
        or ((300 <= three <= 305 or two in ("36", "38", "39") or four == 3095) and 14 <= size <= 19)  # Diners
        or ((four == 6011 or 644 <= three <= 659 or 622126 <= six <= 622925) and 16 <= size <= 19)  # Discover
        or ((3528 <= four <= 3589 and 16 <= size <= 19) or (four in (2131, 1800) and size == 15))  # JCB
        # Maestro, UnionPay
        or ((two in ("50", "62", "63", "67") or 56 <= int(two) <= 58 or three == 606) and 12 <= size <= 19)
        or (2200 <= four <= 2204 and 16 <= size <= 19)  # Mir
    )
    return issued and checksums.luhn(digits)


_CARDS = Near(
    "card",
    "cc",
    "visa",
    "master",
    "amex",
    "credit",
    "debit",
    "karte",
    "kreditkarte",
    "tarjeta",
    "carte",
    "carta",
)


def _card(match: Match) -> bool | None:
    """Outside the ranges that networks publish, and short, only near a word for cards."""
    digits = bare(match)
    if len(set(digits)) < 2 or not checksums.luhn(digits):
        return None
    if card(digits) and len(digits) >= 14:
        return True
    return False if _CARDS(match) else None


def routing(digits: str) -> bool:
    """ABA: weights 3, 7, 1, and a first pair that the Federal Reserve gives out."""
    first = int(digits[:2])
    known = first <= 12 or 21 <= first <= 32 or 61 <= first <= 72 or first == 80
    return known and checksums.weighted(digits, (3, 7, 1) * 3) % 10 == 0


def _base58(match: Match) -> bool | None:
    return True if checksums.base58check(match.value.decode("latin-1"), (0, 5, 30, 22, 48, 50, 65)) else None


def _segwit(match: Match) -> bool | None:
    return True if checksums.bech32(match.value.decode("latin-1")) else None


_ACCOUNT = Near(
    r"account",
    r"acct",
    r"a/c",
    r"konto",
    r"kontonummer",
    r"cuenta",
    r"compte",
    r"conto",
    r"rekening",
    r"sort code",
)
_BANK = Near("bic", "swift", "bank", "iban")
_ROUTING = Near("routing", "aba", "rtn", "transit", "bank", "wire", "ach")


def _account(match: Match) -> bool | None:
    return False if _ACCOUNT(match) and len(set(bare(match))) > 1 else None


def _bic(match: Match) -> bool | None:
    return False if match.value[4:6].decode("latin-1") in _COUNTRIES and _BANK(match) else None


_OTHERS = (
    "US CA AU NZ JP CN HK SG IN KR TW TH MY ID PH VN ZA NG KE GH MA DZ MX AR CL CO PE UY PA BO EC PY VE "
    "CU JM BS BB KY BM RU IR SY AF BD LK NP MM KH LA BN FJ PG ET TZ UG ZM ZW SN CI CM AO MZ NA BW GG JE "
    "IM AM KG TJ TM UZ "
)
_COUNTRIES = frozenset(_IBAN) | frozenset(_OTHERS.split())

DETECTORS = (
    Detector(
        name="iban",
        kind=IDENTIFIER,
        pattern=r"\b[A-Za-z]{2}[0-9]{2}(?:[ -]?[A-Za-z0-9]{4}){2,7}(?:[ -]?[A-Za-z0-9]{1,3})?\b",
        about="an international bank account number",
        reach=60,
        gate=r"\b[A-Za-z]{2}[0-9]{2}[ -]?[A-Za-z0-9]{4}",
        confirm=_iban,
        source="ISO 13616, lengths by country; ISO/IEC 7064 MOD 97-10",
    ),
    Detector(
        name="card",
        kind=IDENTIFIER,
        pattern=r"\b[0-9](?:[0-9]{3}(?:[ -][0-9]{4}){2,3}(?:[ -][0-9]{1,4})?|[0-9]{3}[ -][0-9]{6}[ -][0-9]{4,5}"
        r"|[0-9]{11,18})\b",
        about="a payment card number",
        reach=40,
        gate=r"[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{4}|[0-9]{4}[ -][0-9]{6}",
        confirm=_card,
        source="ISO/IEC 7812-1: issuer ranges and Luhn; under 14 digits only near a word for cards",
    ),
    identifier(
        "aba-routing",
        r"\b[0-9]{9}\b|\b[0-9]{4}-[0-9]{4}-[0-9]\b",
        routing,
        "a US bank routing number",
        "ABA routing number policy: first two digits, weights 3-7-1",
        gate=r"[0-9]{4}-?[0-9]{4}-?[0-9]",
        only_near=_ROUTING,
    ),
    Detector(
        name="bic",
        kind=IDENTIFIER,
        pattern=r"\b[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?\b",
        about="a bank identifier (BIC, SWIFT)",
        reach=24,
        gate=_BANK.gate,
        lead=24 + CONTEXT,
        confirm=_bic,
        source="ISO 9362, its country, near a word for banks; it has no check digit",
    ),
    Detector(
        name="bank-account",
        kind=IDENTIFIER,
        pattern=r"\b[0-9](?:[ -]?[0-9]){5,16}\b",
        about="a domestic account number that words name",
        reach=50,
        gate=_ACCOUNT.gate,
        lead=50 + CONTEXT,
        confirm=_account,
        source="words near it; national account numbers have no common check digit",
    ),
    Detector(
        name="bitcoin-address",
        kind=IDENTIFIER,
        pattern=r"\b[13LMDT9A][1-9A-HJ-NP-Za-km-z]{25,34}\b",
        about="a wallet address in base58check (Bitcoin, Litecoin, Dogecoin, Tron)",
        reach=48,
        gate=r"\b[13LMDT9A][1-9A-HJ-NP-Za-km-z]{25}",
        confirm=_base58,
        source="base58check: double SHA-256",
    ),
    Detector(
        name="bech32-address",
        kind=IDENTIFIER,
        pattern=r"(?i)\b(?:bc|tb|ltc)1[02-9ac-hj-np-z]{11,71}\b",
        about="a segregated-witness wallet address",
        reach=90,
        gate=r"(?i)\b(?:bc|tb|ltc)1[02-9ac-hj-np-z]{11}",
        confirm=_segwit,
        source="BIP 173, BIP 350",
    ),
    Detector(
        name="ethereum-address",
        kind=IDENTIFIER,
        pattern=r"\b0x[0-9a-fA-F]{40}\b",
        about="an Ethereum wallet address",
        reach=48,
        gate=r"0x[0-9a-fA-F]{40}",
        confirm=lambda match: False if len(set(match.value)) > 8 else None,
        source="EIP-55 (its checksum is optional and not computed)",
    ),
)
