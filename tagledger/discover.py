"""`tagledger discover`: LLRP readers and Modbus units on a network, and a site file to start with.

Looks politely: a reader in use by another client is told of and left alone, a Modbus unit is only read. At most
`AT_ONCE` connections at a time, `HOSTS_MAX` addresses a run.
"""

import asyncio
import ipaddress
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from readers.llrp.look import NotAReader, ReaderLook
from readers.llrp.look import look_at as look_at_reader
from readers.modbus.connection import Link, ModbusAddress, ModbusUnavailable
from readers.modbus.look import UnitLook
from readers.modbus.look import look_at as look_at_units
from tagledger.config import parse_site
from tagledger.logs import configure_logs
from tagledger.site_text import site_text
from tagledger.terminal import EXIT_FAILED, EXIT_USAGE, complain, complaints, console, print_json
from warehouse.site import Antenna, Reader, Scale, Site, Zone

_NUMBERS = re.compile(r"[0-9.]+")
AT_ONCE = 64
HOSTS_MAX = 4096
_PLACE = "to-be-placed"


@dataclass(frozen=True, slots=True)
class FoundReader:
    """One LLRP reader."""

    host: str
    port: int
    look: ReaderLook

    def as_json(self) -> dict[str, Any]:
        facts = self.look.facts
        return {
            "host": self.host,
            "port": self.port,
            "in_use": self.look.in_use,
            "maker": facts.quirks.name if facts else None,
            "model": facts.model if facts else None,
            "firmware": facts.firmware if facts else None,
            "identifier": self.look.identifier or None,
            "antenna_ports": facts.antennas if facts else None,
            "antennas_connected": list(self.look.antennas),
        }


@dataclass(frozen=True, slots=True)
class FoundUnit:
    """One Modbus unit."""

    host: str
    port: int
    look: UnitLook

    def as_json(self) -> dict[str, Any]:
        return {
            "host": self.host,
            "port": self.port,
            "unit": self.look.unit,
            "identity": list(self.look.identity),
            "profiles": list(self.look.profiles),
        }


def run_discover(
    targets: Sequence[str],
    llrp_ports: Sequence[int],
    modbus_ports: Sequence[int],
    units: int,
    timeout_s: float,
    out: Path | None,
    *,
    as_json: bool,
) -> None:
    """Look, tell, write the site file; exit 1 when nothing was found."""
    configure_logs()
    try:
        hosts = hosts_of(targets)
        _refuse_unknown(hosts)
    except ValueError as error:
        complain(error)
        raise typer.Exit(EXIT_USAGE) from None
    if out is not None and out.exists():
        complain(f"{out} exists. Fix: name a new file with --out.")
        raise typer.Exit(EXIT_USAGE)
    readers, scales = asyncio.run(discover(hosts, llrp_ports, modbus_ports, range(1, units + 1), timeout_s))
    text = starting_text(readers, scales)
    if out is not None and (readers or scales):
        out.write_text(text, encoding="utf-8")
    if as_json:
        print_json(
            {
                "hosts": len(hosts),
                "readers": [reader.as_json() for reader in readers],
                "units": [unit.as_json() for unit in scales],
                "site": str(out) if out is not None and (readers or scales) else None,
            }
        )
    else:
        # What is printed may be redirected into a site file.
        _print(readers, scales, complaints if out is None else console)
        if not (readers or scales):
            complain(f"nothing was found on {_counted(len(hosts))}. Fix: check addresses, ports and --timeout.")
        elif out is not None:
            console.print(f"\nWritten to {out}. Next: name places, then tagledger doctor --site {out}", soft_wrap=True)
        else:
            console.print(f"\n{text}", markup=False, soft_wrap=True)
    if not (readers or scales):
        raise typer.Exit(EXIT_FAILED)


def _counted(hosts: int) -> str:
    return "1 address" if hosts == 1 else f"{hosts} addresses"


def hosts_of(targets: Sequence[str]) -> list[str]:
    """Addresses and names as given, networks spread out. Raises ValueError with the fix."""
    hosts: list[str] = []
    for target in targets:
        if "/" not in target:
            if _NUMBERS.fullmatch(target) and not _is_address(target):
                raise ValueError(f"{target} is no address. Fix: write one as 192.0.2.7, a network as 192.0.2.0/24.")
            hosts.append(target)
            continue
        try:
            network = ipaddress.ip_network(target, strict=False)
        except ValueError as error:
            raise ValueError(f"{target}: {error}. Fix: write a network as 192.0.2.0/24.") from None
        if network.num_addresses > HOSTS_MAX:
            raise ValueError(f"{target}: {network.num_addresses} addresses. Fix: at most {HOSTS_MAX} at a time.")
        hosts += [str(address) for address in network.hosts()]
    hosts = list(dict.fromkeys(hosts))
    if len(hosts) > HOSTS_MAX:
        raise ValueError(f"{len(hosts)} addresses. Fix: at most {HOSTS_MAX} at a time.")
    return hosts


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _refuse_unknown(hosts: Sequence[str]) -> None:
    """Raises ValueError for a name that nobody knows: looking there would only say that nothing was found."""
    for host in hosts:
        if not _is_address(host):
            try:
                socket.getaddrinfo(host, None)
            except (OSError, UnicodeError) as error:
                raise ValueError(f"{host}: {error}. Fix: check the name, or give its address.") from None


async def discover(
    hosts: Sequence[str], llrp_ports: Sequence[int], modbus_ports: Sequence[int], units: range, timeout_s: float
) -> tuple[list[FoundReader], list[FoundUnit]]:
    """Everything found, in the order of the hosts."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def reader(host: str, port: int) -> list[FoundReader]:
        async with turns:
            try:
                return [FoundReader(host, port, await look_at_reader(host, port, timeout_s))]
            except NotAReader:
                return []

    async def modbus(host: str, port: int) -> list[FoundUnit]:
        async with turns:
            try:
                looks = await look_at_units(ModbusAddress(Link.TCP, host, port, timeout_s=timeout_s), units)
            except ModbusUnavailable:
                return []
            return [FoundUnit(host, port, look) for look in looks]

    found = await asyncio.gather(*(reader(host, port) for host in hosts for port in llrp_ports))
    answered = await asyncio.gather(*(modbus(host, port) for host in hosts for port in modbus_ports))
    return [one for some in found for one in some], [one for some in answered for one in some]


def starting_site(readers: Sequence[FoundReader], units: Sequence[FoundUnit]) -> Site:
    """The readers that answered, all antennas in one zone, and the units that could be scales."""
    free = [reader for reader in readers if not reader.look.in_use]
    return Site(
        name="discovered",
        zones=(Zone(_PLACE),),
        readers=tuple(
            Reader(
                f"reader-{number}",
                found.host,
                found.port,
                antennas=tuple(Antenna(port, _PLACE) for port in found.look.antennas or _ports(found)),
            )
            for number, found in enumerate(free, 1)
        ),
        scales=tuple(
            Scale(f"scale-{number}", unit.host, unit.look.profiles[0], port=unit.port, unit=unit.look.unit)
            for number, unit in enumerate((unit for unit in units if unit.look.profiles), 1)
        ),
    )


def starting_text(readers: Sequence[FoundReader], units: Sequence[FoundUnit]) -> str:
    """A site file that is valid as it is, with comments on what a person has to look at."""
    comments = [
        "# Found by tagledger discover. Give readers and antennas their places, [[zones]] and [[portals]], as in",
        "# deploy/site/site.toml.",
    ]
    number = 0
    for reader in readers:
        where = f"{reader.host}:{reader.port}"
        if reader.look.facts is None:
            comments.append(
                f"# {where}: an LLRP reader in use by another client, not listed. Look again when it is free."
            )
            continue
        number += 1
        connected = ", ".join(map(str, reader.look.antennas)) or "none that it can tell"
        comments.append(f"# reader-{number}: {_printable(str(reader.look.facts))}; antennas connected: {connected}")
    number = 0
    for unit in units:
        said = _printable(", ".join(unit.look.identity)) or "no device identification"
        if unit.look.profiles:
            number += 1
            others = f"; could also be {', '.join(unit.look.profiles[1:])}" if unit.look.profiles[1:] else ""
            comments.append(f"# scale-{number}: {said}; the profile is a guess{others}")
        else:
            comments.append(
                f"# {unit.host}:{unit.port} unit {unit.look.unit}: {said}; fits no scale profile, not listed"
            )
    text = "\n".join(comments) + "\n\n" + site_text(starting_site(readers, units))
    parse_site(text, "discovered", {})  # what is written is what doctor accepts
    return text


def _ports(found: FoundReader) -> range:
    return range(1, (found.look.facts.antennas if found.look.facts else 1) + 1)


def _printable(text: str) -> str:
    """What a device says of itself, fit for one line of a comment."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _print(readers: Sequence[FoundReader], units: Sequence[FoundUnit], where: Console) -> None:
    if readers:
        table = Table(title="LLRP readers", title_justify="left", box=None, pad_edge=False)
        for heading in ("address", "what", "antennas connected"):
            table.add_column(heading)
        for reader in readers:
            what = "in use by another client" if reader.look.facts is None else _printable(str(reader.look.facts))
            connected = ", ".join(map(str, reader.look.antennas))
            table.add_row(f"{reader.host}:{reader.port}", what, connected)
        where.print(table)
    if units:
        table = Table(title="Modbus units", title_justify="left", box=None, pad_edge=False)
        for heading in ("address", "unit", "says it is", "could be"):
            table.add_column(heading)
        for unit in units:
            said, could = _printable(", ".join(unit.look.identity)), ", ".join(unit.look.profiles)
            table.add_row(f"{unit.host}:{unit.port}", str(unit.look.unit), said, could)
        where.print(table)
