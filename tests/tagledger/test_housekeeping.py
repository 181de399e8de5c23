"""What is forgotten on purpose is old, and nothing else."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import psycopg
from psycopg_pool import ConnectionPool

from tagledger.housekeeping import WATCH_LOCK, expire_reservations, tidy, watch_stock
from warehouse.commands import (
    ALL_RIGHTS,
    Actor,
    AdjustStock,
    CreateItem,
    CreateLocation,
    ReserveStock,
    Result,
    SetStockRule,
)
from warehouse.postgres.commands import execute

KIM = Actor("kim", rights=ALL_RIGHTS)


def test_old_messages_and_answers_go_and_new_ones_stay(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        for name in ("old", "new"):
            execute(connection, CreateItem(name), actor=KIM, source="test", client_event_id=name)
        connection.execute("update request set created_at = now() - interval '100 days' where client_event_id = 'old'")
        connection.execute(
            "update outbox set created_at = now() - interval '20 days' where seq = (select min(seq) from outbox)"
        )
        with ConnectionPool(database, min_size=1, max_size=1, kwargs={"autocommit": True}, open=True) as pool:
            assert tidy(pool) == (1, 1)
            assert tidy(pool) == (0, 0)
        assert connection.execute("select client_event_id from request").fetchall() == [("new",)]
        assert connection.execute("select count(*) from item").fetchone() == (2,)


def test_a_reservation_ends_at_its_expiry_and_not_before(database: str) -> None:
    until = datetime(2030, 1, 1, tzinfo=UTC)
    one = Decimal(1)
    with psycopg.connect(database, autocommit=True) as connection:
        for number, command in enumerate(
            (
                CreateLocation("HALL"),
                CreateItem("A"),
                AdjustStock("A", one, "HALL", "found"),
                ReserveStock("A", one, "HALL", "kim", expires_at=until),
            )
        ):
            done = execute(connection, command, actor=KIM, source="test", client_event_id=str(number))
            assert isinstance(done, Result), done
        with ConnectionPool(database, min_size=1, max_size=1, kwargs={"autocommit": True}, open=True) as pool:
            assert expire_reservations(pool, until - timedelta(seconds=1)) == 0
            assert expire_reservations(pool, until) == 1
        assert connection.execute("select on_hand, reserved from balance").fetchone() == (1, 0)


def test_stock_is_watched_by_one_process_at_a_time(database: str) -> None:
    now = datetime(2030, 1, 1, tzinfo=UTC)
    with psycopg.connect(database, autocommit=True) as connection:
        low = SetStockRule("A", "HALL", minimum=Decimal(5), maximum=Decimal(10))
        for number, command in enumerate((CreateLocation("HALL"), CreateItem("A"), low)):
            done = execute(connection, command, actor=KIM, source="test", client_event_id=str(number))
            assert isinstance(done, Result), done
        with ConnectionPool(database, min_size=2, max_size=2, kwargs={"autocommit": True}, open=True) as pool:
            with connection.transaction():
                connection.execute("select pg_advisory_xact_lock(%s)", (WATCH_LOCK,))
                assert watch_stock(pool, now, stillness=True) == 0
            assert watch_stock(pool, now, stillness=True) == 1
            assert watch_stock(pool, now, stillness=True) == 0
