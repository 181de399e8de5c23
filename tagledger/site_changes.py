"""What differs between two site files, and what of it a running process can take over. Pure.

Most processes follow the `PLANT`: readers, antennas, zones, portals, scales, I/O modules, roads and stations, as they
are in the new file. Workers on Kafka follow `SETTINGS` only, because where an antenna's reads go is decided before
them: how a reader is reached and driven (address, TLS, driver, keep-alive, inventory, antenna power), and what a portal
shows and may do (`signal`, `effect`, `stack_light`, `interlock`). Everything else was opened at the start: it is told,
and waits for a restart.
"""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from tagledger.site_secrets import SECRETS
from warehouse.site import Portal, Reader, Site

_PLANT = ("readers", "zones", "portals", "scales", "io_modules", "roads")
_PORTAL_LIVE = ("effect", "stack_light", "interlock", "signal")
_READER_FIXED = ("name", "agent")
_ANTENNA_FIXED = ("port", "place", "side")
_ABSENT = object()


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that differs: its key as people write it, before and after. None: not there."""

    key: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        if self.before is None:
            return f"{self.key}: new, {self.after}"
        if self.after is None:
            return f"{self.key}: gone, was {self.before}"
        return f"{self.key}: {self.before} → {self.after}"


class Follows(Enum):
    """How much of a site file a process takes over while it runs."""

    PLANT = "plant"
    SETTINGS = "settings"


@dataclass(frozen=True, slots=True)
class SiteChange:
    """`site` is the one from `before` with all that can be taken over; `waiting` are the differences that need a
    restart.
    """

    before: Site
    site: Site
    differences: tuple[Difference, ...]
    waiting: tuple[Difference, ...]


def change(old: Site, new: Site, follows: Follows = Follows.PLANT) -> SiteChange:
    """From the site as it runs to the site file as it is now."""
    if follows is Follows.PLANT:
        applied = replace(old, **{name: getattr(new, name) for name in _PLANT})
    else:
        new_readers = {reader.name: reader for reader in new.readers}
        new_portals = {portal.name: portal for portal in new.portals}
        readers = tuple(_reader(reader, new_readers.get(reader.name)) for reader in old.readers)
        portals = tuple(_portal(portal, new_portals.get(portal.name)) for portal in old.portals)
        applied = replace(old, readers=readers, portals=portals)
    return SiteChange(old, applied, tuple(differences(old, new)), tuple(differences(applied, new)))


def differences(old: Any, new: Any, key: str = "") -> Iterator[Difference]:
    """Every value that differs, in the order of the fields. Things with a name are compared by name."""
    if old == new:
        return
    if dataclasses.is_dataclass(old) and type(old) is type(new):
        for field in dataclasses.fields(old):
            before, after = getattr(old, field.name), getattr(new, field.name)
            inner = f"{key}.{field.name}" if key else field.name
            if field.name in SECRETS:
                if before != after:
                    yield Difference(inner, "(secret)", "(another secret)")
            else:
                yield from differences(before, after, inner)
    elif isinstance(old, tuple) and isinstance(new, tuple) and _named(old) and _named(new):
        before_of, after_of = {_name(one): one for one in old}, {_name(one): one for one in new}
        for name in dict.fromkeys((*before_of, *after_of)):
            yield from differences(before_of.get(name, _ABSENT), after_of.get(name, _ABSENT), f"{key}[{name}]")
    else:
        yield Difference(key, _shown(old), _shown(new))


def _reader(old: Reader, new: Reader | None) -> Reader:
    """The reader as it will be driven; as it was when something else than the driving differs."""
    if new is None or any(getattr(old, name) != getattr(new, name) for name in _READER_FIXED):
        return old
    fixed = [[getattr(antenna, name) for name in _ANTENNA_FIXED] for antenna in old.antennas]
    if fixed != [[getattr(antenna, name) for name in _ANTENNA_FIXED] for antenna in new.antennas]:
        return old
    # How late a report may be is promised with every batch: a longer interval needs a promise of its own.
    return new if new.inventory.report_every_ms <= old.inventory.report_every_ms else old


def _portal(old: Portal, new: Portal | None) -> Portal:
    return old if new is None else replace(old, **{name: getattr(new, name) for name in _PORTAL_LIVE})


def _named(items: tuple[Any, ...]) -> bool:
    return all(hasattr(item, "name") or hasattr(item, "port") for item in items)


def _name(item: Any) -> str:
    return str(getattr(item, "name", None) or getattr(item, "port", ""))


def _shown(value: Any) -> str | None:
    if value is _ABSENT or value is None:
        return None
    if isinstance(value, Enum):
        return str(value.value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        parts = [
            f"{field.name} = {_shown(getattr(value, field.name))}"
            for field in dataclasses.fields(value)
            if getattr(value, field.name) != field.default and field.name not in SECRETS
        ]
        return "{" + ", ".join(parts) + "}"
    if isinstance(value, tuple):
        return "[" + ", ".join(str(_shown(item)) for item in value) + "]"
    return str(value)
