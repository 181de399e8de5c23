"""Readers that push over HTTP and MQTT, into a whole running site: the same reads, mistakes told, repeats harmless."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import paho.mqtt.publish as one_shot
import psycopg
import pytest

from edge.clock import WallClock
from stream.dead_letters import DeadLetters, Status
from stream.places import FailureKind
from tagledger.first_start import first_start
from tagledger.pushed_letters import to_broker
from tagledger.running import RunningSite, running_site
from tagledger.site_changes import change
from tests.e2e.sites import eventually
from tests.mosquitto import Mosquitto
from warehouse.postgres.goods.places import ensure_places
from warehouse.site import Antenna, Reader, Site, Zone
from warehouse.site_settings import ApiSettings, UplinkSettings

pytestmark = [pytest.mark.mosquitto, pytest.mark.timeout(180)]
EPCS = [f"3034257BF7194E40000000{n:02X}" for n in range(4)]


def now() -> str:
    return datetime.now(UTC).isoformat()


def impinj(*epcs: str, antenna: int = 1) -> bytes:
    events = [
        {
            "timestamp": now(),
            "eventType": "tagInventory",
            "tagInventoryEvent": {"epcHex": epc, "antennaPort": antenna, "peakRssiCdbm": -5000},
        }
        for epc in epcs
    ]
    return json.dumps(events).encode()


def zebra(epc: str) -> bytes:
    return json.dumps({"type": "SIMPLE", "timestamp": now(), "data": {"idHex": epc, "antenna": 1, "reads": 2}}).encode()


@pytest.fixture
async def up(mosquitto: Mosquitto, database: str, tmp_path: Path) -> AsyncIterator[tuple[RunningSite, str]]:
    site = Site(
        "plant",
        (
            Reader("r700", "192.0.2.1", driver="impinj-iot", antennas=(Antenna(1, "rack"),), topic="plant/r700"),
            Reader("fx9600", "192.0.2.2", driver="zebra-iotc", antennas=(Antenna(1, "rack"),), topic="plant/fx9600"),
        ),
        (Zone("rack"),),
        state_dir=str(tmp_path),
        api=ApiSettings(port=0),
        uplink=UplinkSettings("inproc", mosquitto.host, mosquitto.port),
    )
    with psycopg.connect(database, autocommit=True) as connection:
        ensure_places(connection, site)
    key = first_start(database).key
    assert key is not None
    async with running_site(site, database, WallClock(), capture=tmp_path / "capture") as running:
        yield running, key


async def test_reads_come_by_http_and_mqtt_and_what_is_wrong_is_told(
    up: tuple[RunningSite, str], mosquitto: Mosquitto, database: str
) -> None:
    running, key = up

    def reads() -> dict[str, int]:
        return {reader.name: reader.reads for reader in running.agent.health().readers}

    async with httpx.AsyncClient(base_url=running.url, headers={"X-API-Key": key}) as client:

        async def push(reader: str, body: bytes) -> tuple[int, dict[str, Any]]:
            answer = await client.post(f"/v1/readers/{reader}/reads", content=body)
            return answer.status_code, answer.json()

        body = impinj(*EPCS[:3])
        assert await push("r700", body) == (200, {"reads": 3, "repeated": False})
        assert await push("r700", body) == (200, {"reads": 0, "repeated": True})
        assert await push("fx9600", zebra(EPCS[3])) == (200, {"reads": 1, "repeated": False})
        assert reads() == {"r700": 3, "fx9600": 1}

        status, problem = await push("r700", impinj(EPCS[0], antenna=0))
        assert (status, problem["code"]) == (422, "invalid")
        assert problem["errors"][0]["pointer"] == "/0/tagInventoryEvent/antennaPort"
        assert (await push("nobody", body))[0] == 404
        assert (await push("r700", b"\xff"))[0] == 422
        without = await httpx.AsyncClient(base_url=running.url).post("/v1/readers/r700/reads", content=body)
        assert without.status_code == 401
        assert reads() == {"r700": 3, "fx9600": 1}

    messages = [
        {"topic": topic, "payload": payload, "qos": 1}
        for topic, payload in (
            ("plant/r700", impinj(EPCS[3])),
            ("plant/r700", b"{"),
            ("plant/r700", impinj(EPCS[2])),
            ("plant/fx9600", zebra(EPCS[0])),
        )
    ]
    await asyncio.to_thread(one_shot.multiple, messages, hostname=mosquitto.host, port=mosquitto.port)
    await eventually(lambda: reads() == {"r700": 5, "fx9600": 2}, "the pushed reads")

    def committed() -> int:
        with psycopg.connect(database) as connection:
            row = connection.execute("select sum(sightings) from stream_log").fetchone()
        return int(row[0] or 0) if row else 0

    def errors() -> int:
        with psycopg.connect(database) as connection:
            row = connection.execute(
                "select count(*) from device_event where device = 'r700' and kind = 'protocol_error'"
                " and detail like any(array['%antennaPort%', '%not JSON%', '%not UTF-8%'])"
            ).fetchone()
        return int(row[0]) if row else 0

    await eventually(lambda: errors() == 3, "the mistakes in the device's events")

    def letters() -> dict[bytes, str]:
        return {letter.body: letter.status for letter in DeadLetters(database).list(None)}

    await eventually(lambda: len(letters()) == 3, "what could not be read among the dead letters")
    assert set(letters().values()) == {Status.OPEN}
    assert {b"{", b"\xff"} < set(letters())
    # The reader was set up with a driver that does not know what it sends: given again, its message is taken.
    async with httpx.AsyncClient(base_url=running.url, headers={"X-API-Key": key}) as client:
        body = zebra(EPCS[1])
        assert (await client.post("/v1/readers/r700/reads", content=body)).status_code == 422
        await eventually(lambda: body in letters(), "the message of another maker among the dead letters")
        kept = {letter.body: letter for letter in DeadLetters(database).list()}
        assert (kept[body].kind, kept[body].key, kept[body].source) == (FailureKind.PUSHED_READS, "r700", "edge/r700")
        assert "eventType" in kept[body].reason
        (reader, other), current = running.current.site.readers, running.current.site
        mended = replace(current, readers=(replace(reader, driver="zebra-iotc"), other))
        await running.reload(change(current, mended))
        for wanted in (body, b"{"):
            answer = await client.post(f"/v1/dead-letters/{kept[wanted].letter_id}/replay", json={"note": "mended"})
            assert answer.status_code == 200
    await eventually(lambda: letters()[body] == Status.REPLAYED, "the message to be taken")
    await eventually(lambda: letters()[b"{"] == Status.OPEN, "what nobody can read to be open again")
    assert reads()["r700"] == 6
    # Where the edge is another process the message comes by the reader's topic again.
    give = to_broker(lambda: running.current.site)
    assert await give("r700", zebra(EPCS[2])) == ""
    await eventually(lambda: reads()["r700"] == 7, "what was published again")
    assert "no reader nobody" in await give("nobody", b"")
    await eventually(lambda: committed() >= 7, "the sightings in the stream")
