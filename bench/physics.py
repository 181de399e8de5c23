"""The simulated radio: read rates against published ones, how hard its doors are, and how fast it runs.

- Read rates: strong tags on four antennas in turn, by population and mode, beside what `reference/algorithms.md` gives.
- Difficulty: the best plain threshold on a tag's peak power in a load's window, chosen in hindsight, over held-out
  seeds of the door scenarios. A simulator where this exceeds 0.95 proves nothing about better rules.
- Speed: plant seconds per processor second, all three readers of a plant together.
"""

import json
import time

import numpy as np

from simulators.llrp.radio import AntennaDrive
from simulators.physics.inventory import Inventorying, TagFlags
from simulators.physics.parameters import DENSE, FAST, AirLink, Inventory, Persistence, Session
from simulators.plant import Plant
from simulators.scenarios.run import simulate
from simulators.scenarios.spec import library
from simulators.scenarios.split import HELD_OUT_SEEDS

POPULATIONS = (1, 20, 200)
PUBLISHED = {
    "dense": "200 tags/s nominal DRM (Zebra); 127 reads/s in a tunnel; 14 to 25 reads/s on one tag (R420)",
    "fast": "700 to 1,500 tags/s (R700, FX class)",
}
SECONDS = 20.0
PLANT_S = 120.0


def run() -> dict[str, object]:
    """Reads/s by mode and population, the threshold's best balanced figure, plant seconds per processor second."""
    modes = (("dense", DENSE), ("fast", FAST))
    rates = {name: {str(tags): round(_rate(link, tags)) for tags in POPULATIONS} for name, link in modes}
    for name, by_tags in rates.items():
        line = ", ".join(f"{tags} tags {rate}/s" for tags, rate in by_tags.items())
        print(f"{name:6s} {line:42s} published: {PUBLISHED[name]}")
    precision, recall, stray = _threshold()
    print(f"best power threshold in hindsight: precision {precision:.3f}, recall {recall:.3f}")
    print(f"strays: {stray:.0%} of the reads in windows")
    speed = _speed()
    print(f"plant of three readers: {speed:.0f} plant seconds per processor second")
    result: dict[str, object] = {
        "bench": "physics",
        "reads_per_s": rates,
        "threshold_precision": round(precision, 3),
        "threshold_recall": round(recall, 3),
        "stray_read_share": round(stray, 3),
        "plant_s_per_cpu_s": round(speed, 1),
    }
    print(json.dumps(result))
    return result


def _rate(link: AirLink, tags: int) -> float:
    rng = np.random.default_rng(1)
    settings = Inventory(link=link)
    inventory = Inventorying(settings, TagFlags(Session.S1, Persistence(), tags, rng), 4, rng)
    step_s = settings.dwell_s / 5
    powered, decode, index = np.ones((5, tags), dtype=bool), np.full((5, tags), 0.97), np.arange(tags)
    dwells = round(SECONDS / settings.dwell_s)
    reads = 0
    for turn in range(dwells):
        reads += len(inventory.dwell(turn * settings.dwell_s, turn % 4, step_s, powered, decode, index).t_s)
    return reads / SECONDS


def _threshold() -> tuple[float, float, float]:
    """Precision and recall where the smaller is greatest; share of reads in windows that are strays."""
    peaks: list[float] = []
    belongs: list[bool] = []
    strays = total = 0
    for scenario in library():
        if scenario.layout.zones:
            continue
        recording, truth = simulate(scenario, HELD_OUT_SEEDS[0])
        doors = np.array([reader[:6] for reader in recording.readers])[recording.reader]
        for load in truth.loads:
            rows = (recording.time_us >= load.start_us) & (recording.time_us <= load.end_us) & (doors == load.portal)
            tags = set(load.epcs)
            own = np.array([epc in tags for epc in recording.epcs])
            total += int(rows.sum())
            strays += int((~own[recording.tag[rows]]).sum())
            for tag in np.unique(recording.tag[rows]):
                peaks.append(float(recording.rssi_dbm[rows & (recording.tag == tag)].max()))
                belongs.append(bool(own[tag]))
    peak, label = np.array(peaks), np.array(belongs)
    best = (0.0, 0.0)
    for threshold in np.unique(peak):
        chosen = peak >= threshold
        pair = (float(label[chosen].mean()), float(chosen[label].mean()))
        best = max(best, pair, key=min)
    return *best, strays / total


def _speed() -> float:
    plant = Plant(7, PLANT_S)
    antennas = [AntennaDrive(port, 30.0, session=1) for port in (1, 2, 3, 4)]
    began = time.process_time()
    for reader in plant.site.readers:
        radio = plant.radio(reader.name)
        for start_us in range(plant.start_us, plant.end_us, 100_000):
            radio.reads(start_us, start_us + 100_000, antennas)
    return PLANT_S / (time.process_time() - began)
