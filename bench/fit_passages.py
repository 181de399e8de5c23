"""Fit the verdict model and write `stream/operators/passage_weights.json`.

    python -m bench.fit_passages [--seeds 8] [--drawn 240] [--labels labels.jsonl] [--out FILE]

Only scenarios of split `fit`, their seeds, and drawn scenarios are used, and variants of their passages
(`bench.passage_variants`); the fourth of every four seeds is kept apart for calibration and for the figures printed.
The random state is fixed, so the same simulator gives the same weights.

1. Features with the guessed crowd; the first pass: a small ensemble of boosted trees.
2. Features with the crowd of the first pass (each half of the seeds scored by the model of the other half, so that the
   second pass sees honest scores); the second pass: a larger ensemble. Trees are grown by scikit-learn and shipped as
   arrays; running them needs numpy only (`stream.operators.passage_model`).
3. Calibration of the second pass: Platt's, on the seeds kept apart.
4. Direction: logistic regression without intercept on the signed evidence.

Labels: the answers people gave to `unsure`, one JSON object a line: {"passage_id", "epc", "belongs": true or false,
"features": {name: value}} with the features of the passage tag as stored (`PassageTag.features`; the API keeps the
answer: `tagledger portal labels`). They join the second pass with `LABEL_WEIGHT` times the weight of a simulated tag;
labels whose features have other names than today's are refused.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier  # type: ignore[import-untyped]
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]
from sklearn.metrics import log_loss, roc_auc_score  # type: ignore[import-untyped]

from bench.door_cases import case
from bench.passage_samples import Sample, samples, without_eyes
from bench.passage_variants import cases, crowd_of, toward_crowd
from simulators.scenarios.split import fit_cases
from stream.operators.passage_direction import EVIDENCE, direction_evidence
from stream.operators.passage_features import FEATURES, tag_features
from stream.operators.passage_model import parse_model
from tagledger.decide import reduce_reads
from warehouse.site import Direction

OUT = Path(__file__).parent.parent / "stream" / "operators" / "passage_weights.json"
LABEL_WEIGHT = 20.0
VARIANT_WEIGHT = 0.5
STATE = 20261122
Matrix = NDArray[np.float64]


def gather(seeds: int, drawn: int) -> list[Sample]:
    """Passages of every fitting scenario and of so many drawn ones, with and without photo-eyes."""
    out: list[Sample] = []
    for scenario, seed in fit_cases(seeds, drawn):
        if scenario.layout.zones:
            continue
        site, reads, truth = case(scenario, seed)
        seen = reduce_reads(reads)
        out += samples(scenario.name, seed, site, seen, reads.events, truth)
        if scenario.layout.photo_eyes:
            out += samples(scenario.name, seed, without_eyes(site), seen, (), truth)
    print(f"{len(out)} passages", flush=True)
    return out


def read_labels(path: Path) -> tuple[Matrix, NDArray[np.bool_]]:
    """Answers of people as (matrix, belongs); ValueError names the line that is not one."""
    rows, answers = [], []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            label: dict[str, Any] = json.loads(line)
            rows.append([float(label["features"][name]) for name in FEATURES])
            answers.append(bool(label["belongs"]))
        except (KeyError, TypeError, ValueError) as wrong:
            raise ValueError(f"{path}, line {number}: not a label of today's features: {wrong!r}") from wrong
    return np.array(rows, np.float64).reshape(-1, len(FEATURES)), np.array(answers, np.bool_)


def grow(matrix: Matrix, answer: NDArray[np.bool_], weight: Matrix, size: str) -> HistGradientBoostingClassifier:
    """Boosted trees of one of two sizes."""
    options = {
        "first": {"max_iter": 60, "max_leaf_nodes": 10, "max_depth": 4, "learning_rate": 0.15},
        "second": {"max_iter": 260, "max_leaf_nodes": 22, "max_depth": 6, "learning_rate": 0.09},
    }[size]
    model = HistGradientBoostingClassifier(
        l2_regularization=2.0, min_samples_leaf=30, random_state=STATE, early_stopping=False, **options
    )
    return model.fit(matrix, answer, sample_weight=weight)


def exported(model: HistGradientBoostingClassifier) -> dict[str, Any]:
    """The trees as plain arrays."""
    trees = []
    for predictor in model._predictors:
        nodes = predictor[0].nodes
        leaf = nodes["is_leaf"].astype(bool)
        trees.append(
            {
                "feature": np.where(leaf, -1, nodes["feature_idx"]).tolist(),
                "threshold": [float(v) if np.isfinite(v) else 1e300 for v in nodes["num_threshold"].tolist()],
                "left": np.where(leaf, 0, nodes["left"]).tolist(),
                "right": np.where(leaf, 0, nodes["right"]).tolist(),
                "value": [float(f"{v:.6g}") for v in np.where(leaf, nodes["value"], 0.0).tolist()],
            }
        )
    return {
        "features": list(FEATURES),
        "bias": float(np.ravel(model._baseline_prediction)[0]),
        "trees": trees,
        "calibration_x": [],
        "calibration_y": [],
    }


def fit(gathered: list[Sample], labels: tuple[Matrix, NDArray[np.bool_]] | None) -> dict[str, Any]:
    """The weights file's content."""
    seeds = sorted({sample.seed for sample in gathered})
    held = set(seeds[3::4])
    todo = list(cases(gathered, np.random.default_rng(STATE)))
    crowds = [crowd_of(each) for each in todo]
    guesses = [tag_features(each.cut, crowd) for each, crowd in zip(todo, crowds, strict=True)]
    sizes = [len(tags.tags) for tags in guesses]
    answer = np.concatenate([np.isin(tags.tags, each.members) for each, tags in zip(todo, guesses, strict=True)])
    seed_of = np.repeat([each.seed for each in todo], sizes)
    weight = np.repeat([1.0 if each.sample is not None else VARIANT_WEIGHT for each in todo], sizes)
    train = ~np.isin(seed_of, list(held))
    print(f"{len(todo)} cases, {len(answer)} tags", flush=True)

    # Most strays are plain, and a quarter of them says as much at four times the weight.
    guess_of = np.concatenate([tags.weight for tags in guesses])
    kept = answer | (guess_of > 1e-3) | (np.random.default_rng(STATE).random(len(answer)) < 0.25)
    weight = np.where(kept & ~answer & (guess_of <= 1e-3), 4.0, 1.0) * weight
    train &= kept
    x1 = np.concatenate([tags.matrix for tags in guesses])
    first = grow(x1[train], answer[train], weight[train], "first")
    crowd_score = first.predict_proba(x1)[:, 1]
    for part in (0, 1):
        mine = train & (seed_of % 2 == part)
        other = train & (seed_of % 2 != part)
        crowd_score[mine] = grow(x1[other], answer[other], weight[other], "first").predict_proba(x1[mine])[:, 1]
    at = np.cumsum([0, *sizes])
    tags = [
        tag_features(each.cut, toward_crowd(each, guess, crowd_score[low:high])) if high > low else guess
        for each, guess, low, high in zip(todo, guesses, at[:-1], at[1:], strict=True)
    ]
    x2 = np.concatenate([each.matrix for each in tags])
    fit_x, fit_y, fit_w = x2[train], answer[train], weight[train]
    if labels is not None and len(labels[1]):
        fit_x = np.concatenate([fit_x, labels[0]])
        fit_y = np.concatenate([fit_y, labels[1]])
        fit_w = np.concatenate([fit_w, np.full(len(labels[1]), LABEL_WEIGHT)])
    second = grow(fit_x, fit_y, fit_w, "second")
    raw = second.decision_function(x2)
    apart = np.isin(seed_of, list(held))
    platt = LogisticRegression(C=1e6).fit(raw[apart].reshape(-1, 1), answer[apart])
    slope, shift = float(platt.coef_[0, 0]), float(platt.intercept_[0])
    score = 1.0 / (1.0 + np.exp(-(slope * raw + shift)))
    plain = np.repeat([each.sample is not None for each in todo], sizes)
    for name, which in (("as built", plain), ("variants", ~plain)):
        _report(name, answer[apart & which], score[apart & which])

    evidence, way = [], []
    for each, features, low, high in zip(todo, tags, at[:-1], at[1:], strict=True):
        sample = each.sample
        if sample is not None and sample.direction is not None and sample.positive.any():
            eyes, breaks = sample.portal.photo_eyes, sample.record.breaks
            evidence.append(direction_evidence(each.cut, features, score[low:high], eyes, breaks))
            way.append(sample.direction is Direction.IN)
    rows, inward = np.array(evidence), np.array(way)
    # A mirrored passage is as likely: both go in, and no intercept is needed.
    mirrored = LogisticRegression(C=1.0, fit_intercept=False).fit(
        np.concatenate([rows, -rows]), np.concatenate([inward, ~inward])
    )
    right = (rows @ mirrored.coef_[0] > 0) == inward
    print(f"direction: {right.mean():.4f} right of {len(right)}")

    final = exported(second)
    final["calibration_x"], final["calibration_y"] = [-20.0, 20.0], [slope * -20.0 + shift, slope * 20.0 + shift]
    content = {
        "made_by": f"bench/fit_passages.py: {len(seeds)} seeds, {len(gathered)} passages, {len(answer)} tags",
        "first": exported(first),
        "second": final,
        "direction": dict(zip(EVIDENCE, [round(float(w), 4) for w in mirrored.coef_[0]], strict=True)),
    }
    ours = parse_model(json.dumps(content)).second.score(x2[apart])
    print(f"largest difference between exported and original scores: {np.abs(ours - score[apart]).max():.2g}")
    return content


def _report(name: str, true: NDArray[np.bool_], score: Matrix) -> None:
    print(f"{name}, seeds kept apart: AUC {roc_auc_score(true, score):.5f}, log loss {log_loss(true, score):.4f}")
    for low, high in ((0.0, 0.02), (0.02, 0.2), (0.2, 0.5), (0.5, 0.8), (0.8, 0.98), (0.98, 1.01)):
        inside = (score >= low) & (score < high)
        if inside.any():
            print(f"  score {low:.2f}-{high:.2f}: {inside.sum():6d} tags, {true[inside].mean():.4f} belong")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=8, help="seeds of each fitting scenario of the library")
    parser.add_argument("--drawn", type=int, default=240, help="drawn scenarios")
    parser.add_argument("--labels", type=Path)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    labels = read_labels(options.labels) if options.labels else None
    content = fit(gather(options.seeds, options.drawn), labels)
    options.out.write_text(json.dumps(content, separators=(",", ":")) + "\n", encoding="utf-8")
    print(f"{options.out}: {options.out.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
