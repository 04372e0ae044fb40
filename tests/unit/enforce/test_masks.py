"""Tokens of masked values: one a value and run, bounded, and worth nothing in another run."""

import msgspec
import pytest

from standwatch.enforce import masks as module
from standwatch.enforce.masking import opened
from standwatch.enforce.masks import LONGEST, MARK, TOKEN, Full, Masks, held_back, run_key, unknown
from standwatch.facts.llm import Prompt
from support import bank

SECRET = b"s" * 32
ADDRESS = "anna@bank.example"


def test_a_token_is_of_its_value_its_word_and_its_run() -> None:
    one, again, other = (Masks(run_key(SECRET, run)) for run in ("r1", "r1", "r2"))
    token = one.token("email", ADDRESS)
    assert TOKEN.fullmatch(token)
    assert len(token) <= LONGEST
    assert again.token("email", ADDRESS) == token
    others = {
        other.token("email", ADDRESS),
        one.token("email", "b@bank.example"),
        one.token("phone", ADDRESS),
    }
    assert token not in others
    assert len({found[-16:] for found in (token, *others)}) == 4, (
        "another word is another token, not another name"
    )
    assert other.restored(token) == token, "another run's token stands for nothing"


def test_a_run_masks_so_many_values_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 3)
    found = Masks(run_key(SECRET, "r"))
    known = [found.token("email", f"{place}@bank.example") for place in range(3)]
    with pytest.raises(Full):
        found.token("email", "d@bank.example")
    assert found.token("email", "0@bank.example") == known[0], "what is known goes on"
    found.learn({"masked_email_0123456789abcdef": "x"})
    assert len(found.values) == 3


def test_only_the_tokens_that_are_asked_for_are_undone() -> None:
    found = Masks(run_key(SECRET, "r"))
    own, other = found.token("email", ADDRESS), found.token("email", "b@bank.example")
    assert found.restored(f"{own} {other}", frozenset({own})) == f"{ADDRESS} {other}"
    assert unknown(f"{own} {other}", frozenset({own})) == other
    assert unknown(own, frozenset({own})) == ""


@pytest.mark.parametrize("size", range(1, 29))
def test_a_token_that_is_not_whole_is_held_back(size: int) -> None:
    token = Masks(run_key(SECRET, "r")).token("email", ADDRESS)
    text = f"write to {token[:size]}"
    assert held_back(text) == len("write to ")
    if size < len(MARK):
        assert held_back(f"{text} now") == len(f"{text} now")


def test_a_models_prompt_and_a_servers_question_keep_their_tokens() -> None:
    found = Masks(run_key(SECRET, "r"))
    token = found.token("email", ADDRESS)
    act = bank.call("bank.note", text=f"write to {token}")
    assert opened(act, found).arguments == {"text": f"write to {ADDRESS}"}
    inward = msgspec.structs.replace(act, event="elicitation", inward=True)
    assert opened(inward, found) is inward
    prompt = Prompt(api="messages", model="m", body=b"{}", value={}, stream=False)
    asked = msgspec.structs.replace(act, event="generation", prompt=prompt)
    assert opened(asked, found) is asked
