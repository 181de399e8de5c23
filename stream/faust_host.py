"""The Faust host: the same operators as Faust agents on Kafka, for sites that outgrow one machine.

    places topic (key: place, value: one edge batch cut to it) → PlacePartition → reports topic (a partition of shards)
    reports topic → TagPartition

Faust gives consumer groups, rebalancing and buffering, nothing else: no tables, no exactly-once, no ordering promises
beyond the partition. Truth is in PostgreSQL. Each partition is one consumer of the store: its log, operator state,
outputs and position advance in one transaction, which begins by moving `stream_position` under its row lock. A worker
that lost its partition finds the position moved (`FencedError`), rebuilds from the database and drops what was taken.

Reports are sent to Kafka before the transaction that took their input: sent twice after a crash they carry the same
numbers and are dropped; never sent they would be lost.

Faust acknowledges an event even when its handler raises (0.15.3), so nothing may leave the handler: a broken database
is waited for inside, and anything else ends the process at once, before the acknowledgement, for its supervisor to
start again. `concurrency=1`: with more, Faust commits past an event in flight (issue 606).

The only module that imports faust.
"""

import asyncio
import os
import ssl
import sys
import time
import traceback
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import faust
import msgspec
from faust.auth import SASLCredentials, SSLCredentials
from faust.types.auth import SASLMechanism

from stream.books import Books
from stream.chunk import TopicPartition
from stream.embedded import LOG_KEEP_DAYS, TRIM_EVERY_S
from stream.log import ReportsTaken
from stream.partition import PlacePartition, TagPartition, reports_for
from stream.store import FencedError, Store
from stream.topology import Operators, operators_of
from warehouse.site import Site

TAKE_MAX = 200
TAKE_WITHIN_S = 0.05
SNAPSHOT_EVERY = 50
"""Chunks of a partition between snapshots."""
EXIT_BROKEN = 70


@dataclass(frozen=True, slots=True)
class FaustSettings:
    """How a worker reaches Kafka. `partitions` is fixed when the topics are created; the defaults suit a quiet LAN."""

    broker: str
    group: str = "tagledger"
    prefix: str = "tagledger"
    topic_epoch: str = "1"
    partitions: int = 4
    session_timeout_s: float = 6.0
    heartbeat_s: float = 1.0
    rebalance_timeout_s: float = 10.0
    username: str = ""
    password: str = ""
    tls: bool = False
    tls_ca: str = ""

    @property
    def places_topic(self) -> str:
        """Edge batches cut to places, keyed by place."""
        return f"{self.prefix}.places"

    @property
    def reports_topic(self) -> str:
        """Zones' reports and time, by partition of tag shards."""
        return f"{self.prefix}.reports"


class _Partitions:
    """This worker's partitions of one topic, each with a store of its own; built when first needed."""

    def __init__(self, open_store: Callable[[int], Store], build: Callable[..., Any]) -> None:
        self._open_store = open_store
        self._build = build
        self._live: dict[int, tuple[Store, Any, int, int]] = {}
        self._trimmed_s: dict[int, float] = {}

    def get(self, partition: int) -> tuple[Store, Any, int, int]:
        """(store, partition, next offset, chunks so far)."""
        if partition not in self._live:
            store = self._open_store(partition)
            standing = store.standing()
            built = self._build(standing, store.entries_after(standing.snapshot_seq))
            self._live[partition] = (store, built, standing.next_offset, 0)
        return self._live[partition]

    def advanced(self, partition: int, next_offset: int) -> None:
        """A chunk was committed."""
        store, built, _, chunks = self._live[partition]
        self._live[partition] = (store, built, next_offset, chunks + 1)

    def trim_due(self, partition: int) -> bool:
        """Whether this partition's log was last trimmed `TRIM_EVERY_S` ago, or never by this process."""
        now_s = time.monotonic()
        if now_s - self._trimmed_s.get(partition, -TRIM_EVERY_S) < TRIM_EVERY_S:
            return False
        self._trimmed_s[partition] = now_s
        return True

    def forget(self, partition: int) -> None:
        """Another worker took it: rebuild before going on."""
        live = self._live.pop(partition, None)
        if live is not None:
            live[0].close()


class FaustHost:
    """One worker's agents. `app` is what `faust` runs."""

    def __init__(
        self,
        site: Site,
        dsn: str,
        settings: FaustSettings,
        operators: Operators | None = None,
        books: Books | None = None,
    ) -> None:
        self._settings = settings
        self._operators = operators or operators_of(site)

        def store(topic: str) -> Callable[[int], Store]:
            def open_store(partition: int) -> Store:
                name = TopicPartition(settings.group, topic, settings.topic_epoch, partition)
                consumer = f"{name.group}/{name.topic}/{name.topic_epoch}/{name.partition}"
                return Store(dsn, site, consumer, books, name)

            return open_store

        self._places = _Partitions(
            store(settings.places_topic), lambda standing, log: PlacePartition(site, self._operators, standing, log)
        )
        self._tags = _Partitions(
            store(settings.reports_topic), lambda standing, log: TagPartition(site, self._operators, standing, log)
        )
        self.app = _app(settings)
        places = self.app.topic(settings.places_topic, key_type=bytes, value_type=bytes, value_serializer="raw")
        reports = self.app.topic(settings.reports_topic, key_type=bytes, value_type=bytes, value_serializer="raw")
        self._reports_topic = reports
        self.app.agent(places, concurrency=1, name="places")(self._take_places)
        self.app.agent(reports, concurrency=1, name="tags")(self._take_reports)

    async def _take_places(self, stream: Any) -> None:
        async for events in stream.take_events(TAKE_MAX, within=TAKE_WITHIN_S):
            await self._by_partition(events, self._places_chunk)

    async def _take_reports(self, stream: Any) -> None:
        async for events in stream.take_events(TAKE_MAX, within=TAKE_WITHIN_S):
            await self._by_partition(events, self._reports_chunk)

    async def _by_partition(self, events: list[Any], take: Callable[[int, list[Any]], Any]) -> None:
        messages: defaultdict[int, list[Any]] = defaultdict(list)
        for event in events:
            messages[event.message.partition].append(event.message)
        try:
            for partition in sorted(messages):
                await take(partition, messages[partition])
        except asyncio.CancelledError:
            raise
        except BaseException:
            # Returning would acknowledge what was not stored.
            traceback.print_exc(file=sys.stderr)
            sys.stderr.flush()
            os._exit(EXIT_BROKEN)

    async def _places_chunk(self, partition: int, messages: list[Any]) -> None:
        def compute() -> Any:
            _, places, next_offset, chunks = self._places.get(partition)
            for message in messages:
                if message.offset >= next_offset:
                    key = (message.key or b"").decode("utf-8", "replace")
                    places.take(key, message.value or b"", f"{message.topic}/{partition}/{message.offset}")
            return places.cut(snapshot=chunks % SNAPSHOT_EVERY == SNAPSHOT_EVERY - 1)

        while True:
            chunk, reports = await asyncio.to_thread(compute)
            for report in reports:
                for to in range(self._settings.partitions):
                    part = reports_for(report, to, self._settings.partitions, self._operators.shards)
                    await (
                        await self._reports_topic.send(
                            key=part.zone.encode(), value=msgspec.msgpack.encode(part), partition=to
                        )
                    )
            if await self._stored(self._places, partition, chunk, messages):
                return

    async def _reports_chunk(self, partition: int, messages: list[Any]) -> None:
        def compute() -> Any:
            _, tags, next_offset, chunks = self._tags.get(partition)
            for message in messages:
                if message.offset >= next_offset:
                    tags.take(msgspec.msgpack.decode(message.value, type=ReportsTaken))
            return tags.cut(snapshot=chunks % SNAPSHOT_EVERY == SNAPSHOT_EVERY - 1)

        while True:
            chunk = await asyncio.to_thread(compute)
            if await self._stored(self._tags, partition, chunk, messages):
                return

    async def _stored(self, owned: _Partitions, partition: int, chunk: Any, messages: list[Any]) -> bool:
        """Commit; False when another worker had the partition meanwhile and all is to be done again."""
        store, _, next_offset, _ = owned.get(partition)
        after = max(next_offset, messages[-1].offset + 1)
        chunk.offsets = (next_offset, after)
        try:
            await asyncio.to_thread(store.commit, chunk)
        except FencedError:
            owned.forget(partition)
            return False
        owned.advanced(partition, after)
        if chunk.snapshot is not None and owned.trim_due(partition):
            await asyncio.to_thread(store.trim, LOG_KEEP_DAYS)
        return True


def _app(settings: FaustSettings) -> Any:
    return faust.App(
        settings.group,
        broker=f"kafka://{settings.broker}",
        store="memory://",
        topic_allow_declare=False,
        topic_disable_leader=True,
        topic_partitions=settings.partitions,
        web_enabled=False,
        consumer_auto_offset_reset="earliest",
        broker_session_timeout=settings.session_timeout_s,
        broker_heartbeat_interval=settings.heartbeat_s,
        broker_rebalance_timeout=settings.rebalance_timeout_s,
        producer_acks=-1,
        stream_wait_empty=True,
        datadir=None,
        broker_credentials=_credentials(settings),
    )


def _credentials(settings: FaustSettings) -> Any:
    context = ssl.create_default_context(cafile=settings.tls_ca or None) if settings.tls else None
    if settings.username:
        return SASLCredentials(
            mechanism=SASLMechanism.SCRAM_SHA_512,
            ssl_context=context,
            username=settings.username,
            password=settings.password,
        )
    return None if context is None else SSLCredentials(context)


def run_worker(host: FaustHost, workdir: str) -> None:
    """Run a worker until SIGTERM or SIGINT; never returns. `workdir` is scratch space of its own."""
    faust.Worker(host.app, loglevel="WARNING", workdir=workdir, redirect_stdouts=False).execute_from_commandline()
