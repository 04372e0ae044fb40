"""Executes a pinned model again, in the model's own environment: `ENV/bin/python executor.py` (`executor:`).

One file on purpose, over the usual length: it is copied or mounted where the model lives, where nothing of Standwatch
is installed. It imports the standard library, and xgboost, lightgbm or joblib only when an artifact wants them.

A line of JSON in, a line of JSON out, in order (stdout carries nothing else):

    {"id": 1, "load": {"path": "models/v7.json", "sha256": "…"}}         → {"id": 1, "loaded": {"kind", "features"}}
    {"id": 2, "predict": {"names": […], "rows": [[…], …], "outputs": [{"name", "type", "labels"}]}}
    {"id": 3, "predict": {"names": […], "base": […], "changes": {"count", "at", "feature", "value"}, "outputs": […]}}
                                                                        → {"id": 3, "outputs": {"name": […]}}
    {"id": 4, "contributions": {"names": […], "row": […]}}               → {"id": 4, "contributions": {…} | null, "why"}
    {"id": 5, "about": {}}                                               → {"id": 5, "about": {…}}
    whatever goes wrong                                                 → {"id": 5, "error": {"code", "text"}}

`changes` are `count` rows that differ from `base` in a few places: row `at[k]` has `value[k]` as feature `feature[k]`.

Artifacts: XGBoost (JSON, UBJ), LightGBM (text), interpret's own JSON of an EBM (`ebm.to_json(FILE)`, one score), and
the plain form `additive.1` for scorecards, logistic regressions and whatever else is a sum:

    {"kind": "additive.1", "link": "logit", "intercept": -1.2, "terms": [
      {"feature": "debt_ratio", "weight": 2.5, "missing": 0.1},
      {"feature": "history", "edges": [1, 2, 4], "scores": [0.0, 0.3, 0.7, 1.9], "missing": 0.5},
      {"feature": "region", "categories": {"north": 0.2, "south": -0.1}, "other": 0.0, "missing": 0.0}]}

`scores[k]` is for values in [edge k-1, edge k); `link` is `identity`, `log` or `logit`; without `missing` (or
`other`) a value that is missing (or unknown) is refused. Python pickles (`--pickle`: scikit-learn, EBM) are loaded
only with that flag, because loading one RUNS CODE that stands in it: the digest says that it is the file that was
deployed, not that the file means well.

`--adapter FILE.py` prepares rows as the served model's own code does: `rows_to_matrix(names, rows)` returns what the
library takes (an array or a data frame), optional `columns(names)` the feature behind each of its columns, and
optional `outputs(raw)` turns what the library said into `{name: [value for each row]}`. Additive models take values as
they are and use none of it.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import importlib.util
import io
import json
import math
import os
import platform
import sys
from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

LINE: Final = 32 << 20
"""Bytes of one line, either way."""
ARTIFACT: Final = 1 << 30
"""Bytes of an artifact."""
ROWS: Final = 100_000

Cell = Any  # str | int | float | bool | None, out of JSON
Json = dict[str, Any]


class Refused(Exception):
    """Not done; `code` is one word, the text says why."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class Rows:
    """Rows in the order of `names`, whole or as changes of one of them."""

    def __init__(self, asked: Json) -> None:
        self.names: list[str] = list(asked["names"])
        self.base: list[Cell] = list(asked.get("base", asked.get("row", [])))
        self._rows: list[list[Cell]] | None = None
        if "rows" in asked:
            self._rows = [list(row) for row in asked["rows"]]
        changes: Json = asked.get("changes", {"count": 1, "at": [], "feature": [], "value": []})
        self.count: int = len(self._rows) if self._rows is not None else int(changes["count"])
        self.at: list[int] = changes["at"]
        self.feature: list[int] = changes["feature"]
        self.value: list[Cell] = changes["value"]
        self._check()

    def _check(self) -> None:
        width = len(self.names)
        if not 1 <= self.count <= ROWS:
            raise Refused("bad_request", f"{self.count} rows: one to {ROWS} are executed at once")
        if any(len(row) != width for row in (self._rows if self._rows is not None else [self.base])):
            raise Refused("bad_request", "a row has not as many values as there are names")
        if not len(self.at) == len(self.feature) == len(self.value):
            raise Refused("bad_request", "changes of unequal length")
        if self.at and (min(self.at) < 0 or max(self.at) >= self.count):
            raise Refused("bad_request", "a change of a row that is none")
        if self.feature and (min(self.feature) < 0 or max(self.feature) >= width):
            raise Refused("bad_request", "a change of a feature that is none")

    def moved(self) -> dict[int, list[tuple[int, Cell]]]:
        """By feature the rows that change it, and to what."""
        found: dict[int, list[tuple[int, Cell]]] = {}
        for at, feature, value in zip(self.at, self.feature, self.value, strict=True):
            found.setdefault(feature, []).append((at, value))
        return found

    def whole(self) -> list[list[Cell]]:
        """Every row, written out."""
        if self._rows is None:
            self._rows = [list(self.base) for _ in range(self.count)]
            for at, feature, value in zip(self.at, self.feature, self.value, strict=True):
                self._rows[at][feature] = value
        return self._rows

    def numbers(self, order: list[int]) -> Any:
        """A matrix of 64-bit floats with the features of `order` as columns, NaN where a value is missing."""
        numpy = _library("numpy")
        if self._rows is not None:
            return numpy.array([[_number(row[k]) for k in order] for row in self._rows], dtype=numpy.float64)
        matrix = numpy.tile([_number(self.base[k]) for k in order], (self.count, 1))
        column = {feature: place for place, feature in enumerate(order)}
        kept = [k for k, feature in enumerate(self.feature) if feature in column]
        places = [self.at[k] for k in kept], [column[self.feature[k]] for k in kept]
        matrix[places] = [_number(self.value[k]) for k in kept]
        return matrix


def _number(value: Cell) -> float:
    if value is None:
        return math.nan
    if isinstance(value, str):
        raise Refused("bad_request", "a text where the model takes numbers: it needs an --adapter")
    return float(value)


def _library(name: str) -> Any:
    """A library of the model's environment: none of them is in ours."""
    return importlib.import_module(name)


# --- what an adapter adds ------------------------------------------------------------------------------------


class Adapter:
    """The served model's own preparation of rows; without a file, numbers in the order of the model's features."""

    def __init__(self, path: str = "") -> None:
        self.digest = ""
        self._module: Any = None
        if path:
            self.digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
            spec = importlib.util.spec_from_file_location("standwatch_adapter", path)
            if spec is None or spec.loader is None:
                raise Refused("adapter", f"{path} is no Python file")
            self._module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(self._module)

    def matrix(self, rows: Rows, features: Sequence[str]) -> Any:
        """What the library is given."""
        if self._module is not None:
            return self._module.rows_to_matrix(rows.names, rows.whole())
        return rows.numbers(self._order(rows.names, features))

    def columns(self, names: list[str], features: Sequence[str]) -> list[str] | None:
        """The feature behind each column of the matrix; None where nobody says."""
        if self._module is None:
            return [names[k] for k in self._order(names, features)]
        told = getattr(self._module, "columns", None)
        return None if told is None else list(told(names))

    def _order(self, names: list[str], features: Sequence[str]) -> list[int]:
        """Where the model's features stand among the names: by name, or as they come where it has no names."""
        if not features:
            return list(range(len(names)))
        if set(features) <= set(names):
            return [names.index(each) for each in features]
        raise Refused(
            "features", f"the artifact was trained on {', '.join(features)[:300]}: it needs an --adapter"
        )

    def outputs(self, raw: Any) -> dict[str, list[Any]] | None:
        """The adapter's own reading of what the library said; None where it has none."""
        told = getattr(self._module, "outputs", None)
        return None if told is None else {str(name): _plain(values) for name, values in told(raw).items()}


def _plain(values: Any) -> list[Any]:
    return values.tolist() if hasattr(values, "tolist") else list(values)


# --- models --------------------------------------------------------------------------------------------------


class Xgboost:
    """A booster. Contributions are exact TreeSHAP values of the margin (Lundberg et al. 2018, as xgboost has them)."""

    kind = "xgboost"
    LINKS: Final = {"binary:logistic": "logit", "reg:logistic": "logit", "binary:logitraw": "identity"}
    LOGS: Final = ("count:poisson", "reg:gamma", "reg:tweedie")

    def __init__(self, data: bytes, adapter: Adapter) -> None:
        self._library = _library("xgboost")
        self._adapter = adapter
        self._booster: Any = self._library.Booster()
        self._booster.load_model(bytearray(data))
        self._booster.set_param({"nthread": 1, "device": "cpu"})
        self.features: list[str] = list(self._booster.feature_names or [])
        objective = json.loads(self._booster.save_config())["learner"]["objective"]["name"]
        self.link = self._link(objective)
        self.classes: list[Any] = []
        # As its scikit-learn wrapper does, so as the servers do: trees after the best iteration do not count.
        best = self._booster.attr("best_iteration")
        self._range = (0, 0) if best is None else (0, int(best) + 1)

    def _link(self, objective: str) -> str:
        if objective in self.LINKS:
            return self.LINKS[objective]
        if objective in self.LOGS:
            return "log"
        if objective.startswith("multi:"):
            return "softmax"
        return "identity" if objective.startswith("reg:") else ""

    def _matrix(self, rows: Rows) -> Any:
        matrix = self._adapter.matrix(rows, self.features)
        if isinstance(matrix, self._library.DMatrix):
            return matrix
        named = None if hasattr(matrix, "columns") else (self.features or None)
        return self._library.DMatrix(matrix, feature_names=named, nthread=1, enable_categorical=True)

    def raw(self, rows: Rows) -> Any:
        return self._booster.predict(self._matrix(rows), iteration_range=self._range)

    def contributions(self, rows: Rows) -> Json | str:
        columns = self._adapter.columns(rows.names, self.features)
        if columns is None:
            return "the adapter does not say which feature is behind each column"
        matrix = self._matrix(rows)
        margin = self._booster.predict(matrix, output_margin=True, iteration_range=self._range)[0]
        values = self._booster.predict(matrix, pred_contribs=True, iteration_range=self._range)[0]
        of = None
        if values.ndim == 2:
            of = int(margin.argmax())
            margin, values = margin[of], values[of]
        return _contributed(
            "xgboost TreeSHAP", self.link, values.tolist(), columns, margin=float(margin), of=of
        )


class Lightgbm:
    """A booster. Contributions are exact TreeSHAP values of the raw score."""

    kind = "lightgbm"

    def __init__(self, data: bytes, adapter: Adapter) -> None:
        self._adapter = adapter
        text = data.decode()
        self._booster: Any = _library("lightgbm").Booster(model_str=text)
        names = [str(each) for each in self._booster.feature_name()]
        # Its own names where it was given none: they say nothing.
        self.features = [] if all(name.startswith("Column_") for name in names) else names
        objective = next((line[10:] for line in text.splitlines()[:40] if line.startswith("objective=")), "")
        self._classes = int(self._booster.num_model_per_iteration())
        self.link = self._link(objective)
        self.classes: list[Any] = []

    def _link(self, objective: str) -> str:
        word = objective.partition(" ")[0]
        if word in ("binary", "cross_entropy", "multiclassova"):
            return "logit" if "sigmoid:1" in objective.split() or "sigmoid" not in objective else ""
        if word in ("poisson", "gamma", "tweedie"):
            return "log"
        if word == "multiclass":
            return "softmax"
        plain = ("regression", "regression_l1", "huber", "fair", "quantile", "mape")
        return "identity" if word in plain and "sqrt" not in objective else ""

    def _say(self, matrix: Any, **how: bool) -> Any:
        return self._booster.predict(matrix, num_threads=1, **how)

    def raw(self, rows: Rows) -> Any:
        return self._say(self._adapter.matrix(rows, self.features))

    def contributions(self, rows: Rows) -> Json | str:
        columns = self._adapter.columns(rows.names, self.features)
        if columns is None:
            return "the adapter does not say which feature is behind each column"
        matrix = self._adapter.matrix(rows, self.features)
        margin, values = self._say(matrix, raw_score=True)[0], self._say(matrix, pred_contrib=True)[0]
        of = None
        if self._classes > 1:
            of = int(margin.argmax())
            margin, values = margin[of], values.reshape(self._classes, -1)[of]
        return _contributed(
            "lightgbm TreeSHAP", self.link, values.tolist(), columns, margin=float(margin), of=of
        )


class Pickled:
    """A scikit-learn estimator or an EBM out of a pickle. Contributions of an EBM's terms and of linear models."""

    kind = "pickle"

    def __init__(self, data: bytes, adapter: Adapter) -> None:
        self._adapter = adapter
        self._model: Any = _library("joblib").load(io.BytesIO(data))
        self.features = [str(each) for each in getattr(self._model, "feature_names_in_", [])]
        self.classes = _plain(getattr(self._model, "classes_", []))
        self.link = ""

    def _matrix(self, rows: Rows) -> Any:
        """A data frame for a model that knows its features by name: their texts are categories to it."""
        if self._adapter.digest or not self.features:
            return self._adapter.matrix(rows, self.features)
        columns = self._adapter.columns(rows.names, self.features)
        frame = _library("pandas").DataFrame(rows.whole(), columns=rows.names)
        return frame[columns]

    def raw(self, rows: Rows) -> Any:
        say = getattr(self._model, "predict_proba", self._model.predict)
        return say(self._matrix(rows))

    def contributions(self, rows: Rows) -> Json | str:
        columns = self._adapter.columns(rows.names, self.features)
        if columns is None:
            return "the adapter does not say which feature is behind each column"
        if hasattr(self._model, "eval_terms"):
            return self._terms(rows, columns)
        return self._linear(rows, columns)

    def _terms(self, rows: Rows, columns: list[str]) -> Json | str:
        values = self._model.eval_terms(self._matrix(rows))[0]
        if values.ndim > 1:
            return "an EBM of more than two classes"
        base = float(_plain(self._model.intercept_)[0]) if hasattr(self._model.intercept_, "tolist") else 0.0
        parts: list[Json] = [
            {"features": [columns[k] for k in term], "value": value}
            for term, value in zip(self._model.term_features_, values.tolist(), strict=True)
        ]
        margin = reduce(add, values.tolist(), base)
        return {
            "method": "EBM terms",
            "link": str(self._model.link_),
            "base": base,
            "margin": margin,
            "parts": parts,
        }

    def _linear(self, rows: Rows, columns: list[str]) -> Json | str:
        steps = [step for _, step in getattr(self._model, "steps", [("", self._model)])]
        *before, last = steps
        if not hasattr(last, "coef_") or any(not _keeps_columns(step) for step in before):
            return "the model has no contributions of its own"
        matrix = reduce(lambda given, step: step.transform(given), before, self._matrix(rows))
        weights = _plain(last.coef_.ravel())
        if getattr(last.coef_, "ndim", 1) == 2 and len(last.coef_) != 1:
            return "a linear model of more than two classes"
        base = (
            float(_plain(last.intercept_)[0])
            if hasattr(last.intercept_, "__len__")
            else float(last.intercept_)
        )
        cells = _plain(matrix.to_numpy() if hasattr(matrix, "to_numpy") else matrix)[0]
        values = [weight * cell for weight, cell in zip(weights, cells, strict=True)]
        says = getattr(last, "decision_function", last.predict)
        link = "logit" if type(last).__name__.startswith("LogisticRegression") else "identity"
        margin = float(says(matrix)[0])
        return _contributed("linear coefficients", link, [*values, base], columns, margin=margin)


def _keeps_columns(step: Any) -> bool:
    """Whether column k of what it gives is column k of what it gets, as scikit-learn marks it."""
    return any(each.__name__ == "OneToOneFeatureMixin" for each in type(step).__mro__)


def _contributed(
    method: str, link: str, values: list[float], columns: list[str], *, margin: float, of: int | None = None
) -> Json | str:
    """Values by column, the base last → by feature, in the columns' order."""
    *each, base = values
    if len(each) != len(columns):
        return "there are more columns than features, and no adapter says whose they are"
    summed: dict[str, float] = {}
    for name, value in zip(columns, each, strict=True):
        summed[name] = summed[name] + value if name in summed else value
    parts = [{"features": [name], "value": value} for name, value in summed.items()]
    return {"method": method, "link": link, "base": base, "margin": margin, "parts": parts, "of": of}


Scorer = Callable[[tuple[Cell, ...]], float]


class Additive:
    """A sum of terms, in plain Python: `additive.1`, or interpret's JSON of an EBM."""

    kind = "additive"

    def __init__(self, form: Json) -> None:
        self._ebm = "ebm" in form
        self.classes: list[Any] = []
        if self._ebm:
            self._read_ebm(form["ebm"])
        else:
            self.link = str(form["link"])
            self._intercept = float(form["intercept"])
            self._terms = [((str(term["feature"]),), _scorer(term)) for term in form["terms"]]
        if self.link not in ("identity", "log", "logit"):
            raise Refused("artifact", f"link {self.link!r}: identity, log or logit")
        self.features = list(dict.fromkeys(name for names, _ in self._terms for name in names))

    def _read_ebm(self, form: Json) -> None:
        """Bin 0 is missing, the last one unknown; a term of n features has the n-th (or last) resolution's bins."""
        (output,) = form["outputs"]
        self.link, self.classes = str(output["link"]), list(output.get("classes", []))
        if len(form["intercept"]) != 1:
            raise Refused("artifact", "an EBM of more than two classes: only one score is read from its JSON")
        self._intercept = float(form["intercept"][0])
        features = {str(each["name"]): each for each in form["features"]}
        self._terms = [
            (
                tuple(term["term_features"]),
                _ebm_term(term, [features[name] for name in term["term_features"]]),
            )
            for term in form["terms"]
        ]

    def _places(self, names: list[str]) -> list[tuple[int, ...]]:
        unknown = set(self.features) - set(names)
        if unknown:
            raise Refused(
                "features", f"the artifact wants {', '.join(sorted(unknown))[:300]}, which no input is"
            )
        return [tuple(names.index(name) for name in each) for each, _ in self._terms]

    def margins(self, rows: Rows) -> list[float]:
        """Scores before the link: intercept and terms added in the artifact's order, so that it is always one sum.

        Term by term over all rows; only of what a row changes are terms looked up again, each value once."""
        places = self._places(rows.names)
        if not rows.base:
            return [self._sum(self._scores(row, places)) for row in rows.whole()]
        moved = rows.moved()
        margins = [self._intercept] * rows.count
        for place, (_, score) in zip(places, self._terms, strict=True):
            base = tuple(rows.base[k] for k in place)
            here = score(base)
            changed = _changed(place, base, moved)
            if not changed:
                margins = [margin + here for margin in margins]
                continue
            column = [here] * rows.count
            known: dict[tuple[tuple[Cell, str], ...], float] = {}
            for row, values in changed.items():
                key = tuple(
                    [(value, value.__class__.__name__) for value in values]
                )  # 1 and True are no one key
                if key not in known:
                    known[key] = score(values)
                column[row] = known[key]
            margins = [margin + value for margin, value in zip(margins, column, strict=True)]
        return margins

    def _scores(self, row: list[Cell], places: list[tuple[int, ...]]) -> list[float]:
        return [
            score(tuple(row[k] for k in place)) for (_, score), place in zip(self._terms, places, strict=True)
        ]

    def _sum(self, scores: list[float]) -> float:
        # `sum` compensates since Python 3.12: it would not be the same number in every environment.
        return reduce(add, scores, self._intercept)

    def raw(self, rows: Rows) -> list[float]:
        return [inverse(self.link, margin) for margin in self.margins(rows)]

    def contributions(self, rows: Rows) -> Json:
        scores = self._scores(rows.base, self._places(rows.names))
        parts = [
            {"features": list(names), "value": value}
            for (names, _), value in zip(self._terms, scores, strict=True)
        ]
        method = "EBM terms" if self._ebm else "terms of the sum"
        return {
            "method": method,
            "link": self.link,
            "base": self._intercept,
            "margin": self._sum(scores),
            "parts": parts,
        }


def inverse(link: str, margin: float) -> float:
    """The output of a margin. The logistic function in the form that cannot overflow."""
    match link:
        case "logit":
            return 1 / (1 + math.exp(-margin)) if margin >= 0 else 1 - 1 / (1 + math.exp(margin))
        case "log":
            return math.exp(margin)
        case _:
            return margin


def _scorer(term: Json) -> Scorer:
    """One term of `additive.1`."""
    missing = term.get("missing")
    name = term["feature"]

    def refuse(what: str) -> float:
        raise Refused("bad_request", f"{name} is {what}, which the artifact does not know")

    def score(values: tuple[Cell, ...]) -> float:
        (value,) = values
        if value is None:
            return refuse("missing") if missing is None else float(missing)
        if "weight" in term:
            return float(term["weight"]) * _number(value)
        if "edges" in term:
            return float(term["scores"][bisect_right(term["edges"], _number(value))])
        other = term.get("other")
        found = term["categories"].get(_category(value), other)
        return refuse("a category") if found is None else float(found)

    if "edges" in term and len(term["scores"]) != len(term["edges"]) + 1:
        raise Refused("artifact", f"{name} has not one score more than edges")
    return score


def _category(value: Cell) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _ebm_term(term: Json, features: list[Json]) -> Scorer:
    bins = [_ebm_bins(feature, len(features)) for feature in features]

    def score(values: tuple[Cell, ...]) -> float:
        found: Any = term["scores"]
        for place, value in zip(bins, values, strict=True):
            found = found[place(value)]
        return float(found)

    return score


def _ebm_bins(feature: Json, order: int) -> Callable[[Cell], int]:
    """The bin of a value of `feature` in a term of `order` features."""
    if feature["type"] == "continuous":
        cuts = feature["cuts"][min(order, len(feature["cuts"])) - 1]
        return lambda value: 0 if value is None else bisect_right(cuts, _number(value)) + 1
    groups = feature["categories"][min(order, len(feature["categories"])) - 1]
    index: dict[str, int] = {}
    for place, group in enumerate(groups, 1):
        for name in cast("list[Cell]", group if isinstance(group, list) else [group]):
            index[str(name)] = place
    return lambda value: 0 if value is None else index.get(str(value), len(groups) + 1)


def _changed(
    place: tuple[int, ...], base: tuple[Cell, ...], moved: dict[int, list[tuple[int, Cell]]]
) -> dict[int, tuple[Cell, ...]]:
    """By row the values of a term's features, where any of them is not the base's."""
    if len(place) == 1:
        return {row: (value,) for row, value in moved.get(place[0], ())}
    found: dict[int, tuple[Cell, ...]] = {}
    for k, feature in enumerate(place):
        for row, value in moved.get(feature, ()):
            now = found.get(row, base)
            found[row] = (*now[:k], value, *now[k + 1 :])
    return found


Artifact = Xgboost | Lightgbm | Pickled | Additive


def load(data: bytes, adapter: Adapter, *, pickles: bool) -> Artifact:
    """What the bytes are. Raises `Refused` for what cannot be read, and for a pickle that nobody allowed."""
    head = data[:64].lstrip()
    if head.startswith(b"tree\n"):
        return Lightgbm(data, adapter)
    if head.startswith(b"{L\x00") or (head.startswith(b"{") and b'"learner"' in head):
        return Xgboost(data, adapter)
    if head.startswith(b"{"):
        form = strict(data)
        if form.get("kind") == "additive.1" or "ebm" in form:
            return Additive(form)
        return Xgboost(data, adapter)
    if pickles:
        return Pickled(data, adapter)
    raise Refused(
        "artifact", "no XGBoost, LightGBM, EBM or additive.1 file (a pickle needs --pickle: it runs code)"
    )


def strict(data: bytes) -> Any:
    """JSON without NaN, infinities and members that occur twice."""

    def refuse(word: str) -> float:
        raise ValueError(f"{word} is no JSON")

    def once(pairs: list[tuple[str, Any]]) -> Json:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError("a member occurs twice")
        return found

    return json.loads(data, parse_constant=refuse, object_pairs_hook=once)


# --- the protocol --------------------------------------------------------------------------------------------


class Executor:
    """One artifact, kept warm."""

    def __init__(self, adapter: Adapter, *, pickles: bool) -> None:
        self._adapter = adapter
        self._pickles = pickles
        self._digest = ""
        self._artifact: Artifact | None = None

    def answer(self, asked: Json) -> Json:
        """Raises `Refused`."""
        what: Json
        if (what := asked.get("load", {})) != {}:
            return {"loaded": self._load(str(what["path"]), str(what["sha256"]))}
        if (what := asked.get("predict", {})) != {}:
            return {"outputs": self._predict(what)}
        if (what := asked.get("contributions", {})) != {}:
            told = self._ready().contributions(Rows(what))
            return {"contributions": None, "why": told} if isinstance(told, str) else {"contributions": told}
        if "about" in asked:
            return {"about": self._about()}
        raise Refused("bad_request", "one of load, predict, contributions and about")

    def _load(self, path: str, digest: str) -> Json:
        with Path(path).open("rb") as file:
            data = file.read(ARTIFACT + 1)
        if len(data) > ARTIFACT:
            raise Refused("artifact", "larger than a gibibyte")
        # INVARIANT: what is loaded is the bytes that were hashed, not the file once more.
        found = hashlib.sha256(data).hexdigest()
        if found != digest:
            raise Refused("digest", f"{path} has SHA-256 {found}, not {digest[:64]}")
        self._artifact = None
        self._artifact = load(data, self._adapter, pickles=self._pickles)
        self._digest = found
        return {"kind": self._artifact.kind, "features": self._artifact.features}

    def _ready(self) -> Artifact:
        if self._artifact is None:
            raise Refused("bad_request", "nothing is loaded")
        return self._artifact

    def _predict(self, what: Json) -> dict[str, list[Any]]:
        artifact = self._ready()
        rows = Rows(what)
        raw = artifact.raw(rows)
        found = self._adapter.outputs(raw) or _outputs(raw, artifact.classes, what.get("outputs", []))
        short = [name for name, values in found.items() if len(values) != rows.count]
        if short:
            raise Refused("bad_answer", f"{short[0]} has not one value for each row")
        return found

    def _about(self) -> Json:
        names = ("xgboost", "lightgbm", "numpy", "sklearn", "interpret", "joblib")
        libraries = {
            name: str(getattr(sys.modules[name], "__version__", "")) for name in names if name in sys.modules
        }
        return {
            "kind": "" if self._artifact is None else self._artifact.kind,
            "sha256": self._digest,
            "python": platform.python_version(),
            "libraries": libraries,
            "adapter": self._adapter.digest,
            "threads": 1,
            "determinism": "one thread on the processor, no random numbers of its own: two executions are compared",
        }


def _outputs(raw: Any, classes: list[Any], wanted: list[Json]) -> dict[str, list[Any]]:
    """What the library said, under the names of the manifest's outputs and in their types."""
    return {str(each["name"]): _output(raw, classes, each) for each in wanted or [{"name": "output"}]}


def _output(raw: Any, classes: list[Any], wanted: Json) -> list[Any]:
    labels: list[Any] = list(wanted.get("labels", []))
    wide = getattr(raw, "ndim", 1) > 1
    if wanted.get("type") == "label":
        # A class that is written like a declared label is that label, as for a served model's answers.
        names = [str(each) if str(each) in labels else each for each in classes] or labels
        if not names:
            values = _plain(raw)
            if wide or not all(isinstance(value, str) for value in values):
                raise Refused(
                    "bad_answer", f"{wanted['name']} is a label, and nobody says which labels there are"
                )
            return values
        if wide:
            return [names[int(k)] for k in raw.argmax(axis=1)]
        return [value if isinstance(value, str) else names[int(value >= 0.5)] for value in _plain(raw)]
    if wide and raw.shape[1] == 2 and len(labels) < 2:
        return _plain(raw[:, 1])  # the probability of the second of two classes
    if not wide and len(labels) == 2 and hasattr(raw, "dtype"):
        # As xgboost's own wrapper makes two columns of one, in the precision of the one.
        return [list(pair) for pair in zip(_plain(1 - raw), _plain(raw), strict=True)]
    if not wide and len(labels) == 2:
        return [[1 - value, value] for value in raw]
    return _plain(raw)


def serve(executor: Executor, read: BinaryIO, write: Callable[[bytes], object]) -> None:
    """Until the other side closes, or says something without end."""
    while True:
        line = read.readline(LINE + 1)
        if not line or len(line) > LINE:
            return
        write(reply(executor, line) + b"\n")


def reply(executor: Executor, line: bytes) -> bytes:
    """The answer to one line, whatever it is."""
    number: Any = None
    try:
        asked: Json = dict(strict(line))
        number = asked.get("id")
        answer = {"id": number, **executor.answer(asked)}
        data = json.dumps(answer, allow_nan=False, separators=(",", ":")).encode()
    except Refused as error:
        return _error(number, error.code, str(error))
    except Exception as error:  # a library may raise anything, and the other side waits
        return _error(number, "failed", f"{type(error).__name__}: {error}")
    return data if len(data) <= LINE else _error(number, "bad_answer", "longer than a line may be")


def _error(number: Any, code: str, text: str) -> bytes:
    return json.dumps({"id": number, "error": {"code": code, "text": text[:1000]}}).encode()


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        description="Executes a pinned model again; JSON lines on stdin and stdout."
    )
    parser.add_argument(
        "--adapter", default="", help="Python file that prepares rows as the served model does"
    )
    parser.add_argument(
        "--pickle", action="store_true", help="load Python pickles: they run code that stands in them"
    )
    options = parser.parse_args()
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        # One thread: sums come out in one order, and a busy machine does not turn milliseconds into tens.
        os.environ[variable] = "1"
    # What libraries print must not come between answers: stdout is theirs no more.
    ours = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    adapter = Adapter(options.adapter)
    serve(Executor(adapter, pickles=options.pickle), sys.stdin.buffer, lambda line: _write(ours, line))


def _write(file: Any, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) or 0 :]


if __name__ == "__main__":
    main()
