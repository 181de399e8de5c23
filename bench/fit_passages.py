"""Fit the verdict model and write `stream/operators/passage_weights.json`.

    python -m bench.fit_passages bare|doors [--seeds 4] [--drawn 200] [--labels labels.jsonl] [--out FILE]

Only scenarios of split `fit`, their seeds, and drawn scenarios are used; the fourth of every four seeds is kept apart
for calibration and for the figures printed. The random state is fixed, so the same simulator gives the same weights.

0. Passages as the operator cuts them: from recordings as built, without photo-eyes, and as others would have made them
   (`bench.recording_configurations`); and variants of them (`bench.passage_variants`).
1. Features with the guessed crowd; the first pass: an ensemble of boosted trees.
2. Features with the crowd and the scores of the first pass (each half of the seeds scored by the model of the other
   half, so that the second pass sees honest scores); the second pass: a larger ensemble. Trees are grown by
   scikit-learn and shipped as arrays; running them needs numpy only (`stream.operators.passage_model`).
3. Calibration of the second pass: Platt's, on the seeds kept apart.
4. Direction: logistic regression without intercept on the signed evidence of the tags that belonged.

The file holds two sets: one for doors whose two sides are told and whose reads have strengths, and `bare` for all
others. Each is fitted alone, and the other stays as it is in the file; `made_by` says what each was made of. Doors are
fitted on passages as built, without photo-eyes, and variants; `bare` also on what others would have made of them. What
ships of doors was made with `--seeds 3 --drawn 110`, but for the direction, which is of the fit before it (`--drawn
200`): the last one leans on lags alone, which photo-eyes that agree must outweigh at a door without sides. Twice the
passages (`--seeds 4 --drawn 300`) made it no better: what is missing is something to tell by, not examples. The `bare`
set was made with `--drawn 110`, before `faster` was a variant, a blind eye was known, a quarter of the drawn scenarios
had other speeds, and there were features of levels and of first and last hearing; a fit with all but the last (`bare
--drawn 120`) was no better on the dev scenarios: it traded precision for recall.

Labels: the answers people gave to `unsure`, one JSON object a line: {"passage_id", "epc", "belongs": true or false,
"features": {name: value}} with the features of the passage tag as stored (`PassageTag.features`; the API keeps the
answer: `tagledger portal labels`). They join the last pass with `LABEL_WEIGHT` times the weight of a simulated tag;
labels whose features have other names than today's are refused, those of second looks (`bench.fit_hindsight`) left out.
"""

import argparse
import json
import pickle
import sys
import zlib
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier  # type: ignore[import-untyped]
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]
from sklearn.metrics import log_loss, roc_auc_score  # type: ignore[import-untyped]

from bench.door_cases import case
from bench.passage_samples import samples
from bench.passage_variants import cases, crowd_of, toward_crowd
from bench.recording_configurations import Change, any_configuration, configured, cut_to_loads, no_eyes
from simulators.scenarios.spec import Scenario
from simulators.scenarios.split import fit_cases
from stream.operators.passage_direction import EVIDENCE, direction_evidence
from stream.operators.passage_features import FEATURES, tag_features
from stream.operators.passage_judge import looked_at
from stream.operators.passage_model import parse_model
from stream.operators.passage_rows import ROW
from tagledger.decide import reduce_reads
from warehouse.site import Direction

OUT = Path(__file__).parent.parent / "stream" / "operators" / "passage_weights.json"
LABEL_WEIGHT = 20.0
VARIANT_WEIGHT = 0.5
OTHERS = {"doors": 0, "bare": 2}
OTHERS_WEIGHT = 0.5
"""So many drawn configurations of every recording join, and their weight."""
FIRST_TAIL_MAX_S = 2.0
"""What a tag was heard for longer after its window is of a second look, which has weights of its own."""
CUT_SHARE = 0.2
"""Share of them that are cut to their loads."""
PASSES = ("medium", "large")
WORKERS = 2
STATE = 20261122
Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Looked:
    """What the first look at one recording's passages gives, one entry a tag; `evidence` and `inward` one a passage."""

    matrix: Matrix
    answer: NDArray[np.bool_]
    seed: NDArray[np.int64]
    weight: Matrix
    guess: Matrix
    plain: NDArray[np.bool_]
    evidence: Matrix
    inward: NDArray[np.bool_]
    passages: int


def first_look(scenario: Scenario, seed: int, others: int, kept: Path) -> Looked | None:
    """Passages as built, without photo-eyes and as others would have made them, and variants; kept in a file."""
    site, reads, truth = case(scenario, seed)
    rng = np.random.default_rng([STATE, seed, zlib.crc32(scenario.name.encode())])
    ways: list[tuple[float, tuple[Change, ...]]] = [(1.0, ())]
    ways += [(1.0, (no_eyes,))] if scenario.layout.photo_eyes else []
    ways += [(OTHERS_WEIGHT, any_configuration(rng)) for _ in range(others)]
    todo, parts, evidence, inward = [], [], [], []
    passages = 0
    for weight, changes in ways:
        made_site, made = configured(site, reads, changes, rng)
        if weight == OTHERS_WEIGHT and rng.random() < CUT_SHARE:
            made = cut_to_loads(made, truth.loads, rng)
        if not len(made):
            continue
        gathered = list(samples(scenario.name, seed, made_site, reduce_reads(made), made.events, truth))
        passages += len(gathered)
        for each in cases(gathered, rng):
            cut, facts, guess = looked_at(each.cut)
            if facts is None:
                continue
            if (crowd := crowd_of(each, guess)) is not None:
                guess = tag_features(cut, crowd, facts)
            sample, belongs = each.sample, np.isin(guess.tags, each.members)
            if sample is not None and sample.direction is not None and belongs.any() and not cut.sides_guessed:
                eyes, breaks = sample.portal.photo_eyes, sample.record.breaks
                evidence.append(direction_evidence(cut, guess, belongs.astype(np.float64), eyes, breaks))
                inward.append(sample.direction is Direction.IN)
            plain = weight == 1.0 and sample is not None
            parts.append((guess.matrix, belongs, guess.weight, weight * (1.0 if sample else VARIANT_WEIGHT), plain))
            todo.append((replace(each, cut=replace(cut, rows=np.empty(0, ROW)), sample=None), facts, guess))
    kept.write_bytes(pickle.dumps(todo))
    if not parts:
        return None
    sizes = [len(matrix) for matrix, *_ in parts]
    return Looked(
        np.concatenate([matrix for matrix, *_ in parts]),
        np.concatenate([belongs for _, belongs, *_ in parts]),
        np.full(sum(sizes), seed),
        np.repeat([weight for *_, weight, _ in parts], sizes),
        np.concatenate([guess for _, _, guess, *_ in parts]),
        np.repeat([plain for *_, plain in parts], sizes),
        np.array(evidence).reshape(-1, len(EVIDENCE)),
        np.array(inward, np.bool_),
        passages,
    )


def next_look(kept: Path, score: Matrix) -> Matrix:
    """The matrix with the crowd of those scores."""
    matrices, low = [], 0
    for each, facts, guess in pickle.loads(kept.read_bytes()):
        mine = score[low : low + len(guess.tags)]
        low += len(mine)
        matrices.append(tag_features(each.cut, toward_crowd(each, guess, mine), facts, scored=True).matrix)
    return np.concatenate(matrices)


def read_labels(path: Path) -> tuple[Matrix, NDArray[np.bool_]]:
    """Answers of people as (matrix, belongs); ValueError names the line that is not one."""
    rows, answers = [], []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            label: dict[str, Any] = json.loads(line)
            if label["features"]["tail_s"] > FIRST_TAIL_MAX_S:
                continue
            rows.append([float(label["features"][name]) for name in FEATURES])
            answers.append(bool(label["belongs"]))
        except (KeyError, TypeError, ValueError) as wrong:
            raise ValueError(f"{path}, line {number}: not a label of today's features: {wrong!r}") from wrong
    return np.array(rows, np.float64).reshape(-1, len(FEATURES)), np.array(answers, np.bool_)


def grow(matrix: Matrix, answer: NDArray[np.bool_], weight: Matrix, size: str) -> HistGradientBoostingClassifier:
    """Boosted trees of one of two sizes."""
    trees, leaves = {"medium": (120, 20), "large": (260, 22)}[size]
    model = HistGradientBoostingClassifier(
        max_iter=trees,
        max_leaf_nodes=leaves,
        max_depth=6,
        learning_rate=0.09,
        max_features=0.4,
        min_samples_leaf=60,
        l2_regularization=5.0,
        early_stopping=False,
        random_state=STATE,
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


def fit(
    chosen: Sequence[tuple[Scenario, int]],
    labels: tuple[Matrix, NDArray[np.bool_]] | None,
    scratch: Path,
    others: int = 0,
) -> dict[str, Any]:
    """The weights file's content; `scratch` is a folder for what lies between two looks."""
    with ProcessPoolExecutor(WORKERS) as pool:
        files = [scratch / f"{number}.pickle" for number in range(len(chosen))]
        jobs = [pool.submit(first_look, *each, others, kept) for each, kept in zip(chosen, files, strict=True)]
        told = [(kept, found) for kept, job in zip(files, jobs, strict=True) if (found := job.result()) is not None]
        looked = [found for _, found in told]
        answer = np.concatenate([each.answer for each in looked])
        seed_of = np.concatenate([each.seed for each in looked])
        guess_of = np.concatenate([each.guess for each in looked])
        plain = np.concatenate([each.plain for each in looked])
        weight = np.concatenate([each.weight for each in looked])
        passages, seeds = sum(each.passages for each in looked), sorted(set(seed_of.tolist()))
        apart = np.isin(seed_of, seeds[3::4])
        print(f"{passages} passages, {len(answer)} tags", flush=True)

        # Most strays are plain, and a quarter of them says as much at four times the weight.
        dull = ~answer & (guess_of <= 1e-3)
        train = ~apart & (~dull | (np.random.default_rng(STATE).random(len(answer)) < 0.25))
        weight = np.where(dull, 4.0, 1.0) * weight
        x = np.concatenate([each.matrix for each in looked])
        ends = np.cumsum([len(each.answer) for each in looked])[:-1]
        models = []
        for number, size in enumerate(PASSES[:-1], 1):
            models.append(grow(x[train], answer[train], weight[train], size))
            crowd = models[-1].predict_proba(x)[:, 1]
            for half in (0, 1):
                mine, other = train & (seed_of % 2 == half), train & (seed_of % 2 != half)
                crowd[mine] = grow(x[other], answer[other], weight[other], size).predict_proba(x[mine])[:, 1]
            x = np.concatenate(list(pool.map(next_look, [kept for kept, _ in told], np.split(crowd, ends))))
            print(f"pass {number} of {len(PASSES)}", flush=True)
    fit_x, fit_y, fit_w = x[train], answer[train], weight[train]
    if labels is not None and len(labels[1]):
        fit_x = np.concatenate([fit_x, labels[0]])
        fit_y = np.concatenate([fit_y, labels[1]])
        fit_w = np.concatenate([fit_w, np.full(len(labels[1]), LABEL_WEIGHT)])
    last = grow(fit_x, fit_y, fit_w, PASSES[-1])
    raw = last.decision_function(x)
    platt = LogisticRegression(C=1e6).fit(raw[apart].reshape(-1, 1), answer[apart])
    slope, shift = float(platt.coef_[0, 0]), float(platt.intercept_[0])
    score = 1.0 / (1.0 + np.exp(-(slope * raw + shift)))
    for name, which in (("as built", plain), ("as others make them, and variants", ~plain)):
        report(name, answer[apart & which], score[apart & which])

    rows, inward = np.concatenate([each.evidence for each in looked]), np.concatenate([each.inward for each in looked])
    # A mirrored passage is as likely: both go in, and no intercept is needed.
    mirrored = LogisticRegression(C=1.0, fit_intercept=False).fit(
        np.concatenate([rows, -rows]), np.concatenate([inward, ~inward])
    )
    right = (rows @ mirrored.coef_[0] > 0) == inward
    print(f"direction: {right.mean():.4f} right of {len(right)}")

    final = exported(last)
    final["calibration_x"], final["calibration_y"] = [-20.0, 20.0], [slope * -20.0 + shift, slope * 20.0 + shift]
    content: dict[str, Any] = {
        "made_by": f"bench/fit_passages.py: {len(seeds)} seeds, {passages} passages, {len(answer)} tags",
        "passes": [*(exported(each) for each in models), final],
        "direction": dict(zip(EVIDENCE, [round(float(w), 4) for w in mirrored.coef_[0]], strict=True)),
    }
    ours = parse_model(json.dumps(content)).passes[-1].score(x[apart])
    print(f"largest difference between exported and original scores: {np.abs(ours - score[apart]).max():.2g}")
    return content


def report(name: str, true: NDArray[np.bool_], score: Matrix) -> None:
    """Print how well scores tell what belongs."""
    print(f"{name}, seeds kept apart: AUC {roc_auc_score(true, score):.5f}, log loss {log_loss(true, score):.4f}")
    for low, high in ((0.0, 0.02), (0.02, 0.2), (0.2, 0.5), (0.5, 0.8), (0.8, 0.98), (0.98, 1.01)):
        inside = (score >= low) & (score < high)
        if inside.any():
            print(f"  score {low:.2f}-{high:.2f}: {inside.sum():6d} tags, {true[inside].mean():.4f} belong")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("bare", "doors"), help="which set of the file to fit")
    parser.add_argument("--seeds", type=int, default=4, help="seeds of each fitting scenario of the library")
    parser.add_argument("--drawn", type=int, default=200, help="drawn scenarios")
    parser.add_argument("--labels", type=Path)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    labels = read_labels(options.labels) if options.labels else None
    doors = [each for each in fit_cases(options.seeds, options.drawn) if not each[0].layout.zones]
    chosen = sorted(doors, key=lambda each: f"{each[0].name}-{each[1]}")
    with TemporaryDirectory() as scratch:
        content = fit(chosen, labels, Path(scratch), OTHERS[options.part])
    shipped = json.loads(OUT.read_text(encoding="utf-8"))
    if options.part == "bare":
        content = {"bare": {name: content[name] for name in ("made_by", "passes")}}
    content = shipped | content
    options.out.write_text(json.dumps(content, separators=(",", ":")) + "\n", encoding="utf-8")
    print(f"{options.out}: {options.out.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
