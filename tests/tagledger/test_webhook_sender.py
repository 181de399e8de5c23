"""Webhooks to real receivers: in order, each once in effect, whoever dies when."""

import io
import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest
from psycopg import Connection
from psycopg_pool import ConnectionPool

from tagledger.command_desk import WritePool
from tagledger.webhook_sender import post, send_due
from warehouse.commands import (
    ALL_RIGHTS,
    Actor,
    AdjustStock,
    CancelDocument,
    Command,
    CreateDocument,
    CreateItem,
    CreateLocation,
    LineSpec,
    Result,
)
from warehouse.postgres.commands import execute
from warehouse.postgres.exchange import webhooks
from warehouse.postgres.exchange.webhooks import Outgoing
from warehouse.postgres.importing import work
from warehouse.site_settings import WebhookSettings
from warehouse.webhooks import RETRY_AFTER_S

HERE = WebhookSettings(allow_networks=("127.0.0.0/8",), timeout_s=5)
RECEIVER = Path(__file__).with_name("webhook_receiver.py")


@dataclass(slots=True)
class Partner:
    """A receiver in this process: what came, and what it answers."""

    answer: Callable[[int], int] = lambda n: 200
    came: list[tuple[str, dict[str, Any], str]] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def partner() -> Iterator[Partner]:
    made = Partner()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            made.came.append((self.headers["webhook-id"], body, self.headers["webhook-signature"]))
            self.send_response(made.answer(len(made.came)))
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass(slots=True)
class Plant:
    """The books and the sender's step."""

    conn: Connection[Any]
    pool: WritePool
    client: httpx.AsyncClient

    def do(self, command: Command) -> Result:
        actor = Actor("kim", rights=ALL_RIGHTS)
        done = execute(self.conn, command, actor=actor, source="test", client_event_id=str(uuid4()))
        assert isinstance(done, Result), done
        return done

    def register(self, url: str, *types: str, form: str = "tagledger") -> tuple[UUID, str]:
        webhook_id = uuid4()
        with self.conn.transaction():
            return webhook_id, webhooks.register(self.conn, webhook_id, "erp", url, types, form, "kim")

    async def send(self, settings: WebhookSettings = HERE) -> None:
        """Until nothing is due any more."""
        while await send_due(self.pool, "site", settings, self.client):
            pass

    def hurry(self) -> None:
        """Make what waits for its next try due now."""
        self.conn.execute("update webhook_message set next_at = now(), leased_until = null where state = 'pending'")

    def states(self) -> list[tuple[str, str, int]]:
        return self.conn.execute("select type, state, attempts from webhook_message order by n").fetchall()


@pytest.fixture
async def plant(database: str) -> Any:
    with (
        psycopg.connect(database, autocommit=True) as conn,
        ConnectionPool(database, min_size=1, max_size=4, kwargs={"autocommit": True}, open=True) as pool,
    ):
        async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
            made = Plant(conn, pool, client)
            made.do(CreateItem("A"))
            made.do(CreateLocation("B-1"))
            yield made


def opened(number: str) -> CreateDocument:
    return CreateDocument("delivery", number, (LineSpec("A", Decimal(1)),))


async def test_partners_hear_of_what_they_asked_for_from_then_on(plant: Plant, partner: Partner) -> None:
    plant.do(AdjustStock("A", Decimal(9), "B-1", "before"))
    plant.register(partner.url, "stock.moved")
    moved = plant.do(AdjustStock("A", Decimal(2), "B-1", "found"))
    plant.do(opened("D-1"))
    await plant.send()
    ((message_id, body, _),) = partner.came
    assert message_id.startswith("msg_")
    assert (body["type"], body["version"], body["data"]["document"]) == ("stock.moved", 1, None)
    (movement,) = body["data"]["movements"]
    assert (movement["move_id"], movement["quantity"]) == (moved.response["move_id"], "2")
    assert plant.states() == [("stock.moved", "delivered", 1)]
    await plant.send()
    assert len(partner.came) == 1


async def test_a_receiver_that_commits_and_dies_before_it_answers_acts_once(plant: Plant, tmp_path: Path) -> None:
    _, secret = plant.register("http://127.0.0.1:1/", "stock.moved")
    database = tmp_path / "receiver.sqlite"

    def start(port: int = 0) -> tuple["subprocess.Popen[str]", int]:
        program = [sys.executable, str(RECEIVER), str(database), secret, str(port)]
        process = subprocess.Popen(program, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        return process, int(process.stdout.readline())

    receiver, port = start()
    try:
        plant.conn.execute("update webhook set url = %s", (f"http://127.0.0.1:{port}/hook",))
        await plant.client.get(f"http://127.0.0.1:{port}/die")
        plant.do(AdjustStock("A", Decimal(3), "B-1", "found"))
        await plant.send()
        assert receiver.wait(20) == 9
        assert plant.states() == [("stock.moved", "pending", 1)]
        receiver, _ = start(port)
        plant.hurry()
        await plant.send()
    finally:
        receiver.kill()
        receiver.wait()
    assert plant.states() == [("stock.moved", "delivered", 2)]
    with sqlite3.connect(database) as store:
        ids = [message_id for (message_id,) in store.execute("select id from delivery")]
        assert (len(ids), len(set(ids))) == (2, 1)
        assert store.execute("select quantity from effect").fetchall() == [("3",)]


async def test_a_document_is_told_in_order_and_holds_up_nobody_else(plant: Plant, partner: Partner) -> None:
    plant.register(partner.url, "document.changed")
    partner.answer = lambda n: 500 if n == 1 else 200
    plant.do(opened("D-1"))
    await plant.send()
    plant.do(CancelDocument("delivery", "D-1"))
    plant.do(opened("D-2"))
    await plant.send()
    said = [(body["data"]["number"], body["data"]["status"]) for _, body, _ in partner.came]
    assert said == [("D-1", "open"), ("D-2", "open")]  # D-1's end waits for its beginning
    plant.hurry()
    await plant.send()
    said = [(body["data"]["number"], body["data"]["status"]) for _, body, _ in partner.came[2:]]
    assert said == [("D-1", "open"), ("D-1", "cancelled")]
    assert partner.came[0][0] == partner.came[2][0]


async def test_what_is_never_taken_is_a_dead_letter_that_can_be_replayed_or_dropped(
    plant: Plant, partner: Partner
) -> None:
    plant.register(partner.url, "document.changed")
    partner.answer = lambda n: 503
    plant.do(opened("D-1"))
    plant.do(CancelDocument("delivery", "D-1"))
    for _ in range(len(RETRY_AFTER_S) + 3):
        await plant.send()
        plant.hurry()
    assert plant.states() == [
        ("document.changed", "dead", len(RETRY_AFTER_S) + 1),
        ("document.changed", "pending", 0),
    ]
    partner.answer = lambda n: 200
    await plant.send()
    assert len(partner.came) == len(RETRY_AFTER_S) + 1  # the dead one holds its document
    dead = partner.came[0][0]
    with plant.conn.transaction():
        assert webhooks.decide(plant.conn, dead, "pending", "kim") is True
        assert webhooks.decide(plant.conn, dead, "dropped", "kim") is False
    await plant.send()
    assert [state for _, state, _ in plant.states()] == ["delivered", "delivered"]
    assert [body["data"]["status"] for _, body, _ in partner.came[-2:]] == ["open", "cancelled"]


async def test_both_secrets_sign_while_one_is_replaced(plant: Plant, partner: Partner) -> None:
    webhook_id, first = plant.register(partner.url, "*")
    with plant.conn.transaction():
        second = webhooks.rotate(plant.conn, webhook_id, timedelta(hours=1), "kim")
    assert second not in (None, first)
    plant.do(opened("D-1"))
    await plant.send()
    assert len(partner.came[0][2].split(" ")) == 2
    with plant.conn.transaction():
        webhooks.rotate(plant.conn, webhook_id, timedelta(0), "kim")
    plant.do(opened("D-2"))
    await plant.send()
    assert len(partner.came[1][2].split(" ")) == 1


async def test_an_endpoint_that_is_gone_is_not_asked_again(plant: Plant, partner: Partner) -> None:
    plant.register(partner.url, "*")
    partner.answer = lambda n: 410
    plant.do(opened("D-1"))
    await plant.send()
    plant.hurry()
    plant.do(opened("D-2"))
    await plant.send()
    assert len(partner.came) == 1
    assert plant.conn.execute("select state from webhook").fetchone() == ("gone",)


async def test_a_redirect_is_not_followed_and_silence_ends(plant: Plant, partner: Partner) -> None:
    plant.register(partner.url, "*")
    quiet = Event()
    partner.answer = lambda n: 302 if n == 1 else (quiet.wait(30), 200)[1]
    plant.do(opened("D-1"))
    await plant.send()
    assert [(state, attempts) for _, state, attempts in plant.states()] == [("pending", 1)]
    plant.hurry()
    await plant.send(WebhookSettings(allow_networks=("127.0.0.0/8",), timeout_s=0.5))
    quiet.set()
    assert plant.conn.execute("select status, error from webhook_message").fetchone() == (
        None,
        "no answer within 0.5 s",
    )
    assert [message_id for message_id, *_ in partner.came] == [partner.came[0][0]] * 2  # the same to the same place
    partner.answer = lambda n: 200
    plant.hurry()
    await plant.send()
    assert [state for _, state, _ in plant.states()] == ["delivered"]


async def test_nothing_goes_into_the_plants_network_unless_the_site_allows_it(plant: Plant, partner: Partner) -> None:
    plant.register(partner.url, "*")
    plant.register(partner.url.replace("127.0.0.1", "localhost"), "*")
    plant.do(opened("D-1"))
    await plant.send(WebhookSettings(timeout_s=5))
    assert partner.came == []
    errors = [error for (error,) in plant.conn.execute("select error from webhook_message")]
    assert [error.split(":")[0] for error in errors] == ["NotAllowed", "NotAllowed"]


@pytest.mark.parametrize(
    "url", ["http://no.such.host.invalid/", "http://127.0.0.1:1/", "ftp://127.0.0.1/", "http://[::1"]
)
async def test_a_message_that_cannot_be_sent_says_why(url: str) -> None:
    message = Outgoing(1, "msg_1", uuid4(), url, "{}", 1, (b"k",))
    async with httpx.AsyncClient(trust_env=False) as client:
        status, error = await post(client, HERE, message)
    assert (status, bool(error)) == (None, True)


async def test_movements_as_epcis(plant: Plant, partner: Partner) -> None:
    plant.register(partner.url, "*", form="epcis")
    plant.do(opened("D-1"))  # EPCIS has no such event
    plant.do(AdjustStock("A", Decimal(2), "B-1", "found"))
    await plant.send()
    ((_, body, _),) = partner.came
    (event,) = body["epcisBody"]["eventList"]
    assert (body["type"], body["schemaVersion"], event["type"], event["action"]) == (
        "EPCISDocument", "2.0", "ObjectEvent", "OBSERVE",
    )  # fmt: skip
    assert event["quantityList"] == [{"epcClass": "urn:tagledger:item:A", "quantity": 2.0}]


async def test_opening_stock_is_no_news_and_neither_is_its_undoing(plant: Plant, partner: Partner) -> None:
    plant.register(partner.url, "*")
    run_id, who = uuid4(), Actor("kim", rights=ALL_RIGHTS)
    file = io.BytesIO(b"item,location,quantity\nA,B-1,5\n")
    with plant.conn.transaction():
        options = work.options_of(None, None, None)
        work.receive(plant.conn, run_id, "opening-stock", uuid4(), "s.csv", "text/csv", who, options, file)
        assert work.work_on_file(plant.conn, run_id, who, lambda *_: None, applying=True)["made"] == 1
    with plant.conn.transaction():
        assert work.work_on_undo(plant.conn, run_id, who, "wrong", lambda *_: None)["reversed"] == 1
    plant.do(AdjustStock("A", Decimal(2), "B-1", "found"))
    await plant.send()
    assert sorted(body["type"] for _, body, _ in partner.came) == ["import.changed", "import.changed", "stock.moved"]
