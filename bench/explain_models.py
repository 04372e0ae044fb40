"""Run in the models' environment: `python explain_models.py FOLDER` saves boosters and an EBM of 20 features."""

from __future__ import annotations

import sys
from pathlib import Path

import lightgbm
import numpy
import xgboost
from interpret.glassbox import ExplainableBoostingClassifier


def main(folder: Path) -> None:
    chance = numpy.random.default_rng(3)
    table = chance.uniform(0, 100, (5000, 20)).round(1)
    weights = chance.normal(0, 1, 20)
    score = (table - 50) @ weights + (table[:, 0] > 60) * (table[:, 1] > 40) * 60
    denied = (score + chance.normal(0, 60, 5000) > 0).astype(int)
    names = [f"f{k}" for k in range(20)]
    how = {"objective": "binary:logistic", "max_depth": 4, "nthread": 1, "seed": 1}
    xgboost.train(how, xgboost.DMatrix(table, label=denied, feature_names=names), 100).save_model(
        folder / "x.json"
    )
    light = {"objective": "binary", "num_leaves": 15, "num_threads": 1, "verbose": -1, "seed": 1}
    lightgbm.train(light, lightgbm.Dataset(table, label=denied, feature_name=names), 100).save_model(
        folder / "l.txt"
    )
    ebm = ExplainableBoostingClassifier(
        interactions=5, n_jobs=1, outer_bags=2, max_rounds=200, feature_names=names
    )
    ebm.fit(table, denied).to_json(str(folder / "e.json"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
