"""Scenarios drawn from a seed: doors, readers, goods and movements in combinations nobody wrote down.

What decisions are fitted on beside the library's own fitting scenarios. A library of some twenty files teaches a model
those twenty doors; a thousand drawn ones leave it only what doors have in common. Every seed gives one dock of one to
three doors: antennas, light barriers, spacing, transmit power, session and target, link mode, room (half of them other
than the frozen one), what is parked, and for each door a programme of loads one after another, with goods brought
beside the door or driven past it meanwhile. One scenario in four is at other speeds than most: forklifts that do not
slow down for the door, belts that crawl or race. The same seed gives the same scenario.
"""

from dataclasses import replace

import numpy as np

from simulators.scenarios.spec import Air, Layout, Parked, People, Room, Scenario, Split, Traffic

DRAWN_STREAM = 20_261_122
SPEEDS_STREAM = 20_261_123
OTHER_SPEEDS = 0.25
TRUCKS_M_S = (2.2, 4.0)
BELTS_M_S = ((0.2, 0.4), (1.2, 2.0))
BELT_GAPS_M = (2.0, 5.0)
FULL_S = 95.0
"""A door's programme takes loads until about then."""
LANE_M = 18.0
PATTERNS = {"through": 0.46, "stop": 0.2, "abreast": 0.14, "crossing": 0.1, "turn_round": 0.1}
GOODS = {"dry": 0.62, "mixed": 0.16, "liquid": 0.11, "metal": 0.11}
OTHER_ROOM = Room(
    diffuse_below_los_db=(5.0, 14.0),
    wall_db=(6.0, 20.0),
    sensitivity_dbm=(-20.0, -15.0),
    sensitivity_sd_db=(1.0, 3.5),
    rssi_noise_db=(0.3, 1.5),
    receiver_dbm=(-86.0, -76.0),
)


def drawn(seed: int) -> Scenario:
    """The scenario of a seed; always of split `fit`."""
    rng = np.random.default_rng([seed, DRAWN_STREAM])
    belt = bool(rng.random() < 0.18)
    doors = int(rng.choice([1, 2, 3], p=[0.3, 0.4, 0.3]))
    antennas = int(rng.choice([2, 4, 8], p=[0.3, 0.5, 0.2]))
    power = round(float(rng.uniform(21.0, 25.0) if belt else rng.uniform(24.0, 30.0)), 2)
    layout = Layout(
        doors=doors,
        spacing_m=round(float(rng.uniform(3.5, 5.5)), 2),
        antennas_per_door=antennas,
        readers_per_door=int(rng.integers(1, 3)) if antennas > 2 else 1,
        photo_eyes=bool(rng.random() < 0.6),
        power_dbm=(power, power + 1.0),
    )
    air = Air(
        session=int(rng.choice([0, 1, 2], p=[0.1, 0.75, 0.15])),
        dual_target=bool(rng.random() < 0.75),
        fast=bool(rng.random() < 0.45),
    )
    traffic: list[Traffic] = []
    for door in range(doors):
        traffic += _belt(rng, door) if belt and door == 0 else _programme(rng, door)
    if rng.random() < 0.25:
        traffic.append(_aside(rng, doors))
    parked = tuple(_parked(rng, doors) for _ in range(int(rng.integers(0, 4))))
    speeds = np.random.default_rng([seed, SPEEDS_STREAM])
    if speeds.random() < OTHER_SPEEDS:
        traffic = [_at_other_speed(speeds, each) for each in traffic]
    return Scenario(
        name=f"drawn-{seed}",
        about="Drawn from a seed",
        split=Split.FIT,
        layout=layout,
        air=air,
        traffic=tuple(traffic),
        parked=parked,
        people=People(int(rng.integers(1, 4))) if rng.random() < 0.2 else People(),
        window_m=0.6 if belt and doors == 1 else 1.0,
        room=OTHER_ROOM if rng.random() < 0.5 else None,
    )


def _programme(rng: np.random.Generator, door: int) -> list[Traffic]:
    """Loads of a door, one after another."""
    out: list[Traffic] = []
    at_s = float(rng.uniform(4.0, 14.0))
    while at_s < FULL_S:
        pattern = str(rng.choice(list(PATTERNS), p=list(PATTERNS.values())))
        truck = pattern in ("through", "turn_round", "stop") and rng.random() < 0.55
        slow = float(rng.uniform(0.7, 1.6 if truck else 1.1))
        gap_s = float(rng.uniform(1.0, 6.0))
        pause_s = (1.0, float(rng.uniform(2.0, 7.0)))
        most = 15 if rng.random() < 0.25 else 40 if rng.random() < 0.9 else 160
        count = int(rng.integers(1, 3))
        out.append(
            Traffic(
                pattern,
                carrier="forklift" if truck else "hand_truck",
                door=door,
                count=count,
                tags=(max(1, most // 3), most),
                goods=_goods(rng),
                loose=bool(rng.random() < 0.15),
                speed_m_s=(slow, slow + 0.4),
                gap_s=(gap_s, gap_s + 4.0),
                pause_s=pause_s,
                start_s=round(at_s, 2),
            )
        )
        waits_s = pause_s[1] if pattern in ("stop", "turn_round") else 0.0
        at_s += count * (LANE_M / slow + waits_s + gap_s + 4.0)
    return out


def _belt(rng: np.random.Generator, door: int) -> list[Traffic]:
    """Totes on a conveyor."""
    speed = round(float(rng.uniform(0.4, 1.2)), 2)
    gap_s = float(rng.uniform(3.5, 7.0))
    return [
        Traffic(
            "through",
            carrier="conveyor",
            door=door,
            direction=str(rng.choice(["in", "out"])),
            count=int(rng.integers(6, 13)),
            tags=(1, int(rng.integers(4, 12))),
            goods=_goods(rng),
            speed_m_s=(speed, speed),
            gap_s=(gap_s, gap_s + 3.0),
            start_s=round(float(rng.uniform(4.0, 12.0)), 2),
        )
    ]


def _at_other_speed(rng: np.random.Generator, traffic: Traffic) -> Traffic:
    """Forklifts that keep their speed in the door; belts that crawl or race, their totes as far apart as on others."""
    if traffic.carrier == "conveyor":
        speed = round(float(rng.uniform(*BELTS_M_S[int(rng.integers(2))])), 2)
        gap_s = float(rng.uniform(*BELT_GAPS_M)) / speed
        count = min(traffic.count, 7) if speed < 1.0 else traffic.count
        return replace(traffic, count=count, speed_m_s=(speed, speed), gap_s=(gap_s, gap_s * 1.5))
    if traffic.carrier == "forklift" and traffic.pattern == "through":
        low, high = sorted(rng.uniform(*TRUCKS_M_S, 2).tolist())
        return replace(traffic, speed_m_s=(low, high))
    return traffic


def _aside(rng: np.random.Generator, doors: int) -> Traffic:
    """Goods that come near a door and do not go through."""
    return Traffic(
        str(rng.choice(["beside", "along"])),
        door=int(rng.integers(doors)),
        count=int(rng.integers(1, 3)),
        gap_s=(8.0, 20.0),
        pause_s=(8.0, 20.0),
        start_s=round(float(rng.uniform(5.0, 50.0)), 2),
    )


def _parked(rng: np.random.Generator, doors: int) -> Parked:
    near = float(rng.uniform(0.1, 0.8))
    away = float(rng.uniform(0.7, 2.0))
    return Parked(
        door=int(rng.integers(doors)),
        side=str(rng.choice(["inside", "outside"])),
        aside_m=(near, near + 0.5),
        away_m=(away, away + 1.0),
        tags=(5, 35),
        goods=_goods(rng),
        count=int(rng.integers(1, 3)),
    )


def _goods(rng: np.random.Generator) -> str:
    return str(rng.choice(list(GOODS), p=list(GOODS.values())))
