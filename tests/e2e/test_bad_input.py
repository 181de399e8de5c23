"""Bad input to the whole program, edge, broker, stream and API each in a process of its own: every kind has its outcome
where a person looks for it, and what is good beside it arrives.
"""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import psycopg
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from simulators.llrp.models import SPEEDWAY_R420
from simulators.llrp.plant_clock import ReaderClock, ScaledClock
from simulators.llrp.server import ReaderSimulator
from simulators.llrp.steady_radio import SteadyRadio
from stream.batch_codec import encode_batch
from stream.mqtt_topics import batch_topic
from tagledger.site_text import site_text
from tests.e2e.sites import TESTER, Folder, Running, eventually, wait_for
from tests.mosquitto import Mosquitto
from tests.stream import traffic
from warehouse.commands import CreateLocation
from warehouse.postgres.commands import execute
from warehouse.site import Antenna, Reader, Site, Zone
from warehouse.site_settings import ApiSettings, EdgeSettings, StreamSettings, UplinkSettings

KEY = "tl_0123456789ab_" + "test" * 10
KNOWN = "3034257BF7194E4000001A85"
UNKNOWN_HEADER = "E2801160600002084C1D3B7A"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    made = Folder(tmp_path)
    yield made
    made.end()


def configured(folder: Folder, site: Site, broker: Mosquitto) -> Site:
    site = replace(
        site,
        state_dir=str(folder.state),
        uplink=UplinkSettings("mqtt", broker.host, broker.port),
        stream=StreamSettings(gap_wait_s=1.0),
        api=ApiSettings(port=0),
    )
    folder.site_file.write_text(site_text(site))
    return site


def running(folder: Folder, part: str, dsn: str) -> Running:
    started = folder.start(part, "--site", folder.site_file, TAGLEDGER_DATABASE__DSN=dsn, TAGLEDGER_API_KEY=KEY)
    wait_for(lambda: started.said(part), f"{part} to say so", started.process)
    return started


def rows(dsn: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(dsn) as connection:
        return connection.execute(query).fetchall()  # type: ignore[call-overload,no-any-return]


def ask(url: str, body: bytes | None = None, **headers: str) -> tuple[int, dict[str, Any]]:
    request = urllib.request.Request(url, body, {"X-API-Key": KEY, "Content-Type": "application/json", **headers})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


@pytest.mark.timeout(300)
def test_batches_twice_missing_or_unreadable_and_tags_nobody_knows(
    folder: Folder, mosquitto: Mosquitto, database: str
) -> None:
    site = configured(folder, replace(traffic.site(), edge=EdgeSettings(agent=traffic.AGENT)), mosquitto)
    with psycopg.connect(database, autocommit=True) as connection:
        # What was only ever seen counts as outside; stock is in places that somebody described.
        execute(
            connection,
            CreateLocation("hall"),
            actor=TESTER,
            source="test",
            client_event_id="hall",
        )
    running(folder, "stream", database)
    batches = traffic.traffic(30)
    batches += traffic.heartbeats(batches[-1], 20)
    missing = batches[40].id.counter
    sender = mqtt.Client(CallbackAPIVersion.VERSION2)
    sender.connect(mosquitto.host, mosquitto.port)
    sender.loop_start()
    topic = batch_topic(site.name, traffic.AGENT)

    def send(body: bytes) -> None:
        sender.publish(topic, body, qos=1).wait_for_publish(60)

    # The stream's subscription may come after its first word: what it did not hear it asks for, so send until it has.
    def first_is_there() -> bool:
        send(encode_batch(batches[0]))
        return bool(rows(database, "select 1 from stream_inbox"))

    wait_for(first_is_there, "the first batch")
    for batch in batches[1:]:
        if batch.id.counter == missing:
            continue
        send(encode_batch(batch))
        if batch.id.counter % 10 == 0:
            send(encode_batch(batch))
            send(b"\x00 no batch " + bytes([batch.id.counter % 256]))
    last = batches[-1].id.counter

    # What is missing is given up while the agent is heard of: one that is away may still have it.
    def last_is_there() -> bool:
        send(encode_batch(batches[-1]))
        return rows(database, "select max(counter) from stream_inbox") == [(last,)]

    wait_for(last_is_there, "the last batch")
    sender.loop_stop()

    taken = [counter for (counter,) in rows(database, "select counter from stream_log where kind = 1 order by seq")]
    assert taken == [batch.id.counter for batch in batches if batch.id.counter != missing]
    assert rows(database, "select first, last from data_gap") == [(missing, missing)]
    letters = rows(database, "select kind, body, status from dead_letter")
    assert {(kind, status) for kind, _, status in letters} == {("batch_bytes", "open")}
    assert len(letters) == sum(batch.id.counter % 10 == 0 for batch in batches[1:])
    unknown = rows(database, "select kind, state from discrepancy where kind like '%unknown%'")
    assert unknown
    assert {state for _, state in unknown} == {"open"}

    api = running(folder, "api", database)
    url = str((api.said("api") or {})["api"])
    code, page = ask(f"{url}/v1/dead-letters")
    assert (code, len(page["items"])) == (200, len(letters))
    code, page = ask(f"{url}/v1/discrepancies")
    assert code == 200
    assert page["items"]
    for body in (b"{", b"[]", b"\xff\xfe", b'{"code": 7, "nonsense": true}'):
        code, problem = ask(f"{url}/v1/items", body, **{"Idempotency-Key": "one"})
        assert code in (400, 422), problem
        assert problem["status"] == code
        assert problem["title"]
    order = {"kind": "purchase_receipt", "number": "A-1", "lines": [{"item": "I-1", "quantity": "5"}]}
    for path, body in (("items", {"code": "I-1", "name": "One"}), ("documents", order)):
        code, made = ask(f"{url}/v1/{path}", json.dumps(body).encode(), **{"Idempotency-Key": path})
        assert code in (200, 201), made
    line = {"kind": "purchase_receipt", "number": "A-1", "line_no": 99, "quantity": "1", "location": "hall"}
    code, problem = ask(f"{url}/v1/documents/fulfil", json.dumps(line).encode(), **{"Idempotency-Key": "line"})
    assert code == 404, problem
    assert "99" in json.dumps(problem) or "line" in json.dumps(problem)
    assert rows(database, "select 1 from move") == []


@pytest.mark.timeout(300)
async def test_readers_that_send_garbage_vanish_or_lose_their_clock(
    folder: Folder, mosquitto: Mosquitto, database: str
) -> None:
    clock = ScaledClock(time.time_ns() // 1000)
    tags = [bytes.fromhex(KNOWN), bytes.fromhex(UNKNOWN_HEADER)]

    def made(reader_clock: ReaderClock | None = None) -> ReaderSimulator:
        radio = SteadyRadio(tags, reads_per_s=40)
        return ReaderSimulator(SPEEDWAY_R420, radio, clock, reader_clock=reader_clock)

    async with made() as bad, made() as good:
        readers = tuple(
            Reader(name, "127.0.0.1", simulator.port, antennas=(Antenna(1, name),), keepalive_ms=1000)
            for name, simulator in (("bad", bad), ("good", good))
        )
        site = Site("yard", readers, (Zone("bad"), Zone("good")), edge=EdgeSettings(agent="dock"))
        configured(folder, site, mosquitto)
        folder.start("stream", "--site", folder.site_file, TAGLEDGER_DATABASE__DSN=database)
        folder.start("edge", "--site", folder.site_file)

        def told(device: str, kind: str) -> int:
            query = f"select count(*) from device_event where device = '{device}' and kind = '{kind}'"  # noqa: S608
            return int(rows(database, query)[0][0])

        async def after(what: str, look: Callable[[], object]) -> None:
            await eventually(look, what)

        await after("both readers", lambda: told("bad", "reader_up") and told("good", "reader_up"))
        # A tag with a header no standard gives is located like any other, under its bytes.
        await after(
            "both tags",
            lambda: len(rows(database, f"select 1 from tag_location where epc = '{UNKNOWN_HEADER}'")) == 1,  # noqa: S608
        )

        bad.send_raw(b"GET / HTTP/1.1\r\nHost: reader\r\n\r\n" * 10)
        await after("garbage to be told", lambda: told("bad", "protocol_error") + told("bad", "reader_down"))
        await after("the reader again", lambda: told("bad", "reader_up") >= 2)
        downs = told("bad", "reader_down")
        bad.drop_connection(after=bytes.fromhex("043d00000100"))
        await after("the end in mid frame", lambda: told("bad", "reader_down") > downs)
        await after("the reader again", lambda: told("bad", "reader_up") >= 3)
        bad.jump_clock(3_600_000_000)
        await after("the jump", lambda: told("bad", "clock_jump"))
        # Nobody else noticed, nothing is missing.
        assert told("good", "reader_down") == told("good", "clock_jump") == 0
        assert rows(database, "select 1 from data_gap") == []
        newest = rows(database, "select max(at) from stream_log where kind = 1")[0][0]
        assert abs(newest.timestamp() - clock.now_us() / 1e6) < 1800
