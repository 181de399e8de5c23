"""Input faster than the books: it waits where it is durable, memory stays bounded, it shows, and it drains."""

import asyncio
import threading
import time
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from api.postgres.pool import query_pool
from edge.clock import WallClock
from edge.spool import Spool
from edge.uplink import SENT_MAX
from edge.uplink_inproc import InprocUplink
from stream.batch_codec import encode_batch
from stream.embedded import CHUNKS_AHEAD, EmbeddedHost
from stream.partition import slices_of
from stream.pipeline import CHUNK_BATCHES
from stream.routing import Router
from stream.store import Store
from tagledger.committed_stream import CommittedStream
from tests.kafka import Kafka
from tests.mosquitto import Mosquitto
from tests.stream.chain import Supervised, chain, messages_in
from tests.stream.cluster_process import PARTITIONS
from tests.stream.plant_books import prepare, query
from tests.stream.quiet_edge import NoOrders
from tests.stream.traffic import AGENT, EPOCH, heartbeats, shifted, site, traffic
from warehouse.site_settings import KafkaSettings

MEGABYTES = 1 << 20
LOG = traffic(10)
LOG += heartbeats(LOG[-1], 1000)
PATIENCE_S = 60.0


async def test_a_backlog_waits_in_the_spool_and_drains_when_the_books_are_quick_again(
    database: str, tmp_path: Path
) -> None:
    prepare(database)
    spool = Spool(tmp_path / "spool.sqlite", AGENT, 64, 24.0, new_epoch=lambda: EPOCH)
    host = EmbeddedHost(site(), Store(database, site()))
    uplink = InprocUplink(host.submit, WallClock())
    host.on_ack.append(lambda ack: uplink.acknowledge(ack.epoch, ack.counter))
    running = asyncio.create_task(host.run())
    await host.ready.wait()
    with psycopg.connect(database) as slow:
        slow.execute("lock table stream_log in exclusive mode")  # a database that takes its time
        sending = asyncio.create_task(uplink.run(spool, NoOrders()))
        for batch in LOG:
            spool.append(batch)
        uplink.notify()
        async with asyncio.timeout(PATIENCE_S):
            while host.counts.batches + host.inputs_waiting < SENT_MAX:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        # Everything is still the spool's; memory holds no more than the window the uplink may send.
        assert spool.depth().unacked == len(LOG)
        assert host.inputs_waiting <= SENT_MAX
        assert host.counts.batches <= (CHUNKS_AHEAD + 2) * CHUNK_BATCHES
    async with asyncio.timeout(PATIENCE_S):
        while spool.depth().unacked:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert query(database, "select counter, (select count(*) from data_gap) from stream_inbox") == [(len(LOG), 0)]
    sending.cancel()
    with suppress(asyncio.CancelledError):
        await sending
    host.stop()
    await running
    spool.close()


async def lag_s(dsn: str) -> float:
    """How old the newest committed reads are, as an API in a process of its own says it."""
    async with query_pool(dsn, 2) as pool:
        committed = CommittedStream(pool, lambda: time.time_ns() // 1000)
        looking = asyncio.create_task(committed.run())
        async with asyncio.timeout(PATIENCE_S):
            while not committed.gauges():  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
        return next(gauge.value for gauge in committed.gauges() if gauge.name == "stream_lag_seconds")


@pytest.mark.kafka
@pytest.mark.mosquitto
@pytest.mark.timeout(600)
async def test_workers_that_cannot_keep_up_leave_it_in_spool_and_kafka_show_it_and_drain(
    database: str, kafka_broker: Kafka, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    pytest.importorskip("confluent_kafka", reason="needs the kafka extra")
    pytest.importorskip("faust", reason="needs the kafka extra")
    prepare(database)
    # The last of it was read just now.
    log = LOG[: SENT_MAX + 300]
    log = shifted(log, time.time_ns() // 1000 - log[-1].watermark_us)
    async with chain(database, kafka_broker, mosquitto, tmp_path) as plant:
        plant.worker.start()
        plant.append(log[:60])
        await plant.until(lambda: plant.acked() == 60)
        at_rest = plant.worker.memory_bytes, plant.bridge.memory_bytes
        with psycopg.connect(database) as slow:
            slow.execute("lock table stream_log in exclusive mode")  # a database that takes its time
            before_s = await lag_s(database)
            plant.append(log[60:])
            await plant.until(lambda: messages_in(kafka_broker, plant.group) >= SENT_MAX)
            # Kafka has what the edge may send ahead, the spool all that is not committed, and it shows.
            assert plant.acked() == 60
            assert plant.spool.depth().unacked == len(log) - 60
            assert await lag_s(database) > before_s > (log[-1].watermark_us - log[60].watermark_us) / 1e6
            grown = plant.worker.memory_bytes - at_rest[0], plant.bridge.memory_bytes - at_rest[1]
            assert max(grown) < 64 * MEGABYTES, grown
        await plant.until(lambda: plant.acked() == len(log))
        assert await lag_s(database) < before_s / 2
        assert query(database, "select count(*) from data_gap") == [(0,)]


@pytest.mark.soak
@pytest.mark.kafka
@pytest.mark.timeout(1800)
def test_what_a_worker_holds_in_memory_is_not_what_waits_in_kafka(
    database: str, kafka_broker: Kafka, tmp_path: Path
) -> None:
    """A worker that was away finds more and more in Kafka; its peak is printed (`-s`)."""
    pytest.importorskip("faust", reason="needs the kafka extra")
    from stream.bridge_kafka import KafkaSink, ensure_topics

    prepare(database)
    peaks = {}
    for seconds in (100, 1000):
        group, stop = f"o{uuid4().hex[:8]}", threading.Event()
        settings = KafkaSettings(kafka_broker.bootstrap, group=group, prefix=group, partitions=PARTITIONS)
        ensure_topics(settings, stop)
        sink = KafkaSink(settings, group, stop)
        assert sink.open()
        batches = traffic(seconds, epoch=group)
        slices = [piece for batch in batches for piece in slices_of(Router(site()), batch)]
        values = [(piece.place, encode_batch(piece.batch)) for piece in slices]
        for first in range(0, len(values), 256):
            assert sink.send(values[first : first + 256])
        worker = Supervised("worker", [database, kafka_broker.bootstrap, "1", group, "600"], tmp_path)
        worker.start()
        taken = f"select count(*) from stream_log where kind = 5 and starts_with(consumer, '{group}')"  # noqa: S608
        end_s = time.monotonic() + 600
        try:
            while query(database, taken) != [(len(values),)]:
                assert time.monotonic() < end_s, worker.log.read_text()[-3000:]
                worker.look()
                time.sleep(0.1)
            peaks[len(values)] = worker.peak_bytes
        finally:
            worker.kill()
    print({waiting: f"{peak / MEGABYTES:.0f} MB" for waiting, peak in peaks.items()})
    few, many = peaks.values()
    assert many - few < 64 * MEGABYTES, peaks
