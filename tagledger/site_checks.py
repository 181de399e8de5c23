"""What a site file must say beyond the types of its keys: names that exist, numbers that make sense, parts that fit.

Each finding is (key, what is wrong, the fix). Pure; `tagledger.config` says where it was found.
"""

import difflib
from collections.abc import Iterator
from ipaddress import ip_network
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from readers.modbus.profile import ProfileError, WordOrder, load
from readers.push.driver import FORMATS
from warehouse.routes import problems
from warehouse.site import Antenna, IoModule, Portal, Reader, Scale, Site

Found = tuple[str, str, str]

_PUSHING = tuple(sorted(FORMATS))
_DRIVERS = ("native", "sllurp", *_PUSHING)
_UPLINKS = ("inproc", "mqtt")
_LINKS = ("tcp", "rtu", "rtu_over_tcp")
_VDA5050 = ("2.1.0", "3.0.0")
_MAIL = ("starttls", "tls", "none")
_MQTT = ("5", "3.1.1")
VALID_S_MIN, VALID_S_MAX = 2.0, 30.0
HOLD_S_MAX = 600.0
BEAMS_CLEAR_S_MAX = 5.0


def cross_checks(site: Site) -> list[Found]:
    """Everything that does not fit together, in the order of the file."""
    return [
        *_names(site),
        *(found for index, reader in enumerate(site.readers) for found in _reader(site, reader, f"readers[{index}]")),
        *(found for index, portal in enumerate(site.portals) for found in _portal(site, portal, f"portals[{index}]")),
        *(found for index, scale in enumerate(site.scales) for found in _scale(site, scale, f"scales[{index}]")),
        *(found for index, module in enumerate(site.io_modules) for found in _module(module, f"io_modules[{index}]")),
        *_outputs(site),
        *_fleet(site),
        *_settings(site),
    ]


def _names(site: Site) -> Iterator[Found]:
    if not site.name:
        yield "name", "empty", "give the site a short name"
    if site.timezone not in available_timezones():
        yield "timezone", f"unknown time zone {site.timezone!r}", "use an IANA name such as Asia/Shanghai"
    for label, names in (
        ("readers and io_modules", [reader.name for reader in site.readers] + [io.name for io in site.io_modules]),
        ("scales", [scale.name for scale in site.scales]),
        ("readers' topics", [reader.topic for reader in site.readers if reader.topic]),
        ("zones and portals", [zone.name for zone in site.zones] + [portal.name for portal in site.portals]),
    ):
        for name in _twice(names):
            yield label, f"the name {name!r} is used twice", "give each its own name"


def _reader(site: Site, reader: Reader, key: str) -> Iterator[Found]:
    if reader.driver not in _DRIVERS:
        yield f"{key}.driver", f"unknown driver {reader.driver!r}", f"use one of {', '.join(_DRIVERS)}"
    if reader.topic and reader.driver not in _PUSHING:
        yield f"{key}.topic", "only readers that push have a topic", f"use one of the drivers {', '.join(_PUSHING)}"
    if set(reader.topic) & set("+#\0"):
        yield f"{key}.topic", f"{reader.topic!r} is not one topic", "write it without wildcards"
    yield from _port(f"{key}.port", reader.port)
    yield from _positive(f"{key}.keepalive_ms", reader.keepalive_ms)
    yield from _positive(f"{key}.inventory.tag_population", reader.inventory.tag_population)
    if reader.inventory.session not in range(4):
        yield f"{key}.inventory.session", f"{reader.inventory.session} is not a Gen2 session", "use 0, 1, 2 or 3"
    if reader.listen and reader.tls and not reader.tls_cert:
        yield f"{key}.tls_cert", "listening with TLS needs our certificate", "name a PEM file with certificate and key"
    if reader.driver == "sllurp":
        for name, asked in (
            ("tls", reader.tls),
            ("listen", reader.listen),
            ("inventory.memory", bool(reader.inventory.memory)),
            ("inventory.poll_ms", bool(reader.inventory.poll_ms)),
            ("inventory.filters", any(one.bank != 1 or one.pointer != 32 for one in reader.inventory.filters)),
        ):
            if asked:
                yield f"{key}.{name}", "the sllurp driver cannot do this", 'use driver = "native"'
    if not reader.antennas:
        yield f"{key}.antennas", "no antennas", "add a [[readers.antennas]] table for each connected port"
    for port in _twice([str(antenna.port) for antenna in reader.antennas]):
        yield f"{key}.antennas", f"port {port} is used twice", "name each antenna port once"
    for index, antenna in enumerate(reader.antennas):
        yield from _antenna(site, antenna, f"{key}.antennas[{index}]")


def _antenna(site: Site, antenna: Antenna, key: str) -> Iterator[Found]:
    zones, portals = {zone.name for zone in site.zones}, {portal.name for portal in site.portals}
    if antenna.port not in range(1, 65536):
        yield f"{key}.port", f"{antenna.port} is not an antenna port", "LLRP counts antennas from 1"
    if antenna.place not in zones | portals:
        close = difflib.get_close_matches(antenna.place, zones | portals, n=1)
        fix = f"did you mean {close[0]!r}" if close else "name one of the [[zones]] or [[portals]]"
        yield f"{key}.place", f"there is no zone or portal {antenna.place!r}", fix
    elif antenna.side is not None and antenna.place in zones:
        yield f"{key}.side", "a zone has no sides", "remove it, or make the place a portal"
    if antenna.power_dbm is not None and not -10.0 <= antenna.power_dbm <= 36.0:
        yield f"{key}.power_dbm", f"{antenna.power_dbm} is not a reader's power", "use dBm, such as 30.0"


def _portal(site: Site, portal: Portal, key: str) -> Iterator[Found]:
    zones, readers = {zone.name for zone in site.zones}, {reader.name for reader in site.readers}
    for side, zone in (("inside", portal.inside), ("outside", portal.outside)):
        if zone not in zones:
            yield f"{key}.{side}", f"there is no zone {zone!r}", "name one of the [[zones]]"
    if portal.inside == portal.outside:
        yield f"{key}.outside", "the same zone as inside", "name the zone on the other side of the door"
    for neighbour in portal.neighbours:
        if neighbour == portal.name or all(other.name != neighbour for other in site.portals):
            yield f"{key}.neighbours", f"{neighbour!r} is not another portal", "name other [[portals]] only"
    if not site.antennas_of(portal.name):
        yield key, "no antenna watches this portal", f"give an antenna place = {portal.name!r}"
    for n, eye in enumerate(portal.photo_eyes):
        if eye.reader not in readers:
            yield f"{key}.photo_eyes[{n}].reader", f"there is no reader {eye.reader!r}", "name one of the [[readers]]"
    if not 0 <= portal.inferred_share_max <= 1:
        yield f"{key}.inferred_share_max", f"{portal.inferred_share_max} is no share", "use 0 (infer nothing) to 1"
    if not 0 < portal.beams_clear_s <= BEAMS_CLEAR_S_MAX:
        yield (
            f"{key}.beams_clear_s",
            f"{portal.beams_clear_s} s is out of range",
            f"use more than 0, at most {BEAMS_CLEAR_S_MAX:g}",
        )
    if not 0.5 <= portal.signal.certain_score <= 1:
        yield f"{key}.signal.certain_score", f"{portal.signal.certain_score} is not certain", "use 0.5 to 1"
    for name, value in (("decide_after_s", portal.signal.decide_after_s), ("hold_s", portal.signal.hold_s)):
        if not 0 <= value <= HOLD_S_MAX:
            yield f"{key}.signal.{name}", f"{value} s is out of range", f"use 0 to {HOLD_S_MAX:g}"
    if not VALID_S_MIN <= portal.signal.valid_s <= VALID_S_MAX:
        yield (
            f"{key}.signal.valid_s",
            f"{portal.signal.valid_s} s is out of range",
            f"use {VALID_S_MIN:g} to {VALID_S_MAX:g}: shorter goes dark between renewals, longer shows the past",
        )


def _outputs(site: Site) -> Iterator[Found]:
    """Stack lights and interlocks: the device is there, and no output has two masters."""
    coils, readers = {module.name for module in site.io_modules}, {reader.name for reader in site.readers}
    taken: dict[tuple[str, int], str] = {}
    for index, portal in enumerate(site.portals):
        light, interlock = portal.stack_light, portal.interlock
        wired: list[tuple[str, str, str, int]] = []
        if light is not None:
            key = f"portals[{index}].stack_light"
            ports = (("green_gpo", light.green_gpo), ("amber_gpo", light.amber_gpo), ("red_gpo", light.red_gpo))
            wired += [(f"{key}.reader", f"{key}.{name}", light.reader, port) for name, port in ports]
        if interlock is not None:
            key = f"portals[{index}].interlock"
            wired.append((f"{key}.device", f"{key}.output", interlock.device, interlock.output))
        for device_key, port_key, device, port in wired:
            if device not in coils | readers:
                yield (
                    device_key,
                    f"there is no reader or I/O module {device!r}",
                    "name one of the [[readers]] or [[io_modules]]",
                )
                continue
            least = 0 if device in coils else 1
            if not least <= port <= 65535:
                yield (
                    port_key,
                    f"{port} is not an output",
                    f"count {'coils from 0' if device in coils else 'GPO ports from 1'}",
                )
            if (device, port) in taken:
                yield (
                    port_key,
                    f"output {port} of {device} is {taken[device, port]} too",
                    "wire each output to one thing",
                )
            taken.setdefault((device, port), port_key)


def _module(module: IoModule, key: str) -> Iterator[Found]:
    if module.link not in _LINKS:
        yield f"{key}.link", f"unknown link {module.link!r}", f"use one of {', '.join(_LINKS)}"
    yield from _port(f"{key}.port", module.port)
    yield from _positive(f"{key}.refresh_ms", module.refresh_ms)


def _scale(site: Site, scale: Scale, key: str) -> Iterator[Found]:
    if scale.link not in _LINKS:
        yield f"{key}.link", f"unknown link {scale.link!r}", f"use one of {', '.join(_LINKS)}"
    if scale.word_order and scale.word_order not in set(WordOrder):
        yield f"{key}.word_order", f"unknown word order {scale.word_order!r}", f"use one of {', '.join(WordOrder)}"
    try:
        load(scale.profile)
    except ProfileError as error:
        what, _, fix = str(error).rstrip(".").partition(". Fix: ")
        yield f"{key}.profile", what, fix
    yield from _positive(f"{key}.poll_ms", scale.poll_ms)
    yield from _positive(f"{key}.tie_within_s", scale.tie_within_s)
    for name, value in (("tolerance_kg", scale.tolerance_kg), ("tolerance_percent", scale.tolerance_percent)):
        if value < 0:
            yield f"{key}.{name}", f"{value} is below zero", "use 0 or more"
    if not scale.place:
        return
    watching = {reader.agent for reader in site.readers for antenna in reader.antennas if antenna.place == scale.place}
    if scale.place not in {zone.name for zone in site.zones} | {portal.name for portal in site.portals}:
        yield f"{key}.place", f"there is no zone or portal {scale.place!r}", "name one of the [[zones]] or [[portals]]"
    elif not watching:
        yield f"{key}.place", f"no antenna watches {scale.place!r}", "name a portal, or a zone with an antenna"
    elif scale.agent and not watching & {"", scale.agent}:
        yield f"{key}.agent", f"agent {scale.agent!r} drives no antenna there", "give it to the agent of the antennas"


def _fleet(site: Site) -> Iterator[Found]:
    for problem in problems(site.roads):
        yield "roads", problem, "correct the map: nodes first, then edges and stations between them"
    stations = {station.name for station in site.roads.stations}
    portals = {portal.name for portal in site.portals}
    for index, station in enumerate(site.roads.stations):
        if station.portal and station.portal not in portals:
            key = f"roads.stations[{index}].portal"
            yield key, f"there is no portal {station.portal!r}", "name one of the [[portals]]"
    if site.fleet.mqtt not in _MQTT:
        yield "fleet.mqtt", f"unknown version {site.fleet.mqtt!r}", f"use one of {', '.join(_MQTT)}"
    vehicles = site.fleet.vehicles
    for name in _twice([vehicle.name for vehicle in vehicles]):
        yield "fleet.vehicles", f"the name {name!r} is used twice", "give each its own name"
    for name in _twice([f"{vehicle.manufacturer}/{vehicle.serial_number}" for vehicle in vehicles]):
        yield "fleet.vehicles", f"{name} is there twice", "manufacturer and serial number name one vehicle"
    for index, vehicle in enumerate(vehicles):
        key = f"fleet.vehicles[{index}]"
        if vehicle.version not in _VDA5050:
            yield f"{key}.version", f"unknown version {vehicle.version!r}", f"use one of {', '.join(_VDA5050)}"
        if vehicle.home and vehicle.home not in stations:
            yield f"{key}.home", f"there is no station {vehicle.home!r}", "name one of the roads.stations"


def _settings(site: Site) -> Iterator[Found]:
    if site.uplink.kind not in _UPLINKS:
        yield "uplink.kind", f"unknown uplink {site.uplink.kind!r}", f"use one of {', '.join(_UPLINKS)}"
    yield from _port("uplink.port", site.uplink.port)
    if site.api.port:  # 0 takes a free one
        yield from _port("api.port", site.api.port)
    for index, origin in enumerate(site.api.allow_origins):
        parts = urlsplit(origin)
        if parts.scheme not in ("http", "https") or not parts.hostname or origin != f"{parts.scheme}://{parts.netloc}":
            yield (
                f"api.allow_origins[{index}]",
                f"{origin!r} is no origin",
                "write scheme, host and port only: https://wms.example:8443",
            )
    for key, value in (
        ("edge.flush_ms", site.edge.flush_ms),
        ("edge.heartbeat_ms", site.edge.heartbeat_ms),
        ("edge.window_ms", site.edge.window_ms),
        ("edge.spool_max_mb", site.edge.spool_max_mb),
        ("edge.retain_h", site.edge.retain_h),
        ("edge.uplink_lost_s", site.edge.uplink_lost_s),
        ("stream.gap_wait_s", site.stream.gap_wait_s),
        ("stream.source_silent_s", site.stream.source_silent_s),
        ("stream.snapshot_every_s", site.stream.snapshot_every_s),
        ("database.pool_max", site.database.pool_max),
        ("database.sightings_per_s", site.database.sightings_per_s),
        ("webhooks.timeout_s", site.webhooks.timeout_s),
    ):
        yield from _positive(key, value)
    for index, network in enumerate(site.webhooks.allow_networks):
        try:
            ip_network(network)
        except ValueError as error:
            yield f"webhooks.allow_networks[{index}]", str(error), "write an address or network, such as 10.1.0.0/16"
    yield from _port("mail.port", site.mail.port)
    if site.mail.security not in _MAIL:
        yield "mail.security", f"unknown security {site.mail.security!r}", f"use one of {', '.join(_MAIL)}"
    if site.mail.host and "@" not in site.mail.sender:
        yield "mail.sender", f"{site.mail.sender!r} is no mail address", "give the address that alerts come from"


def _twice(names: list[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})


def _port(key: str, port: int) -> Iterator[Found]:
    if not 1 <= port <= 65535:
        yield key, f"{port} is not a TCP port", "use 1 to 65535"


def _positive(key: str, value: float) -> Iterator[Found]:
    if not value > 0:
        yield key, f"{value} is not above zero", "use a positive number"
