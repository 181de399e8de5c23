"""Who may read only within a warehouse is shown only what is there, on every route there is.

Two warehouses alike, W-AAA and W-BBB. Every place, document, sheet and list of the second has BBB in its name, its
movements, tasks, passages and reservations are known by their ids, its quantities by their size: nothing of that may
appear in an answer to somebody of the first. The routes are those of the OpenAPI document, so a new one is asked too;
one with parameters has to be given values below, or the test fails.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest

from api.principal import is_by_warehouse, is_open, is_own, required_permission
from tests.api.conftest import ADMIN, Running, running
from tests.api.stream_rows import add_passage, add_signals
from tests.warehouse.postgres.store import gtin, sgtin, sscc
from warehouse import commands as c
from warehouse.commands import ALL_RIGHTS, Actor, Permission, Refusal, Result, Rights
from warehouse.ledger import Tracking
from warehouse.loads import LocationEvent, LocationUpdate
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.commands import execute
from warehouse.postgres.control.reading import CONDITIONS, SHARED
from warehouse.postgres.goods.places import ensure_places
from warehouse.postgres.loads import locations
from warehouse.site import Antenna, Effect, Portal, Reader, Side, Site, Zone
from warehouse.times import to_us

SITES = ("AAA", "BBB")
SITE = Site(
    name="two-warehouses",
    zones=tuple(Zone(f"{kind}-{site}") for site in SITES for kind in ("hall", "yard")),
    portals=tuple(Portal(f"door-{site}", f"hall-{site}", f"yard-{site}", Effect.POST) for site in SITES),
    readers=(Reader("dock", "192.0.2.10", antennas=(Antenna(1, "door-AAA", Side.INSIDE),)),),
)
WITHIN_A = {"Authorization": "Bearer a-key"}
EVERYBODY = Actor("boss", "", ALL_RIGHTS)
QUANTITY = {"AAA": 7, "BBB": 1_000_003}


@dataclass(frozen=True, slots=True)
class World:
    """The API, and by warehouse the values of parameters and the texts that are nobody else's business."""

    served: Running
    values: dict[str, dict[str, str]]
    private: tuple[str, ...]


def do(conn: Conn, command: c.Command, event: str | None = None) -> Any:
    outcome = execute(conn, command, actor=EVERYBODY, source="test", client_event_id=event or str(uuid4()))
    assert isinstance(outcome, Result), outcome
    return outcome.response


def make_site(conn: Conn, n: int, site: str) -> dict[str, str]:
    """One of everything that stands, lies, moves, is asked for or was seen in a warehouse."""
    quantity = Decimal(QUANTITY[site])
    do(conn, c.CreateLocation(f"W-{site}", level="warehouse"))
    for zone in (f"hall-{site}", f"yard-{site}"):
        do(conn, c.UpdateLocation(zone, parent=f"W-{site}"))
    for code in (f"BIN-{site}", f"BIN2-{site}"):
        do(conn, c.CreateLocation(code, level="bin", parent=f"hall-{site}"))
    do(conn, c.CreateDocument("purchase_receipt", f"ASN-{site}", (c.LineSpec("L", quantity, "L1"),), source=None,
                              door=f"door-{site}", expected_at=None))  # fmt: skip
    came = do(conn, c.FulfilLine("purchase_receipt", f"ASN-{site}", 1, quantity, f"BIN-{site}", lot="L1"))
    moved = do(conn, c.MoveStock("L", Decimal(2), f"BIN-{site}", f"BIN2-{site}", lot="L1"))
    do(conn, c.SetStockRule("L", f"W-{site}", minimum=quantity, maximum=quantity))
    do(conn, c.CreateDocument("transfer", f"T-{site}", (c.LineSpec("L", Decimal(1)),), source=f"BIN-{site}",
                              target=f"BIN2-{site}"))  # fmt: skip
    do(conn, c.CreateDocument("delivery", f"DN-{site}", (c.LineSpec("L", Decimal(2), "L1"),), door=f"door-{site}"))
    held = do(conn, c.ReserveStock("L", Decimal(1), f"BIN-{site}", f"holder-{site}", lot="L1"))
    do(conn, c.ReserveStock("L", Decimal(1), f"BIN2-{site}", "x", "L1", None, None, "delivery", f"DN-{site}", 1))
    do(conn, c.CreatePickList(f"PL-{site}", (c.DocumentName("delivery", f"DN-{site}"),), stage=f"hall-{site}"))
    do(conn, c.StartCount(f"CNT-{site}", (f"BIN-{site}",)))
    do(conn, c.CreateWorkOrder(f"WO-{site}", "P", Decimal(1), door=f"door-{site}", output_door=f"door-{site}"))
    epc, pallet = sgtin(9, n), sscc(n)
    do(conn, c.RegisterTags((c.TagSpec(epc, "S", serial=str(n)),)))
    do(conn, c.CreateHandlingUnit(epc=pallet, contents=(c.ContentSpec(epc=epc),)))
    unit = str(conn.execute("select max(code) from handling_unit").fetchone()[0])  # type: ignore[index]
    do(conn, c.AdjustStock("S", Decimal(1), f"BIN-{site}", f"found {site}", serial=str(n)))
    do(conn, c.MoveStock("S", Decimal(1), f"BIN-{site}", f"BIN-{site}", serial=str(n), target_unit=unit))
    task = do(conn, c.CreateTask(unit, f"BIN2-{site}"))
    passage = add_passage(conn, n, portal=f"door-{site}", tags={epc: "belongs"}, evidence=b"packed")
    add_signals(conn, 1, f"door-{site}")
    conn.execute("update signal set reason = %s where portal = %s", (f"shown {site}", f"door-{site}"))
    for topic, place in (("arrived", "hall"), ("moved", "yard")):
        at_us = to_us(conn.execute("select now()").fetchone()[0])  # type: ignore[index]
        seen = LocationUpdate(uuid4(), epc, LocationEvent(topic), f"{place}-{site}", at_us, f"evidence {site}")
        with conn.transaction():
            locations.apply(conn, [seen])
    discrepancy = uuid4()
    conn.execute(
        """insert into discrepancy (discrepancy_id, kind, passage_id, portal, detail, at)
           values (%s, 'unknown', %s, %s, %s, now())""",
        (discrepancy, passage, f"door-{site}", f"detail {site}"),
    )
    conn.execute(
        """insert into weighing (weighing_id, scale, place, at, on_since, weight_kg, outcome)
           values (%s, %s, %s, now(), now(), 1, 'unknown')""",
        (uuid4(), f"scale-{site}", f"door-{site}"),
    )
    conn.execute(
        """insert into stock_alert (alert_id, kind, item_id, location_id, quantity, detail, departments, raised_at)
           select %s, 'dead', i.item_id, l.location_id, 1, %s, '{}', now() from item i, location l
           where i.code = 'L' and l.code = %s""",
        (uuid4(), f"alert {site}", f"W-{site}"),
    )
    conn.execute(
        """insert into site_alert (alert_id, kind, subject, detail, departments, raised_at)
           values (%s, 'unexpected_exit', %s, %s, '{}', now())""",
        (uuid4(), f"passage {passage}", f"exit {site}"),
    )
    conn.execute(
        """insert into replenishment (replenishment_id, item_id, location_id, quantity, projected, needed_by, reason,
                                      created_at)
           select %s, i.item_id, l.location_id, 1, 0, now(), %s, now() from item i, location l
           where i.code = 'L' and l.code = %s""",
        (uuid4(), f"reason {site}", f"W-{site}"),
    )
    return {
        "place": f"BIN-{site}", "warehouse": f"W-{site}", "zone": f"hall-{site}", "yard": f"yard-{site}",
        "portal": f"door-{site}", "receipt": f"ASN-{site}", "count": f"CNT-{site}", "pick_list": f"PL-{site}",
        "work_order": f"WO-{site}", "move": came["move_id"], "move2": moved["move_id"], "task": task["task_id"],
        "passage": str(passage), "discrepancy": str(discrepancy), "reservation": held["reservation_id"], "epc": epc,
        "unit": unit, "serial": str(n),
    }  # fmt: skip


@pytest.fixture(scope="module")
def world_of_two(postgres_dsn: str, migrated_template: str) -> Iterator[tuple[str, dict[str, dict[str, str]]]]:
    """A database of this module's own: nothing here changes it."""
    name = f"tagledger_within_{uuid4().hex[:12]}"
    with psycopg.connect(postgres_dsn, autocommit=True) as server:
        server.execute(f'create database "{name}" template "{migrated_template}"'.encode())
    dsn = psycopg.conninfo.make_conninfo(postgres_dsn, dbname=name)
    with psycopg.connect(dsn, autocommit=True) as conn:
        ensure_places(conn, SITE)
        do(conn, c.CreateItem("L", tracking=Tracking.LOT))
        do(conn, c.CreateItem("P"))
        do(conn, c.CreateItem("S", gtin=gtin(9), tracking=Tracking.SERIAL))
        do(conn, c.CreateLot("L", "L1"))
        do(conn, c.CreateBom("P", "1", (c.ComponentSpec("L", Decimal(1)),)))
        values = {site: make_site(conn, n, site) for n, site in enumerate(SITES, 1)}
    yield dsn, values
    with psycopg.connect(postgres_dsn, autocommit=True) as server:
        server.execute(f'drop database "{name}" with (force)'.encode())


@pytest.fixture
async def world(world_of_two: tuple[str, dict[str, dict[str, str]]]) -> AsyncIterator[World]:
    dsn, values = world_of_two
    b = values["BBB"]
    ids = ("move", "move2", "task", "passage", "discrepancy", "reservation")
    private = ("BBB", str(QUANTITY["BBB"]), str(sum(QUANTITY.values())), *(b[name] for name in ids))
    async with running(dsn, site=SITE) as served:
        rights = Rights(within={"W-AAA": frozenset({Permission.READ, Permission.MOVE})})
        served.keys.holders["a-key"] = type(served.keys.holders["admin-key"])("reader-a", "k-a", rights)
        yield World(served, values, private)


# What fills the parameters of a path, by operation or by name; and queries that have to be given.
PATHS: dict[str, dict[str, str]] = {
    "boms_get": {"bom_id": "1"},
    "counts_get": {"number": "{count}"},
    "counts_variance": {"number": "{count}"},
    "documents_get": {"kind": "purchase_receipt", "number": "{receipt}"},
    "handling_units_get": {"code": "{unit}"},
    "handling_units_trace": {"code": "{unit}"},
    "items_age": {"code": "L"},
    "items_as_of": {"code": "L"},
    "items_get": {"code": "L"},
    "items_quantities": {"code": "L"},
    "locations_get": {"code": "{place}"},
    "locations_tags": {"code": "{yard}"},
    "pick_lists_get": {"number": "{pick_list}"},
    "portals_get": {"name": "{portal}"},
    "portals_signals": {"name": "{portal}"},
    "readers_events": {"name": "dock"},
    "readers_get": {"name": "dock"},
    "vehicles_get": {"name": "agv-1"},
    "work_orders_get": {"number": "{work_order}"},
    "zones_get": {"name": "{zone}"},
    "zones_tags": {"name": "{yard}"},
}
NAMES = {
    "discrepancy_id": "{discrepancy}",
    "epc": "{epc}",
    "move_id": "{move}",
    "passage_id": "{passage}",
    "task_id": "{task}",
    "job_id": str(UUID(int=1)),
}
THEN = "2026-01-01T00:00:00Z"
QUERIES: dict[str, dict[str, str]] = {
    "boms_explosion": {"item": "P", "quantity": "1", "day": "2026-03-01"},
    "items_as_of": {"at": "2100-01-01T00:00:00Z"},
    "lots_trace": {"item": "L", "lot": "L1"},
    "serials_trace": {"item": "S", "serial": "{serial}"},
    "stock_as_of": {"at": "2100-01-01T00:00:00Z", "item": "L"},
    "stock_snapshot": {},
}
# What shows an administrator the other warehouse: if one of these did not, the test would prove nothing about it.
TELLING = {
    "alerts_list", "counts_get", "counts_list", "counts_variance", "discrepancies_get", "discrepancies_list",
    "documents_get", "documents_list", "handling_units_trace", "items_as_of", "items_quantities", "locations_get",
    "locations_list", "locations_tags", "lots_list", "lots_trace", "movements_explain", "movements_get",
    "movements_list", "passages_get", "passages_list", "pick_lists_get", "pick_lists_list", "portals_get",
    "portals_list", "portals_signals", "replenishments_list", "reservations_list", "serials_list", "serials_trace",
    "stock_alerts_list", "stock_as_of", "stock_list", "stock_quantities", "stock_rules_list", "stock_snapshot",
    "stock_totals", "tags_explain", "tags_get", "tags_history", "tags_list", "tags_trace",
    "tasks_get", "tasks_list", "tasks_open", "weighings_list", "work_orders_get", "work_orders_list", "zones_get",
    "zones_list", "zones_tags",
}  # fmt: skip


async def operations(world: World) -> list[tuple[str, str, dict[str, Any]]]:
    """Reading operations of the document: operation id, path, operation. The feed never ends and has a test below."""
    document = (await world.served.client.get("/openapi.json")).json()
    return [
        (methods["get"]["operationId"], path, methods["get"])
        for path, methods in document["paths"].items()
        if "get" in methods and not is_open(path) and path != "/v1/feed"
    ]


def address(operation: str, path: str, values: dict[str, str]) -> str:
    given = {**NAMES, **PATHS.get(operation, {})}
    for name in re.findall(r"\{(\w+)(?::\w+)?\}", path):
        assert name in given, f"{operation} has the parameter {name}: give it a value in PATHS, for both warehouses"
        path = re.sub(rf"\{{{name}(:\w+)?\}}", given[name].format(**values).replace("/", "%2F"), path)
    query = {name: value.format(**values) for name, value in QUERIES.get(operation, {}).items()}
    return str(httpx.URL(path, params=query)) if query else path


async def test_nothing_of_another_warehouse_is_shown_on_any_route(world: World) -> None:
    shown: set[str] = set()
    told: set[str] = set()
    wrong: list[Any] = []
    async with httpx.AsyncClient(base_url=world.served.url, headers=WITHIN_A, trust_env=False, timeout=20) as limited:
        for operation, path, _ in await operations(world):
            if is_own(path):
                continue
            if required_permission("GET", path) is not Permission.READ or not is_by_warehouse("GET", path):
                refused = await limited.get(re.sub(r"\{.*?\}", "1", path))
                wrong += [(operation, refused.status_code)] if refused.status_code != 403 else []
                continue
            for site, values in world.values.items():
                asked = address(operation, path, values)
                answer = await limited.get(asked)
                wrong += [(asked, answer.text)] if answer.status_code not in (200, 404) else []
                if answer.status_code == 200:
                    found = [text for text in world.private if text in answer.text]
                    wrong += [(operation, asked, found, answer.text)] if found else []
                    if site == "AAA" and "AAA" in answer.text:
                        told.add(operation)
                full = await world.served.client.get(asked)
                if full.status_code == 200 and any(text in full.text for text in world.private):
                    shown.add(operation)
    assert not wrong
    assert shown >= TELLING, TELLING - shown
    # Of their own warehouse they are told what everybody is told.
    assert told >= TELLING - {"items_quantities", "stock_quantities", "lots_list"}, TELLING - told


async def test_what_is_about_all_warehouses_at_once_is_refused_with_the_reason(world: World) -> None:
    client = world.served.client
    for path in ("/v1/stock/value", "/v1/reports", "/v1/reports/stock", "/v1/jobs", "/v1/imports", "/v1/inbox"):
        assert (await client.get(path)).status_code != 403
        refused = await client.get(path, headers=WITHIN_A)
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden"), path
        assert "W-AAA" in refused.json()["detail"]
    ordered = await client.post("/v1/reports/jobs", headers=WITHIN_A, json={})
    assert ordered.status_code == 403


async def test_the_same_connections_show_everything_again_to_who_may(world: World) -> None:
    """A pool of four: both kinds of callers at once get the same connections in turn."""
    client = world.served.client

    async def places(headers: dict[str, str]) -> set[str]:
        rows = (await client.get("/v1/stock", headers=headers)).json()["items"]
        return {row["location"] for row in rows}

    askers = [places(headers) for _ in range(20) for headers in (ADMIN, WITHIN_A)]
    for n, found in enumerate(await asyncio.gather(*askers)):
        assert found == ({"BIN-AAA", "BIN2-AAA"} if n % 2 else {f"{b}-{s}" for s in SITES for b in ("BIN", "BIN2")})


async def test_a_transfer_is_seen_at_both_ends_and_a_document_of_no_place_until_it_has_one(
    world_of_two: tuple[str, dict[str, dict[str, str]]], database: str
) -> None:
    with psycopg.connect(database, autocommit=True) as conn:
        ensure_places(conn, SITE)
        do(conn, c.CreateItem("X"))
        for site in SITES:
            do(conn, c.CreateLocation(f"W-{site}", level="warehouse"))
            do(conn, c.UpdateLocation(f"hall-{site}", parent=f"W-{site}"))
        line = (c.LineSpec("X", Decimal(5)),)
        do(conn, c.CreateDocument("transfer", "T", line, source="hall-BBB", target="hall-AAA"))
        do(conn, c.CreateDocument("purchase_receipt", "ASN", line))
        async with running(database, site=SITE) as served:
            rights = Rights(within={"W-AAA": frozenset({Permission.READ})})
            served.keys.holders["a-key"] = type(served.keys.holders["admin-key"])("reader-a", "k-a", rights)

            async def seen() -> set[str]:
                rows = (await served.client.get("/v1/documents", headers=WITHIN_A)).json()["items"]
                return {row["number"] for row in rows}

            assert await seen() == {"T", "ASN"}
            do(conn, c.FulfilLine("purchase_receipt", "ASN", 1, Decimal(5), "hall-BBB"))
            assert await seen() == {"T"}
            do(conn, c.ShipTransfer("T", 1, Decimal(5), "hall-BBB"))
            rows = (await served.client.get("/v1/movements", headers=WITHIN_A)).json()["items"]
            assert rows == []
            do(conn, c.ReceiveTransfer("T", 1, Decimal(5), "hall-AAA"))
            rows = (await served.client.get("/v1/movements", headers=WITHIN_A)).json()["items"]
            assert [(row["source"], row["target"], row["document"]) for row in rows] == [("TRANSIT", "hall-AAA", "T")]
            # A place that moves to another warehouse takes what stands in it along.
            do(conn, c.UpdateLocation("hall-AAA", parent="W-BBB"))
            assert (await served.client.get("/v1/stock", headers=WITHIN_A)).json()["items"] == []


async def test_the_feed_tells_only_of_places_within(world: World) -> None:
    """Resumed from the beginning: all that made the world, as each may hear it."""

    async def heard(headers: dict[str, str]) -> list[tuple[str, str]]:
        events: list[tuple[str, str]] = []
        async with world.served.client.stream(
            "GET", "/v1/feed", headers={**headers, "Last-Event-ID": "0-0-0"}
        ) as answer:
            assert answer.status_code == 200
            kind = ""
            async for line in answer.aiter_lines():
                if line.startswith("event: "):
                    kind = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    events.append((kind, line.removeprefix("data: ")))
                    if kind == "location" and "yard-AAA" in line and headers is WITHIN_A:
                        break
                    if kind == "location" and "yard-BBB" in line:
                        break
        return events

    async with asyncio.timeout(30):
        everything, own = await heard(ADMIN), await heard(WITHIN_A)
    assert {kind for kind, _ in own} >= {"document", "task", "location"}
    assert any("BBB" in data for _, data in everything)
    for kind, data in own:
        assert not [text for text in world.private if text in data], (kind, data)
        assert "AAA" in json.dumps(json.loads(data)) or kind == "document"


def test_a_table_nobody_thought_of_shows_nothing(database: str) -> None:
    """Every table has its view or is named as shared; what exists only by then is empty."""
    with psycopg.connect(database, autocommit=True) as conn:
        tables = {
            name
            for (name,) in conn.execute(
                """select c.relname from pg_class c where c.relnamespace = 'public'::regnamespace
                   and c.relkind in ('r', 'p', 'v') and not exists (
                       select from pg_depend d where d.objid = c.oid and d.deptype = 'e')"""
            )
        }
        views = {
            name for (name,) in conn.execute("select viewname from pg_views where schemaname = 'within'").fetchall()
        }
    assert views == tables - SHARED
    assert tables >= SHARED
    assert not SHARED & set(CONDITIONS)


def test_rights_within_a_warehouse_do_not_reach_the_others_by_commands(world_of_two: tuple[str, Any]) -> None:
    """What reading hides, doing refuses: the two follow one idea of where a place is."""
    dsn, _ = world_of_two
    rights = Rights(within={"W-AAA": frozenset({Permission.READ, Permission.MOVE})})
    with psycopg.connect(dsn, autocommit=True) as conn:
        command = c.MoveStock("L", Decimal(1), "BIN-BBB", "BIN2-BBB", lot="L1")
        outcome = execute(conn, command, actor=Actor("a", "", rights), source="t", client_event_id=str(uuid4()))
    assert isinstance(outcome, Refusal)
    assert outcome.code == "forbidden"
