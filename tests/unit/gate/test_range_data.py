"""Reference data are read strictly, and a mistake is told with its line."""

import pytest

from standwatch.facts.errors import Malformed
from standwatch.facts.models import Feature
from standwatch.gate.range_data import read_reference
from support.reference import APPLICANTS, applicants, as_csv

FEATURES = (
    Feature("x"),
    Feature("n", type="integer"),
    Feature("c", type="category", one_of=("a", 3)),
    Feature("b", type="boolean"),
    Feature("t", type="text"),
)


def test_columns_are_found_by_name_and_typed() -> None:
    text = '\ufeffextra,t,b,c,n,x\n1,"a ""b"", c",TRUE,3,4.0,1e3\n2,,0,a,-5,.5\n\n,NA,NA,,NA,NA\n'
    found = read_reference(FEATURES, text)
    assert found.rows == [
        (1000.0, 4, 3, True, 'a "b", c'),
        (0.5, -5, "a", False, None),
        (None, None, None, None, "NA"),
    ]
    assert [type(value) for value in found.rows[0][:4]] == [float, int, int, bool]
    assert found.unread == ("extra",)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("one,4,a,true,t", "line 2: x: 'one', expected a number"),
        ("0x10,4,a,true,t", "line 2: x: '0x10', expected a number"),
        ("inf,4,a,true,t", "line 2: x: 'inf', expected a number"),
        ("1e999,4,a,true,t", "line 2: x: '1e999', expected a finite number"),
        ("1,4.5,a,true,t", "line 2: n: '4.5', expected a whole number"),
        ("1,4,a,yes,t", "line 2: b: 'yes', expected true or false"),
        ("1,4,a,true", "line 2: 4 cells, expected 5 as in the header"),
        ('1,4,a,true,"t', "line 2: unexpected end of data"),
    ],
)
def test_what_is_not_of_its_type_is_refused(line: str, said: str) -> None:
    with pytest.raises(Malformed, match="reference data, ") as raised:
        read_reference(FEATURES, f"x,n,c,b,t\n{line}\n")
    assert said in str(raised.value)


@pytest.mark.parametrize("text", ["", "x,n,c,b\n", "x,x,n,c,b,t\n", "X,n,c,b,t\n"])
def test_every_input_has_one_column(text: str) -> None:
    with pytest.raises(Malformed, match="expected one column of each input's name"):
        read_reference(FEATURES, text)


def test_a_category_that_may_be_a_number_wants_to_be_declared() -> None:
    with pytest.raises(Malformed, match="expected one_of in the manifest"):
        read_reference((Feature("c", type="category"),), "c\n3\n")


def test_what_was_written_is_read() -> None:
    rows = applicants(200, 7)
    assert read_reference(APPLICANTS, as_csv(APPLICANTS, rows)).rows == rows
