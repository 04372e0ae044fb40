"""A word for an act is found in whatever inflection a task has it, in seven languages."""

import random
import string
import time

import pytest

from standwatch.flow.intent import speaks_of


@pytest.mark.parametrize(
    ("task", "word"),
    [
        ("Paid already? If not, pay it.", "pay"),
        ("I am sending you this", "send"),
        ("It was sent", "send"),
        ("Bitte überweise 120 Euro", "überweisen"),
        ("Die Rechnungen bezahlst du", "bezahlen"),
        ("Réservez une table", "réserver"),
        ("Elle envoie un message", "envoyer"),
        ("Reserva una mesa", "reservar"),
        ("Prenota un tavolo", "prenotare"),
        ("Invia un messaggio", "inviare"),
        ("Pague a conta", "pagar"),
        ("Boek een hotel", "boeken"),
        ("Set up STANDING orders", "standing order"),
        ("pay-out the rest", "pay"),
    ],
)
def test_inflections(task: str, word: str) -> None:
    assert speaks_of(task, (word,))


@pytest.mark.parametrize(
    ("task", "word"),
    [
        ("Summarise the page", "send"),
        ("payments due", "pay"),
        ("an order that is standing", "standing order"),
        ("", "pay"),
        ("pay", ""),
        ("Überfahre das Dokument", "überweisen"),
    ],
)
def test_what_is_another_word(task: str, word: str) -> None:
    assert not speaks_of(task, (word,) if word else ())


def test_a_task_of_many_words_that_begin_alike_is_bounded() -> None:
    chance = random.Random(7)
    task = " ".join("pa" + "".join(chance.choices(string.ascii_lowercase, k=7)) for _ in range(20_000))
    begun = time.process_time()
    assert not speaks_of(task, ("pay", "transfer"))
    assert time.process_time() - begun < 5
