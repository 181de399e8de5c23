"""Fit how a tag is said to have crossed the door with a load that crawls (`stream.operators.passage_crawl.WEIGHTS`).

    python -m bench.fit_crossings [--drawn 50]

Prints the weights, to be rounded into the module, and what half of the recordings says of the other half. Belts at 0.25
to 0.5 m/s are drawn for it, of seeds that no other fit takes; every load is looked at when a second look would come,
beside the loads that are found then, and with its own lag for the pace.
"""

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

from bench.door_cases import case
from bench.fit_passages import STATE, WORKERS, report
from simulators.physics.recording import LoadTruth
from simulators.scenarios.drawn import OTHER_ROOM
from simulators.scenarios.spec import Air, Layout, Parked, Scenario, Split, Traffic
from simulators.scenarios.split import DRAWN_SEEDS
from stream.operators.passage_crawl import LEAST_S, WEIGHTS, crawling, crossing_evidence
from stream.operators.passage_crawls import SAME_SHARE
from stream.operators.passage_state import PassageParams
from stream.operators.passages import PassageOperator
from stream.routing import Router
from tagledger.decide import batches, door_parts, reduce_reads

DRAWN_AFTER = 1_500
TERMS = tuple(name for name in WEIGHTS if name != "bias")
Rows = NDArray[np.float64]


def crawl(seed: int) -> Scenario:
    """Totes one behind the other at a crawl, and often a pallet beside them."""
    rng = np.random.default_rng([STATE, seed])
    speed = round(float(rng.uniform(0.25, 0.5)), 2)
    gap_s, power = float(rng.uniform(2.0, 4.0)) / speed, round(float(rng.uniform(21.0, 25.0)), 2)
    totes = Traffic(
        "through",
        carrier="conveyor",
        door=0,
        direction=str(rng.choice(["in", "out"])),
        count=8,
        tags=(2, int(rng.integers(5, 12))),
        goods=str(rng.choice(["dry", "mixed", "liquid"], p=[0.7, 0.2, 0.1])),
        speed_m_s=(speed, speed),
        gap_s=(gap_s, gap_s * 1.5),
    )
    parked = Parked(side=str(rng.choice(["inside", "outside"])), aside_m=(0.4, 1.0))
    return Scenario(
        name=f"crawl-{seed}",
        about="Totes at a crawl, drawn from a seed",
        split=Split.FIT,
        layout=Layout(
            doors=1,
            antennas_per_door=int(rng.choice([2, 4], p=[0.3, 0.7])),
            photo_eyes=False,
            power_dbm=(power, power + 1.0),
        ),
        air=Air(
            session=int(rng.choice([0, 1, 2], p=[0.2, 0.6, 0.2])),
            dual_target=bool(rng.random() < 0.8),
            fast=bool(rng.random() < 0.4),
        ),
        traffic=(totes,),
        parked=(parked,) if rng.random() < 0.7 else (),
        window_m=0.6,
        room=OTHER_ROOM if rng.random() < 0.4 else None,
    )


class _Following(PassageOperator):
    """The operator, telling of each load what its crossings are when a second look would come."""

    def crossed(self, load: LoadTruth, until_us: int) -> Rows:
        """Rows of (belongs, terms) of the tags heard on both sides; none where the load is not found."""
        seen = self._looks.crawls.crossings(load.start_us, until_us)
        told = np.isfinite(seen.lag_s).nonzero()[0]
        belongs = np.zeros(len(seen.lag_s), np.bool_)
        belongs[self._rows.known(set(load.epcs))] = True
        lags = np.abs(seen.lag_s[told[belongs[told]]])
        if not len(lags) or np.median(lags) < LEAST_S:
            return np.empty((0, 1 + len(TERMS)))
        loads = crawling(seen, float(np.median(lags)), np.isfinite(seen.lag_s))
        middle_s = (load.end_us - load.start_us) / 2e6
        near = min(loads, key=lambda each: abs(each.at_s - middle_s), default=None)
        if near is None or abs(near.at_s - middle_s) > SAME_SHARE * abs(near.lag_s):
            return np.empty((0, 1 + len(TERMS)))
        evidence = crossing_evidence(seen, near, loads)
        return np.stack([belongs[told], *(evidence[name][told] for name in TERMS)], axis=1).astype(np.float64)


def crossings(seed: int) -> Rows:
    """Those of every load of one recording."""
    site, reads, truth = case(crawl(seed), seed)
    params = PassageParams(provisional_every_s=None)
    door = _Following(*door_parts(site, site.portals[0]), params)
    router, after_us = Router(site), int(params.hindsight_s * 1e6)
    waiting = sorted(truth.loads, key=lambda load: load.end_us)
    found = [np.empty((0, 1 + len(TERMS)))]
    for batch in batches(reduce_reads(reads), reads.events):
        piece = router.route(batch).slices.get(site.portals[0].name)
        door.on_batch(batch.watermark_us, [piece] if piece else [])
        while waiting and waiting[0].end_us + after_us <= batch.watermark_us:
            found.append(door.crossed(waiting.pop(0), batch.watermark_us))
    return np.concatenate(found)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--drawn", type=int, default=50, help="drawn recordings")
    options = parser.parse_args()
    seeds = DRAWN_SEEDS[DRAWN_AFTER : DRAWN_AFTER + options.drawn]
    with ProcessPoolExecutor(WORKERS) as pool:
        by_seed = list(pool.map(crossings, seeds))
    rows, half = np.concatenate(by_seed), np.repeat(np.arange(len(seeds)) % 2, [len(each) for each in by_seed])
    belongs, terms = rows[:, 0] > 0.5, rows[:, 1:]
    print(f"{len(seeds)} recordings, {len(rows)} tags of which {belongs.sum()} belong")
    score = np.zeros(len(rows))
    for kept in (0, 1):
        model = LogisticRegression(C=100.0).fit(terms[half != kept], belongs[half != kept])
        score[half == kept] = model.predict_proba(terms[half == kept])[:, 1]
    report("crossed with it", belongs, score)
    model = LogisticRegression(C=100.0).fit(terms, belongs)
    print(
        {
            **dict(zip(TERMS, model.coef_[0].round(2).tolist(), strict=True)),
            "bias": round(float(model.intercept_[0]), 2),
        }
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
