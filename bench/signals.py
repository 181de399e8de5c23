"""From the deciding read to the lamp: how long people in a door wait for its colour.

The whole path for real: simulated readers with physics in front of three doors (in a process of their own), LLRP over
TCP, reduction, spool with its fsync, uplink, stream, PostgreSQL commit, signal back to the edge, SET_READER_CONFIG to
the reader and its answer. Once with the stream in the edge's process, once with a Mosquitto between them.

The deciding read is found afterwards, from the recording: the same operators are run over the same reads cut to
`FINE_MS` instead of 250 ms and judged after every cut. The cut after which their colour stayed the one that was shown,
for that load, has the deciding read; the latency counts from its beginning to the reader's answer. Finer cuts are other
sightings and so have slightly other scores: where they had not come to the colour by the time the stream had, it counts
from the beginning of the window of reads that the stream decided with. Every green and red lamp counts; amber is
decided by a deadline, not by a read. The machine's load is part of the result: beside other work this measures that.

Three stages are told apart: until the time (of the readers) at which the stream decided (`decided`: waiting for the end
of a window of reads and for more evidence than the fine cuts needed), until the edge was told (`told`: reports, seal,
spool, stream, commit, way back), and until the reader had answered (`shown`).
"""

import argparse
import asyncio
import contextlib
import json
import math
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edge.agent import EdgeAgent
from edge.capture import CaptureReader
from edge.capture.format import ClockRecord, DisconnectedRecord, EventRecord, ExpectationRecord, FramesRecord
from edge.clock import Clock
from edge.reduce import Reducer
from edge.replay import ReplayCount, decoded
from edge.uplink_inproc import InprocUplink
from edge.uplink_mqtt import MqttUplink
from readers.llrp.report import ReportDecoder
from simulators.plant import Plant
from stream.graph import Graph
from stream.model import EMPTY, BatchId, Colour, DeviceEvent, EdgeBatch, Signal
from stream.operators.passage_window import WindowParams
from stream.operators.passages import PassageParams
from stream.places import Outputs
from stream.routing import take
from stream.source_mqtt import MqttSource
from stream.topology import OperatorParams, operators_of
from tagledger.database import open_database
from tagledger.edge_parts import edge_agent, run_edge_parts
from tagledger.plant_entry import document_commands, opening_commands
from tagledger.plant_process import PlantTime, running_plant
from tagledger.running import tell_edge, write_pool
from tagledger.stream_parts import running_host
from warehouse.commands import ALL_RIGHTS, Actor, Result
from warehouse.loads import Expectation
from warehouse.postgres.commands import execute
from warehouse.site import Effect, Site, StackLight
from warehouse.site_settings import EdgeSettings, UplinkSettings

SEED = 1
ACTOR = Actor("bench", rights=ALL_RIGHTS)
DURATION_S = 240.0
KINDS = ("inproc", "mqtt")
SLOWEST = 12
FINE_MS = 50
FINE_US = FINE_MS * 1000
WINDOW_US = 250_000
_LAMPS = {1: Colour.GREEN, 3: Colour.RED}


@dataclass(slots=True)
class Lamp:
    """A lamp that went on: where, which, and when the reader had answered."""

    portal: str
    colour: Colour
    decided_us: int
    told_us: int
    at_us: int


@dataclass(slots=True)
class Watch:
    """Signals as the edge is told, and lamps as they go on, by the edge's clock."""

    clock: Clock
    portal_of: dict[str, str]
    show: Callable[[Signal], None]
    told: dict[str, tuple[Signal, int]] = field(default_factory=dict)
    lamps: list[Lamp] = field(default_factory=list)

    def on_signal(self, signal: Signal) -> None:
        if not signal.renewed:
            self.told[signal.portal] = signal, self.clock.now_us()
        self.show(signal)

    def on_write(self, device: str, port: int, state: bool) -> None:
        portal = self.portal_of[device]
        signal, told_us = self.told.get(portal, (None, 0))
        if state and signal is not None and signal.colour is _LAMPS.get(port):
            self.lamps.append(Lamp(portal, signal.colour, signal.at_us, told_us, self.clock.now_us()))


@dataclass(frozen=True, slots=True)
class Latency:
    """One lamp's way from the deciding read, in seconds."""

    decided_s: float
    told_s: float
    shown_s: float

    @property
    def whole_s(self) -> float:
        return self.decided_s + self.told_s + self.shown_s


def run(
    duration_s: float = DURATION_S, seeds: Sequence[int] = (SEED,), kinds: Sequence[str] = KINDS
) -> dict[str, object]:
    """p50 and p99 in seconds over the plants of all seeds, in process and over MQTT."""
    result: dict[str, object] = {"bench": "signals", "unit": "s", "seeds": list(seeds), "fine_ms": FINE_MS}
    result["load_per_core"] = round(os.getloadavg()[0] / (os.cpu_count() or 1), 1)
    print(f"{'':12}{'signals':>8}{'p50 s':>8}{'p99 s':>8}{'max s':>8}   medians of decided, told, shown")
    for kind in kinds:
        if kind == "mqtt" and _mosquitto() is None:
            print("mqtt: no Mosquitto here (apt-get install mosquitto)")
            continue
        found: list[Latency] = []
        for seed in seeds:
            with tempfile.TemporaryDirectory(prefix="tagledger-signals-") as folder:
                found += asyncio.run(_measure(Path(folder), kind, duration_s, seed))
        latencies = [each.whole_s for each in found]
        row: dict[str, Any] = {
            "signals": len(latencies),
            "p50_s": round(statistics.median(latencies), 3),
            "p99_s": round(sorted(latencies)[math.ceil(0.99 * len(latencies)) - 1], 3),  # of fewer than 100 the largest
            "max_s": round(max(latencies), 3),
            "over_1_s": sum(latency > 1.0 for latency in latencies),
        }
        stages = [[each.decided_s for each in found], [each.told_s for each in found], [each.shown_s for each in found]]
        row["stages_p50_s"] = [round(statistics.median(stage), 3) for stage in stages]
        # Where the time of the slowest went: to the decision, or to the machine.
        slowest = sorted(found, key=lambda each: each.whole_s, reverse=True)[:SLOWEST]
        row["slowest_stages_s"] = [[round(s, 3) for s in (e.decided_s, e.told_s, e.shown_s)] for e in slowest]
        result[kind] = row
        medians = "  ".join(f"{median:.3f}" for median in row["stages_p50_s"])
        print(
            f"{kind:12}{row['signals']:8}{row['p50_s']:8.3f}{row['p99_s']:8.3f}{row['max_s']:8.3f}   {medians}",
            flush=True,
        )
    print(json.dumps(result))
    return result


async def _measure(folder: Path, kind: str, duration_s: float, seed: int) -> list[Latency]:
    start_us = time.time_ns() // 1000 + 20_000_000
    plant = Plant(seed, duration_s, start_us=start_us - start_us % 1_000_000)
    end_us = plant.end_us + 3_000_000
    broker = _broker(folder) if kind == "mqtt" else contextlib.nullcontext(0)
    with broker as port, running_plant(plant, duration_s, 1.0) as running:
        site = _site(running.site, folder, kind, port)
        clock = PlantTime(running.clock)
        with open_database(site) as dsn:
            _enter_paper(site, dsn, plant)
            async with _running(site, dsn, clock, folder / "capture", kind) as agent:
                lights = [(portal.name, portal.stack_light) for portal in site.portals]
                portal_of = {light.reader: name for name, light in lights if light is not None}
                watch = Watch(clock, portal_of, agent.on_signal)
                agent.on_signal = watch.on_signal  # type: ignore[method-assign]
                agent.outputs.on_write = watch.on_write
                await asyncio.sleep(5.0)  # readers connect, expectations arrive
                running.start()
                while running.clock.now_us() < end_us:
                    await running.clock.sleep_until(end_us)
    return _latencies(watch.lamps, list(_known_at(folder / "capture", site)))


def _site(site: Site, folder: Path, kind: str, port: int) -> Site:
    reader_of = {antenna.place: reader.name for reader in site.readers for antenna in reader.antennas}
    portals = tuple(
        replace(portal, effect=Effect.POST, stack_light=StackLight(reader_of[portal.name], 1, 2, 3))
        for portal in site.portals
    )
    return replace(
        site,
        portals=portals,
        state_dir=str(folder / "state"),
        edge=EdgeSettings(agent="dock"),
        uplink=UplinkSettings(kind, "127.0.0.1", port or 1883),
        scales=(),
    )


def _enter_paper(site: Site, dsn: str, plant: Plant) -> None:
    known = {standing.unit.sscc for standing in plant.opening}
    commands = [*opening_commands(plant)]
    for document in plant.documents:
        commands += document_commands(document, known)
    with write_pool(site, dsn) as pool, pool.connection() as connection:
        connection.autocommit = True
        for number, command in enumerate(commands):
            done = execute(
                connection,
                command,
                actor=Actor("bench", rights=ALL_RIGHTS),
                source="bench",
                client_event_id=str(number),
            )
            assert isinstance(done, Result), done


@contextlib.asynccontextmanager
async def _running(site: Site, dsn: str, clock: Clock, capture: Path, kind: str) -> AsyncIterator[EdgeAgent]:
    """Edge and stream, in one event loop."""
    async with running_host(site, dsn) as host:
        if kind == "mqtt":
            agent = edge_agent(site, MqttUplink(site.uplink, site.name, site.edge.agent, clock), clock, capture)
            # The plant's clock may lag behind the wall's, by which the source judges what is still valid.
            between = [asyncio.create_task(MqttSource(site, host, site.uplink, wall_us=clock.now_us).run())]
        else:
            uplink = InprocUplink(host.submit, clock)
            host.on_ack.append(lambda ack: uplink.acknowledge(ack.epoch, ack.counter))
            agent = edge_agent(site, uplink, clock, capture)
            between = [asyncio.create_task(tell_edge(host, agent))]
        edge = asyncio.create_task(run_edge_parts(site, agent, clock))
        try:
            yield agent
        finally:
            for task in (edge, *between):
                task.cancel()
            await asyncio.gather(edge, *between, return_exceptions=True)


def _known_at(capture: Path, site: Site) -> Iterator[Signal]:
    """Signals as they could have been known, by the operators over reads cut fine."""
    decoders: dict[str, ReportDecoder] = {}
    reducer, events, count = Reducer(FINE_MS), list[DeviceEvent](), ReplayCount()
    expected: list[tuple[int, Expectation]] = []
    heard_us = 0
    for record in CaptureReader(capture):
        match record:
            case FramesRecord():
                decoder = decoders.setdefault(record.reader, ReportDecoder(record.reader))
                heard_us = max(heard_us, int.from_bytes(record.arrivals_us[-8:], "little"))
                for reads in decoded(decoder, record, count):
                    reducer.add(reads)
            case ClockRecord():
                decoders.setdefault(record.reader, ReportDecoder(record.reader)).offset_us = record.offset_us
            case DisconnectedRecord():
                decoders.pop(record.reader, None)
            case EventRecord():
                events.append(record.event())
            case ExpectationRecord():
                expected.append((heard_us, record.expectation))
    params = PassageParams(window=WindowParams(tick_us=FINE_US), provisional_every_s=FINE_MS / 1000)
    graph = Graph(site, operators_of(site, OperatorParams(passages=params)))
    out = Outputs()
    events.sort(key=lambda event: event.at_us)
    rows = reducer.seal()
    first_us, last_us = int(rows.first_us.min()), int(rows.last_us.max())
    for counter, at_us in enumerate(range(first_us - first_us % FINE_US + FINE_US, last_us + 10 * FINE_US, FINE_US), 1):
        while expected and expected[0][0] <= at_us:
            graph.expect(expected.pop(0)[1], out)
        due = tuple(event for event in events if event.at_us < at_us)
        events = events[len(due) :]
        within = (rows.first_us >= at_us - FINE_US) & (rows.first_us < at_us)
        piece = take(rows, within) if within.any() else EMPTY
        graph.on_batch(EdgeBatch(BatchId(site.edge.agent, "fine", counter), at_us - 1, at_us, piece, due), out)
        yield from out.signals
        out = Outputs()


def _latencies(lamps: list[Lamp], known: list[Signal]) -> list[Latency]:
    """Seconds from when a colour could have been known to when its lamp was on."""
    found = []
    for lamp in lamps:
        read_us = _read_us(lamp, known)
        found.append(
            Latency(
                (lamp.decided_us - read_us) / 1e6,
                (lamp.told_us - lamp.decided_us) / 1e6,
                (lamp.at_us - lamp.told_us) / 1e6,
            )
        )
        if os.environ.get("TAGLEDGER_BENCH_EACH"):
            print(f"{lamp.portal} {lamp.colour:6} {found[-1]}", flush=True)
    return found


def _read_us(lamp: Lamp, known: list[Signal]) -> int:
    """The beginning of the cut with which a lamp's colour came to stay, of the load that was in the door; of the window
    in which the stream decided, when the fine cuts had not come to it by then.
    """
    read_us, load, stays = lamp.decided_us - WINDOW_US, None, False
    for signal in known:
        if signal.portal != lamp.portal or signal.renewed or signal.at_us > lamp.decided_us:
            continue
        if signal.passage_id != load or signal.colour is not lamp.colour:
            load, read_us, stays = signal.passage_id, lamp.decided_us - WINDOW_US, False
        if signal.colour is lamp.colour and not stays:
            read_us, stays = signal.at_us - FINE_US, True
    return read_us


def _mosquitto() -> str | None:
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


@contextlib.contextmanager
def _broker(folder: Path) -> Iterator[int]:
    """A broker of our own; its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    config = folder / "mosquitto.conf"
    config.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\nuser {Path.home().owner()}\n"
    )
    program = _mosquitto()
    assert program is not None
    process = subprocess.Popen([program, "-c", str(config)], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        while socket.socket().connect_ex(("127.0.0.1", port)) != 0:
            time.sleep(0.02)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def _asked(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.signals", description="From the deciding read to the lamp.")
    parser.add_argument("duration_s", nargs="?", type=float, default=DURATION_S, help="of each plant, in real time")
    parser.add_argument("seeds", nargs="*", type=int, default=[SEED], help="one plant each, about 30 signals in 240 s")
    parser.add_argument("--only", choices=KINDS, help="one of the two ways, by default one after the other")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    asked = _asked(sys.argv[1:])
    run(asked.duration_s, asked.seeds, (asked.only,) if asked.only else KINDS)
