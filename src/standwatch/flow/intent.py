"""Whether a task speaks of an act: by the words that a manifest has for it, in whatever inflection they stand.

Two words are one where any of the languages below gives both the same stem (Snowball, `snowballstemmer`), where the
task's begins with the manifest's, of four letters or more, or where one is the other's irregular form. The language of
a task need not be told. Synonyms are what a manifest lists; "do not pay" speaks of paying, and so does a quotation.
"""

import unicodedata
from functools import lru_cache
from typing import Any, Final

import snowballstemmer

from standwatch.flow.forms import WORD

LANGUAGES: Final = ("english", "german", "french", "spanish", "italian", "portuguese", "dutch")
SHORTEST: Final = 4
"""Letters that a word of the manifest must have to stand for every word that begins with it."""
MOST: Final = 20_000
"""Words of a task that are looked at, the first."""
MOST_STEMMED: Final = 100
"""Words of a task that are stemmed for one word of a manifest."""

_stemmers: Any = snowballstemmer
_STEM: Final[tuple[Any, ...]] = tuple(_stemmers.stemmer(language) for language in LANGUAGES)
_IRREGULAR: Final = {
    form: word
    for word, forms in {
        "buy": "bought",
        "get": "got gotten",
        "give": "gave given",
        "make": "made",
        "pay": "paid",
        "send": "sent",
        "take": "took taken",
        "tell": "told",
        "write": "wrote written",
        "überweisen": "überwiesen überwies",
        "senden": "gesandt gesendet",
        "zahlen": "gezahlt",
        "buchen": "gebucht",
        "löschen": "gelöscht",
        "schicken": "geschickt",
        "schreiben": "schrieb geschrieben",
        "payer": "paie paies",
        "envoyer": "envoie envoies",
        "enviar": "envío envíe",
        "betalen": "betaald",
        "sturen": "gestuurd",
    }.items()
    for form in forms.split()
}


@lru_cache(maxsize=256)
def speaks_of(task: str, words: tuple[str, ...]) -> bool:
    """Whether the task contains one of `words`: a word, or the words of a phrase one after the other."""
    if not words or not task:
        return False
    said = _words(task)
    return any(_has(said, _words(phrase)) for phrase in words)


def _has(said: tuple[str, ...], phrase: tuple[str, ...]) -> bool:
    """Whether the words of `phrase` stand in `said` one after the other."""
    if not phrase:
        return False
    alike = [_forms(said, word) for word in phrase]
    at = [place for place, word in enumerate(said) if word in alike[0]]
    for forms in alike[1:]:
        at = [place + 1 for place in at if place + 1 < len(said) and said[place + 1] in forms]
    return bool(at)


def _forms(said: tuple[str, ...], word: str) -> frozenset[str]:
    """Those of the words `said` that are `word` in some inflection."""
    distinct = dict.fromkeys(said)
    found = {one for one in distinct if _plainly(one, word)}
    # Of one stem are only words that begin alike: most are turned away before any is stemmed.
    start = _plain(word)[:2]
    maybe = [one for one in distinct if one not in found and _plain(one)[:2] == start][:MOST_STEMMED]
    stems = _stems(word)
    return frozenset(
        found | {one for one in maybe if any(a == b for a, b in zip(_stems(one), stems, strict=True))}
    )


def _words(text: str) -> tuple[str, ...]:
    """The words of a text in lower case; of `pay-out` and `o'clock` also the parts."""
    found: list[str] = []
    for word in WORD.findall(text)[:MOST]:
        spelled = unicodedata.normalize("NFC", word).casefold()
        found += [part for part in spelled.replace("'", "-").replace("/", "-").split("-") if part]
    return tuple(found)


def _plainly(said: str, word: str) -> bool:
    """Whether `said`, of a task, is `word`, of a manifest, begins with it, or is an irregular form of the same."""
    if said == word or (len(word) >= SHORTEST and said.startswith(word)):
        return True
    return _IRREGULAR.get(said, said) == _IRREGULAR.get(word, word)


@lru_cache(maxsize=8_192)
def _plain(word: str) -> str:
    return "".join(
        letter for letter in unicodedata.normalize("NFD", word[:8]) if not unicodedata.combining(letter)
    )


@lru_cache(maxsize=4_096)
def _stems(word: str) -> tuple[str, ...]:
    """The stem of `word` in each language; what is no word of a natural length is its own."""
    return tuple(one.stemWord(word) for one in _STEM) if len(word) <= 40 else (word,) * len(_STEM)
