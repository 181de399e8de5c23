"""The edge agent: drivers in, batches into the spool, signals out. The one object an edge process runs.

    driver → on_frames → capture                       uplink → on_signal, on_override → outputs
           → on_reads → batcher ─ seal → spool → uplink       → on_expectation → local decision
           → on_event ┘             └──→ capture

The stream is heard while it answers: an uplink that is connected to a broker behind which nobody commits is lost too.

Sealing, spooling and noting the seal in the capture are one step without waiting in between: what is recorded before a
seal is in its batch. The step waits for the disk (one fsync), which stalls the loop for milliseconds four times a
second; that is the price of a batch being durable before anything else sees it, and of a capture that replays exactly.

A batch the spool refuses is lost, loudly: its name is used again, an alarm stands while it lasts, and the next batch
that is stored says in a `data_loss` event how many sightings are gone. When space gets short recording stops first.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence

import structlog

from edge.batcher import Batcher
from edge.capture import CaptureWriter
from edge.clock import Clock
from edge.device_tasks import DeviceTasks
from edge.expected_file import ExpectedFile
from edge.health import Alarm, EdgeHealth, ReaderHealth
from edge.local_decision import LocalDecision
from edge.outputs import DoorOutputs
from edge.recorder import Recorder
from edge.spool import Spool
from edge.spool_values import AppendResult
from edge.uplink import Uplink
from readers.modbus.coils import CoilModule
from readers.model import ReadBatch, ReaderEvent, ReaderEventKind
from readers.port import ReaderDriver
from readers.push.driver import PushDriver
from stream.model import DeviceEvent, DeviceEventKind, Signal
from warehouse.loads import Expectation, Override
from warehouse.site import Site

_TICK_S = 0.025
_TRIM_EVERY_US = 60_000_000
_SCHEDULING_MS = 50

_log = structlog.get_logger(__name__)


class EdgeAgent:
    """Implements `ReaderSink` and `EdgeOrders`. Made inside the event loop; closes spool and capture when it ends."""

    def __init__(
        self,
        site: Site,
        drivers: Mapping[str, ReaderDriver],
        spool: Spool,
        uplink: Uplink,
        clock: Clock,
        *,
        capture: CaptureWriter | None = None,
        local: LocalDecision | None = None,
        expected: ExpectedFile | None = None,
        coils: Mapping[str, CoilModule] | None = None,
        spool_replaced: bool = False,
    ) -> None:
        settings = site.edge
        self._settings = settings
        self._drivers = dict(drivers)
        self._driving = DeviceTasks()
        self._spool = spool
        self._uplink = uplink
        self._clock = clock
        self._recorder = Recorder(capture)
        self._local = local
        self._expected = expected or ExpectedFile(None)
        self._coils = dict(coils or {})
        self.outputs = DoorOutputs(site.portals, {**drivers, **self._coils}, clock, _refresh_ms(site))
        self._batcher = Batcher(
            settings.agent, settings.window_ms, settings.flush_ms, settings.heartbeat_ms, self._lateness_ms(site)
        )
        self._readers = {name: ReaderHealth(name) for name in drivers}
        self._io_up: dict[str, bool] = {}
        self._alarms: set[Alarm] = {Alarm.SPOOL_REPLACED} if spool_replaced else set()
        self._batches = self._sightings = self._refused_batches = self._refused_sightings = 0
        self._untold = [0, 0]  # batches and sightings refused since the last stored batch
        self._trimmed_us = self._uplink_seen_us = clock.now_us()
        if local is not None:
            for expectation in self._expected.load():
                local.on_expectation(expectation)
        self._recorder.start(settings.agent, settings.window_ms, clock.now_us())

    def on_frames(self, reader: str, arrival_us: int, frames: Sequence[bytes]) -> None:
        """Record messages as received."""
        health = self._reader(reader)
        health.frames += len(frames)
        health.last_arrival_us = arrival_us
        self._recorder.frames(reader, arrival_us, frames)

    def on_clock(self, reader: str, arrival_us: int, offset_us: int) -> None:
        """Record a clock correction."""
        self._reader(reader).clock_offset_us = offset_us
        self._recorder.clock(reader, arrival_us, offset_us)

    def on_reads(self, batch: ReadBatch) -> None:
        """Take decoded reads."""
        if not len(batch):
            return
        health = self._reader(batch.reader)
        arrival_us = health.last_arrival_us
        self._batcher.add_reads(batch, self._clock.now_us() if arrival_us is None else arrival_us)
        health.took(batch)

    def on_event(self, event: ReaderEvent) -> None:
        """Take a reader's event."""
        self._reader(event.reader).note(event)
        taken = self._batcher.add_reader_event(event)
        if taken is not None:
            self._recorder.event(taken)
        if event.kind is ReaderEventKind.DISCONNECTED:
            self._recorder.disconnected(event.reader, event.at_us)
        elif event.kind is ReaderEventKind.CONNECTED:
            self.outputs.forget(event.reader)

    def on_device_event(self, event: DeviceEvent) -> None:
        """Take an event of a device that is no reader (a scale)."""
        if self._batcher.add_event(event) is not None:
            self._recorder.event(event)

    def on_command(self, at_us: int, actor: str, body: bytes) -> None:
        """Record a command given to this process; `body` is JSON."""
        self._recorder.command(at_us, actor, body)

    def on_signal(self, signal: Signal) -> None:
        """Show a signal of the stream."""
        self.outputs.on_signal(signal)

    def on_override(self, override: Override) -> None:
        """Show what a person ordered."""
        self.outputs.on_override(override)

    def on_io_link(self, module: str, up: bool, detail: str) -> None:
        """The connection to an I/O module came or went; told once."""
        if self._io_up.get(module) is up:
            return
        self._io_up[module] = up
        if up:
            self.outputs.forget(module)
        else:
            _log.warning("I/O module lost", module=module, error=detail)
        kind = DeviceEventKind.READER_UP if up else DeviceEventKind.READER_DOWN
        self.on_device_event(DeviceEvent(module, kind, self._clock.now_us(), detail=detail))

    def on_expectation(self, expectation: Expectation) -> None:
        """What a portal expects from now on."""
        self._recorder.expectation(expectation)
        self._expected.keep(expectation)
        if self._local is not None:
            self._local.on_expectation(expectation)

    def step(self) -> bool:
        """Seal and spool if it is time; whether a batch was stored."""
        now_us = self._clock.now_us()
        self._watch_uplink(now_us)
        if now_us - self._trimmed_us >= _TRIM_EVERY_US:
            self._trimmed_us = now_us
            self._spool.trim(now_us)
        return self._seal(now_us) if self._batcher.is_due(now_us) else False

    async def run(self) -> None:
        """Run drivers, uplink and outputs until cancelled; then seal, spool and close."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._uplink.run(self._spool, self))
                outputs = group.create_task(self.outputs.run())
                for reader, driver in self._drivers.items():
                    self._drive(reader, driver)
                for module, coils in self._coils.items():
                    self._drive_coils(module, coils)
                group.create_task(self._driving.run())
                try:
                    while True:
                        self.step()
                        await self._clock.sleep(_TICK_S)
                finally:
                    # Before the connections go that carry them: lights out, gates as nobody watches.
                    outputs.cancel()
                    await asyncio.wait([outputs])
        finally:
            self.close()

    async def reload(
        self,
        site: Site,
        drivers: Mapping[str, ReaderDriver],
        coils: Mapping[str, CoilModule],
        left: Collection[str] = (),
    ) -> None:
        """Follow a site file that changed: these are the readers and I/O modules from now on. One that is the same
        object as before goes on untouched; the others' connections end in order, or begin. The outputs of those in
        `left`, which are not spoken to any more where they are, are first put as nobody watches.
        """
        was: dict[str, object] = {**self._drivers, **self._coils}
        ending = [name for name, device in was.items() if {**drivers, **coils}.get(name) is not device]
        await self.outputs.leave(left)
        await self._driving.end(ending)
        now_us, why = self._clock.now_us(), "the site file changed"
        for name in ending:
            if name in self._drivers:
                self.on_event(ReaderEvent(name, ReaderEventKind.DISCONNECTED, now_us, detail=why))
                if name not in drivers:
                    self._readers.pop(name, None)
            else:
                self.on_io_link(name, False, why)
                self._io_up.pop(name, None)
        started = [name for name in drivers if self._drivers.get(name) is not drivers[name]]
        modules = [name for name in coils if self._coils.get(name) is not coils[name]]
        self._drivers, self._coils = dict(drivers), dict(coils)
        self._batcher.expect_lateness(self._lateness_ms(site))
        self.outputs.rewire(site.portals, {**self._drivers, **self._coils}, _refresh_ms(site))
        if self._local is not None:
            self._local.reload(site)
        for name in started:
            self._reader(name)
            self._drive(name, self._drivers[name])
        for name in modules:
            self._drive_coils(name, self._coils[name])

    @property
    def drivers(self) -> Mapping[str, ReaderDriver]:
        """The readers of this edge by name."""
        return self._drivers

    @property
    def coils(self) -> Mapping[str, CoilModule]:
        """The I/O modules of this edge by name."""
        return self._coils

    def push_driver(self, reader: str) -> PushDriver | None:
        """The driver of a reader of this edge that pushes its reads."""
        driver = self._drivers.get(reader)
        return driver if isinstance(driver, PushDriver) else None

    def _drive(self, name: str, driver: ReaderDriver) -> None:
        self._driving.start(name, lambda: driver.run(self))

    def _drive_coils(self, name: str, module: CoilModule) -> None:
        self._driving.start(name, lambda: module.run(self.on_io_link))

    def _lateness_ms(self, site: Site) -> int:
        """How late a read may be told: what the slowest of our readers is asked to keep back, and scheduling."""
        kept = (reader.inventory.report_every_ms for reader in site.readers if reader.name in self._drivers)
        return max(kept, default=0) + _SCHEDULING_MS

    async def drained(self) -> None:
        """Wait until the stream has committed all that was spooled so far."""
        self._seal(self._clock.now_us(), final=True)
        last = self._spool.last_position
        while self._spool.position_before_unacked() < last:  # noqa: ASYNC110 - the spool is marked, not watched
            await asyncio.sleep(_TICK_S)

    def close(self) -> None:
        """Seal what is left and close capture and spool; `run` does this itself."""
        now_us = self._clock.now_us()
        self._seal(now_us, final=True)
        self._recorder.stop(now_us, "the edge stopped")
        self._spool.close()

    def health(self) -> EdgeHealth:
        """How the edge is now."""
        now_us, depth = self._clock.now_us(), self._spool.depth()
        alarms = set(self._alarms)
        if self._recorder.stopped_because:
            alarms.add(Alarm.CAPTURE_STOPPED)
        if self.outputs.uplink_lost:
            alarms.add(Alarm.UPLINK_LOST)
        return EdgeHealth(
            agent=self._settings.agent,
            at_us=now_us,
            readers=tuple(self._readers.values()),
            spool=depth,
            uplink_connected=self._uplink.is_connected,
            lag_us=0 if depth.oldest_unacked_us is None else max(0, now_us - depth.oldest_unacked_us),
            watermark_us=self._batcher.watermark_us,
            batches=self._batches,
            sightings=self._sightings,
            refused_batches=self._refused_batches,
            refused_sightings=self._refused_sightings,
            refused_signals=self.outputs.refused,
            capture=self._recorder.stopped_because or ("recording" if self._recorder.is_recording else ""),
            alarms=frozenset(alarms),
        )

    def _seal(self, now_us: int, final: bool = False) -> bool:
        if self._untold[0]:
            detail = "the spool refused {} batches with {} sightings".format(*self._untold)
            self.on_device_event(DeviceEvent(self._settings.agent, DeviceEventKind.DATA_LOSS, now_us, detail=detail))
        name = self._spool.next_id
        batch = self._batcher.seal(name.epoch, name.counter, now_us, final)
        result = self._spool.append(batch)
        self._alarms -= {Alarm.SPOOL_FULL, Alarm.SPOOL_DISK}
        if not result.is_stored:
            full = result is AppendResult.REFUSED_FULL
            self._alarms.add(Alarm.SPOOL_FULL if full else Alarm.SPOOL_DISK)
            self._refused_batches += 1
            self._refused_sightings += len(batch.sightings)
            self._untold = [self._untold[0] + 1, self._untold[1] + len(batch.sightings)]
            self._recorder.stop(now_us, f"the spool refused a batch ({result})")
            _log.error("batch refused", result=str(result), sightings=len(batch.sightings))
            return False
        self._untold = [0, 0]
        self._batches += 1
        self._sightings += len(batch.sightings)
        self._recorder.sealed(batch, final)
        if result is AppendResult.STORED_STOP_CAPTURES:
            self._recorder.stop(now_us, "the spool is nearly full")
        self._uplink.notify()
        if self._local is not None:
            for signal in self._local.on_batch(batch, self.outputs.uplink_lost):
                self.outputs.on_signal(signal)
        return True

    def _watch_uplink(self, now_us: int) -> None:
        if self._uplink.is_connected:
            self._uplink_seen_us = now_us
        waiting_us = self._spool.oldest_unacked_us()
        silent_us = now_us - (self._uplink_seen_us if waiting_us is None else min(self._uplink_seen_us, waiting_us))
        # Found again only when that is clear: lamps would blink by turns while a stream is about that far behind.
        limit_s = self._settings.uplink_lost_s / (2.0 if self.outputs.uplink_lost else 1.0)
        self.outputs.uplink_lost = silent_us > limit_s * 1e6

    def _reader(self, name: str) -> ReaderHealth:
        health = self._readers.get(name)
        if health is None:
            health = self._readers[name] = ReaderHealth(name)
        return health


def _refresh_ms(site: Site) -> dict[str, int]:
    """How often the outputs of each I/O module are written again."""
    return {module.name: module.refresh_ms for module in site.io_modules}
