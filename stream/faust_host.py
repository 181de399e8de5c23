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
import traceback
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import faust
import structlog
from faust.auth import SASLCredentials, SSLCredentials
from faust.types.auth import SASLMechanism

from stream.books import Books
from stream.chunk import Chunk, TopicPartition
from stream.kafka_messages import encode_input
from stream.log import ReportsTaken
from stream.owned_partitions import Owned, OwnedPartitions
from stream.partition import PlacePartition
from stream.partition_tags import TagPartition, reports_for
from stream.store import LOG_KEEP_DAYS, FencedError, Store, StoreError
from stream.topology import Operators, operators_of
from warehouse.site import Site

TAKE_MAX = 200
TAKE_WITHIN_S = 0.05
SNAPSHOT_EVERY = 50
"""Chunks of a partition between snapshots."""
EXIT_BROKEN = 70

_log = structlog.get_logger(__name__)


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
    topics_again_s: float = 5.0
    """How often to ask what topics there are. A broker that has just begun says none; a group's leader that heard so
    gives nobody anything until it asks again; aiokafka's default is five minutes."""
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


class FaustHost:
    """One worker's agents. `app` is what `faust` runs."""

    def __init__(
        self,
        site: Site,
        dsn: str,
        settings: FaustSettings,
        operators: Operators | None = None,
        books: Books | None = None,
        *,
        rebuild: bool = False,
    ) -> None:
        self._settings = settings
        # One value, so that the thread that computes never sees the site of one file with the operators of another.
        self._plant = site, operators or operators_of(site)
        self._look_again: Callable[[], None] = lambda: None

        def store(topic: str) -> Callable[[int], Store]:
            def open_store(partition: int) -> Store:
                name = TopicPartition(settings.group, topic, settings.topic_epoch, partition)
                consumer = f"{name.group}/{name.topic}/{name.topic_epoch}/{name.partition}"
                return Store(dsn, self._plant[0], consumer, books, name)

            return open_store

        self.places: OwnedPartitions[PlacePartition] = OwnedPartitions(
            store(settings.places_topic),
            lambda standing, log, wanted: PlacePartition(*self._plant, standing, log, wanted),
            rebuild=rebuild,
        )
        self.tags: OwnedPartitions[TagPartition] = OwnedPartitions(
            store(settings.reports_topic),
            lambda standing, log, wanted: TagPartition(*self._plant, standing, log, wanted),
            rebuild=rebuild,
        )
        self.app = _app(settings)
        places = self.app.topic(settings.places_topic, key_type=bytes, value_type=bytes, value_serializer="raw")
        reports = self.app.topic(settings.reports_topic, key_type=bytes, value_type=bytes, value_serializer="raw")
        self._reports_topic = reports
        self.app.agent(places, concurrency=1, name="places")(self._take_places)
        self.app.agent(reports, concurrency=1, name="tags")(self._take_reports)

    def reload(self, site: Site) -> None:
        """The site is set up as in this one from each partition's next chunk on. Raises what `operators_of` does."""
        self._plant = site, operators_of(site)

    def ask_for_unknown(self, look_again: Callable[[], None]) -> None:
        """Call this, in a thread, before a message for a place that the site does not have is given up: the bridge may
        have seen a new site file first. It reloads if so.
        """
        self._look_again = look_again

    def beside(self, run: Callable[[], Awaitable[None]]) -> None:
        """Have this run in the worker's event loop as long as the worker does."""
        self.app.task(run)

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
        except BaseException as error:
            # Returning would acknowledge what was not stored.
            if isinstance(error, StoreError):
                print(f"error {error}", file=sys.stderr)  # noqa: T201 - the process ends with it
            else:
                traceback.print_exc(file=sys.stderr)
            sys.stderr.flush()
            os._exit(EXIT_BROKEN)

    async def _places_chunk(self, partition: int, messages: list[Any]) -> None:
        keyed = [((message.key or b"").decode("utf-8", "replace"), message) for message in messages]

        def compute() -> tuple[Owned[PlacePartition], Chunk, list[ReportsTaken], list[Any]]:
            owned = self.places.current(partition)
            if any(owned.part.is_unknown(key) for key, _ in keyed):
                self._look_again()
            site, made = self._plant
            if owned.part.follow(site, made):
                # A chunk of its own: a load that was in a door that is no more is posted under the old site.
                return owned, *owned.part.cut(), []
            owned.store.site = site
            for key, message in keyed:
                if message.offset >= owned.next_offset:
                    owned.part.take(key, message.value or b"", message.topic)
            chunk, reports = owned.part.cut(snapshot=owned.chunks % SNAPSHOT_EVERY == SNAPSHOT_EVERY - 1)
            return owned, chunk, reports, messages

        while True:
            owned, chunk, reports, taken = await asyncio.to_thread(compute)
            await self._send(reports)
            if await self._stored(self.places, owned, partition, chunk, taken) and taken:
                return

    async def _reports_chunk(self, partition: int, messages: list[Any]) -> None:
        def compute() -> tuple[Owned[TagPartition], Chunk]:
            owned = self.tags.current(partition)
            owned.part.follow(*self._plant)
            owned.store.site = self._plant[0]
            for message in messages:
                if message.offset >= owned.next_offset:
                    owned.part.take(message.value or b"", message.topic)
            return owned, owned.part.cut(snapshot=owned.chunks % SNAPSHOT_EVERY == SNAPSHOT_EVERY - 1)

        while True:
            owned, chunk = await asyncio.to_thread(compute)
            if await self._stored(self.tags, owned, partition, chunk, messages):
                return

    async def _send(self, reports: list[ReportsTaken]) -> None:
        """Hand reports to the tags; returns once Kafka has them."""
        sent = []
        shards = self._plant[1].shards
        for report in reports:
            for to in range(self._settings.partitions):
                part = reports_for(report, to, self._settings.partitions, shards)
                value = encode_input(part)
                sent.append(await self._reports_topic.send(key=part.zone.encode(), value=value, partition=to))
        for receipt in sent:
            await receipt

    async def _stored(
        self, held: OwnedPartitions[Any], owned: Owned[Any], partition: int, chunk: Chunk, messages: list[Any]
    ) -> bool:
        """Commit; False when another worker had the partition meanwhile and all is to be done again."""
        after = max([owned.next_offset, *(message.offset + 1 for message in messages[-1:])])
        chunk.offsets = (owned.next_offset, after)
        try:
            await asyncio.to_thread(owned.store.commit, chunk)
        except FencedError as error:
            _log.warning("another worker was first", partition=partition, reason=str(error))
            held.fenced(partition)
            return False
        held.advanced(partition, after, len(messages))
        if chunk.snapshot is not None and held.trim_due(partition):
            await asyncio.to_thread(owned.store.trim, LOG_KEEP_DAYS)
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
        consumer_metadata_max_age_ms=int(settings.topics_again_s * 1000),
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
