"""Models for real servers, trained here and now from a seed: `python train.py FOLDER`, in the models' environment.

FOLDER/mlserver/NAME/VERSION   a scikit-learn and an XGBoost classifier, two versions each, for MLServer
FOLDER/mlflow/VERSION          a scikit-learn pipeline on a frame with words, two versions, for `mlflow models serve`
FOLDER/expected.json           rows, and what each library says of them when it is called directly
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import joblib
import mlflow
import numpy
import pandas
import xgboost
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

SEED = 3
FEATURES = ["income", "debt", "years", "score"]
PURPOSES = ["home", "car", "study"]


def table(rows: int) -> tuple[pandas.DataFrame, Any]:
    """Applicants, and who paid back."""
    chance = numpy.random.default_rng(SEED)
    frame = pandas.DataFrame(
        {
            "income": chance.lognormal(8, 0.5, rows),
            "debt": chance.lognormal(6, 1.0, rows),
            "years": chance.integers(0, 40, rows),
            "score": chance.normal(600, 80, rows),
        }
    )
    odds = frame.income / 3000 - frame.debt / 900 + frame.years / 20 + (frame.score - 600) / 80
    return frame, (odds + chance.normal(0, 0.5, rows) > 0).astype("int64")


def settings(folder: Path, name: str, version: str, runtime: str, file: str) -> None:
    said = {"name": name, "implementation": runtime, "parameters": {"uri": f"./{file}", "version": version}}
    (folder / "model-settings.json").write_text(json.dumps(said))


def main(folder: Path) -> None:
    frame, paid = table(400)
    matrix = frame.to_numpy(float)
    asked = table(64)[0]
    holes = asked.to_numpy(float)
    holes[::7, 1] = numpy.nan
    expected: dict[str, Any] = {"rows": matrix_rows(asked.to_numpy(float)), "holes": matrix_rows(holes)}
    for version, depth in (("1", 2), ("2", 4)):
        here = folder / "mlserver" / "forest" / version
        here.mkdir(parents=True)
        # It takes missing values as they are, as XGBoost does.
        forest = HistGradientBoostingClassifier(max_depth=depth, max_iter=20, random_state=SEED).fit(
            matrix, paid
        )
        joblib.dump(forest, here / "model.joblib")
        settings(here, "forest", version, "mlserver_sklearn.SKLearnModel", "model.joblib")
        expected[f"forest@{version}"] = said(forest, holes)

        here = folder / "mlserver" / "boosted" / version
        here.mkdir(parents=True)
        boosted = xgboost.XGBClassifier(max_depth=depth, n_estimators=20, n_jobs=1, random_state=SEED)
        boosted.fit(matrix, paid)
        boosted.save_model(here / "model.json")
        settings(here, "boosted", version, "mlserver_xgboost.XGBoostModel", "model.json")
        expected[f"boosted@{version}"] = said(boosted, holes)

    words = numpy.array(PURPOSES)
    for frames in (frame, asked):
        frames["purpose"] = words[numpy.arange(len(frames)) % 3]
        frames["owner"] = numpy.arange(len(frames)) % 2 == 0
    expected["frame"] = [list(row) for row in asked.astype(object).itertuples(index=False, name=None)]
    for version, strength in (("1", 1.0), ("2", 0.01)):
        pipeline = make_pipeline(
            make_column_transformer((OneHotEncoder(), ["purpose"]), remainder="passthrough"),
            LogisticRegression(C=strength, max_iter=5000),
        ).fit(frame, paid)
        expected[f"words@{version}"] = said(pipeline, asked)
        here = folder / "mlserver" / "words" / version
        here.mkdir(parents=True)
        joblib.dump(pipeline, here / "model.joblib")
        settings(here, "words", version, "mlserver_sklearn.SKLearnModel", "model.joblib")
        mlflow.sklearn.save_model(
            pipeline,
            folder / "mlflow" / version,
            serialization_format="cloudpickle",
            pip_requirements=[],
            pyfunc_predict_fn="predict_proba",
        )
    (folder / "expected.json").write_text(json.dumps(expected))


def matrix_rows(matrix: Any) -> list[list[float | None]]:
    return [[None if numpy.isnan(value) else float(value) for value in row] for row in matrix]


def said(model: Any, rows: Any) -> dict[str, Any]:
    return {"predict": model.predict(rows).tolist(), "predict_proba": model.predict_proba(rows).tolist()}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
