"""Train the three versions of the mortgage model and say how good they are: `python train.py [--out FOLDER]`

1 a scorecard (additive, monotone, by hand readable) · 2 a boosted challenger · 3 MADE FOR THE DEMO, wrong on purpose.
The artifacts are committed: the demo needs no training. Seeded, one thread: the same files come out again.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import xgboost
from data import FEATURES, HERE, YES_NO, Row, denied, rows, split
from scipy.optimize import minimize
from scorer import Scorer, encoded, load
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

SEED = 1990
THRESHOLD = 0.3
"""An application at or above it is denied; the manifest says the same."""
FILES = {"1": "models/1/scorecard.json", "2": "models/2/boosted.json", "3": "models/3/boosted.json"}

EDGES: dict[str, list[float]] = {
    "dir": [0.255, 0.335, 0.365, 0.405, 0.455, 0.555],
    "hir": [0.255, 0.285, 0.335, 0.405],
    "lvr": [0.505, 0.705, 0.805, 0.905, 0.955, 1.005],
    "ccs": [2, 3, 5, 6],
    "mcs": [2, 3],
    "uria": [3.35, 6],
    "comdominiom": [1],
}
"""Where the scorecard's bins begin, but for the first: lenders' own marks (28 and 36 % of income, 80, 95 and 100 % of
value), half a percent later, so that 80.0 % is not above 80 %."""
RISES = dict.fromkeys(FEATURES, 1) | {"uria": 0, "comdominiom": 0, "self": 0}
"""1: more of it never lowers the probability of denial. 0: the data may say."""
WEIGHT = 2.0
"""Ridge on each step: bins with few applications do not run away."""
BOOSTING: dict[str, Any] = {
    "objective": "binary:logistic",
    "max_depth": 3,
    "eta": 0.08,
    "min_child_weight": 4,
    "subsample": 0.8,
    "lambda": 2.0,
    "base_score": 0.12,
    "tree_method": "exact",
    "nthread": 1,
    "seed": SEED,
    "monotone_constraints": dict(RISES),
}
TREES = 60


# --- version 1 ------------------------------------------------------------------------------------------------


def steps(row: Row) -> list[float]:
    """One 0/1 for each edge that a value has reached: a coefficient is what crossing that edge adds."""
    return [float(encoded(name, row[name]) >= edge) for name in FEATURES for edge in EDGES.get(name, [0.5])]


def fit_scorecard(chosen: list[Row]) -> dict[str, Any]:
    """Logistic regression with a ridge and, where a feature `RISES`, steps that are not negative."""
    x = np.array([[1.0, *steps(row)] for row in chosen])
    y = np.array([denied(row) for row in chosen])

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        z = x @ w
        ridge = np.concatenate([[0.0], w[1:]]) * WEIGHT
        value = np.logaddexp(0.0, z).sum() - y @ z + 0.5 * ridge @ w
        return float(value), x.T @ (1.0 / (1.0 + np.exp(-z)) - y) + ridge

    bounds = [(None, None)]
    for name in FEATURES:
        bounds += [(0.0 if RISES[name] else None, None)] * len(EDGES.get(name, [0.5]))
    found = minimize(loss, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B", bounds=bounds,
                     options={"ftol": 1e-14, "gtol": 1e-9, "maxiter": 5000})  # fmt: skip
    return scorecard([float(w) for w in found.x])


def scorecard(weights: list[float]) -> dict[str, Any]:
    """The artifact: points of a bin are the sum of the steps below it, to four decimals."""
    terms, at = [], 1
    for name in FEATURES:
        edges = EDGES.get(name, [0.5])
        sums = np.concatenate([[0.0], np.cumsum(weights[at : at + len(edges)])])
        at += len(edges)
        scores = [round(float(p), 4) + 0.0 for p in sums]
        if name in YES_NO:
            terms.append({"feature": name, "categories": dict(zip(("no", "yes"), scores, strict=True))})
        else:
            terms.append({"feature": name, "edges": edges, "scores": scores})
    return {"kind": "additive.1", "link": "logit", "intercept": round(weights[0], 4), "terms": terms}


# --- versions 2 and 3 -----------------------------------------------------------------------------------------


def matrix(chosen: list[Row]) -> xgboost.DMatrix:
    x = np.array([[encoded(name, row[name]) for name in FEATURES] for row in chosen], dtype=np.float32)
    return xgboost.DMatrix(x, label=[denied(row) for row in chosen], feature_names=list(FEATURES), nthread=1)


def twice_divided(row: Row) -> Row:
    """The mistake of version 3: a loader that turns percent into ratios, run on what were ratios already."""
    return row | {name: float(row[name] or 0) / 100 for name in ("lvr",)}


# --- how good they are ----------------------------------------------------------------------------------------


def scores(scorer: Scorer, chosen: list[Row]) -> list[float]:
    return scorer.score({name: [row[name] for row in chosen] for name in scorer.features})


def figures(scorer: Scorer, chosen: list[Row]) -> dict[str, float]:
    """AUC, Brier score, log loss, calibration error over ten equal groups, and the share that would be denied."""
    p = np.array(scores(scorer, chosen))
    y = np.array([denied(row) for row in chosen])
    groups = np.array_split(np.argsort(p, kind="stable"), 10)
    gap = sum(abs(p[g].mean() - y[g].mean()) * len(g) for g in groups) / len(p)
    return {
        "AUC": float(roc_auc_score(y, p)),
        "Brier": float(brier_score_loss(y, p)),
        "log loss": float(log_loss(y, p)),
        "calibration error": float(gap),
        "denied": float((p >= THRESHOLD).mean()),
    }


def line(version: str, on: str, found: dict[str, float]) -> str:
    return f"| {version} | {on} | " + " | ".join(f"{each:.3f}" for each in found.values()) + " |"


def report(folder: Path, held_out: list[Row]) -> str:
    """The table of the README. Version 3 twice: as its own job measured it, and as it is."""
    lines = [line(v, "held out", figures(load(folder / file), held_out)) for v, file in FILES.items()]
    wrong = figures(load(folder / FILES["3"]), [twice_divided(row) for row in held_out])
    head = ["version", "on", *wrong]
    lines.append(line("3", "held out, divided twice", wrong))
    return "\n".join(["| " + " | ".join(head) + " |", "|" + "---|" * len(head), *lines])


def train(folder: Path) -> str:
    """Write the artifacts below `folder`; the report."""
    every = rows()
    kept, held = split(every)
    chosen = [every[index] for index in kept]
    for file in FILES.values():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
    card = json.dumps(fit_scorecard(chosen), indent=1)
    (folder / FILES["1"]).write_text(card + "\n", encoding="ascii")
    for version, given in (("2", chosen), ("3", [twice_divided(row) for row in chosen])):
        booster = xgboost.train(BOOSTING, matrix(given), num_boost_round=TREES)
        (folder / FILES[version]).write_bytes(bytes(booster.save_raw("json")))
    return report(folder, [every[index] for index in held])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE, help="folder to write models/ into")
    print(train(parser.parse_args().out))
