"""The day of the plant: one thing after another at each door, drawn from the seed.

Every door has a lane that one load uses at a time; the doors go on side by side. Some outgoing pallets are ones that
came in earlier the same day. Cases that must happen are dealt out first (`CASES`), so that a demo of a few minutes
shows each of them; the rest is plain traffic.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from simulators.gs1 import gtin14, sgtin96_hex, sscc18, sscc96_hex
from simulators.physics import loads, motion
from simulators.physics.inlay import stack
from simulators.physics.parameters import Inlay
from simulators.physics.recording import LoadTruth
from simulators.physics.world import Body, Path, still
from simulators.plant_documents import OpeningUnit, PlantDocument, PlantItem, PlantLine, PlantUnit
from simulators.plant_truth import PlantLoad, PlantTruth, StockTruth
from simulators.scenarios.site_plan import OPENING_M, SitePlan, door_name
from simulators.scenarios.traffic import GOODS_HALF_M, crossing, window
from warehouse.site import Direction

COMPANY = "0614141"
UNKNOWN_COMPANY = "9521234"
PRODUCTS = (
    ("HINGE-90", "Hinge 90 mm"),
    ("BOLT-M8", "Bolt M8 × 40"),
    ("GEAR-24", "Gear wheel 24 teeth"),
    ("SEAL-EPDM", "Seal EPDM 12 m"),
    ("PUMP-HOUSING", "Pump housing"),
    ("CABLE-4X2", "Cable 4 × 2 mm²"),
    ("FILTER-A", "Filter cartridge A"),
    ("BRACKET-L", "Bracket L"),
)
CASES = ("short", "stop", "extra", "turn_round", "unknown", "beside", "wrong_carton", "along")
WORK_ORDER_EVERY = 3
"""Of the plain pallets that leave, the first and every third after it go to the assembly hall, not to a customer."""
LAYER_SHARE = 0.3
"""A short pallet lacks its top layer: this share of its cartons."""
REACH_M = 9.0
WINDOW_M = 1.0
FIRST_S = 4.0
TAIL_S = 6.0
ANNOUNCED_BEFORE_S = 120.0
INSIDE, YARD = "inside", "yard"


@dataclass(slots=True)
class Day:
    """The day while it is being made."""

    rng: np.random.Generator
    plan: SitePlan
    inlay: Inlay
    base_us: int
    duration_s: float
    items: tuple[PlantItem, ...] = ()
    bodies: list[Body] = field(default_factory=list)
    opening: list[OpeningUnit] = field(default_factory=list)
    documents: list[PlantDocument] = field(default_factory=list)
    loads: list[PlantLoad] = field(default_factory=list)
    bystanders: list[str] = field(default_factory=list)
    received: list[tuple[float, PlantUnit]] = field(default_factory=list)
    serial: int = 100_000
    pallet: int = 1
    plain_out: int = 0

    def draw(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def us(self, t_s: float) -> int:
        return self.base_us + round(t_s * 1e6)

    def cartons(self, item: PlantItem, count: int) -> tuple[str, ...]:
        first = self.serial
        self.serial += count
        return tuple(sgtin96_hex(COMPANY, item.item_reference, first + number) for number in range(count))

    def unit(self, count: int | None = None) -> PlantUnit:
        """A new pallet of one item."""
        item = self.items[int(self.rng.integers(len(self.items)))]
        number = self.pallet
        self.pallet += 1
        count = count or int(self.rng.integers(14, 31))
        return PlantUnit(sscc18(COMPANY, number), sscc96_hex(COMPANY, number), item.code, self.cartons(item, count))

    def item(self, code: str) -> PlantItem:
        return next(item for item in self.items if item.code == code)

    def place(self, name: str, path: Path, epcs: tuple[str, ...], carrier: str) -> Body:
        """Put a pallet with these tags into the world; the first tag is the pallet's own, on its outside."""
        box = loads.goods(self.rng, "dry", len(epcs))
        pallet = stack(self.rng, self.inlay, epcs[:1], replace(box, height_m=0.3), outward=True)
        cartons = stack(self.rng, self.inlay, epcs[1:], box)
        tags = replace(
            cartons,
            epcs=epcs,
            offset_m=np.concatenate([pallet.offset_m, cartons.offset_m]),
            axis=np.concatenate([pallet.axis, cartons.axis]),
            sensitivity_dbm=np.concatenate([pallet.sensitivity_dbm, cartons.sensitivity_dbm]),
            depth_db=np.concatenate([pallet.depth_db, cartons.depth_db]),
        )
        body = Body(name, path, (box, *loads.carrier(carrier)), tags)
        self.bodies.append(body)
        return body


def fill(day: Day) -> PlantTruth:
    """Make the whole day."""
    references = day.rng.choice(np.arange(10_000, 90_000), len(PRODUCTS), replace=False)
    day.items = tuple(
        PlantItem(code, name, gtin14(COMPANY, int(reference)), int(reference))
        for (code, name), reference in zip(PRODUCTS, references, strict=True)
    )
    _park(day)
    doors = len(day.plan.openings)
    free = [FIRST_S + 3.0 * door for door in range(doors)]
    cases = list(CASES)
    turn = 0
    while True:
        door = int(np.argmin(free))
        start_s = free[door]
        if start_s > day.duration_s - 2.0 * REACH_M - TAIL_S:
            break
        case = cases.pop(0) if cases and turn % 2 == 1 else "plain"
        end_s = _visit(day, door, start_s, case, turn)
        if end_s > day.duration_s - TAIL_S:
            free[door] = day.duration_s
            turn += 1
            continue
        free[door] = end_s + day.draw(3.0, 9.0)
        turn += 1
    day.loads.sort(key=lambda load: load.load.start_us)
    return PlantTruth(tuple(day.loads), _stock(day), tuple(day.bystanders))


def _park(day: Day) -> None:
    """One pallet of stock stands beside the middle door all day; the shelves are out of the readers' reach."""
    door = len(day.plan.openings) // 2
    unit = day.unit(18)
    x_m = day.plan.openings[door].x_m + OPENING_M / 2 + 0.5 + day.draw(0.2, 0.5)
    path = still(x_m, day.draw(1.2, 1.8), 0.0, day.duration_s, day.draw(-0.1, 0.1))
    day.place("parked", path, (unit.epc, *unit.cartons), "none")
    day.opening.append(OpeningUnit(unit, INSIDE))
    day.bystanders.extend((unit.epc, *unit.cartons))


def _visit(day: Day, door: int, start_s: float, case: str, turn: int) -> float:
    """One thing that happens at a door; when it is over."""
    if case in ("turn_round", "beside", "along"):
        return _near(day, door, start_s, case, turn)
    outward = case == "wrong_carton" or (case in ("plain", "stop") and day.rng.random() < 0.45)
    carrier = str(day.rng.choice(["forklift", "hand_truck"], p=[0.65, 0.35]))
    speed = day.draw(1.0, 1.9) if carrier == "forklift" else day.draw(0.8, 1.3)
    sign = -1 if outward else 1
    x_m = day.plan.openings[door].x_m + day.draw(-0.25, 0.25)
    stops = ((day.draw(-0.8, 0.8), day.draw(2.0, 5.0)),) if case == "stop" else ()
    path = motion.through(start_s, x_m, sign, speed, REACH_M, stops, day.draw(0.0, 0.1))
    if path.end_s > day.duration_s - TAIL_S:
        return path.end_s
    unit = _outgoing(day, start_s) if outward else day.unit()
    named = unit.cartons
    on_board = list(named)
    unannounced: list[tuple[str, str]] = []
    unknown: list[str] = []
    missing: tuple[str, ...] = ()
    if case == "short":
        layer = round(len(named) * LAYER_SHARE)
        missing, on_board = tuple(on_board[-layer:]), on_board[:-layer]
    elif case == "extra":
        added = day.cartons(day.item(unit.item), 1)
        unannounced = [(epc, unit.item) for epc in added]
        on_board.extend(added)
    elif case == "wrong_carton":
        other = next(item for item in day.items if item.code != unit.item)
        spare = day.unit(4)
        spare = replace(spare, item=other.code, cartons=day.cartons(other, 4))
        day.opening.append(OpeningUnit(spare, INSIDE))
        unannounced = [(spare.cartons[0], other.code)]
        on_board.append(spare.cartons[0])
    elif case == "unknown":
        unknown = [
            sgtin96_hex(UNKNOWN_COMPANY, 777, int(day.rng.integers(1 << 30))),
            f"E2{int(day.rng.integers(1 << 62)):022X}",
        ]
        on_board.extend(unknown)
    body = day.place(f"load-{turn}", path, (unit.epc, *on_board), carrier)
    direction = Direction.OUT if outward else Direction.IN
    first_s, last_s = window(path, WINDOW_M + GOODS_HALF_M)
    passed = LoadTruth(
        f"L{turn:03d}", door_name(door), direction, day.us(first_s), day.us(last_s), tuple(body.tags.epcs)
    )
    partner = f"{'customer' if outward else 'supplier'}-{int(day.rng.integers(1, 5))}"
    kind, letter, makes = ("delivery", "D", "") if outward else ("purchase_receipt", "A", "")
    if outward and case == "plain":
        if day.plain_out % WORK_ORDER_EVERY == 0:
            kind, letter, makes, partner = "work_order_issue", "W", f"SET-{unit.item}", ""
        day.plain_out += 1
    number = f"{letter}-{turn:04d}"
    day.documents.append(
        PlantDocument(
            kind,
            number,
            partner,
            door_name(door),
            day.us(max(0.0, start_s - ANNOUNCED_BEFORE_S)),
            day.us(crossing(path)),
            (PlantLine(1, unit.item, len(named), named),),
            (unit,),
            makes,
        )
    )
    day.loads.append(
        PlantLoad(
            passed,
            number,
            unit.item,
            tuple(epc for epc in named if epc not in missing),
            tuple(unannounced),
            tuple(unknown),
            missing,
        )
    )
    if not outward and case == "plain":
        day.received.append((path.end_s, unit))
    return path.end_s


def _outgoing(day: Day, start_s: float) -> PlantUnit:
    """A pallet to deliver: sometimes one received a while ago, else one from opening stock."""
    for index, (received_s, unit) in enumerate(day.received):
        if received_s < start_s - 60.0 and day.rng.random() < 0.2:
            day.received.pop(index)
            return unit
    unit = day.unit()
    day.opening.append(OpeningUnit(unit, INSIDE))
    return unit


def _near(day: Day, door: int, start_s: float, case: str, turn: int) -> float:
    """A pallet of stock comes near the door and does not pass."""
    unit = day.unit()
    x_m = day.plan.openings[door].x_m
    speed = day.draw(1.0, 1.6)
    if case == "turn_round":
        path = motion.turn_round(start_s, x_m, -1, speed, REACH_M, day.draw(-0.4, 0.3), day.draw(1.0, 3.0))
    elif case == "beside":
        spot = x_m - (OPENING_M / 2 + day.draw(0.7, 1.2))
        path = motion.bring_and_leave(start_s, spot, day.draw(1.4, 2.0), -1, speed, REACH_M - 2.0, day.draw(8.0, 14.0))
    else:
        path = motion.along(start_s, day.draw(2.0, 3.0), x_m - 11.0, x_m + 11.0, speed)
    if path.end_s > day.duration_s - TAIL_S:
        return path.end_s
    day.place(f"{case}-{turn}", path, (unit.epc, *unit.cartons), "forklift")
    day.opening.append(OpeningUnit(unit, INSIDE))
    day.bystanders.extend((unit.epc, *unit.cartons))
    return path.end_s


def _stock(day: Day) -> tuple[StockTruth, ...]:
    """Cartons per item inside at the end: announced moves must show, unannounced ones may."""
    sure = {item.code: 0 for item in day.items}
    maybe_in = dict(sure)
    maybe_out = dict(sure)
    for opening in day.opening:
        sure[opening.unit.item] += len(opening.unit.cartons)
    for load in day.loads:
        sign = 1 if load.load.direction is Direction.IN else -1
        sure[load.item] += sign * len(load.announced)
        for _, item in load.unannounced:
            (maybe_in if sign > 0 else maybe_out)[item] += 1
    return tuple(
        StockTruth(code, INSIDE, sure[code] - maybe_out[code], sure[code] + maybe_in[code]) for code in sorted(sure)
    )
