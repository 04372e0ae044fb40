"""Rows under one entry: every row proves itself, and no other bytes do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standwatch.facts.decisions import RowRecord
from standwatch.record.rows import (
    join,
    prove,
    read_row,
    root_of,
    row_bytes,
    row_leaf,
    row_salt,
    split,
    verify_row,
)
from standwatch.record.tree import Unproven

SALT = bytes(range(32))


def batch(count: int) -> list[bytes]:
    return [row_bytes(RowRecord(received=(k, 0.5, "é", None), outputs=[k / 7])) for k in range(count)]


@given(st.integers(1, 70), st.data())
def test_every_row_of_a_batch_proves_itself_and_no_other(count: int, data: st.DataObject) -> None:
    rows = batch(count)
    leaves = [row_leaf(row_salt(SALT, k), row) for k, row in enumerate(rows)]
    root, k = root_of(leaves), data.draw(st.integers(0, count - 1))
    proof = prove(leaves, k)
    verify_row(row_salt(SALT, k), rows[k], row=k, rows=count, proof=proof, root=root)
    for salt, bytes_ in ((row_salt(SALT, k + 1), rows[k]), (row_salt(SALT, k), rows[k] + b" ")):
        with pytest.raises(Unproven):
            verify_row(salt, bytes_, row=k, rows=count, proof=proof, root=root)


def test_a_batch_about_nobody_is_one_part_and_comes_apart_again_byte_for_byte() -> None:
    rows = batch(5)
    assert split(join(rows)) == rows
    assert [read_row(row).received[0] for row in split(join(rows))] == [0, 1, 2, 3, 4]
