"""Decisions against the truth on held-out scenarios and seeds, beside what is done at doors today.

    python -m bench accuracy            (all held-out scenarios, 2 seeds)
    python -m bench.accuracy --dev NAME ...   (dev scenarios, which the work on the decisions looked at; all or some)

Nothing here was used to fit: scenarios are of split `held_out`, seeds are `HELD_SEEDS`. Every figure is defined in
`stream.scoring`; the tables show scenarios worst first by recall + precision. `bound` is the share of the loads' tags
that were read at all: no decision reaches more of all tags (`all`). `latency_s` is the watermark at which a
passage became final after its load's goods left the door's field (truth). Scores are of each passage's last word, with
the second look at what is gone; `first word` has those of the finals within 2 s.
"""

import json
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from bench.baselines import Baseline, as_passages, edgex, photo_eye, rssi_threshold, strongest_antenna
from bench.door_cases import DEV_SEEDS, HELD_SEEDS, case
from simulators.physics.recording import Truth
from simulators.scenarios.spec import Scenario, Split, library
from stream.recorded import RecordedReads
from stream.recorded_truth import RecordedTruth, TrueLoad, TrueStay
from stream.scoring import PassageScore, ZoneScore, score_passages
from tagledger.score import Scored, own_reads, score_recording
from warehouse.site import Site

RSSI_THRESHOLD_DBM = -52.0
"""Best F1 over the fitting scenarios among -70, -69 ... -40 (`best_threshold`)."""

FINAL_S = 2.0
TARGETS = {"precision": 0.995, "recall": 0.995, "exact": 0.95, "direction": 0.99}


@dataclass(slots=True)
class Tally:
    """Scores of one scenario over its seeds."""

    ours: PassageScore = field(default_factory=lambda: PassageScore(()))
    first: PassageScore = field(default_factory=lambda: PassageScore(()))
    others: dict[str, PassageScore] = field(default_factory=dict)
    zones: ZoneScore = field(default_factory=ZoneScore)
    stray: list[float] = field(default_factory=list)
    latency_s: list[float] = field(default_factory=list)


def truth_of(truth: Truth) -> RecordedTruth:
    """The simulator's truth in the words of recordings."""
    return RecordedTruth(
        tuple(
            TrueLoad(load.load_id, load.portal, load.direction, load.start_us, load.end_us, load.epcs)
            for load in truth.loads
        ),
        tuple(TrueStay(stay.epc, stay.zone, stay.start_us, stay.end_us) for stay in truth.stays),
    )


def measure(scenario: Scenario, seeds: Sequence[int], *, baselines: bool = True) -> Tally:
    """One scenario."""
    tally = Tally()
    for seed in seeds:
        site, reads, simulated = case(scenario, seed)
        truth = truth_of(simulated)
        scored = score_recording(site, reads, truth)
        if scored.zones is not None:
            tally.zones += scored.zones
        if scored.passages is None and not site.portals:
            continue
        own = {portal.name: own_reads(site, portal.name, reads) for portal in site.portals}
        tally.ours += score_passages(scored.decided.final, truth.loads, own)
        first = {passage.passage_id: passage for _, passage in reversed(scored.decided.said) if passage.final}
        tally.first += score_passages(list(first.values()), truth.loads, own)
        tally.stray.append(scored.stray_reads)
        tally.latency_s += _latencies(scored, tally)
        if baselines:
            for name, decide in _baselines(site, reads).items():
                said = as_passages(site, reads, scored.decided.final, decide)
                tally.others[name] = tally.others.get(name, PassageScore(())) + score_passages(said, truth.loads, own)
    return tally


def _latencies(scored: Scored, tally: Tally) -> list[float]:
    first_final: dict[UUID, int] = {}
    for now_us, passage in scored.decided.said:
        if passage.final:
            first_final.setdefault(passage.passage_id, now_us)
    return [
        (first_final[score.passage.passage_id] - score.load.end_us) / 1e6
        for score in tally.ours.loads[-len(scored.decided.final) :]
        if score.load is not None and score.passage is not None and score.passage.passage_id in first_final
    ]


def _baselines(site: Site, reads: RecordedReads) -> dict[str, Baseline]:
    return {
        "photo_eye": photo_eye,
        "strongest_antenna": strongest_antenna,
        "rssi_threshold": rssi_threshold(RSSI_THRESHOLD_DBM),
        "edgex": edgex(site, reads),
    }


def best_threshold(seeds: int = 1) -> float:
    """The RSSI threshold with the best F1 on fitting scenarios."""
    best = (0.0, 0.0)
    cases = [
        case(s, seed)
        for s in library()
        if s.split is Split.FIT and not s.layout.zones
        for seed in range(1000, 1000 + seeds)
    ]
    scored = [
        (site, reads, truth_of(truth), score_recording(site, reads, truth_of(truth))) for site, reads, truth in cases
    ]
    for threshold in range(-70, -39):
        total = PassageScore(())
        for site, reads, truth, ours in scored:
            own = {portal.name: own_reads(site, portal.name, reads) for portal in site.portals}
            said = as_passages(site, reads, ours.decided.final, rssi_threshold(float(threshold)))
            total += score_passages(said, truth.loads, own)
        shares = total.shares()
        precision, recall = shares["precision"].value, shares["recall"].value
        best = max(best, (2 * precision * recall / max(precision + recall, 1e-9), float(threshold)))
    return best[1]


def run(names: Sequence[str] = (), *, dev: bool = False) -> dict[str, object]:
    """Measure, print, and return every figure."""
    split = Split.DEV if dev else Split.HELD_OUT
    chosen = [s for s in library() if s.split is split and (not names or s.name in names)]
    tallies: dict[str, Tally] = {}
    for scenario in chosen:
        began = time.monotonic()
        tallies[scenario.name] = measure(scenario, DEV_SEEDS if dev else HELD_SEEDS)
        print(f"  {scenario.name}: {time.monotonic() - began:.0f} s", flush=True)
    doors = {name: tally for name, tally in tallies.items() if tally.ours.loads}
    total = Tally()
    for tally in doors.values():
        total.ours += tally.ours
        total.first += tally.first
        for name, other in tally.others.items():
            total.others[name] = total.others.get(name, PassageScore(())) + other
        total.stray += tally.stray
        total.latency_s += tally.latency_s
    figures: dict[str, object] = {"scenarios": {name: _figures(tally) for name, tally in doors.items()}}
    if doors:
        _print_doors(doors, total)
        figures["all"] = _figures(total)
        shares = total.ours.shares()
        figures["reached"] = {name: bool(shares[name].value >= mark) for name, mark in TARGETS.items()} | {
            "direction_unsure": bool(shares["direction_unsure"].value <= 0.01)
        }
    zones = {name: tally.zones for name, tally in tallies.items() if tally.zones.total_s}
    for name, zone in zones.items():
        print(f"{name}: zone of tags at rest {zone.accuracy}, false moves {zone.false_moves_per_h:.2f} an hour and tag")
        figures[f"zones_{name}"] = {
            "accuracy": round(zone.accuracy.value, 5),
            "false_moves_per_h": round(zone.false_moves_per_h, 3),
            "never_read": zone.silent_tags,
        }
    print(json.dumps(figures))
    return figures


def _figures(tally: Tally) -> dict[str, object]:
    out: dict[str, object] = {name: round(share.value, 5) for name, share in tally.ours.shares().items()}
    known = [value for value in tally.stray if value == value]
    out["stray_reads"] = round(statistics.mean(known), 4) if known else None
    out["loads"] = sum(score.load is not None for score in tally.ours.loads)
    if tally.latency_s:
        out["latency_s_median"] = round(statistics.median(tally.latency_s), 2)
        out["latency_s_max"] = round(max(tally.latency_s), 2)
        out["later_than_2_s"] = round(_late(tally), 4)
    for name, other in {"first_word": tally.first, **tally.others}.items():
        shares = other.shares()
        out[name] = {key: round(shares[key].value, 4) for key in ("precision", "recall", "exact", "direction")}
    return out


def _late(tally: Tally) -> float:
    """Share of loads whose final verdict came more than 2 s after they left."""
    return sum(value > FINAL_S for value in tally.latency_s) / max(len(tally.latency_s), 1)


def _print_doors(doors: dict[str, Tally], total: Tally) -> None:
    def quality(item: tuple[str, Tally]) -> float:
        shares = item[1].ours.shares()
        return shares["precision"].value + shares["recall"].value

    names = ("prec", "recall", "all", "bound", "exact", "dir", "dir?", "tag?", "late s", "late%")
    head = f"{'scenario':20s} {'strays':>6s} {'loads':>5s} " + " ".join(
        f"{name:>{width}s}" for name, width in zip(names, (7, 7, 6, 6, 6, 6, 6, 6, 6, 6), strict=True)
    )
    print(head)
    for name, tally in [*sorted(doors.items(), key=quality), ("ALL", total)]:
        shares = tally.ours.shares()
        known = [value for value in tally.stray if value == value]
        print(
            f"{name:20s} {statistics.mean(known) if known else float('nan'):6.2f}"
            f" {sum(score.load is not None for score in tally.ours.loads):5d}"
            f" {shares['precision'].value:7.4f} {shares['recall'].value:7.4f} {shares['recall_all'].value:6.3f}"
            f" {shares['read'].value:6.3f}"
            f" {shares['exact'].value:6.3f} {shares['direction'].value:6.3f} {shares['direction_unsure'].value:6.3f}"
            f" {shares['tags_unsure'].value:6.3f} {statistics.median(tally.latency_s or [float('nan')]):6.2f}"
            f" {_late(tally):6.2f}"
        )
    print(f"\n{'the same reads by':20s} {'prec':>7s} {'recall':>7s} {'exact':>6s} {'dir':>6s} {'dir?':>6s}")
    for name, other in {"tagledger": total.ours, "first word": total.first, **total.others}.items():
        shares = other.shares()
        print(
            f"{name:20s} {shares['precision'].value:7.4f} {shares['recall'].value:7.4f} {shares['exact'].value:6.3f}"
            f" {shares['direction'].value:6.3f} {shares['direction_unsure'].value:6.3f}"
        )
    print()
    for name, mark in TARGETS.items():
        share = total.ours.shares()[name]
        print(f"{name:12s} {share}  target {mark}: {'reached' if share.value >= mark else 'NOT reached'}")


if __name__ == "__main__":
    arguments = [argument for argument in sys.argv[1:] if not argument.startswith("--")]
    run(arguments, dev="--dev" in sys.argv)
