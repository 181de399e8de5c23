"""Weighings in pages and by outcome."""

import psycopg

from tests.api.conftest import Running
from tests.api.pages import walk


async def test_weighings_newest_first_and_by_outcome(api: Running) -> None:
    with psycopg.connect(api.dsn) as connection:
        for number in range(5):
            connection.execute(
                "insert into weighing (weighing_id, scale, place, at, on_since, weight_kg, outcome, detail)"
                " values (gen_random_uuid(), %s, 'door-1', now(), now(), %s, %s, 'test')",
                (f"scale-{number % 2}", 100 + number, "mismatch" if number == 3 else "untied"),
            )
    found = await walk(api.client, "/v1/weighings", limit=2)
    assert [weighing["weight_kg"] for weighing in found] == ["104", "103", "102", "101", "100"]
    (wrong,) = (await api.client.get("/v1/weighings", params={"outcome": "mismatch"})).json()["items"]
    assert (wrong["scale"], wrong["weight_kg"], wrong["unit"]) == ("scale-1", "103", None)
    assert len(await walk(api.client, "/v1/weighings", scale="scale-0", limit=2)) == 3
    assert (await api.client.get("/v1/weighings", params={"outcome": "heavy"})).status_code == 422
