"""The API's ports over the parts of a running process: edge, stream and database as HTTP sees them."""

import asyncio
import math
from collections.abc import Callable, Sequence
from typing import Any

import psycopg
from psycopg_pool import PoolTimeout

from api.ports import AntennaHealth, DependencyState, EvidenceColumns, Gauge, LiveEvent, ReaderState
from api.postgres.pool import Pool
from edge.agent import EdgeAgent
from stream.batch_codec import decode_sightings
from stream.embedded import EmbeddedHost
from stream.live import shown_passage
from stream.model import Passage, Signal
from tagledger.live_board import LiveBoard
from warehouse.loads import Override
from warehouse.site import Site

ANSWER_S = 2.0


class SiteReaders:
    """Implements `ReaderHealth` from an edge in this process."""

    def __init__(self, site_now: Callable[[], Site], agent: EdgeAgent) -> None:
        self._site_now = site_now
        self._agent = agent

    def readers(self) -> Sequence[ReaderState]:
        """All configured readers, in site-file order."""
        known = {health.name: health for health in self._agent.health().readers}
        states = []
        for reader in self._site_now().readers:
            health = known.get(reader.name)
            if health is None:
                continue
            antennas = []
            for antenna in reader.antennas:
                counted = health.antennas.get(antenna.port)
                connected = health.is_connected and antenna.port not in health.antennas_lost
                reads, last_us = (counted.reads, counted.last_read_us) if counted else (0, None)
                antennas.append(AntennaHealth(antenna.port, antenna.place, connected, reads, last_us))
            states.append(
                ReaderState(
                    name=reader.name,
                    connected=health.is_connected,
                    driver=reader.driver,
                    address=f"{reader.host}:{reader.port}",
                    since_us=health.changed_us or None,
                    last_event=health.last_detail,
                    clock_offset_us=health.clock_offset_us,
                    reconnects_total=max(0, health.events.get("connected", 0) - 1),
                    antennas=tuple(antennas),
                )
            )
        return states


class ProcessDependencies:
    """Implements `Dependencies`: the database, and the stream and edge where they run in this process."""

    def __init__(self, pool: Pool, host: EmbeddedHost | None = None, agent: EdgeAgent | None = None) -> None:
        self._pool = pool
        self._host = host
        self._agent = agent

    async def check(self) -> Sequence[DependencyState]:
        """Each by name, within `ANSWER_S`."""
        states = [await self._database()]
        if self._host is not None:
            ready = self._host.ready.is_set()
            states.append(DependencyState("stream", ready, f"{self._host.inputs_waiting} inputs wait"))
        if self._agent is not None:
            health = self._agent.health()
            alarms = ", ".join(sorted(health.alarms)) or "no alarms"
            detail = f"{health.spool.unacked} batches not committed yet, {alarms}"
            states.append(DependencyState("edge", health.is_ready, detail))
        return states

    async def _database(self) -> DependencyState:
        try:
            async with asyncio.timeout(ANSWER_S), self._pool.connection(timeout=ANSWER_S) as connection:
                row = await (await connection.execute("select current_setting('server_version')")).fetchone()
        except (psycopg.Error, PoolTimeout, TimeoutError) as error:
            return DependencyState("database", False, str(error).strip() or "no answer")
        return DependencyState("database", True, f"PostgreSQL {row[0] if row else '?'}")


class LivePortals(LiveBoard):
    """Implements `LiveSource`: the stream's provisional passages and signals, as they are published.

    `now_us` is the edge's clock, by which a signal is valid.
    """

    def __init__(self, host: EmbeddedHost, now_us: Callable[[], int]) -> None:
        super().__init__(now_us)
        self._host = host

    async def run(self) -> None:
        """Follow the stream until cancelled."""
        async for item in self._host.subscribe():
            if isinstance(item, Signal):
                self.show(LiveEvent("live.signal", item.portal, signal_data(item)), stands=True)
            elif isinstance(item, Override):
                self.show(LiveEvent("live.override", item.portal, override_data(item)), stands=item.colour is not None)
            elif isinstance(item, Passage) and not item.is_amendment:
                self.show(LiveEvent("live.passage", item.portal, shown_passage(item)), stands=not item.final)


class StreamNumbers:
    """Implements `StreamGauges`."""

    def __init__(self, host: EmbeddedHost, agent: EdgeAgent) -> None:
        self._host = host
        self._agent = agent

    def gauges(self) -> Sequence[Gauge]:
        """The stream's counts, and the edge's spool."""
        counts, health = self._host.counts, self._agent.health()
        return (
            Gauge("stream_inputs_waiting", "Inputs waiting for the stream.", self._host.inputs_waiting),
            Gauge("stream_batches", "Edge batches taken since the start.", counts.batches),
            Gauge("stream_sightings", "Sightings taken since the start.", counts.sightings),
            Gauge("stream_reads", "Tag reads behind the sightings taken.", counts.reads),
            Gauge("stream_duplicates", "Batches that were taken before.", counts.duplicates),
            Gauge("stream_gaps", "Runs of batches declared lost.", counts.gaps),
            Gauge("stream_passages", "Final passages.", counts.passages),
            Gauge("stream_postings", "Loads posted.", counts.postings),
            Gauge("stream_dead_letters", "Inputs that an operator could not take.", counts.dead_letters),
            Gauge("edge_spool_unacked_batches", "Batches the stream has not committed.", health.spool.unacked),
            Gauge("edge_spool_bytes", "Size of the spool.", health.spool.bytes),
            Gauge("edge_lag_seconds", "Age of the oldest batch not committed.", health.lag_us / 1e6),
            Gauge("edge_refused_batches", "Batches the spool refused: lost reads.", health.refused_batches),
        )


class StoredEvidence:
    """Implements `EvidenceReader` with the stream's own codec."""

    def sightings(self, packed: bytes, epc: str | None) -> EvidenceColumns:
        """The sightings in order; only one tag's when `epc` is given."""
        rows = decode_sightings(packed)
        keep = [i for i, tag in enumerate(rows.tag.tolist()) if epc is None or rows.tags[tag] == epc]

        def numbers(column: Any) -> list[Any]:
            return [None if isinstance(v, float) and math.isnan(v) else v for v in column[keep].tolist()]

        return EvidenceColumns(
            tags=rows.tags,
            antennas=tuple(str(antenna) for antenna in rows.antennas),
            tag=numbers(rows.tag),
            antenna=numbers(rows.antenna),
            first_us=numbers(rows.first_us),
            last_us=numbers(rows.last_us),
            reads=numbers(rows.reads),
            power_mw=numbers(rows.power_mw),
            peak_dbm=numbers(rows.peak_dbm),
            phase_rad=numbers(rows.phase_rad),
            doppler_hz=numbers(rows.doppler_hz),
        )


def signal_data(signal: Signal) -> dict[str, Any]:
    """A signal as live events carry it."""
    return {
        "colour": signal.colour.value,
        "reason": signal.reason,
        "at_us": signal.at_us,
        "valid_until_us": signal.valid_until_us,
        "passage_id": str(signal.passage_id) if signal.passage_id else None,
        "expected": signal.expected,
        "seen": signal.seen,
        "missing": list(signal.missing),
        "extra": list(signal.extra),
        "barred": [{"epc": tag.epc, "why": tag.why, "lot": tag.lot} for tag in signal.barred],
    }


def override_data(override: Override) -> dict[str, Any]:
    """A person's order to a door as live events carry it."""
    return {
        "colour": override.colour.value if override.colour else None,
        "reason": override.reason,
        "ordered_by": override.actor,
        "at_us": override.at_us,
        "valid_until_us": override.until_us,
    }
