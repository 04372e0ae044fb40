"""Commitments are HMAC-SHA-256, whichever way they are computed."""

import hmac

from hypothesis import given
from hypothesis import strategies as st

from standwatch.facts.parts import commitment


@given(salt=st.binary(max_size=100), data=st.binary(max_size=300), times=st.sampled_from([1, 6, 7, 8, 500]))
def test_a_commitment_is_the_hmac(salt: bytes, data: bytes, times: int) -> None:
    assert commitment(salt, data * times) == hmac.new(salt, data * times, "sha256").hexdigest()
