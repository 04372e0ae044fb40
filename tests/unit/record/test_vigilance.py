"""What is kept of one person: bounded, and with the statistics that the documentation gives."""

from standwatch.facts.entries import AnsweredTimed, AskedMany, Unmasked
from standwatch.facts.parts import commitment
from standwatch.record import pace, vigilance
from standwatch.record.veils import Veiled, opens
from standwatch.record.vigilance import EDGES, LATEST, Vigilance, median, wilson

SHARED = {"id": "q", "run": "r", "system": "s", "tool": "t", "digest": "d", "seen": 0, "why": "w"}


def asked(at: int = 0, *people: str, quorum: int = 1) -> AskedMany:
    return AskedMany(**SHARED, at=at, until=at + 1, people=list(people), quorum=quorum, flag="0" * 64)  # type: ignore[arg-type]


def answered(took: int, decision: str = "approve") -> AnsweredTimed:
    return AnsweredTimed(
        by="p", id="q", of=0, decision=decision, digest="d", key="k", sig="s", head="", until=1, took=took
    )


def opened(watched: vigilance.Watched, index: int, decoy: bool, quorum: int = 1, **answers: str) -> bool:
    veiled = Veiled(0, asked(0, "p", "q", "r", quorum=quorum), answers)
    return vigilance.opened(watched, index, Unmasked(id="q", of=0, salt="", decoy=decoy), veiled)


def test_wilson_s_interval_is_the_textbook_s() -> None:
    assert [round(one, 3) for one in wilson(1, 5)] == [0.036, 0.624]
    assert [round(one, 3) for one in wilson(0, 20)] == [0.0, 0.161]
    assert wilson(0, 0) == (0.0, 1.0)


def test_the_median_lies_in_a_span() -> None:
    known: vigilance.Watched = {}
    for took in (500, 3_000, 3_500, 50_000, 2_000_000):
        vigilance.answered(known, answered(took))
    assert median(known["p"].times) == (2_000, 4_000)
    assert len(known["p"].times) == len(EDGES) + 1
    assert median([]) == (0, 0)
    late: vigilance.Watched = {}
    vigilance.answered(late, answered(EDGES[-1] + 1))
    assert median(late["p"].times) == (EDGES[-1], 0)
    vigilance.answered(late, answered(0))
    assert sum(late["p"].times) == 1, "a time that nobody knows is none"


def test_one_approved_decoy_takes_the_right_and_a_second_changes_nothing() -> None:
    known: vigilance.Watched = {}
    assert not opened(known, 3, True, p="refuse")
    assert vigilance.may(known, "p")
    assert opened(known, 5, True, p="approve")
    assert not opened(known, 7, True, p="approve")
    assert known["p"].lost == 5
    assert (known["p"].decoys, known["p"].caught, known["p"].fell) == (3, 1, 2)
    assert known["q"].decoys == 3
    assert vigilance.may(known, "q"), "who did not answer did nothing wrong"


def test_a_quorum_that_was_not_reached_still_costs_who_approved() -> None:
    known: vigilance.Watched = {}
    assert opened(known, 5, True, quorum=2, p="approve", q="refuse")
    assert not vigilance.may(known, "p")
    assert vigilance.may(known, "q")
    assert (known["p"].together, known["p"].agreed, known["p"].with_final) == (1, 0, 0)
    assert (known["q"].together, known["q"].agreed, known["q"].with_final) == (1, 0, 1)


def test_agreement_is_with_everybody_else_and_with_the_end() -> None:
    known: vigilance.Watched = {}
    opened(known, 5, False, quorum=2, p="approve", q="approve")
    opened(known, 6, False, p="approve")
    assert (known["p"].together, known["p"].agreed, known["p"].finals, known["p"].with_final) == (1, 1, 2, 2)


def test_what_is_remembered_of_decoys_has_an_end() -> None:
    known = {"p": Vigilance()}
    for index in range(50):
        opened(known, index, True, p="refuse")
    assert known["p"].latest == [False] * LATEST
    assert known["p"].decoys == 50


def test_no_span_of_an_hour_holds_more_than_was_counted() -> None:
    paces: pace.Paces = {}
    start = 7 * pace.MINUTE + 59_999_999
    pace.asked(paces, asked(start, "p"), ["p"])
    assert pace.within(paces, "person/p", start) == 1
    assert pace.within(paces, "person/p", start + 60 * pace.MINUTE - 1) == 1, "within the hour"
    assert pace.within(paces, "person/p", start + 62 * pace.MINUTE) == 0
    pace.asked(paces, asked(start + 200 * pace.MINUTE, "q"), ["q"])
    assert "person/p" not in paces, "what has left the hour is let go"
    pace.taken_back(paces, asked(start + 200 * pace.MINUTE, "q"), ["q"])
    assert paces == {}


def test_an_opening_is_of_thirty_two_bytes_and_one_of_two_words() -> None:
    flag = commitment(bytes(32), b"real")
    assert opens(Unmasked(id="q", of=0, salt="00" * 32), flag)
    assert not opens(Unmasked(id="q", of=0, salt="00" * 32, decoy=True), flag)
    for salt in (
        "",
        "zz",
        "00",
        "00" * 31,
        "00" * 33,
    ):  # HMAC pads a key with zeros: all but "zz" would open it
        assert not opens(Unmasked(id="q", of=0, salt=salt), flag), salt
