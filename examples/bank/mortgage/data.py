"""The Boston Fed's mortgage decisions: read, split, and named as the models name them. Needs nothing but Python.

python data.py prepare SOURCE    makes hmda.csv from Hdma.csv of the R package Ecdat, and checks that it is that file
python data.py reference FILE    writes the applications that models were trained on, as `standwatch range learn`
                                 reads them
"""

from __future__ import annotations

import csv
import hashlib
import random
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
FILE = HERE / "hmda.csv"
SOURCE_SHA256 = "8cea35def75b658a54e045234f6aaed40d7ce29f636d4ab6d7ae8a266f7e3572"

COLUMNS = (
    "dir",
    "hir",
    "lvr",
    "ccs",
    "mcs",
    "pbcr",
    "dmi",
    "self",
    "single",
    "uria",
    "comdominiom",
    "black",
    "deny",
)
FEATURES = ("dir", "hir", "lvr", "ccs", "mcs", "pbcr", "dmi", "self", "uria", "comdominiom")
"""What the models see, in their order. Not `black` and not `single`: race and marital status may not enter a decision
on credit (Equal Credit Opportunity Act, 15 U.S.C. 1691). They stay in the data so that outcomes can be audited."""
YES_NO = frozenset({"pbcr", "dmi", "self", "single", "black", "deny"})
WHOLE = frozenset({"ccs", "mcs", "comdominiom"})
HELD_OUT = 0.3
SEED = 1990

Value = str | int | float | None
Row = dict[str, Value]


def applicant(number: int) -> str:
    """The made-up id of the applicant in row `number`, from 1: the data have no people in them."""
    return f"applicant-{number:04d}"


def _value(name: str, text: str) -> Value:
    if text == "":
        return None
    if name in YES_NO:
        return text
    number = float(text)
    return int(number) if name in WHOLE and number.is_integer() else number


def rows(file: Path = FILE) -> list[Row]:
    """All 2,381 rows, in the order of the file; a missing value is None."""
    with file.open(encoding="ascii", newline="") as lines:
        return [{name: _value(name, text) for name, text in line.items()} for line in csv.DictReader(lines)]


def whole(row: Row) -> bool:
    """Whether a row is an application. The last one is not: it holds the means of the columns."""
    return None not in row.values()


def split(every: list[Row]) -> tuple[list[int], list[int]]:
    """Indices of the rows to train on and of those held out; rows that are no applications are in neither."""
    indices = [index for index, row in enumerate(every) if whole(row)]
    random.Random(SEED).shuffle(indices)  # noqa: S311 - everybody can repeat it
    kept = round(len(indices) * HELD_OUT)
    return sorted(indices[kept:]), sorted(indices[:kept])


def denied(row: Row) -> int:
    return int(row["deny"] == "yes")


def _plain(name: str, text: str) -> str:
    """A cell as we keep it: no mark for missing, no noise of a 32-bit float (0.221000003814697 is 0.221)."""
    if text == "NA":
        return ""
    return text if name in YES_NO else f"{float(text):.6g}"


def prepare(source: Path) -> None:
    """Write `hmda.csv` from the original; raises where that is another file."""
    content = source.read_bytes()
    if hashlib.sha256(content).hexdigest() != SOURCE_SHA256:
        raise SystemExit(f"{source} is not the file that this one was made from")
    with FILE.open("w", encoding="ascii", newline="") as lines:
        out = csv.writer(lines, lineterminator="\n")
        out.writerow(COLUMNS)
        for line in csv.DictReader(content.decode("ascii").splitlines()):
            out.writerow([_plain(name, line[name]) for name in COLUMNS])


def reference(target: Path) -> None:
    """Write the inputs of the rows to train on: a learned range must not have seen what is held out."""
    every = rows()
    with target.open("w", encoding="ascii", newline="") as lines:
        out = csv.writer(lines, lineterminator="\n")
        out.writerow(["applicant_id", *FEATURES])
        for index in split(every)[0]:
            out.writerow([applicant(index + 1), *(every[index][name] for name in FEATURES)])


if __name__ == "__main__":
    {"prepare": prepare, "reference": reference}[sys.argv[1]](Path(sys.argv[2]))
