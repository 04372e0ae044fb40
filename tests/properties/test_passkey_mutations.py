"""A sample of `python -m bench.mutations`: no approval with one byte changed is accepted."""

import random

import pytest

from support.mutations import FLAG, KINDS, PLACES, accepted, approved, tried


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("alg", ["ES256", "EdDSA", "RS256"])
def test_no_single_byte_of_what_is_signed_or_of_its_assertion_may_change(alg: str, kind: str) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    done, wrong = tried(900, seed, alg, kind)
    assert wrong.total() == 0, wrong
    assert set(done) == set(PLACES) | ({"flag"} if kind != "approval/1" else set())


@pytest.mark.parametrize("kind", KINDS)
def test_the_honest_one_is_accepted_so_that_this_test_can_fail(kind: str) -> None:
    case = approved(kind=kind)
    assert accepted(case, case.action, case.answer)
    assert not accepted(case, case.action + b" ", case.answer)


def test_an_answer_to_a_question_with_a_flag_is_none_to_one_without() -> None:
    case = approved(kind="approval/2")
    assert not accepted(case, case.action, case.answer, "")
    plain = approved(kind="approval/1")
    assert not accepted(plain, plain.action, plain.answer, FLAG)
