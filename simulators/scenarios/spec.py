"""What a scenario file says. TOML, one scenario a file in `library/`; ranges are [low, high], drawn per load and seed.

Unknown keys and wrong types are refused with the file's name and the key: a typo must not make an easier scenario.
"""

import tomllib
from dataclasses import MISSING, dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

SpecT = TypeVar("SpecT")


class ScenarioError(ValueError):
    """A scenario file that says something else than a scenario."""


class Split(StrEnum):
    """What a scenario is for: fitting decisions, looking closer while they are worked on, or judging them."""

    FIT = "fit"
    DEV = "dev"
    HELD_OUT = "held_out"


@dataclass(frozen=True, slots=True)
class Layout:
    """The doors and what hangs at them. `zones` > 0 replaces the doors by that many ceiling antennas, one zone each.

    `post_m`: antennas hang that far from the middle of the lane, and `from_wall_m` from the door's plane; a belt's
    tunnel is narrow.
    """

    doors: int = 2
    spacing_m: float = 4.0
    antennas_per_door: int = 4
    readers_per_door: int = 1
    photo_eyes: bool = True
    power_dbm: tuple[float, float] = (28.0, 30.0)
    zones: int = 0
    zone_spacing_m: float = 7.0
    wall: bool = True
    # Not in the repr: what is kept of simulated scenarios stays theirs, and those that differ here differ by name.
    post_m: float = field(default=1.75, repr=False)
    from_wall_m: float = field(default=0.8, repr=False)


@dataclass(frozen=True, slots=True)
class Air:
    """How the readers take inventory; `fast` is FM0 at 640 kHz instead of the dense-reader mode."""

    session: int = 1
    dual_target: bool = True
    fast: bool = False


@dataclass(frozen=True, slots=True)
class Traffic:
    """Loads that come one after another.

    pattern: through, stop, turn_round, abreast, crossing, beside (brought to a spot next to the door and fetched
    again), along (past the doors on one side), between_zones, rest_in_zone. door: −1 is any.
    direction: in, out or both.
    carrier: forklift, hand_truck, conveyor, none.
    """

    pattern: str
    carrier: str = "forklift"
    door: int = -1
    direction: str = "both"
    count: int = 5
    tags: tuple[int, int] = (15, 40)
    goods: str = "dry"
    loose: bool = False
    speed_m_s: tuple[float, float] = (1.0, 2.0)
    gap_s: tuple[float, float] = (4.0, 9.0)
    pause_s: tuple[float, float] = (2.0, 6.0)
    start_s: float = 8.0


@dataclass(frozen=True, slots=True)
class Parked:
    """A pallet that stands all the time, `aside_m` from the edge of the opening and `away_m` from the wall."""

    door: int = 0
    side: str = "inside"
    aside_m: tuple[float, float] = (0.2, 0.8)
    away_m: tuple[float, float] = (0.8, 2.0)
    tags: tuple[int, int] = (10, 30)
    goods: str = "dry"
    count: int = 1


@dataclass(frozen=True, slots=True)
class People:
    """Persons who walk through the doors now and then, carrying nothing."""

    count: int = 0
    gap_s: tuple[float, float] = (10.0, 30.0)


@dataclass(frozen=True, slots=True)
class Room:
    """Radio that differs from the frozen parameters, drawn per seed: other halls, other tags, other readers.

    The defaults are those of `simulators.physics.parameters`; a scenario with a room asks whether decisions hold beyond
    the parameters they were fitted on.
    """

    diffuse_below_los_db: tuple[float, float] = (9.0, 9.0)
    wall_db: tuple[float, float] = (14.0, 14.0)
    sensitivity_dbm: tuple[float, float] = (-17.5, -17.5)
    sensitivity_sd_db: tuple[float, float] = (2.0, 2.0)
    rssi_noise_db: tuple[float, float] = (0.6, 0.6)
    receiver_dbm: tuple[float, float] = (-82.0, -82.0)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One file. `window_m`: a load's window is while its goods are within this distance of the door plane."""

    name: str
    about: str
    split: Split
    layout: Layout = Layout()
    air: Air = Air()
    traffic: tuple[Traffic, ...] = ()
    parked: tuple[Parked, ...] = ()
    people: People = People()
    window_m: float = 1.0
    least_s: float = 0.0
    # Not in the repr: scenarios that differ in their room alone still differ by name.
    room: Room | None = field(default=None, repr=False)


def _made(kind: type[SpecT], table: dict[str, Any], where: str) -> SpecT:
    known = {item.name: item for item in fields(kind)}  # type: ignore[arg-type]
    for key, value in table.items():
        if key not in known:
            raise ScenarioError(f"{where}: no key {key!r}; there are {', '.join(known)}")
        default = known[key].default
        if default is MISSING:
            continue
        pair = isinstance(default, tuple)
        if pair and not (isinstance(value, list) and len(value) == 2 and value[0] <= value[1]):
            raise ScenarioError(f"{where}.{key}: expected [low, high], got {value!r}")
        wanted = (int, float) if isinstance(default, float) else type(default)
        if not pair and (not isinstance(value, wanted) or isinstance(value, bool) != isinstance(default, bool)):
            raise ScenarioError(f"{where}.{key}: expected {type(default).__name__}, got {value!r}")
    return kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in table.items()})


def parse(text: str, where: str) -> Scenario:
    """A scenario from TOML; ScenarioError says which key of `where` is wrong."""
    try:
        table = tomllib.loads(text)
        return Scenario(
            name=str(table.pop("name")),
            about=str(table.pop("about")),
            split=Split(table.pop("split")),
            layout=_made(Layout, table.pop("layout", {}), f"{where}: layout"),
            air=_made(Air, table.pop("air", {}), f"{where}: air"),
            traffic=tuple(_made(Traffic, item, f"{where}: traffic") for item in table.pop("traffic", [])),
            parked=tuple(_made(Parked, item, f"{where}: parked") for item in table.pop("parked", [])),
            room=_made(Room, table.pop("room"), f"{where}: room") if "room" in table else None,
            people=_made(People, table.pop("people", {}), f"{where}: people"),
            window_m=float(table.pop("window_m", 1.0)),
            least_s=float(table.pop("least_s", 0.0)),
            **_none_left(table, where),
        )
    except KeyError as missing:
        raise ScenarioError(f"{where}: {missing} is missing") from missing
    except (tomllib.TOMLDecodeError, TypeError) as wrong:
        raise ScenarioError(f"{where}: {wrong}") from wrong
    except ValueError as wrong:
        if isinstance(wrong, ScenarioError):
            raise
        raise ScenarioError(f"{where}: {wrong}") from wrong


def _none_left(table: dict[str, Any], where: str) -> dict[str, Any]:
    if table:
        raise ScenarioError(f"{where}: no key {next(iter(table))!r}")
    return {}


LIBRARY = Path(__file__).parent / "library"


def library() -> tuple[Scenario, ...]:
    """All scenarios that ship, by name."""
    return tuple(parse(file.read_text(encoding="utf-8"), file.name) for file in sorted(LIBRARY.glob("*.toml")))


def named(name: str) -> Scenario:
    """One scenario of the library; ScenarioError lists the names there are."""
    for scenario in library():
        if scenario.name == name:
            return scenario
    raise ScenarioError(f"no scenario {name!r}; there are {', '.join(scenario.name for scenario in library())}")
