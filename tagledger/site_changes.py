"""What differs between two site files, and what of it a running process can take over. Pure.

Processes follow the plant: readers, antennas, zones, portals, scales, I/O modules, roads and stations, as they are in
the new file. Everything else was opened at the start: it is told, and waits for a restart.
"""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from tagledger.site_secrets import SECRETS
from warehouse.site import Site

_PLANT = ("readers", "zones", "portals", "scales", "io_modules", "roads")
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


@dataclass(frozen=True, slots=True)
class SiteChange:
    """`site` is the one from `before` with all that can be taken over; `waiting` are the differences that need a
    restart.
    """

    before: Site
    site: Site
    differences: tuple[Difference, ...]
    waiting: tuple[Difference, ...]


def change(old: Site, new: Site) -> SiteChange:
    """From the site as it runs to the site file as it is now."""
    applied = replace(old, **{name: getattr(new, name) for name in _PLANT})
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
