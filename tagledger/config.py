"""The site file: one TOML per site, environment overrides, everything checked before anything connects.

The file's keys are the fields of `warehouse.site.Site` and the dataclasses it holds, nothing else. A variable
`TAGLEDGER_<SECTION>__<KEY>` (or `TAGLEDGER_<KEY>` for a top-level one) replaces a single value:
`TAGLEDGER_DATABASE__DSN`, `TAGLEDGER_API__PORT`, `TAGLEDGER_STATE_DIR`. All problems are reported at once, each with
the file, the key and the fix.
"""

import dataclasses
import difflib
import tomllib
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import available_timezones

from pydantic import TypeAdapter, ValidationError

from warehouse.site import Antenna, Site

ENV_PREFIX = "TAGLEDGER_"
_DRIVERS = ("native", "sllurp")
_UPLINKS = ("inproc", "mqtt")
# Variables of the program itself that share the prefix and are not site keys.
_OTHER_VARIABLES = ("SHARED_DATA", "TEST_DSN", "API_KEY", "LOG", "LOG_FORMAT")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a site file: where (file or variable), which key, what, and what to do."""

    where: str
    key: str
    what: str
    fix: str

    def __str__(self) -> str:
        return f"{self.where}: {self.key}: {self.what}. Fix: {self.fix}."


class ConfigError(ValueError):
    """The site file cannot be used; `problems` lists everything wrong with it."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


def load_site(path: Path, environ: Mapping[str, str]) -> Site:
    """Read and check a site file. Raises `ConfigError` with every problem found."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            [_problem(path, "file", error.strerror or str(error), "give the path of a site file")]
        ) from None
    except UnicodeDecodeError as error:
        raise ConfigError([_problem(path, "file", f"not UTF-8 at byte {error.start}", "save it as UTF-8")]) from None
    return parse_site(text, str(path), environ)


def parse_site(text: str, where: str, environ: Mapping[str, str]) -> Site:
    """Check a site file's text; `where` names it in problems. Raises `ConfigError` with every problem found."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([_problem(where, "file", f"not TOML: {error}", "correct the syntax there")]) from None
    sources = dict.fromkeys(_override(document, environ), "environment")
    problems = list(_unknown_keys(document, Site, where, ""))
    try:
        site = TypeAdapter(Site).validate_python(document)
    except ValidationError as error:
        for item in error.errors():
            key = _key(item["loc"])
            problems.append(_type_problem(sources.get(key, where), key, item["type"], item["msg"], item.get("input")))
        raise ConfigError(problems) from None
    problems += _cross_checks(site, where)
    if problems:
        raise ConfigError(problems)
    return site


def _problem(where: object, key: str, what: str, fix: str) -> Problem:
    return Problem(str(where), key, what, fix)


def _override(document: dict[str, typing.Any], environ: Mapping[str, str]) -> Iterator[str]:
    """Put environment values into the document; yields the dotted keys that were replaced."""
    for name in sorted(environ):
        if not name.startswith(ENV_PREFIX) or name.removeprefix(ENV_PREFIX) in _OTHER_VARIABLES:
            continue
        path = name.removeprefix(ENV_PREFIX).lower().split("__")
        table = document
        for part in path[:-1]:
            inner = table.setdefault(part, {})
            if not isinstance(inner, dict):
                inner = table[part] = {}
            table = inner
        table[path[-1]] = environ[name]
        yield ".".join(path)


def _dataclass_of(annotation: object) -> type | None:
    """The dataclass behind `X`, `X | None` or `tuple[X, ...]`, if there is one."""
    for candidate in (annotation, *typing.get_args(annotation)):
        if isinstance(candidate, type) and dataclasses.is_dataclass(candidate):
            return candidate
    return None


def _unknown_keys(value: object, cls: type, where: str, prefix: str) -> Iterator[Problem]:
    if not isinstance(value, dict):
        return
    hints = typing.get_type_hints(cls)
    for key, inner in value.items():
        path = f"{prefix}{key}"
        if key not in hints:
            close = difflib.get_close_matches(key, hints, n=1)
            fix = f"did you mean {close[0]!r}?" if close else f"remove it; known keys are {', '.join(sorted(hints))}"
            yield Problem(where, path, "unknown key", fix.rstrip("?"))
            continue
        nested = _dataclass_of(hints[key])
        if nested is None:
            continue
        if isinstance(inner, list):
            for index, item in enumerate(inner):
                yield from _unknown_keys(item, nested, where, f"{path}[{index}].")
        else:
            yield from _unknown_keys(inner, nested, where, f"{path}.")


def _key(location: tuple[int | str, ...]) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


_FIXES = {
    "missing": "add it",
    "int_parsing": "write a whole number",
    "int_type": "write a whole number",
    "float_parsing": "write a number",
    "float_type": "write a number",
    "bool_parsing": "write true or false",
    "bool_type": "write true or false",
    "string_type": "write text in quotes",
    "tuple_type": "write a list of tables, as in deploy/site/site.toml",
    "dataclass_type": "write a table of keys",
    "dataclass_exact_type": "write a table of keys",
}


def _type_problem(where: str, key: str, kind: str, message: str, value: object) -> Problem:
    if kind == "missing":
        return Problem(where, key, "missing", _FIXES[kind])
    shown = "" if isinstance(value, dict | list) else f" (it is {value!r})"
    return Problem(where, key, message[0].lower() + message[1:] + shown, _FIXES.get(kind, "choose one of these"))


def _duplicates(names: list[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})


def _cross_checks(site: Site, where: str) -> list[Problem]:
    found: list[Problem] = []

    def add(key: str, what: str, fix: str) -> None:
        found.append(Problem(where, key, what, fix))

    if not site.name:
        add("name", "empty", "give the site a short name")
    if site.timezone not in available_timezones():
        add("timezone", f"unknown time zone {site.timezone!r}", "use an IANA name such as Asia/Shanghai")
    readers = {reader.name for reader in site.readers}
    zones = {zone.name for zone in site.zones}
    portals = {portal.name for portal in site.portals}
    for label, names in (
        ("readers", [reader.name for reader in site.readers]),
        ("zones and portals", [zone.name for zone in site.zones] + [portal.name for portal in site.portals]),
    ):
        for name in _duplicates(names):
            add(label, f"the name {name!r} is used twice", "give each its own name")
    for index, reader in enumerate(site.readers):
        key = f"readers[{index}]"
        if reader.driver not in _DRIVERS:
            add(f"{key}.driver", f"unknown driver {reader.driver!r}", f"use one of {', '.join(_DRIVERS)}")
        _check_port(found, where, f"{key}.port", reader.port)
        _check_positive(found, where, f"{key}.keepalive_ms", reader.keepalive_ms)
        _check_positive(found, where, f"{key}.inventory.tag_population", reader.inventory.tag_population)
        if reader.inventory.session not in range(4):
            add(f"{key}.inventory.session", f"{reader.inventory.session} is not a Gen2 session", "use 0, 1, 2 or 3")
        if not reader.antennas:
            add(f"{key}.antennas", "no antennas", "add a [[readers.antennas]] table for each connected port")
        for port in _duplicates([str(antenna.port) for antenna in reader.antennas]):
            add(f"{key}.antennas", f"port {port} is used twice", "name each antenna port once")
        for place, antenna in enumerate(reader.antennas):
            found += _check_antenna(antenna, f"{key}.antennas[{place}]", where, zones, portals)
    for index, portal in enumerate(site.portals):
        key = f"portals[{index}]"
        for side, zone in (("inside", portal.inside), ("outside", portal.outside)):
            if zone not in zones:
                add(f"{key}.{side}", f"there is no zone {zone!r}", "name one of the [[zones]]")
        if portal.inside == portal.outside:
            add(f"{key}.outside", "the same zone as inside", "name the zone on the other side of the door")
        for neighbour in portal.neighbours:
            if neighbour == portal.name or neighbour not in portals:
                add(f"{key}.neighbours", f"{neighbour!r} is not another portal", "name other [[portals]] only")
        if not site.antennas_of(portal.name):
            add(key, "no antenna watches this portal", f"give an antenna place = {portal.name!r}")
        wired = [(f"{key}.photo_eyes[{n}].reader", eye.reader) for n, eye in enumerate(portal.photo_eyes)]
        if portal.stack_light is not None:
            wired.append((f"{key}.stack_light.reader", portal.stack_light.reader))
        for wire, name in wired:
            if name not in readers:
                add(wire, f"there is no reader {name!r}", "name one of the [[readers]]")
    if site.uplink.kind not in _UPLINKS:
        add("uplink.kind", f"unknown uplink {site.uplink.kind!r}", f"use one of {', '.join(_UPLINKS)}")
    _check_port(found, where, "uplink.port", site.uplink.port)
    _check_port(found, where, "api.port", site.api.port, free=True)
    for name, value in (
        ("edge.flush_ms", site.edge.flush_ms),
        ("edge.heartbeat_ms", site.edge.heartbeat_ms),
        ("edge.window_ms", site.edge.window_ms),
        ("edge.spool_max_mb", site.edge.spool_max_mb),
        ("edge.retain_h", site.edge.retain_h),
        ("stream.gap_wait_s", site.stream.gap_wait_s),
        ("stream.source_silent_s", site.stream.source_silent_s),
        ("stream.snapshot_every_s", site.stream.snapshot_every_s),
        ("database.pool_max", site.database.pool_max),
    ):
        _check_positive(found, where, name, value)
    return found


def _check_antenna(antenna: Antenna, key: str, where: str, zones: set[str], portals: set[str]) -> Iterator[Problem]:
    if antenna.port not in range(1, 65536):
        yield Problem(where, f"{key}.port", f"{antenna.port} is not an antenna port", "LLRP counts antennas from 1")
    if antenna.place not in zones | portals:
        close = difflib.get_close_matches(antenna.place, zones | portals, n=1)
        fix = f"did you mean {close[0]!r}" if close else "name one of the [[zones]] or [[portals]]"
        yield Problem(where, f"{key}.place", f"there is no zone or portal {antenna.place!r}", fix)
    elif antenna.side is not None and antenna.place in zones:
        yield Problem(where, f"{key}.side", "a zone has no sides", "remove it, or make the place a portal")
    if antenna.power_dbm is not None and not -10.0 <= antenna.power_dbm <= 36.0:
        yield Problem(
            where, f"{key}.power_dbm", f"{antenna.power_dbm} is not a reader's power", "use dBm, such as 30.0"
        )


def _check_port(found: list[Problem], where: str, key: str, port: int, *, free: bool = False) -> None:
    if not (0 if free else 1) <= port <= 65535:
        found.append(Problem(where, key, f"{port} is not a TCP port", "use 1 to 65535"))


def _check_positive(found: list[Problem], where: str, key: str, value: float) -> None:
    if not value > 0:
        found.append(Problem(where, key, f"{value} is not above zero", "use a positive number"))
