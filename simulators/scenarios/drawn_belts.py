"""Belts drawn from a seed: boxes that follow one another closely through a tunnel of antennas.

What belts are measured on (`bench.recordings`); nothing is fitted on them. The belts of `simulators.scenarios.drawn`
keep their totes several seconds apart; here the next box is heard while this one is under the antennas: half a metre to
three metres from one to the next, at a crawl or a run, antennas near the belt or a door's, turned down or not, a second
belt or pallets beside it. The same seed gives the same scenario.
"""

from dataclasses import replace

import numpy as np

from simulators.scenarios.drawn import OTHER_ROOM
from simulators.scenarios.spec import Air, Layout, Parked, Room, Scenario, Split, Traffic

BELTS_STREAM = 20_261_124
PITCH_M = (0.75, 3.5)
SPEED_M_S = (0.2, 1.6)
RUN_S = 75.0
"""Boxes are put on a belt for so long, or until there are `BOXES_MAX`."""
BOXES_MAX = 24


def drawn_belts(seed: int) -> Scenario:
    """The scenario of a seed; always of split `dev`."""
    rng = np.random.default_rng([seed, BELTS_STREAM])
    belts = int(rng.choice([1, 2], p=[0.65, 0.35]))
    antennas = int(rng.choice([2, 4, 8], p=[0.45, 0.45, 0.1]))
    power = round(float(rng.uniform(16.0, 27.0)), 2)
    return Scenario(
        name=f"belts-{seed}",
        about="Belts drawn from a seed",
        split=Split.DEV,
        layout=Layout(
            doors=belts,
            spacing_m=round(float(rng.uniform(1.6, 4.0)), 2),
            antennas_per_door=antennas,
            photo_eyes=False,
            power_dbm=(power, power + 1.0),
            post_m=round(float(rng.uniform(0.55, 1.75)), 2),
            from_wall_m=round(float(rng.uniform(0.0, 0.35)), 2),
        ),
        air=Air(
            session=int(rng.choice([0, 1, 2], p=[0.45, 0.5, 0.05])),
            dual_target=bool(rng.random() < 0.9),
            fast=bool(rng.random() < 0.45),
        ),
        traffic=tuple(_boxes(rng, belt) for belt in range(belts)),
        parked=tuple(_parked(rng, belts) for _ in range(int(rng.integers(0, 3)))),
        window_m=0.0,
        room=replace(OTHER_ROOM if rng.random() < 0.5 else Room(), wall_db=(0.0, 0.0)),
    )


def _boxes(rng: np.random.Generator, belt: int) -> Traffic:
    speed = round(float(np.exp(rng.uniform(*np.log(SPEED_M_S)))), 2)
    pitch_s = float(rng.uniform(*PITCH_M)) / speed
    return Traffic(
        "through",
        carrier="conveyor",
        door=belt,
        direction=str(rng.choice(["in", "out"])),
        count=int(min(BOXES_MAX, max(4, RUN_S / pitch_s))),
        tags=(1, int(rng.choice([3, 8, 20, 40]))),
        goods=str(rng.choice(["dry", "mixed", "liquid", "metal"], p=[0.7, 0.16, 0.07, 0.07])),
        loose=bool(rng.random() < 0.2),
        speed_m_s=(speed, speed),
        gap_s=(pitch_s, pitch_s * float(rng.uniform(1.0, 1.8))),
        start_s=round(float(rng.uniform(4.0, 9.0)), 2),
    )


def _parked(rng: np.random.Generator, belts: int) -> Parked:
    away = float(rng.uniform(0.2, 1.5))
    return Parked(
        door=int(rng.integers(belts)),
        side=str(rng.choice(["inside", "outside"])),
        aside_m=(0.0, 0.8),
        away_m=(away, away + 1.0),
        tags=(3, 25),
    )
