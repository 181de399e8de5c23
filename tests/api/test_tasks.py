"""Tasks over the API: a foreign fleet controller on REST alone, waiting for work, and what it may not do."""

import asyncio
import threading
from decimal import Decimal
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest

from tests.api.conftest import Running
from tests.warehouse.postgres.task_store import TaskStore, open_task_store
from warehouse.commands import FulfilLine, SetPutawayRule


@pytest.fixture
def yard(api: Running) -> TaskStore:
    return open_task_store(api.dsn)


async def post(api: Running, path: str, key: str | None = None, **body: Any) -> httpx.Response:
    headers = {"Idempotency-Key": key} if key else {}
    return await api.client.post(f"/v1/tasks{path}", json=body, headers=headers)


async def test_a_controller_takes_a_task_reports_and_finishes_it(api: Running, yard: TaskStore) -> None:
    code, _ = yard.receive(1)
    listed = (await api.client.get("/v1/tasks/open")).json()["items"]
    assert [(task["unit"], task["source"], task["pickup"], task["target"]) for task in listed] == [
        (code, "STAGE", "D1", "B1")
    ]
    key = str(uuid4())
    first = (await post(api, "/claim", key, owner="agv-7")).json()
    again = (await post(api, "/claim", key, owner="agv-7")).json()
    assert again["repeated"]
    assert first["response"] == again["response"]
    task = first["response"]["task"]
    assert (task["unit"], task["attempt"], task["owner"]) == (code, 1, "agv-7")
    claim = {"task_id": task["task_id"], "attempt": 1}
    assert (await post(api, "/progress", **claim, step="picked", vehicle="agv-7")).status_code == 200
    place = (await api.client.get("/v1/locations/agv-7")).json()
    assert (place["level"], place["on_hand"]) == ("vehicle", "3")
    assert (await post(api, "/finish", **claim)).json()["response"]["state"] == "done"
    history = (await api.client.get(f"/v1/tasks/{task['task_id']}")).json()
    assert [event["event"] for event in history["events"]] == ["created", "claimed", "picked", "done"]
    assert history["task"]["state"] == "done"
    assert (await api.client.get("/v1/tasks", params={"state": "open"})).json()["items"] == []


async def test_loose_goods_are_for_who_says_that_they_take_them(api: Running, yard: TaskStore) -> None:
    yard.store.do(SetPutawayRule("loose", "RACK", unit_kind="loose"))
    code, _ = yard.receive(1)
    yard.store.document("purchase_receipt", "PR-1", {"I2": 4})
    yard.store.do(FulfilLine("purchase_receipt", "PR-1", 1, Decimal(4), "STAGE"))

    async def found(path: str, **params: Any) -> list[tuple[Any, ...]]:
        rows = (await api.client.get(f"/v1/tasks{path}", params=params)).json()["items"]
        return [(row["unit"], row["item"], row["quantity"]) for row in rows]

    unit, goods = (code, None, "3"), (None, "I2", "4")
    assert await found("/open") == [unit]
    assert await found("/open", takes="goods") == [goods]
    assert await found("/open", takes=["unit", "goods"]) == [unit, goods]
    assert await found("", load="goods") == await found("", item="I2") == [goods]
    assert await found("", load="unit") == await found("", unit=code) == [unit]
    assert (await post(api, "/claim", owner="agv-7")).json()["response"]["task"]["unit"] == code
    assert (await post(api, "/claim", owner="agv-7")).json()["response"]["task"] is None
    task = (await post(api, "/claim", owner="anna", takes=["goods"])).json()["response"]["task"]
    assert (task["unit"], task["item"], task["quantity"], task["uom"]) == (None, "I2", "4", "pc")
    done = await post(api, "/finish", task_id=task["task_id"], attempt=1)
    assert done.json()["response"]["state"] == "done", done.text
    assert yard.store.stock("I2", task["target"]) == 4


async def test_a_long_poll_is_answered_when_there_is_work(api: Running, yard: TaskStore) -> None:
    waiting = asyncio.ensure_future(api.client.get("/v1/tasks/open", params={"wait_s": 20}))
    await asyncio.sleep(0)
    receiving = threading.Thread(target=yard.receive, args=(1,))
    receiving.start()
    answer = await waiting
    await asyncio.to_thread(receiving.join)
    assert len(answer.json()["items"]) == 1
    assert answer.elapsed.total_seconds() < 19


async def test_a_poll_that_does_not_wait_is_answered_at_once(api: Running, yard: TaskStore) -> None:
    assert (await api.client.get("/v1/tasks/open")).json() == {"items": []}
    assert (await api.client.get("/v1/tasks/open", params={"wait_s": 1})).json() == {"items": []}
    assert (await api.client.get("/v1/tasks/open", params={"wait_s": 600})).status_code == 422


async def test_refusals_name_the_field_and_the_reason(api: Running, yard: TaskStore) -> None:
    yard.receive(1)
    unknown = (await post(api, "/finish", task_id=str(uuid4()), attempt=1)).json()
    assert (unknown["status"], unknown["code"], unknown["errors"][0]["pointer"]) == (404, "not_found", "/task_id")
    task = (await post(api, "/claim")).json()["response"]["task"]
    taken = await post(api, "/claim", task_id=task["task_id"], owner="another")
    assert (taken.status_code, taken.json()["code"]) == (409, "overtaken")
    assert (await post(api, "/progress", task_id=task["task_id"], attempt=1, step="flown")).status_code == 422


async def test_the_feed_tells_what_becomes_of_a_task(api: Running, yard: TaskStore) -> None:
    async with api.client.stream("GET", "/v1/feed", params={"type": "task"}) as stream:
        lines = stream.aiter_lines()
        async with asyncio.timeout(60):
            async for line in lines:
                if line == ": start":
                    break
            await asyncio.to_thread(yard.receive, 1)
            async for line in lines:
                if line.startswith("data:"):
                    assert '"event": "created"' in line
                    break


async def test_a_rule_and_a_bin_over_the_api(api: Running) -> None:
    await api.client.post("/v1/locations", json={"code": "R-1", "level": "bin"})
    made = await api.client.post(
        "/v1/locations/storage", json={"location": "R-1", "units_max": 1, "weight_max_kg": "900.5"}
    )
    assert made.status_code == 200, made.text
    made = await api.client.post("/v1/putaway-rules", json={"name": "all", "target": "R-1"})
    assert made.status_code == 200, made.text
    wrong = await api.client.post("/v1/locations/storage", json={"location": "R-1", "capacity": "0"})
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (409, "/capacity")
    with psycopg.connect(api.dsn) as connection:
        found = connection.execute("select weight_max_kg::text from storage_place").fetchall()
    assert found == [("900.5",)]
