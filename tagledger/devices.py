"""`tagledger devices`: look at devices that are no readers.

`probe` prints the raw registers of a Modbus unit and everything they could mean, so that the map of an unknown scale
can be found: put a known load on it and give its weight with `--weight`.
"""

from __future__ import annotations

import asyncio
from decimal import Decimal, InvalidOperation
from typing import Annotated

import typer
from rich.table import Table

from readers.modbus.connection import Link, ModbusAddress, ModbusUnavailable
from readers.modbus.driver import read_registers
from readers.modbus.interpretations import Interpretation, interpretations, near
from readers.modbus.profile import load, shipped
from tagledger.logs import configure_logs
from tagledger.terminal import EXIT_FAILED, EXIT_USAGE, complain, console, print_json

app = typer.Typer(
    help="Look at scales and other devices.", no_args_is_help=True, add_completion=False, rich_markup_mode=None
)

_TABLES = {3: "holding", 4: "input"}


@app.callback()
def _devices() -> None:
    """Look at scales and other devices."""


@app.command()
def probe(
    host: Annotated[str, typer.Argument(help="The unit's address.")],
    port: Annotated[int, typer.Option(help="TCP port.", min=1, max=65535)] = 502,
    unit: Annotated[int, typer.Option(help="Modbus unit (device id).", min=0, max=255)] = 1,
    first: Annotated[
        int | None,
        typer.Option(
            help="First register, counted from 0 (40001 is 0). Without it from 0, and where known scales have theirs.",
            min=0,
            max=65535,
            show_default=False,
        ),
    ] = None,
    count: Annotated[int, typer.Option(help="How many registers.", min=1, max=10_000)] = 100,
    rtu: Annotated[bool, typer.Option("--rtu", help="RTU frames over TCP.")] = False,
    weight: Annotated[str, typer.Option(help="Show only what says this known weight.")] = "",
    within: Annotated[str, typer.Option(help="How far from it a reading may be.")] = "1",
    timeout_s: Annotated[float, typer.Option("--timeout", help="Seconds to wait for an answer.", min=0.05)] = 1.0,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Read holding and input registers; print them raw and in every plausible interpretation."""
    configure_logs()
    try:
        known, tolerance = (Decimal(weight) if weight else None), Decimal(within)
    except InvalidOperation:
        complain(f"{weight or within!r} is not a number. Fix: give a weight such as 812.5.")
        raise typer.Exit(EXIT_USAGE) from None
    address = ModbusAddress(Link.RTU_OVER_TCP if rtu else Link.TCP, host, port, unit, timeout_s=timeout_s)
    try:
        registers = asyncio.run(_read(address, _ranges(first, count)))
    except ModbusUnavailable as error:
        complain(f"{error}. Fix: check address, port, unit and framing (--rtu).")
        raise typer.Exit(EXIT_FAILED) from None
    except ValueError as error:
        complain(error)
        raise typer.Exit(EXIT_USAGE) from None
    found = {
        name: rows if known is None else near(rows, known, tolerance)
        for name, rows in ((name, interpretations(values)) for name, values in registers.items())
    }
    if json:
        print_json(
            {
                "host": host,
                "port": port,
                "unit": unit,
                "registers": registers,
                "interpretations": {name: [_plain(row) for row in rows] for name, rows in found.items()},
            }
        )
    else:
        for name, values in registers.items():
            _print(name, values, found[name])
    if not any(registers.values()) or (known is not None and not any(found.values())):
        looked = ", ".join(f"{start}–{start + length - 1}" for start, length in _ranges(first, count))
        complain(f"nothing was found in registers {looked}. Fix: look at others (--first, --count) or another --unit.")
        raise typer.Exit(EXIT_FAILED)


def _ranges(first: int | None, count: int) -> list[tuple[int, int]]:
    """Where to look, as first register and how many: what was asked for, or where scales are likely to have theirs."""
    if first is not None:
        return [(first, count)]
    known = {(profile.first, profile.count) for profile in map(load, shipped())}
    return [(0, count), *sorted(span for span in known if sum(span) > count)]


async def _read(address: ModbusAddress, ranges: list[tuple[int, int]]) -> dict[str, dict[int, int]]:
    found: dict[str, dict[int, int]] = {}
    for code, name in _TABLES.items():
        found[name] = {}
        for first, count in ranges:
            found[name] |= await read_registers(address, code, first, count)
    return found


def _plain(row: Interpretation) -> dict[str, object]:
    return {
        "address": row.address,
        "type": row.type.value,
        "word_order": row.order.value if row.order else None,
        "scale": str(row.scale),
        "value": str(row.value),
    }


def _print(name: str, registers: dict[int, int], rows: list[Interpretation]) -> None:
    if not registers:
        console.print(f"{name} registers: none")
        return
    raw = Table(title=f"{name} registers", title_justify="left", box=None, pad_edge=False)
    for heading in ("address", "hex", "bits", "value"):
        raw.add_column(heading, justify="right")
    for address, value in registers.items():
        if value:
            raw.add_row(str(address), f"{value:04X}", f"{value:016b}", str(value))
    console.print(raw)
    table = Table(title=f"{name} registers could mean", title_justify="left", box=None, pad_edge=False)
    for heading in ("address", "type", "word order", "scale", "value"):
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(
            str(row.address), row.type.value, row.order.value if row.order else "", str(row.scale), str(row.value)
        )
    console.print(table)
