"""A sample of `python -m bench.mutations`: no approval with one byte changed is accepted."""

import random

import pytest

from support.mutations import PLACES, accepted, approved, tried


@pytest.mark.parametrize("alg", ["ES256", "EdDSA", "RS256"])
def test_no_single_byte_of_action_or_assertion_may_change(alg: str) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    done, wrong = tried(1_600, seed, alg)
    assert wrong.total() == 0, wrong
    assert set(done) == set(PLACES)


def test_the_honest_one_is_accepted_so_that_this_test_can_fail() -> None:
    case = approved()
    assert accepted(case, case.action, case.answer)
    assert not accepted(case, case.action + b" ", case.answer)
