"""Forty readers of 1,500 reads a second each, in real time, into one edge process and one stream process.

Simulated readers speak LLRP over TCP from a process of their own, each on one door: 240 parked tags, and in every 20
seconds a load of 60 announced tags that stands in the door for five. `tagledger edge` decodes, reduces, spools and
sends over Mosquitto; `tagledger stream` decides and posts into its embedded PostgreSQL with fsync on.

Printed: CPU share of each process while it lasts (100 % is one core) and CPU time per 1,000 reads that came through,
how far the stream is behind the clock, from the deciding read of a green or red lamp to its signal at the edge's
broker, and from the last read of a load to its posting in the feed, where others see it once it is committed. The
deciding read lies in the window of reads that was decided with; counted from the beginning of that window, the time is
up to 0.25 s too long. The peer is the time of day: `x_real_time` is the share of it that was through the stream at the
end. Readers and simulators share the machine with what is measured; with fewer free cores than processes the lag shows
it, and `load_per_core` says what else ran.

    python -m bench live            # LIVE_READERS=10, LIVE_READS_S=300 for a smaller machine
"""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import paho.mqtt.client as mqtt
import psycopg
from paho.mqtt.enums import CallbackAPIVersion

from bench.capture_maker import BEAMS, CYCLE_S, WINDOW_MS, bench_site
from simulators.llrp.models import SPEEDWAY_R420
from simulators.llrp.plant_clock import ScaledClock
from simulators.llrp.radio import AntennaDrive, Singulations, TagMemory
from simulators.llrp.server import ReaderSimulator
from stream.model import Colour
from stream.mqtt_topics import decode_signal, signal_topic
from tagledger.site_text import site_text
from warehouse.commands import (
    ALL_RIGHTS,
    Actor,
    Command,
    CreateDocument,
    CreateItem,
    LineSpec,
    RegisterTags,
    Result,
    TagSpec,
)
from warehouse.postgres import outbox
from warehouse.postgres.commands import execute
from warehouse.postgres.database.migrate import migrate
from warehouse.postgres.database.server import EmbeddedServer
from warehouse.postgres.goods.places import ensure_places
from warehouse.site import Site
from warehouse.site_settings import ApiSettings, UplinkSettings

READERS = int(os.environ.get("LIVE_READERS", "40"))
CYCLES = 3
READS_S = int(os.environ.get("LIVE_READS_S", "1500"))
PARKED, LOAD = 240, 60
LOAD_IN_S, LOAD_OUT_S = 3.0, 8.0
START_WAIT_S = 60.0
LOOK_EVERY_S = 0.5
LAST_LOAD_S = 5.0
# Until the readers begin: their processes and the edge's connections take longer the more there are.
LEAD_S = 10.0 + READERS / 4


@dataclass(slots=True)
class Eyes:
    """What is seen from outside: signals as they reach the edge's broker, postings as the feed has them.

    `signals_s` has by passage the age of its first green or red, in seconds since the beginning of the window decided
    with; `posted_s` when a document was first posted, in Unix seconds.
    """

    signals_s: dict[object, float] = field(default_factory=dict)
    posted_s: dict[str, float] = field(default_factory=dict)
    ended: threading.Event = field(default_factory=threading.Event)

    def on_signal(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        signal_ = decode_signal(bytes(message.payload))
        if signal_.colour in (Colour.GREEN, Colour.RED) and not signal_.renewed:
            begun_s = signal_.at_us / 1e6 - WINDOW_MS / 1e3
            self.signals_s.setdefault(signal_.passage_id, time.time() - begun_s)

    def watch_feed(self, dsn: str) -> None:
        """Read the outbox as the feed does, until `ended`."""
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("listen tagledger_feed")
            after = outbox.Cursor()
            while not self.ended.is_set():
                for _ in connection.notifies(timeout=LOOK_EVERY_S, stop_after=1):
                    pass
                while messages := outbox.read(connection, after, topics=("posting",)):
                    after = messages[-1].cursor
                    for message in messages:
                        for _, number, *_ in message.payload["documents"]:
                            self.posted_s.setdefault(number, time.time())


def run() -> dict[str, object]:
    """Shares, lag and latency."""
    broker = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if broker is None:
        raise RuntimeError("mosquitto is missing; bash .ci/services installs it")
    with (
        tempfile.TemporaryDirectory(prefix="tagledger-bench-") as name,
        EmbeddedServer(Path(name) / "database") as server,
    ):
        return _run(Path(name), broker, server)


def _run(folder: Path, broker: str, server: EmbeddedServer) -> dict[str, object]:
    ports = _free_ports(READERS + 1)
    site = _site(folder, ports)
    site_file = folder / "site.toml"
    site_file.write_text(site_text(site))
    (folder / "mosquitto.conf").write_text(f"listener {ports[-1]} 127.0.0.1\nallow_anonymous true\nuser root\n")
    migrate(server.dsn)
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        ensure_places(connection, site)
        _enter_paper(connection)
    started: dict[str, subprocess.Popen[str]] = {}
    eyes, ears = Eyes(), mqtt.Client(CallbackAPIVersion.VERSION2)
    ears.on_message = eyes.on_signal

    def start(name: str, *command: str) -> None:
        with (folder / f"{name}.log").open("w") as log:
            environment = {**os.environ, "TAGLEDGER_LOG_FORMAT": "json", "TAGLEDGER_DATABASE__DSN": server.dsn}
            started[name] = subprocess.Popen(command, stdout=log, stderr=log, text=True, env=environment)

    try:
        start("mosquitto", broker, "-c", str(folder / "mosquitto.conf"))
        start("stream", sys.executable, "-m", "tagledger", "stream", "--site", str(site_file))
        _until_said('"stream"', folder / "stream.log", started["stream"])
        origin_us = time.time_ns() // 1000 + round(LEAD_S * 1e6)
        start("readers", sys.executable, "-m", "bench.live", str(origin_us), *map(str, ports[:-1]))
        start("edge", sys.executable, "-m", "tagledger", "edge", "--site", str(site_file))
        watching = threading.Thread(target=eyes.watch_feed, args=(server.dsn,))
        watching.start()
        ears.on_connect = lambda client, *_: client.subscribe(signal_topic(site.name, "+", "+"), qos=1)
        ears.connect("127.0.0.1", ports[-1])
        ears.loop_start()
        try:
            return _watch(server, origin_us, started, folder, eyes)
        finally:
            eyes.ended.set()
            ears.loop_stop()
            watching.join()
    finally:
        for process in reversed(started.values()):
            process.send_signal(signal.SIGTERM)
        for process in started.values():
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()


def _watch(
    server: EmbeddedServer, origin_us: int, started: dict[str, "subprocess.Popen[str]"], folder: Path, eyes: Eyes
) -> dict[str, object]:
    """Let the cycles pass, look on, and add up."""
    _sleep_until(origin_us)
    pids = {name: process.pid for name, process in started.items()} | {"postgres": server.pid or 0}
    before, began_s = {name: _cpu_s(pid) for name, pid in pids.items()}, time.monotonic()
    lags_s: list[float] = []
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        until_us = origin_us + CYCLES * CYCLE_S * 1_000_000
        while time.time_ns() // 1000 < until_us:
            ended = [name for name, process in started.items() if process.poll() is not None]
            if ended:
                raise RuntimeError(f"{ended[0]} ended: {(folder / f'{ended[0]}.log').read_text()[-2000:]}")
            row = connection.execute("select max(at) from stream_log where kind = 1").fetchone()
            if row is not None and row[0] is not None:
                lags_s.append(time.time() - row[0].timestamp())
            time.sleep(LOOK_EVERY_S)
        spent_s = time.monotonic() - began_s
        share = {name: (_cpu_s(pid) - before[name]) / spent_s for name, pid in pids.items()}
        row = connection.execute("select coalesce(sum(sightings), 0) from stream_log where kind = 1").fetchone()
        assert row is not None
        time.sleep(LAST_LOAD_S)
    latencies_s = [
        posted_s - (origin_us / 1e6 + int(number.split("-")[2]) * CYCLE_S + LOAD_OUT_S)
        for number, posted_s in eyes.posted_s.items()
    ]
    offered, loads = READERS * READS_S, READERS * CYCLES
    through = 1.0 - lags_s[-1] / spent_s if lags_s else 0.0
    result: dict[str, object] = {
        "bench": "live",
        "readers": READERS,
        "reads_s": offered,
        "sightings_s": round(int(row[0]) / spent_s),
        "cpu_share": {name: round(value, 3) for name, value in share.items()},
        "cpu_ms_1000_reads": {
            name: round(1e6 * each / offered / max(through, 0.01), 2) for name, each in share.items()
        },
        "load_per_core": round(os.getloadavg()[0] / (os.cpu_count() or 1), 1),
        "lag_s": _quantiles(lags_s),
        "x_real_time": round(through, 3),
        "lamps": len(eyes.signals_s),
        "read_to_signal_s": _quantiles(list(eyes.signals_s.values())),
        "loads": loads,
        "loads_posted": len(latencies_s),
        "read_to_movement_s": _quantiles(latencies_s),
    }
    print(f"{READERS} readers, {offered:,} reads/s offered, {result['sightings_s']:,} sightings/s stored")
    print("CPU " + ", ".join(f"{name} {value:.0%}" for name, value in share.items()))
    print(f"CPU ms per 1,000 reads: {result['cpu_ms_1000_reads']}; load per core {result['load_per_core']}")
    print(f"behind the clock, s: {result['lag_s']}")
    print(f"{len(eyes.signals_s)} lamps; deciding read to signal, s: {result['read_to_signal_s']}")
    print(f"{len(latencies_s)} of {loads} loads posted; last read to movement, s: {result['read_to_movement_s']}")
    print(json.dumps(result))
    return result


def _quantiles(values: Sequence[float]) -> dict[str, float]:
    if len(values) < 2:
        return {}
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return {"p50": round(cuts[49], 2), "p99": round(cuts[98], 2)}


def _site(folder: Path, ports: Sequence[int]) -> Site:
    made = bench_site(READERS)
    return replace(
        made,
        state_dir=str(folder / "state"),
        readers=tuple(replace(reader, port=port) for reader, port in zip(made.readers, ports[:-1], strict=True)),
        uplink=UplinkSettings("mqtt", "127.0.0.1", ports[-1]),
        api=ApiSettings(port=0),
    )


def _epc(door: int, cycle: int, tag: int) -> str:
    """A load's tags belong to one door and cycle; cycle -1 is what is parked there."""
    return f"3034257BF7194E40{door:02X}{cycle + 1:02X}{tag:04X}"


def _enter_paper(connection: psycopg.Connection[Any]) -> None:
    """An announced receipt for every load."""
    commands: list[Command] = [CreateItem("A")]
    for door in range(READERS):
        for cycle in range(CYCLES):
            epcs = tuple(_epc(door, cycle, tag) for tag in range(LOAD))
            commands.append(RegisterTags(tuple(TagSpec(epc, "A") for epc in epcs)))
            line = LineSpec("A", Decimal(LOAD))
            commands.append(
                CreateDocument("purchase_receipt", f"ASN-{door}-{cycle}", (line,), door=f"d{door}", epcs=epcs)
            )
    for number, command in enumerate(commands):
        outcome = execute(
            connection, command, actor=Actor("bench", rights=ALL_RIGHTS), source="bench", client_event_id=str(number)
        )
        assert isinstance(outcome, Result), outcome


def _until_said(event: str, log: Path, process: "subprocess.Popen[str]") -> None:
    until_s = time.monotonic() + START_WAIT_S
    while time.monotonic() < until_s and process.poll() is None:
        if event in log.read_text():
            return
        time.sleep(0.1)
    raise RuntimeError(f"{log.stem} did not start: {log.read_text()[-2000:]}")


def _free_ports(count: int) -> list[int]:
    """From below those that the kernel takes for outgoing connections, of which one may come before a server does."""
    found: list[int] = []
    for port in range(20_000 + os.getpid() % 10_000, 32_768):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == count:
            return found
    raise RuntimeError(f"{count} free ports were not found")


def _sleep_until(at_us: int) -> None:
    time.sleep(max(0.0, at_us / 1e6 - time.time()))


def _cpu_s(pid: int) -> float:
    """Of a process and all below it."""
    ticks = 0
    for found in (pid, *_below(pid)):
        try:
            fields = Path(f"/proc/{found}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _below(pid: int) -> list[int]:
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            parents.setdefault(parent, []).append(int(entry.name))
    found, todo = [], [pid]
    while todo:
        children = parents.get(todo.pop(), [])
        found += children
        todo += children
    return found


class DoorRadio:
    """What one door's reader hears: parked goods always, and in every cycle the tags of a load while it is there.

    A load in the door takes four reads of five. The tags of a population are read in turn.
    """

    def __init__(self, door: int, origin_us: int) -> None:
        self._door, self._origin_us = door, origin_us
        self._parked = _bytes([_epc(door, -1, tag) for tag in range(PARKED)])
        self._load = [_bytes([_epc(door, cycle, tag) for tag in range(LOAD)]) for cycle in range(CYCLES + 1)]

    def reads(self, start_us: int, end_us: int, antennas: Sequence[AntennaDrive]) -> Singulations:
        step_us = 1_000_000 // READS_S
        number = np.arange(-(-start_us // step_us), -(-end_us // step_us), dtype=np.int64)
        time_us = number * step_us
        since_s = (time_us - self._origin_us) / 1e6
        cycle = np.clip(since_s // CYCLE_S, 0, CYCLES).astype(np.int64)
        into_s = since_s - cycle * CYCLE_S
        of_load = (since_s > 0) & (into_s >= LOAD_IN_S) & (into_s < LOAD_OUT_S) & (number % 5 < 4)
        epc = self._parked[number % PARKED]
        for one in np.unique(cycle[of_load]):
            at = of_load & (cycle == one)
            epc[at] = self._load[one][(number[at] - number[at] // 5) % LOAD]  # so many reads of loads before it
        ports = np.array([drive.port for drive in antennas], np.int64)
        # A load comes from the outer antennas (1, 2) and leaves by the inner ones (3, 4).
        through = np.clip((into_s - LOAD_IN_S) / (LOAD_OUT_S - LOAD_IN_S), 0.0, 1.0)
        place = np.where(of_load, np.where(number % 4 < 4 * through, 2, 0) + number % 2, number % len(ports))
        near = np.where(of_load, 8.0, -12.0)
        return Singulations(
            epc=epc,
            epc_bits=np.full(len(number), 96, np.uint16),
            antenna=ports[place % len(ports)].astype(np.uint16),
            time_us=time_us,
            rssi_dbm=(-55.0 + near + number % 3 * 0.5).astype(np.float32),
            channel=(number % 50 + 1).astype(np.uint16),
            phase_rad=(number * 0.7 % (2 * np.pi)).astype(np.float32),
            doppler_hz=np.zeros(len(number), np.float32),
        )

    def memory(self, epc: bytes) -> TagMemory | None:
        return None


def _bytes(epcs: Sequence[str]) -> "np.ndarray[Any, np.dtype[np.uint8]]":
    return np.array([list(bytes.fromhex(epc)) for epc in epcs], np.uint8)


async def _serve_readers(origin_us: int, ports: Sequence[int]) -> None:
    clock = ScaledClock(time.time_ns() // 1000)
    readers = [
        ReaderSimulator(SPEEDWAY_R420, DoorRadio(door, origin_us), clock, port=port) for door, port in enumerate(ports)
    ]
    for reader in readers:
        reader.plan_gpi(
            (origin_us + round((cycle * CYCLE_S + at_s) * 1e6), port, level)
            for cycle in range(CYCLES)
            for port, at_s, level in BEAMS
        )
        await reader.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        asyncio.run(_serve_readers(int(sys.argv[1]), [int(port) for port in sys.argv[2:]]))
    else:
        run()
