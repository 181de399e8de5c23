"""A load of any size is a healthy warehouse, and every question about it is answered with its plan."""

import psycopg
import pytest

from tagledger.bench_api import ApiRefusedError, asked_api
from tagledger.bench_load import LoadSize, NotEmptyError, load, loaded
from tagledger.bench_queries import QUESTIONS, measure, short_plan
from warehouse.commands import ALL_RIGHTS, Actor, AdjustStock, CreateItem, CreateLocation
from warehouse.postgres.books.integrity import check
from warehouse.postgres.commands import execute

SMALL = LoadSize(items=40, units=400)


async def test_a_load_satisfies_every_invariant_and_every_question_is_answered(database: str) -> None:
    steps: list[str] = []
    load(database, SMALL, lambda step, _: steps.append(step))
    with psycopg.connect(database, autocommit=True) as conn:
        assert loaded(conn) == SMALL.moves == 2_000
        assert check(conn) == []
        indexes = conn.execute("select count(*) from pg_indexes where tablename = 'move'").fetchone()
        assert conn.execute("select count(*) > 5 from snapshot_day").fetchone() == (True,)
    assert indexes is not None
    assert indexes[0] >= 12
    assert "movements" in steps
    async with asked_api(database) as get:
        found = await measure(database, 2, 1, lambda _: None, get=get)
        with pytest.raises(ApiRefusedError, match="404"):
            await get("/v1/items/NONE/quantities")
    assert [one.question for one in found] == [question.words for question in QUESTIONS]
    assert all(one.rows >= 0 and 0 < one.median_ms <= one.p99_ms and one.first_ms > 0 for one in found)
    assert all(one.api_median_ms is not None and one.api_p99_ms is not None for one in found)
    assert any("Index" in line for line in found[0].plan)


def test_a_database_with_other_movements_is_left_alone(database: str) -> None:
    someone = Actor("someone", rights=ALL_RIGHTS)
    with psycopg.connect(database, autocommit=True) as conn:
        for number, command in enumerate((CreateLocation("HALL"), CreateItem("A"), AdjustStock("A", 1, "HALL", "x"))):  # type: ignore[arg-type]
            execute(conn, command, actor=someone, source="t", client_event_id=str(number))
        with pytest.raises(NotEmptyError, match="give an empty one"):
            loaded(conn)


def test_a_plan_is_shown_without_its_costs() -> None:
    text = (
        "Query Text: select 1\nLimit  (cost=0.1..2.3 rows=5 width=8) (actual rows=3.00 loops=1)\n"
        "  ->  Index Scan using move_pkey on move m  (cost=0.4..9 rows=1 width=4) (actual rows=3.00 loops=1)\n"
        "        Index Cond: (seq > 1)\n"
        "  ->  Seq Scan on serial s  (cost=0..1 rows=1 width=1) (never executed)\n"
    )
    assert short_plan(text) == (
        "Limit (3.00 rows × 1)",
        "Index Scan using move_pkey on move m (3.00 rows × 1)",
        "Seq Scan on serial s (never)",
    )
