"""Bodies and truth from traffic: who goes where, when."""

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from simulators.gs1 import sgtin96_hex
from simulators.physics import loads, motion
from simulators.physics.parameters import Inlay
from simulators.physics.recording import LoadTruth, ZoneStay
from simulators.physics.world import Body, Path, still
from simulators.scenarios.site_plan import OPENING_M, SitePlan, door_name
from simulators.scenarios.spec import Parked, People, Scenario, ScenarioError, Traffic
from warehouse.site import Direction

REACH_M = 9.0
COMPANY = "0614141"
GOODS_HALF_M = 0.6


@dataclass(slots=True)
class Stage:
    """A world being filled. `free_s` is when each door's lane is free again."""

    rng: np.random.Generator
    plan: SitePlan
    inlay: Inlay
    base_us: int
    window_m: float
    bodies: list[Body] = field(default_factory=list)
    loads: list[LoadTruth] = field(default_factory=list)
    stays: list[tuple[str, str, float, float]] = field(default_factory=list)
    next_serial: int = 1
    end_s: float = 0.0

    def epcs(self, count: int) -> tuple[str, ...]:
        """Fresh tags: one item reference a call, running serials from a random start."""
        item = int(self.rng.integers(1, 99_999))
        first = int(self.rng.integers(1 << 20)) * 1000 + self.next_serial
        self.next_serial += count
        return tuple(sgtin96_hex(COMPANY, item, first + number) for number in range(count))

    def draw(self, bounds: tuple[float, float]) -> float:
        return float(self.rng.uniform(*bounds))

    def count(self, bounds: tuple[int, int]) -> int:
        return int(self.rng.integers(bounds[0], bounds[1] + 1))

    def us(self, t_s: float) -> int:
        return self.base_us + round(t_s * 1e6)

    def add(self, body: Body) -> None:
        self.bodies.append(body)
        self.end_s = max(self.end_s, body.path.end_s)

    def passed(self, portal: str, direction: Direction, bodies: list[Body]) -> None:
        """Write down that these bodies went through as one load."""
        windows = [window(body.path, self.window_m + GOODS_HALF_M) for body in bodies]
        start_s, end_s = min(first for first, _ in windows), max(last for _, last in windows)
        epcs = tuple(epc for body in bodies for epc in body.tags.epcs)
        load_id = f"L{len(self.loads) + 1:03d}"
        self.loads.append(LoadTruth(load_id, portal, direction, self.us(start_s), self.us(end_s), epcs))
        came, went = ("yard", "inside") if direction is Direction.IN else ("inside", "yard")
        for body in bodies:
            middle = crossing(body.path)
            for epc in body.tags.epcs:
                self.stays.append((epc, came, body.path.start_s, middle))
                self.stays.append((epc, went, middle, body.path.end_s))

    def stayed(self, body: Body, zone: str, start_s: float, end_s: float) -> None:
        """Write down that this body was in a zone."""
        self.stays.extend((epc, zone, start_s, end_s) for epc in body.tags.epcs)

    def zone_stays(self) -> tuple[ZoneStay, ...]:
        return tuple(ZoneStay(epc, zone, self.us(start), self.us(end)) for epc, zone, start, end in self.stays)


def _fine(path: Path) -> tuple[np.ndarray, np.ndarray]:
    t_s = np.arange(path.start_s, path.end_s, 0.01)
    return t_s, path.at(t_s)[1]


def window(path: Path, half_m: float) -> tuple[float, float]:
    """First and last time that the path is within `half_m` of the door plane, s."""
    t_s, y_m = _fine(path)
    near = np.flatnonzero(np.abs(y_m) < half_m)
    return float(t_s[near[0]]), float(t_s[near[-1]])


def crossing(path: Path) -> float:
    """When the path crosses the door plane for the last time, s."""
    t_s, y_m = _fine(path)
    signs = np.sign(y_m)
    return float(t_s[np.flatnonzero(signs[1:] != signs[:-1])[-1]])


def park(stage: Stage, parked: Parked, duration_s: float, number: int) -> None:
    """Pallets that stand beside a door for the whole time."""
    opening_x = stage.plan.openings[parked.door].x_m if stage.plan.openings else 0.0
    sign = 1.0 if parked.side == "inside" else -1.0
    for place in range(parked.count):
        post = float(stage.rng.choice([-1.0, 1.0])) if parked.count == 1 else (-1.0, 1.0)[place % 2]
        x_m = opening_x + post * (OPENING_M / 2 + 0.5 + stage.draw(parked.aside_m))
        y_m = sign * (0.6 + stage.draw(parked.away_m) + 1.4 * (place // 2))
        path = still(x_m, y_m, 0.0, duration_s, stage.draw((-0.1, 0.1)))
        name = f"parked-{number}-{place}"
        body = loads.load(
            stage.rng, stage.inlay, name, path, stage.epcs(stage.count(parked.tags)), parked.goods, "none"
        )
        stage.bodies.append(body)
        stage.stayed(body, "inside" if sign > 0 else "yard", 0.0, duration_s)


def walk(stage: Stage, people: People, doors: int) -> None:
    """Persons through doors, carrying nothing."""
    t = stage.draw(people.gap_s)
    for number in range(people.count):
        door = int(stage.rng.integers(doors))
        sign = int(stage.rng.choice([-1, 1]))
        x_m = stage.plan.openings[door].x_m + stage.draw((-1.0, 1.0))
        path = motion.through(t, x_m, sign, stage.draw((0.9, 1.5)), 6.0)
        stage.add(Body(f"person-{number}", path, loads.person()))
        t += stage.draw(people.gap_s)


def run(stage: Stage, traffic: Traffic, number: int, scenario: Scenario) -> None:
    """All loads of one traffic."""
    t = traffic.start_s
    for one in range(traffic.count):
        door = traffic.door if traffic.door >= 0 else int(stage.rng.integers(scenario.layout.doors))
        sign = {"in": 1, "out": -1}.get(traffic.direction) or int(stage.rng.choice([-1, 1]))
        if traffic.pattern in ("between_zones", "rest_in_zone"):
            _in_zones(stage, traffic, f"load-{number}-{one}", t, scenario.least_s)
        else:
            t = _at_door(stage, traffic, f"load-{number}-{one}", t, door, sign)
        t += stage.draw(traffic.gap_s)


def _at_door(stage: Stage, traffic: Traffic, name: str, t: float, door: int, sign: int) -> float:
    speed = stage.draw(traffic.speed_m_s)
    x_m = stage.plan.openings[door].x_m + stage.draw((-0.25, 0.25))
    portal = door_name(door)
    direction = Direction.IN if sign > 0 else Direction.OUT
    sway = stage.draw((0.0, 0.12)) if traffic.carrier != "conveyor" else 0.0

    def body(path: Path, suffix: str = "") -> Body:
        made = loads.load(
            stage.rng, stage.inlay, name + suffix, path, stage.epcs(stage.count(traffic.tags)), traffic.goods,
            traffic.carrier, loose=traffic.loose,
        )  # fmt: skip
        stage.add(made)
        return made

    if traffic.pattern in ("through", "stop"):
        stops: tuple[tuple[float, float], ...] = ()
        if traffic.pattern == "stop":
            stops = ((stage.draw((-0.9, 0.9)), stage.draw(traffic.pause_s)),)
        made = body(motion.through(t, x_m, sign, speed, REACH_M, stops, sway))
        stage.passed(portal, direction, [made])
    elif traffic.pattern == "abreast":
        first = body(motion.through(t, x_m - 0.6, sign, speed, REACH_M), "a")
        second = body(motion.through(t + stage.draw((0.0, 0.8)), x_m + 0.6, sign, speed, REACH_M), "b")
        stage.passed(portal, direction, [first, second])
        made = second
    elif traffic.pattern == "crossing":
        first = body(motion.through(t, x_m - 0.7, sign, speed, REACH_M), "a")
        made = body(motion.through(t + stage.draw((0.0, 2.0)), x_m + 0.7, -sign, speed, REACH_M), "b")
        stage.passed(portal, direction, [first])
        stage.passed(portal, Direction.OUT if sign > 0 else Direction.IN, [made])
    elif traffic.pattern == "turn_round":
        depth, pause = stage.draw((-0.6, 0.6)), stage.draw(traffic.pause_s)
        made = body(motion.turn_round(t, x_m, sign, speed, REACH_M, depth, pause))
        stage.stayed(made, "yard" if sign > 0 else "inside", made.path.start_s, made.path.end_s)
    elif traffic.pattern == "beside":
        post = float(stage.rng.choice([-1.0, 1.0]))
        spot_x = x_m + post * (OPENING_M / 2 + stage.draw((0.7, 1.4)))
        spot_y = -sign * stage.draw((1.3, 2.2))
        made = body(motion.bring_and_leave(t, spot_x, spot_y, sign, speed, REACH_M - 2.0, stage.draw(traffic.pause_s)))
        stage.stayed(made, "yard" if sign > 0 else "inside", made.path.start_s, made.path.end_s)
    elif traffic.pattern == "along":
        y_m = -sign * stage.draw((1.8, 3.0))
        far = REACH_M + 2.0
        ends = (x_m - far, x_m + far) if stage.rng.random() < 0.5 else (x_m + far, x_m - far)
        made = body(motion.along(t, y_m, *ends, speed))
        stage.stayed(made, "yard" if sign > 0 else "inside", made.path.start_s, made.path.end_s)
    else:
        raise ScenarioError(f"no traffic pattern {traffic.pattern!r}")
    return made.path.end_s if traffic.carrier != "conveyor" else t


def _in_zones(stage: Stage, traffic: Traffic, name: str, t: float, until_s: float) -> None:
    """A pallet stands in one zone till the end, or is moved to another (or two) on the way."""
    middles = stage.plan.zone_x_m
    zones = [zone.name for zone in stage.plan.site.zones]
    visits = 1 if traffic.pattern == "rest_in_zone" else int(stage.rng.integers(2, 4))
    route = stage.rng.permutation(len(middles))[:visits]
    times, places = [0.0], [middles[route[0]] + stage.draw((-1.2, 1.2))]
    y_m = stage.draw((-1.0, 1.0))
    arrivals = [0.0]
    now = t
    for _, goal in pairwise(route):
        x_m = middles[goal] + stage.draw((-1.2, 1.2))
        moving = abs(x_m - places[-1]) / stage.draw(traffic.speed_m_s)
        times.extend((now, now + moving))
        arrivals.append(now + moving / 2)
        places.extend((places[-1], x_m))
        now += moving + stage.draw(traffic.pause_s)
    end_s = max(now, until_s)
    knots = len(times) + 1
    path = Path(
        np.array([*times, end_s]),
        np.array([*places, places[-1]]),
        np.full(knots, y_m),
        np.full(knots, stage.draw((-3.0, 3.0))),
    )
    epcs = stage.epcs(stage.count(traffic.tags))
    made = loads.load(stage.rng, stage.inlay, name, path, epcs, traffic.goods, "none")
    stage.add(made)
    for zone, start, end in zip(route, arrivals, [*arrivals[1:], end_s], strict=True):
        stage.stayed(made, zones[zone], start, end)
