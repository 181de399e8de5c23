"""Spool → Mosquitto → stream → PostgreSQL with the broker killed on the way: the books are those of a quiet day."""

import asyncio
from pathlib import Path

import pytest

from edge.spool import Spool
from edge.uplink_mqtt import MqttUplink
from stream.embedded import EmbeddedHost
from stream.model import BatchId
from stream.source_mqtt import MqttSource
from stream.store import Store
from tests.mosquitto import Mosquitto
from tests.stream.plant_books import another_database, prepare, query, results
from tests.stream.test_embedded import LOG, host_on, running
from tests.stream.traffic import AGENT, EPOCH, site
from warehouse.site_settings import StreamSettings, UplinkSettings

from .test_uplink_mqtt import Orders, eventually

pytestmark = [pytest.mark.mosquitto, pytest.mark.timeout(180)]


async def test_a_broker_that_dies_and_forgets_changes_nothing_in_the_books(
    mosquitto: Mosquitto, database: str, postgres_dsn: str, migrated_template: str, tmp_path: Path
) -> None:
    with another_database(postgres_dsn, migrated_template) as quiet:
        prepare(quiet)
        host_on(quiet).process_sync(LOG)
        expected = results(quiet)
    prepare(database)
    plant = site(stream=StreamSettings(gap_wait_s=60.0))
    settings = UplinkSettings("mqtt", mosquitto.host, mosquitto.port)
    spool = Spool(tmp_path / "spool.sqlite", AGENT, 64, 24.0, new_epoch=lambda: EPOCH)
    uplink = MqttUplink(settings, plant.name, AGENT, stalled_s=2.0)
    host = EmbeddedHost(plant, Store(database, plant), look_around_s=0.02)
    third = len(LOG) // 3
    async with running(host):
        source = MqttSource(plant, host, settings)
        tasks = [asyncio.create_task(source.run()), asyncio.create_task(uplink.run(spool, Orders()))]
        try:
            for part in (LOG[:third], LOG[third : 2 * third], LOG[2 * third :]):
                for batch in part:
                    assert batch.id == spool.next_id == BatchId(AGENT, EPOCH, batch.id.counter)
                    assert spool.append(batch).is_stored
                uplink.notify()
                await eventually(lambda: uplink.is_connected and source.connected.is_set())
                mosquitto.kill()
                mosquitto.forget()
                mosquitto.start()
            await eventually(lambda: spool.depth().unacked == 0)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    assert query(database, "select counter from stream_inbox") == [(len(LOG),)]
    found = results(database)
    assert found["movements"]
    assert found["movements"] == expected["movements"]
    assert found["passages"] == expected["passages"]
    spool.close()
