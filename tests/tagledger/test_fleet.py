"""Received pallets are put away by vehicles over a real broker, and the books follow; whatever dies in the middle."""

import asyncio

import pytest

from edge.fleet.tasks import TaskStep
from tagledger.command_desk import DirectBus
from tagledger.fleet import SiteFleet
from tests.mosquitto import Mosquitto
from tests.tagledger.fleet_yard import fleet_yard
from warehouse.commands import ALL_RIGHTS, Actor, CancelTask

pytestmark = pytest.mark.mosquitto


async def test_pallets_are_put_away_into_the_nearest_bins(database: str, mosquitto: Mosquitto) -> None:
    async with fleet_yard(database, mosquitto, 4) as run:
        await run.until(lambda: "in_progress" in run.states())
        await run.until(lambda: run.done() == 4)
        run.assert_books_and_floor_agree()
        assert [target for _, _, target in run.store.tasks()] == ["rack-0", "rack-1", "rack-2", "rack-3"]
        for unit in run.units:
            assert run.store.events(unit) == ["created", "claimed", "accepted", "picked", "done"]
        assert run.fleet is not None
        heard = run.fleet.vehicles()
        assert [state.name for state in heard] == ["agv-0", "agv-1", "agv-2", "agv-3"]
        assert all(state.connection == "ONLINE" and state.battery_percent is not None for state in heard)
        # On its way a pallet was on the vehicle in the books, too.
        carried = run.store.store.conn.execute(
            "select count(*) from move join location l on l.location_id = to_location_id where l.level = 'vehicle'"
        ).fetchone()
        assert carried == (4,)


async def test_master_broker_and_a_vehicle_are_killed_and_every_task_is_done_once(
    database: str, mosquitto: Mosquitto
) -> None:
    async with fleet_yard(database, mosquitto, 6) as run:
        await run.until(lambda: "in_progress" in run.states())
        await run.stop("master")
        run.start("master")
        await run.until(lambda: run.done() >= 1)
        mosquitto.kill()
        mosquitto.forget()
        await asyncio.sleep(0.3)  # plant time passes without a broker
        mosquitto.start(persistence=False)
        await run.until(lambda: run.done() >= 3)
        run.vehicles["agv-0"].lose_connection(20.0)
        await run.until(lambda: run.done() == 6)
        run.assert_books_and_floor_agree()


async def test_a_vehicle_that_stays_dead_gives_its_task_back_or_waits_for_a_person(
    database: str, mosquitto: Mosquitto
) -> None:
    async with fleet_yard(database, mosquitto, 4) as run:
        await run.until(lambda: "in_progress" in run.states())
        rows = run.store.store.conn.execute("select owner from task where state = 'in_progress' limit 1").fetchone()
        assert rows is not None
        dead = rows[0]
        await run.stop(dead)
        await run.until(lambda: run.done() >= 3)
        left = [(unit, state) for unit, state, _ in run.store.tasks() if state != "done"]
        assert len(left) <= 1
        for unit, state in left:
            # It is in one place: where it was, or on the vehicle that died with it.
            assert state in ("open", "assigned", "in_progress", "failed")
            assert run.store.at(unit) in ({"STAGE"}, {dead})


async def test_a_cancelled_task_is_not_driven_any_more(database: str, mosquitto: Mosquitto) -> None:
    async with fleet_yard(database, mosquitto, 1) as run:
        await run.until(lambda: "assigned" in run.states() or "in_progress" in run.states())
        task_id, step = run.store.store.conn.execute("select task_id, step from task").fetchone() or (None, "")
        if step == TaskStep.PICKED:
            pytest.skip("the vehicle was quicker than the person")
        run.store.do(CancelTask(task_id, "goes out at once"), Actor("manager", rights=ALL_RIGHTS))
        await run.until(lambda: all(v.vehicle.is_idle and v.vehicle.load_id is None for v in run.vehicles.values()))
        assert run.states() == ["cancelled"]
        assert run.store.at(run.units[0]) == {"STAGE"}
        assert run.floor.at("at-dock-0") == run.units


async def test_only_one_process_is_the_master(database: str, mosquitto: Mosquitto) -> None:
    async with fleet_yard(database, mosquitto, 2) as run:
        await run.until(lambda: run.fleet is not None and run.fleet.vehicles() != ())
        second = SiteFleet(run.site, run.dsn, DirectBus(run.pool).submit, run.pool, run.clock)
        waiting = asyncio.create_task(second.run())
        try:
            await run.until(lambda: run.done() == 2)
            assert second.vehicles() == ()
            await run.stop("master")
            await run.until(lambda: second.vehicles() != ())
            run.receive(3)
            await run.until(lambda: run.done() == 3)
            run.assert_books_and_floor_agree()
        finally:
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
