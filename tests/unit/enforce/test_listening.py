"""Listening to a model: what ends an answer ends it, however much was let pass before."""

from standwatch.content.found import Found
from standwatch.enforce.contents import Look
from standwatch.enforce.listening import MOST_DETAILS, MOST_VOICES, Listening
from standwatch.facts.configuration import Finding
from standwatch.facts.content import ContentRule
from standwatch.serve.contents import build

WORDS = frozenset({"email", "secrets"})
RULES = (
    ContentRule(("email",), ("answers",)),
    ContentRule(("secrets",), ("answers",), action="deny"),
)
KEY = "xoxb-123456789012-1234567890123-4mt0t4lyR4nd0mS3cr3tT0k3"  # gitleaks:allow


def listening(*, observing: bool = False) -> Listening:
    def weigh(finding: Finding) -> Finding:
        return Finding(finding.check, finding.decision, finding.reason, finding.code, enforced=not observing)

    return Listening(Look(build(WORDS, {}), RULES), weigh)


def test_what_ends_an_answer_ends_it_after_a_thousand_things_that_were_let_pass() -> None:
    heard = listening()
    for place in range(MOST_DETAILS + 10):
        assert heard.feed("text", "0", f"anna{place}.meier@supplier.example, ") != "cut"
    heard.feed("text", "0", f" the key is {KEY} ")
    assert heard.end() == "cut"
    (finding,) = heard.findings
    assert finding.decision == "deny"
    assert finding.code == "secrets"


def test_under_observation_nothing_ends_an_answer_and_what_is_told_has_a_bound() -> None:
    heard = listening(observing=True)
    for place in range(MOST_DETAILS + 10):
        assert heard.feed("text", "0", f"anna{place}.meier@supplier.example, ") != "cut"
    heard.feed("text", "0", f" the key is {KEY} ")
    assert heard.end() == "pass"
    (finding,) = heard.findings
    assert f"and {MOST_DETAILS - 20} more" in finding.reason


def test_a_value_cut_into_single_letters_is_found_before_it_has_passed() -> None:
    heard = listening()
    steps = [heard.feed("text", "0", letter) for letter in f"the key is {KEY} of course "]
    assert steps[-1] == "cut" or heard.end() == "cut"
    assert heard.free <= len("the key is ")


def test_more_voices_than_are_kept_apart_end_the_answer() -> None:
    heard = listening()
    steps = [heard.feed("text", str(place), "hello") for place in range(MOST_VOICES + 1)]
    assert "cut" not in steps[:-1]
    assert steps[-1] == "cut"
    assert heard.findings[0].code == "unfinished"


def test_what_a_scanner_found_of_a_word_that_no_rule_names_is_nothing() -> None:
    class Stream:
        settled = 100

        def feed(self, text: str) -> tuple[Found, ...]:
            return (Found(0, len(text), "identifier", "iban", certain=True),)

        def end(self) -> tuple[Found, ...]:
            return ()

    class Scanner:
        def scan(self, text: str) -> tuple[Found, ...]:
            return ()

        def stream(self) -> Stream:
            return Stream()

    heard = Listening(Look(Scanner(), RULES), lambda one: one)
    assert heard.feed("text", "0", "DE89370400440532013000") == "pass"
    assert heard.findings == ()
