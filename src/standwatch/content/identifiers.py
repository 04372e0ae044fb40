"""Identifiers of people and of their money."""

from standwatch.content import checksums
from standwatch.content.detector import Detector, Match, is_certain
from standwatch.content.found import IDENTIFIER


def _plain(match: Match) -> str:
    return match.value.decode("ascii", "replace").replace(" ", "").replace("-", "").replace(".", "")


def _iban(match: Match) -> bool | None:
    code = _plain(match).upper()
    return True if checksums.mod97(code[4:] + code[:4]) else None


def _card(match: Match) -> bool | None:
    return True if checksums.luhn(_plain(match)) else None


EMAIL = Detector(
    name="email",
    kind=IDENTIFIER,
    pattern=r"[A-Za-z0-9][A-Za-z0-9._%+'-]{0,63}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}\b",
    about="an e-mail address",
    reach=700,
    keywords=("@",),
    confirm=is_certain,
    source="RFC 5322, 3.4.1, as people write it",
)
IBAN = Detector(
    name="iban",
    kind=IDENTIFIER,
    pattern=r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b",
    about="an international bank account number",
    reach=60,
    gate=r"[A-Z]{2}[0-9]{2}",
    confirm=_iban,
    source="ISO 13616",
)
CARD = Detector(
    name="card",
    kind=IDENTIFIER,
    pattern=r"\b[2-6][0-9]{3}[ -]?[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{4}\b",
    about="a payment card number",
    reach=40,
    gate=r"[0-9]{4}[ -]?[0-9]{4}",
    confirm=_card,
    source="ISO/IEC 7812-1",
)
DETECTORS = (EMAIL, IBAN, CARD)
