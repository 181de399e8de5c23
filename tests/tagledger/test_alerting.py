"""Alerts over a real SMTP server: raised once, mailed once, quiet when people sleep, cleared when it is over."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email import message_from_bytes
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from aiosmtpd.controller import Controller
from psycopg import Connection
from psycopg_pool import ConnectionPool

from tagledger.alerting import alert_once
from tagledger.command_desk import WritePool
from tagledger.housekeeping import watch_stock
from warehouse.commands import (
    ALL_RIGHTS,
    AcknowledgeAlert,
    Actor,
    AdjustStock,
    Command,
    CreateItem,
    CreateLocation,
    CreateLot,
    EnterCount,
    Refusal,
    Result,
    SetAlertChannel,
    StartCount,
)
from warehouse.ledger import Tracking
from warehouse.postgres.commands import execute
from warehouse.site import PhotoEye, Portal, Side
from warehouse.site_settings import MailSettings

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)  # in Shanghai
NIGHT = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)  # 23:00 there
MORNING = datetime(2026, 3, 2, 22, 30, tzinfo=UTC)


@dataclass(slots=True)
class Office:
    """Takes mail over SMTP, or refuses it."""

    mails: list[tuple[list[str], str, str]] = field(default_factory=list)
    refusing: bool = False

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.refusing:
            return "451 try again later"
        message = message_from_bytes(envelope.content)
        text = message.get_payload(decode=True)
        assert isinstance(text, bytes)
        self.mails.append((envelope.rcpt_tos, str(message["Message-ID"]), text.decode()))
        return "250 OK"


@dataclass(slots=True)
class Site:
    conn: Connection[Any]
    pool: WritePool
    office: Office
    mail: MailSettings

    def do(self, command: Command) -> Result | Refusal:
        actor = Actor("kim", rights=ALL_RIGHTS)
        return execute(self.conn, command, actor=actor, source="test", client_event_id=str(uuid4()))

    def look(self, now: datetime, *portals: Portal) -> int:
        watch_stock(self.pool, now, stillness=True)
        return alert_once(self.pool, "plant-1", self.mail, now, portals)

    def device(self, kind: str, at: datetime) -> None:
        self.conn.execute(
            "insert into device_event (at, agent, device, kind) values (%s, 'dock', 'dock-1', %s)", (at, kind)
        )

    def load(self, at: datetime, *eyes: int) -> None:
        """A load passes gate; these inputs of dock-1 break."""
        self.conn.execute(
            """insert into passage (passage_id, revision, portal, opened_at, closed_at, direction, direction_score,
                                    belongs, unsure, strays)
               values (gen_random_uuid(), 0, 'gate', %s, %s, 'in', 0.99, 12, 0, 3)""",
            (at, at + timedelta(seconds=4)),
        )
        for eye in eyes:
            self.conn.execute(
                "insert into device_event (at, agent, device, kind, port, state)"
                " values (%s, 'dock', 'dock-1', 'gpi', %s, true)",
                (at + timedelta(seconds=1), eye),
            )

    def alerts(self) -> list[tuple[str, bool]]:
        return self.conn.execute(
            "select kind, cleared_at is not null from every_alert order by raised_at, kind"
        ).fetchall()


class AnyPort(Controller):
    """Takes a free port and then knows it."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@pytest.fixture
def site(database: str) -> Iterator[Site]:
    office = Office()
    controller = AnyPort(office, hostname="127.0.0.1", port=0, server_hostname="mail.test")
    controller.start()
    mail = MailSettings("127.0.0.1", controller.port, "none", sender="tagledger@plant.example")
    with (
        psycopg.connect(database, autocommit=True) as conn,
        ConnectionPool(database, min_size=1, max_size=2, kwargs={"autocommit": True}, open=True) as pool,
    ):
        yield Site(conn, pool, office, mail)
    controller.stop()


def test_a_device_that_is_down_is_mailed_once_and_clears_when_it_is_back(site: Site) -> None:
    assert isinstance(site.do(SetAlertChannel("it", ("it@plant.example",), ("it",))), Result)
    site.device("reader_up", NOON - timedelta(hours=1))
    site.device("reader_down", NOON - timedelta(seconds=30))
    assert site.look(NOON) == 0  # it may come back
    assert [site.look(NOON + timedelta(minutes=n)) for n in (1, 2, 3)] == [1, 0, 0]
    ((to, message_id, text),) = site.office.mails
    assert (to, message_id.endswith("@tagledger>")) == (["it@plant.example"], True)
    assert "device down: dock-1 is down since 2026-03-02 03:59 UTC" in text
    site.device("reader_up", NOON + timedelta(minutes=4))
    site.look(NOON + timedelta(minutes=5))
    assert site.alerts() == [("device_down", True)]
    topics = [
        topic for (topic,) in site.conn.execute("select topic from outbox where topic like 'alert%' order by seq")
    ]
    assert topics == ["alert", "alert_cleared"]
    site.device("reader_down", NOON + timedelta(minutes=6))
    assert site.look(NOON + timedelta(minutes=9)) == 1  # another matter


def test_a_photo_eye_that_sees_no_load_is_down_until_it_sees_one(site: Site) -> None:
    gate = Portal(
        "gate",
        inside="hall",
        outside="yard",
        photo_eyes=(PhotoEye("dock-1", 1, Side.OUTSIDE), PhotoEye("dock-1", 2, Side.INSIDE)),
    )
    site.do(SetAlertChannel("it", ("it@plant.example",), ("it",)))
    began = NOON - timedelta(hours=1)
    site.load(began, 1, 2)
    for number in (1, 2):
        site.load(began + timedelta(minutes=number), 1)
    assert site.look(began + timedelta(minutes=10), gate) == 0  # two are an accident
    site.load(began + timedelta(minutes=11), 1)
    assert site.look(began + timedelta(minutes=11, seconds=30), gate) == 0  # its events may be on their way
    assert site.look(began + timedelta(minutes=13), gate) == 1
    assert site.alerts() == [("device_down", False)]
    text = site.office.mails[0][2]
    assert "the photo-eye of gate on the inside (dock-1, input 2) saw none of the last 3 loads" in text
    assert site.look(began + timedelta(minutes=20), gate) == 0  # told once
    site.load(began + timedelta(minutes=21), 1, 2)
    site.look(began + timedelta(minutes=23), gate)
    assert site.alerts() == [("device_down", True)]


def test_quiet_hours_end_in_one_mail_and_urgent_kinds_know_none(site: Site) -> None:
    asleep = {"quiet_from": "22:00", "quiet_to": "06:00", "timezone": "Asia/Shanghai"}
    site.do(SetAlertChannel("shift", ("a@plant.example", "b@plant.example"), **asleep))
    site.do(SetAlertChannel("guard", ("guard@plant.example",), kinds=("data_gap",), urgent=("data_gap",), **asleep))
    site.device("reader_down", NIGHT - timedelta(minutes=5))
    site.conn.execute(
        """insert into data_gap (gap_id, agent, epoch, first, last, recorded_at)
           values (gen_random_uuid(), 'dock', 'e', 5, 7, %s)""",
        (NIGHT,),
    )
    assert site.look(NIGHT) == 1
    assert site.office.mails[0][0] == ["guard@plant.example"]
    assert "3 batches of dock never came" in site.office.mails[0][2]
    assert site.look(NIGHT + timedelta(hours=1)) == 0
    assert site.look(MORNING) == 1
    to, _, text = site.office.mails[1]
    assert (sorted(to), len(text.splitlines())) == (["a@plant.example", "b@plant.example"], 2)


def test_what_somebody_has_in_hand_is_not_mailed_and_taken_in_hand_once(site: Site) -> None:
    site.do(SetAlertChannel("it", ("it@plant.example",), quiet_from="00:00", quiet_to="23:59"))
    site.device("reader_down", NOON - timedelta(minutes=5))
    site.look(NOON)
    row = site.conn.execute("select alert_id from every_alert").fetchone()
    assert row is not None
    assert isinstance(site.do(AcknowledgeAlert(row[0], "on my way")), Result)
    again = site.do(AcknowledgeAlert(row[0]))
    assert isinstance(again, Refusal)
    assert again.code == "wrong_state"
    assert site.look(datetime(2026, 3, 2, 23, 59, 30, tzinfo=UTC)) == 0
    assert site.conn.execute("select state from alert_notice").fetchall() == [("skipped",)]


def test_a_mail_server_that_refuses_is_asked_again_later(site: Site) -> None:
    site.do(SetAlertChannel("it", ("it@plant.example",)))
    site.device("reader_down", NOON - timedelta(minutes=5))
    site.office.refusing = True
    assert site.look(NOON) == 0
    site.office.refusing = False
    assert site.look(NOON + timedelta(seconds=10)) == 0  # not yet
    assert site.look(NOON + timedelta(seconds=31)) == 1
    away = MailSettings("127.0.0.1", 1, "none", sender="x@plant.example")
    site.do(SetAlertChannel("second", ("it@plant.example",)))
    assert alert_once(site.pool, "plant-1", away, NOON + timedelta(minutes=1)) == 0
    errors = site.conn.execute("select state, error like '%%refused%%' from alert_notice order by channel").fetchall()
    assert errors == [("sent", False), ("pending", True)]


def test_stock_and_counts_raise_alerts_of_their_own(site: Site) -> None:
    today = NOON.date()
    for command in (
        CreateItem("A"),
        CreateItem("M", tracking=Tracking.LOT, expiry_warn_days=30),
        CreateLocation("B-1"),
        CreateLot("M", "L1", today + timedelta(days=10)),
        AdjustStock("A", Decimal(10), "B-1", "x", effective_at=NOON - timedelta(days=500)),
        AdjustStock("M", Decimal(5), "B-1", "x", "L1", effective_at=NOON - timedelta(days=1)),
        StartCount("C-1", locations=("B-1",), items=("A",)),
        EnterCount("C-1", Decimal(7), 1),
    ):
        assert isinstance(site.do(command), Result), command
    site.look(NOON)
    site.look(NOON + timedelta(minutes=1))
    assert {kind for kind, _ in site.alerts()} >= {"count_variance", "dead", "near_expiry"}
    assert len(site.alerts()) == len(set(site.alerts()))


def test_goods_that_left_without_a_document_are_an_alert_until_somebody_decides(site: Site) -> None:
    passage = uuid4()
    site.conn.execute(
        """insert into posting (passage_id, revision, portal, direction, effect, at, digest, outcome)
           values (%s, 0, 'door-1', 'out', 'post', now(), '', '{}')""",
        (passage,),
    )
    site.conn.execute(
        """insert into discrepancy (discrepancy_id, kind, passage_id, revision, portal, detail, at)
           values (gen_random_uuid(), 'no_document', %s, 0, 'door-1', '3 tags', now())""",
        (passage,),
    )
    site.look(NOON)
    assert site.alerts() == [("unexpected_exit", False)]
    site.conn.execute("update discrepancy set state = 'dismissed'")
    site.look(NOON + timedelta(minutes=1))
    assert site.alerts() == [("unexpected_exit", True)]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"mail_to": ("nobody",)}, "mail_to.0"),
        ({"timezone": "Mars/Base"}, "timezone"),
        ({"quiet_from": "25:00", "quiet_to": "06:00"}, "quiet_from"),
        ({"quiet_from": "22:00"}, "quiet_to"),
        ({"kinds": ("fire",)}, "kinds.0"),
    ],
)
def test_a_channel_that_cannot_work_is_refused_by_field(site: Site, wrong: dict[str, Any], field: str) -> None:
    refused = site.do(SetAlertChannel(**{"name": "x", "mail_to": ("a@b",), **wrong}))
    assert isinstance(refused, Refusal)
    assert refused.field == field
