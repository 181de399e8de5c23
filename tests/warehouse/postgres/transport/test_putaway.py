"""The rules over a database: whose goods, which places, how far, how full; what is on its way counts as there."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.edge.fleet.yard import yard as yard_roads
from tests.warehouse.postgres.task_store import TaskStore, open_task_store
from warehouse.commands import (
    ContentSpec,
    CreateHandlingUnit,
    CreateTask,
    DescribeStorage,
    FulfilLine,
    SetPutawayRule,
)
from warehouse.postgres.books.integrity import check
from warehouse.postgres.goods.places import ensure_places
from warehouse.roads import FleetSettings, Vehicle
from warehouse.site import Portal, Site, Zone


@pytest.fixture
def yard(database: str) -> Iterator[TaskStore]:
    found = open_task_store(database, bins=0)
    yield found
    assert check(found.store.conn) == []
    found.store.conn.close()


def targets(yard: TaskStore) -> list[str | None]:
    return [target for _, _, target in yard.tasks()]


def test_by_item_then_by_category_then_any(yard: TaskStore) -> None:
    yard.bins("B-ITEM", "B-CATEGORY", "B-ANY")
    yard.store.do(SetPutawayRule("pallets", "B-ANY", priority=30))
    yard.store.do(SetPutawayRule("by item", "B-ITEM", item="I4", priority=10))
    yard.store.do(SetPutawayRule("by category", "B-CATEGORY", category="metal", priority=20))
    yard.store.conn.execute("update item set category = 'metal' where code in ('I2', 'I4')")
    yard.store.conn.execute("insert into item (code, category) values ('I9', 'wood')")
    yard.receive(1, item=4)
    yard.receive(2, item=2)
    mixed = yard.store.do(CreateHandlingUnit("MIXED", contents=(ContentSpec(item="I9", quantity=Decimal(1)),)))["code"]
    yard.store.document("purchase_receipt", "M", {"I9": 1, "I2": 1})
    yard.store.do(FulfilLine("purchase_receipt", "M", 1, Decimal(1), "STAGE", unit=mixed))
    assert targets(yard) == ["B-ITEM", "B-CATEGORY", "B-ANY"]


def test_a_rule_for_a_kind_of_unit_and_a_place_is_for_no_other(yard: TaskStore) -> None:
    yard.bins("B1")
    yard.store.do(SetPutawayRule("pallets", "RACK", unit_kind="tote"))
    yard.receive(1)
    assert targets(yard) == []
    yard.store.do(SetPutawayRule("pallets", "RACK", unit_kind="pallet", source="BIN-1"))
    yard.receive(2)
    assert targets(yard) == []
    yard.store.do(SetPutawayRule("pallets", "RACK", unit_kind="pallet", source="STAGE", enabled=False))
    yard.receive(3)
    assert targets(yard) == []
    yard.store.do(SetPutawayRule("pallets", "RACK", unit_kind="pallet", source="STAGE", within_minutes=30))
    yard.receive(4)
    assert targets(yard) == ["B1"]
    minutes = "select extract(epoch from t.deadline - e.at) / 60 from task t join task_event e using (task_id)"
    assert yard.store.one(minutes) == 30


def test_quantity_weight_volume_and_what_is_on_its_way(yard: TaskStore) -> None:
    yard.store.conn.execute("update item set weight_kg = 100, volume_m3 = 0.5 where code = 'I2'")
    yard.bins("B1-pieces", capacity=Decimal(5))
    yard.bins("B2-weight", weight_max_kg=Decimal(500))
    yard.bins("B3-volume", volume_max_m3=Decimal(3))
    for number in range(1, 6):
        yard.receive(number, cartons=3)
    assert targets(yard) == ["B2-weight", "B3-volume", "B3-volume", "B1-pieces", None]
    yard.put_away()
    yard.receive(6, cartons=2)
    assert targets(yard)[-1] == "B2-weight"


def test_one_item_a_place_and_only_when_empty(yard: TaskStore) -> None:
    yard.bins("B1", single_item=True)
    yard.bins("B2", only_when_empty=True)
    yard.receive(1, item=2)
    yard.receive(2, item=4)
    yard.receive(3, item=2)
    yard.receive(4, item=4)
    assert targets(yard) == ["B1", "B2", "B1", None]


def test_the_nearest_over_the_roads_from_the_door_it_came_in_by(yard: TaskStore) -> None:
    roads = yard_roads()
    stations = tuple(replace(s, portal="D1", location="STAGE") if s.name == "dock-2" else s for s in roads.stations)
    site = Site(
        "s",
        zones=(Zone("STAGE"), Zone("YARD")),
        portals=(Portal("D1", "STAGE", "YARD"),),
        roads=replace(roads, stations=stations),
        fleet=FleetSettings((Vehicle("agv-1", "m", "s"),)),
    )
    yard.bins(*(f"rack-{n}" for n in range(8)), units_max=1)
    assert ensure_places(yard.store.conn, site) == ("agv-1",)
    for number in range(1, 5):
        yard.receive(number)
    assert targets(yard) == ["rack-2", "rack-1", "rack-3", "rack-0"]
    assert ensure_places(yard.store.conn, site) == ()


def test_a_bin_is_as_far_as_the_rack_it_is_in(yard: TaskStore) -> None:
    yard.bins("A-FAR", "Z-NEAR", units_max=1)
    rows = [("D1", "A-FAR", 90.0), ("D1", "RACK", 10.0)]
    for row in rows:
        yard.store.conn.execute("insert into road_distance values (%s, %s, %s)", row)
    yard.receive(1)
    assert targets(yard) == ["Z-NEAR"]


def test_a_place_that_is_no_storage_any_more_or_closed_is_not_chosen(yard: TaskStore) -> None:
    yard.bins("B1", "B2")
    yard.store.do(DescribeStorage("B1", removed=True))
    yard.receive(1)
    yard.store.conn.execute("update location set closed = true where code = 'B2'")
    yard.receive(2)
    assert targets(yard) == ["B2", None]


def test_a_place_that_somebody_names_must_have_room_too(yard: TaskStore) -> None:
    yard.bins("B1", units_max=1)
    first, _ = yard.receive(1)
    yard.put_away()
    yard.store.conn.execute("update putaway_rule set enabled = false")
    second, _ = yard.receive(2)
    assert yard.refused(CreateTask(second, "B1")) == ("no_room", "target")
    assert yard.refused(CreateTask(second)) == ("not_found", "target")
    assert yard.do(CreateTask(first, "BIN-1"))["target"] == "BIN-1"


def test_rules_and_storage_say_what_is_wrong_with_them(yard: TaskStore) -> None:
    assert yard.refused(SetPutawayRule("", "RACK")) == ("invalid", "name")
    assert yard.refused(SetPutawayRule("x", "NOWHERE")) == ("not_found", "target")
    assert yard.refused(SetPutawayRule("x", "RACK", unit_kind="crate")) == ("invalid", "unit_kind")
    assert yard.refused(SetPutawayRule("x", "RACK", within_minutes=0)) == ("invalid", "within_minutes")
    assert yard.refused(DescribeStorage("YARD")) == ("invalid", "location")
    assert yard.refused(DescribeStorage("RACK", units_max=0)) == ("invalid", "units_max")
