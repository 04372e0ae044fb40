"""Run in the models' environment: fits small real models, saves them, and notes what each library itself says of rows.

python model_files.py FOLDER
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import joblib
import lightgbm
import numpy
import pandas
import xgboost
from interpret.glassbox import ExplainableBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

NAMES = ["income", "debt", "age", "history", "assets", "tenure"]
REGIONS = ["north", "south", "west"]
ADAPTER = """
import numpy
REGIONS = ["north", "south", "west"]
def rows_to_matrix(names, rows):
    place = list(names).index("region")
    plain = [[float("nan") if v is None else v for k, v in enumerate(row) if k != place] for row in rows]
    which = [[float(row[place] == region) for region in REGIONS] for row in rows]
    return numpy.hstack([numpy.array(plain, dtype=float), numpy.array(which)])
def columns(names):
    return [name for name in names if name != "region"] + ["region"] * 3
"""


def main(folder: Path) -> None:
    chance = numpy.random.default_rng(7)
    table = chance.uniform(0, 1, (800, 6)) * [100, 1, 60, 5, 50, 20] + [0, 0, 18, 0, 0, 0]
    table[:, 3] = table[:, 3].round()
    table = table.round(2)
    region = chance.integers(0, 3, 800)
    score = -table[:, 0] / 40 + 3 * table[:, 1] + table[:, 3] / 2 - table[:, 4] / 40 + (region == 2)
    denied = (score + chance.normal(0, 0.3, 800) > numpy.median(score)).astype(int)
    third = numpy.digitize(score, numpy.quantile(score, [0.33, 0.66]))
    table[chance.random(800) < 0.05, 5] = numpy.nan
    rows = table[:25]
    told: dict[str, Any] = {
        "names": NAMES,
        "rows": _cells(rows),
        "regions": [REGIONS[k] for k in region[:25]],
    }

    one = {"nthread": 1, "max_depth": 4, "seed": 1}
    boosted = _boost(table, denied, {"objective": "binary:logistic", **one}, names=NAMES)
    boosted.save_model(folder / "x.json")
    boosted.save_model(folder / "x.ubj")
    told["x"] = _xgboost(boosted, xgboost.DMatrix(rows, feature_names=NAMES))
    many = _boost(table, third, {"objective": "multi:softprob", "num_class": 3, **one})
    many.save_model(folder / "many.json")
    told["many"] = _xgboost(many, xgboost.DMatrix(rows))
    counts = _boost(table, table[:, 3], {"objective": "count:poisson", **one})
    counts.save_model(folder / "counts.json")
    told["counts"] = _xgboost(counts, xgboost.DMatrix(rows))

    (folder / "adapter.py").write_text(ADAPTER)
    encoded = numpy.hstack([table, numpy.eye(3)[region]])
    adapted = _boost(encoded, denied, {"objective": "binary:logistic", **one})
    adapted.save_model(folder / "adapted.json")
    told["adapted"] = _xgboost(adapted, xgboost.DMatrix(encoded[:25]))

    light = lightgbm.train(
        {"objective": "binary", "num_threads": 1, "verbose": -1, "seed": 1},
        lightgbm.Dataset(table, label=denied),
        40,
    )
    light.save_model(folder / "l.txt")
    told["l"] = {
        "outputs": light.predict(rows).tolist(),
        "contributions": light.predict(rows, pred_contrib=True).tolist(),
    }

    frame = pandas.DataFrame(table, columns=NAMES).assign(region=[REGIONS[k] for k in region])
    ebm = ExplainableBoostingClassifier(interactions=3, n_jobs=1, outer_bags=2, max_rounds=300).fit(
        frame, denied
    )
    ebm.to_json(str(folder / "e.json"))
    joblib.dump(ebm, folder / "e.pkl")
    told["e"] = {
        "outputs": ebm.predict_proba(frame[:25])[:, 1].tolist(),
        "contributions": ebm.eval_terms(frame[:25]).tolist(),
        "intercept": float(ebm.intercept_[0]),
        "terms": [[ebm.feature_names_in_[k] for k in term] for term in ebm.term_features_],
    }

    full = numpy.nan_to_num(table)
    linear = make_pipeline(StandardScaler(), LogisticRegression()).fit(full, denied)
    joblib.dump(linear, folder / "linear.pkl")
    joblib.dump(DecisionTreeClassifier(max_depth=3, random_state=1).fit(full, denied), folder / "tree.pkl")
    scaled = linear[0].transform(full[:25]) * linear[1].coef_[0]
    told["linear"] = {
        "rows": _cells(full[:25]),
        "outputs": linear.predict_proba(full[:25])[:, 1].tolist(),
        "contributions": numpy.hstack([scaled, numpy.full((25, 1), linear[1].intercept_[0])]).tolist(),
    }
    (folder / "told.json").write_text(json.dumps(told))


def _boost(table: Any, labels: Any, how: dict[str, Any], names: list[str] | None = None) -> Any:
    return xgboost.train(how, xgboost.DMatrix(table, label=labels, feature_names=names), 30)


def _xgboost(booster: Any, matrix: Any) -> dict[str, Any]:
    return {
        "outputs": booster.predict(matrix).tolist(),
        "contributions": booster.predict(matrix, pred_contribs=True).tolist(),
    }


def _cells(rows: Any) -> list[list[float | None]]:
    return [[None if numpy.isnan(value) else float(value) for value in row] for row in rows]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
