"""A foreign fleet controller over MQTT with password and access list, and one over REST: each task is done once."""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import aiomqtt
import pytest
from psycopg_pool import ConnectionPool

from edge.exchange.service import TaskExchange
from tagledger.command_desk import DirectBus
from tagledger.task_exchange import WarehouseTaskSource
from tagledger.task_lapses import watch_leases
from tests.mosquitto import Mosquitto
from tests.warehouse.postgres.task_store import TaskStore, open_task_store
from warehouse.commands import ALL_RIGHTS, Actor, ReassignTask
from warehouse.site_settings import TaskExchangeSettings

pytestmark = pytest.mark.mosquitto
SCRIPT = Path(__file__).with_name("fleet_controller.py")
ACL = Path(__file__).parents[2] / "deploy" / "mosquitto" / "tagledger.acl"
TASKS = "tagledger/v1/yard/tasks"


@dataclass
class Site:
    store: TaskStore
    broker: Mosquitto
    exchange: TaskExchange
    running: dict[str, asyncio.Task[None]]
    start: Any

    async def until(self, done: Any, within_s: float = 40.0) -> None:
        async with asyncio.timeout(within_s):
            while not done():
                for task in self.running.values():
                    if task.done():
                        task.result()
                await asyncio.sleep(0.05)

    def states(self) -> list[str]:
        return [state for _, state, _ in self.store.tasks()]

    def client(self, user: str, **more: Any) -> aiomqtt.Client:
        return aiomqtt.Client(
            self.broker.host, self.broker.port, username=user, password="secret",
            protocol=aiomqtt.ProtocolVersion.V5, **more,
        )  # fmt: skip


@asynccontextmanager
async def site(dsn: str, broker: Mosquitto) -> AsyncIterator[Site]:
    broker.stop()
    broker.only(ACL, "tasks", "acme", "other")
    broker.start()
    settings = TaskExchangeSettings(broker.host, broker.port, "tasks", "secret", clients=("acme",))
    with ConnectionPool(dsn, min_size=1, max_size=4, kwargs={"autocommit": True}, open=True) as pool:
        source = WarehouseTaskSource(DirectBus(pool).submit, pool)
        running: dict[str, asyncio.Task[None]] = {}

        def start() -> TaskExchange:
            exchange = TaskExchange("yard", settings, source)
            running["exchange"] = asyncio.create_task(exchange.run())
            return exchange

        running["leases"] = asyncio.create_task(watch_leases(DirectBus(pool).submit, pool, 0.1))
        found = Site(open_task_store(dsn, bins=6), broker, start(), running, start)
        try:
            await asyncio.wait_for(found.exchange.connected.wait(), 20)
            yield found
        finally:
            for task in running.values():
                task.cancel()
            await asyncio.gather(*running.values(), return_exceptions=True)
            found.store.store.conn.close()


async def controller(run: Site, *more: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, str(SCRIPT), run.broker.host, str(run.broker.port), "yard", "acme", "secret", *more,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def test_it_takes_tasks_and_finishes_them_while_broker_and_exchange_are_killed(
    database: str, mosquitto: Mosquitto
) -> None:
    async with site(database, mosquitto) as run:
        units = [run.store.receive(number)[0] for number in range(1, 4)]
        process = await controller(run, "5")
        try:
            await run.until(lambda: run.states().count("done") >= 1)
            mosquitto.kill()
            mosquitto.start()
            units += [run.store.receive(number)[0] for number in (4, 5)]
            await run.until(lambda: run.states().count("done") >= 3)
            run.running.pop("exchange").cancel()
            run.exchange = run.start()
            await run.until(lambda: run.states() == ["done"] * 5)
            async with asyncio.timeout(60):
                assert await process.wait() == 0
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.stdout is not None
        told = [json.loads(line) for line in (await process.stdout.read()).splitlines()]
        assert all(reply["ok"] for reply in told)
        for unit, target in zip(units, ("B1", "B2", "B3", "B4", "B5"), strict=True):
            assert run.store.at(unit) == {target}
            assert run.store.events(unit) == ["created", "claimed", "picked", "done"]


async def test_a_controller_that_dies_with_a_load_leaves_it_in_one_place_for_a_person(
    database: str, mosquitto: Mosquitto
) -> None:
    async with site(database, mosquitto) as run:
        unit, _ = run.store.receive(1)
        process = await controller(run, "1", "crash")
        async with asyncio.timeout(30):
            assert await process.wait() == 9
        assert run.store.at(unit) == {"acme-truck"}
        # Its lease is over: nobody waits a minute for that here.
        run.store.store.conn.execute("update task set lease_until = now() - interval '1 s'")
        await run.until(lambda: run.states() == ["failed"])
        assert run.store.at(unit) == {"acme-truck"}
        assert run.store.events(unit)[-1] == "lapsed"


async def test_open_tasks_are_retained_and_cleared_also_those_of_an_earlier_life(
    database: str, mosquitto: Mosquitto
) -> None:
    async with site(database, mosquitto) as run:
        stale = f"{TASKS}/open/0e6c4c7e-3a53-5f8e-9f0c-2b8f5a7d1c11"
        async with run.client("tasks") as old:
            await old.publish(stale, b"{}", qos=1, retain=True)
        unit, _ = run.store.receive(1)
        shown: dict[str, Any] = {}
        async with run.client("other") as watcher:
            await watcher.subscribe(f"{TASKS}/open/+", qos=1)

            async def follow() -> None:
                async for message in watcher.messages:
                    assert isinstance(message.payload, bytes)
                    if message.payload:
                        shown[message.topic.value] = json.loads(message.payload)
                    else:
                        shown.pop(message.topic.value, None)

            following = asyncio.create_task(follow())
            try:
                await run.until(lambda: [task.get("unit") for task in shown.values()] == [unit])
                run.store.claim()
                await run.until(lambda: not shown)
            finally:
                following.cancel()


async def test_a_controller_hears_which_tasks_are_its_own_and_that_one_was_taken_from_it(
    database: str, mosquitto: Mosquitto
) -> None:
    async with site(database, mosquitto) as run:
        unit, _ = run.store.receive(1)
        task = run.store.claim("acme-truck", actor=Actor("acme", "acme-truck", ALL_RIGHTS))
        held: list[dict[str, Any]] = [{"heard": "nothing"}]
        async with run.client("acme") as acme:
            await acme.subscribe([(f"{TASKS}/claims/acme", 1), (f"{TASKS}/claims/other", 1)])

            async def follow() -> None:
                async for message in acme.messages:
                    assert isinstance(message.payload, bytes)
                    assert message.topic.value.endswith("/acme")
                    held[:] = json.loads(message.payload)["items"]

            following = asyncio.create_task(follow())
            try:
                mine = (task["task_id"], 1, unit, "acme-truck", "assigned")
                names = ("task_id", "attempt", "unit", "vehicle", "state")
                await run.until(lambda: [tuple(one.get(name) for name in names) for one in held] == [mine])
                run.store.do(ReassignTask(UUID(task["task_id"]), "anna"))
                await run.until(lambda: held == [])
            finally:
                following.cancel()


async def test_what_is_no_request_is_kept_and_its_sender_is_told_the_field(database: str, mosquitto: Mosquitto) -> None:
    async with site(database, mosquitto) as run, run.client("acme") as acme:
        await acme.subscribe(f"{TASKS}/reply/acme", qos=1)
        body = {"id": "r-1", "task_id": "x", "attempt": 1}
        await acme.publish(f"{TASKS}/request/acme/finish", json.dumps(body), qos=1)
        async with asyncio.timeout(60):
            message = await anext(acme.messages)
        assert isinstance(message.payload, bytes)
        told = json.loads(message.payload)
        assert (told["id"], told["ok"], told["error"]["code"], told["error"]["field"]) == (
            "r-1", False, "malformed", "task_id",
        )  # fmt: skip
        kept = run.store.store.conn.execute("select kind, source, body, status from dead_letter").fetchall()
        assert kept == [("task_request", f"{TASKS}/request/acme/finish", json.dumps(body).encode(), "open")]
        # Given again it is what it was, and waits for a person as before.
        run.store.store.conn.execute("update dead_letter set status = 'replay', reason = ''")
        async with asyncio.timeout(60):
            message = await anext(acme.messages)
        await run.until(lambda: run.store.store.one("select status from dead_letter") == "open")
        assert "task_id" in run.store.store.one("select reason from dead_letter")


async def test_nobody_speaks_as_another_and_strangers_are_refused(database: str, mosquitto: Mosquitto) -> None:
    async with site(database, mosquitto) as run:
        run.store.receive(1)
        claim = json.dumps({"id": "c-1", "vehicle": "thief"})
        async with run.client("other") as other:
            await other.subscribe(f"{TASKS}/reply/other", qos=1)
            with contextlib.suppress(aiomqtt.MqttError):  # the broker's access list; some clients are told so
                await other.publish(f"{TASKS}/request/acme/claim", claim, qos=1)
            await other.publish(f"{TASKS}/request/other/claim", claim, qos=1)
            async with asyncio.timeout(60):
                message = await anext(other.messages)
            assert isinstance(message.payload, bytes)
            assert json.loads(message.payload)["error"]["code"] == "forbidden"
        assert run.states() == ["open"]


async def test_the_same_id_is_the_same_answer(database: str, mosquitto: Mosquitto) -> None:
    async with site(database, mosquitto) as run, run.client("acme") as acme:
        run.store.receive(1)
        run.store.receive(2)
        await acme.subscribe(f"{TASKS}/reply/acme", qos=1)
        told = []
        for _ in range(2):
            await acme.publish(f"{TASKS}/request/acme/claim", json.dumps({"id": "c-1", "vehicle": "v"}), qos=1)
            async with asyncio.timeout(60):
                message = await anext(acme.messages)
            assert isinstance(message.payload, bytes)
            told.append(json.loads(message.payload))
        assert told[1] == replace_repeated(told[0])
        assert sorted(run.states()) == ["assigned", "open"]


def replace_repeated(reply: dict[str, Any]) -> dict[str, Any]:
    return {**reply, "repeated": True}
