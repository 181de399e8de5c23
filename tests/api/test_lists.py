"""Every list of the document takes the same words: `limit`, `cursor`, `sort` and `total`, and keeps what they say.

The lists are those of the OpenAPI document, so a new one is asked too; the world is that of two warehouses.
"""

from decimal import Decimal
from typing import Any

import httpx
import psycopg
import pytest

from tests.api.conftest import Running
from tests.api.test_reading_within import (  # noqa: F401 - fixtures
    WITHIN_A,
    World,
    address,
    operations,
    world,
    world_of_two,
)
from warehouse.postgres.queries import paging

WORDS = {"limit", "cursor", "sort", "total"}
# Lists whose rows have no key: one order.
ONE_ORDER = {"readers_events"}


async def lists(of: World) -> list[tuple[str, str, list[str]]]:
    """Operation, address in the first warehouse, the words its `sort` takes."""
    found = []
    for operation, path, described in await operations(of):
        parameters = {parameter["name"]: parameter for parameter in described.get("parameters", ())}
        if "cursor" in parameters and not {"run_id", "webhook_id"} & parameters.keys():
            assert parameters.keys() >= (WORDS - {"sort"} if operation in ONE_ORDER else WORDS), operation
            words = parameters["sort"]["schema"]["enum"] if "sort" in parameters else []
            job = "job_id" in parameters  # there are none in this world
            found += [] if job else [(operation, address(operation, path, of.values["AAA"]), words)]
    return found


async def walk(client: httpx.AsyncClient, path: str, **params: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    answer = await client.get(path, params=params or None)
    while True:
        assert answer.status_code == 200, answer.text
        body = answer.json()
        items += body["items"]
        if body["next"] is None:
            return items
        answer = await client.get(body["next"])


def placed(value: Any) -> tuple[bool, Any]:
    """Where JSON's form of a value stands in ascending order: nulls last, numbers by what they say."""
    if value is None or isinstance(value, bool | int | float):
        return (value is None, value or 0)
    try:
        return (False, Decimal(value))
    except ArithmeticError:
        return (False, value)


async def test_every_list_counts_what_it_shows_and_sorts_by_every_column(world: World) -> None:  # noqa: F811
    client = world.served.client
    asked = await lists(world)
    assert len(asked) > 30
    several = 0
    for operation, path, words in asked:
        plain = await walk(client, path)
        counted = (await client.get(path, params={"total": "true", "limit": "1"})).json()
        assert (counted["total"], counted["total_exact"]) == (len(plain), True), operation
        assert (await client.get(path)).json()["total"] is None
        assert bool(words) is (operation not in ONE_ORDER), operation
        several += len(plain) > 2
        for n, (up, down) in enumerate(zip(words[::2], words[1::2], strict=True)):
            word = (up, down)[n % 2]  # every column, one way or the other
            in_order = await walk(client, path, sort=word, limit=max(1, len(plain) // 2))
            column = word.removeprefix("-")
            assert sorted(map(repr, in_order)) == sorted(map(repr, plain)), (operation, word)
            values = [placed(row[column]) for row in in_order]
            wanted = sorted(values, reverse=word != column)
            wanted.sort(key=lambda place: place[0])  # nulls last either way
            if not any(isinstance(place[1], str) for place in values):  # text goes by the database's collation
                assert values == wanted, (operation, word)
    assert several > 10


async def test_who_reads_within_a_warehouse_counts_what_is_there(world: World) -> None:  # noqa: F811
    client = world.served.client
    everywhere = (await client.get("/v1/stock", params={"total": "true"})).json()
    within = (await client.get("/v1/stock", params={"total": "true", "sort": "-on_hand"}, headers=WITHIN_A)).json()
    assert 0 < within["total"] == len(within["items"]) < everywhere["total"]


async def test_a_sorted_walk_goes_on_from_value_and_key_while_rows_come(database: str, api: Running) -> None:
    with psycopg.connect(database, autocommit=True) as conn:
        conn.execute(
            """insert into partner (code, name, kind) select 'P' || n, case n % 3 when 0 then '甲' else '乙' end, 'both'
               from generate_series(100, 130) n"""
        )
        first = (await api.client.get("/v1/partners", params={"sort": "-name", "limit": "7"})).json()
        conn.execute("insert into partner (code, name, kind) values ('P000', '一', 'both'), ('P999', '甲', 'both')")
    rest = await walk(api.client, first["next"])
    codes = [row["code"] for row in [*first["items"], *rest]]
    assert len(codes) == len(set(codes)) >= 32


@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        ("/v1/items?sort=units", "query:sort"),
        ("/v1/items?sort=code%3B", "query:sort"),
        ("/v1/items?sort=--code", "query:sort"),
        ("/v1/readers/dock-1/events?sort=at", "query:sort"),
        ("/v1/items?total=many", "query:total"),
    ],
)
async def test_a_column_that_is_none_is_refused_with_those_there_are(
    shared: Running, path: str, parameter: str
) -> None:
    answer = await shared.client.get(path)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["parameter"] == parameter


async def test_a_cursor_of_another_order_or_with_another_value_is_refused(shared: Running) -> None:
    page = (await shared.client.get("/v1/locations", params={"sort": "name", "limit": "1"})).json()
    cursor = httpx.URL(page["next"]).params["cursor"]
    for params in ({}, {"sort": "-name"}, {"sort": "code"}):
        answer = await shared.client.get("/v1/locations", params={**params, "cursor": cursor})
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_cursor")
    from api.cursors import encode_cursor

    query = {"sort": "on_hand"}
    forged = encode_cursor("stock", query, ("=many", "1"))
    answer = await shared.client.get("/v1/stock", params={**query, "cursor": forged})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_cursor")


async def test_more_than_can_be_sorted_is_refused_and_counted_as_more(
    shared: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "FRAMED_MAX", 2)
    answer = await shared.client.get("/v1/locations", params={"sort": "name"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"] == "query:sort"
    assert "filter" in answer.json()["errors"][0]["fix"]
