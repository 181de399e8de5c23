"""The site file changes while bridge and worker run on real Kafka: a zone comes, a door goes, nothing is lost."""

from dataclasses import replace
from pathlib import Path

import pytest

from stream.dead_letters import DeadLetters
from tests.kafka import Kafka
from tests.mosquitto import Mosquitto
from tests.stream.chain import Chain, chain
from tests.stream.plant_books import prepare, query
from tests.stream.traffic import heartbeats, site, traffic
from warehouse.site import Site

pytest.importorskip("confluent_kafka", reason="needs the kafka extra")
pytest.importorskip("faust", reason="needs the kafka extra")
pytestmark = [pytest.mark.kafka, pytest.mark.mosquitto, pytest.mark.timeout(600)]

LOG = traffic(20)
LOG += heartbeats(LOG[-1], 12)


def without(name: str) -> Site:
    """The traffic site without that place."""
    whole = site()
    readers = tuple(
        replace(reader, antennas=tuple(antenna for antenna in reader.antennas if antenna.place != name))
        for reader in whole.readers
    )
    portals = tuple(
        replace(portal, neighbours=tuple(neighbour for neighbour in portal.neighbours if neighbour != name))
        for portal in whole.portals
        if portal.name != name
    )
    return replace(whole, readers=readers, zones=tuple(z for z in whole.zones if z.name != name), portals=portals)


def taken_over(plant: Chain, change: str) -> bool:
    """Whether both say that they follow it."""
    return all(change in process.log.read_text() for process in (plant.bridge, plant.worker))


async def test_a_zone_comes_and_a_door_goes_while_bridge_and_worker_run(
    database: str, kafka_broker: Kafka, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    prepare(database)
    last_at = "select max(counter) from stream_inbox where agent = %s"
    async with chain(database, kafka_broker, mosquitto, tmp_path, site=without("shelf")) as plant:
        plant.worker.start()
        plant.append(LOG[:30])
        await plant.until(lambda: plant.acked() == 30)
        assert query(database, last_at, ("edge@shelf",)) == [(None,)]

        plant.write(site())
        await plant.until(lambda: "zones[shelf]: new" in plant.bridge.log.read_text())
        plant.append(LOG[30:60])
        # The shelf holds the acknowledgement back until it has its part too.
        await plant.until(lambda: plant.acked() == 60)
        assert query(database, last_at, ("edge@shelf",)) == [(60,)]
        arrived = "select count(*) from location_history h join location l using (location_id) where l.code = 'shelf'"
        plant.append(LOG[60:70])
        await plant.until(lambda: query(database, arrived)[0][0] > 0)

        plant.write(without("dock2"))
        await plant.until(lambda: taken_over(plant, "portals[dock2]: gone"))
        await plant.until(lambda: plant.acked() == 70)
        plant.append(LOG[70:])
        await plant.until(lambda: plant.acked() == len(LOG))
        (at_dock2,) = query(database, last_at, ("edge@dock2",))
        assert at_dock2[0] < len(LOG)
        plant.write(site())
        await plant.until(lambda: taken_over(plant, "portals[dock2]: new"))
    assert DeadLetters(database).list() == ()
    assert query(database, "select count(*) from data_gap") == [(0,)]
