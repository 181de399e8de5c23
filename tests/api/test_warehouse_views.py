"""What the API shows of the warehouse, over one plant made through its commands and postings."""

from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from tests.api.conftest import SITE, Resident, Running
from tests.api.pages import walk
from tests.api.plant import GTIN, Plant, make_plant, seen
from warehouse import merkle
from warehouse.loads import LocationEvent
from warehouse.postgres.books import seals
from warehouse.postgres.loads import locations

STRAY = "E2801160600002084D1F9999"


@dataclass(frozen=True, slots=True)
class Shown:
    """The API and the plant behind it."""

    api: Running
    plant: Plant

    async def get(self, path: str, **params: Any) -> Any:
        response = await self.api.client.get(path, params=params)
        assert response.status_code == 200, response.text
        return response.json()

    async def list(self, path: str, **params: Any) -> list[dict[str, Any]]:
        return await walk(self.api.client, path, **params)


@pytest.fixture
async def shown(resident: Resident, shared: Running) -> Shown:
    """For tests that change nothing."""
    return Shown(shared, resident.plant)


@pytest.fixture
async def changing(api: Running) -> Shown:
    """For tests that change something."""
    with psycopg.connect(api.dsn, autocommit=True) as connection:
        plant = make_plant(connection, SITE)
    return Shown(api, plant)


async def test_where_is_a_tag_by_sight_and_by_the_books(shown: Shown) -> None:
    epc = shown.plant.epcs[0]
    state = await shown.get(f"/v1/tags/{epc}")
    assert state["identity"]["key"] == GTIN
    assert (state["now"]["seen_at_location"], state["now"]["booked_location"]) == ("RACK", "hall")
    by_uri = await shown.get("/v1/tags/" + "urn:epc:tag:sgtin-96:1.0614141.812345.1")
    assert by_uri == state
    stray = await shown.get(f"/v1/tags/{STRAY}")
    assert (stray["now"]["registered"], stray["now"]["seen_at_location"]) == (False, "yard")
    assert stray["identity"]["scheme"] is None


async def test_where_a_tag_was_and_why_we_say_so(shown: Shown) -> None:
    epc = shown.plant.epcs[0]
    history = await shown.list(f"/v1/tags/{epc}/history", limit=1)
    assert [(entry["event"], entry["location"]) for entry in history] == [("moved", "RACK"), ("arrived", "hall")]
    explained = await shown.get(f"/v1/tags/{epc}/explain")
    assert explained["seen"] == history
    [moved] = explained["movements"]
    assert (moved["document"], moved["passage_id"]) == ("ASN/1", str(shown.plant.passage_id))
    [verdict] = explained["verdicts"]
    assert (verdict["verdict"], verdict["portal"], verdict["features"]) == ("belongs", "door-1", {"peak_dbm": -50.5})
    assert await shown.list(f"/v1/tags/{epc}/movements") == [moved]


async def test_the_list_of_tags_and_its_filters(shown: Shown) -> None:
    epcs = shown.plant.epcs

    async def of(**params: Any) -> set[str]:
        rows = await shown.list("/v1/tags", limit=3, **params)
        assert [row["epc"] for row in rows] == sorted(row["epc"] for row in rows)
        return {row["epc"] for row in rows}

    assert await of() == {*epcs, STRAY}
    assert await of(item="A") == set(epcs)
    assert await of(lot="L1", location="hall") == set(epcs[1:-3])
    assert await of(location="hall", here="true") == set(epcs[2:-3])
    assert await of(here="false") == {epcs[1]}
    assert await of(location="yard") == {STRAY}
    assert await of(item="B/1") == await of(handling_unit="none") == set()


async def test_zones_and_locations_say_what_is_there(shown: Shown) -> None:
    zones = {zone["name"]: zone for zone in (await shown.get("/v1/zones"))["items"]}
    assert (zones["hall"]["portals"], zones["hall"]["contents"]["tags"]) == (["door-1", "door-2"], 7)
    assert zones["rack"]["location"] == "RACK"
    assert await shown.get("/v1/zones/rack") == zones["rack"]
    here = await shown.list("/v1/zones/hall/tags", limit=2)
    assert [tag["epc"] for tag in here] == sorted(shown.plant.epcs[2:-3])
    assert await shown.list("/v1/locations/hall/tags") == here
    codes = [place["code"] for place in await shown.list("/v1/locations", limit=2, kind="internal")]
    assert codes == sorted(codes)
    assert {"BIN/1", "hall", "RACK"} <= set(codes)
    assert (await shown.get("/v1/locations/BIN/1"))["on_hand"] == "1.125"
    assert await shown.list("/v1/locations/BIN/1/tags") == []


async def test_stock_by_item_lot_and_location_with_its_places_inside(shown: Shown) -> None:
    rows = await shown.list("/v1/stock", limit=1)
    assert {(row["item"], row["location"], row["on_hand"]) for row in rows} == {
        ("A", "hall", "9"),
        ("B/1", "BIN/1", "1.125"),
    }
    assert [row["item"] for row in await shown.list("/v1/stock", lot="L1", status="available")] == ["A"]
    assert len(await shown.list("/v1/stock", location="hall")) == 2
    totals = await shown.list("/v1/stock/totals", location="hall", limit=1)
    assert [(row["item"], row["on_hand"]) for row in totals] == [("A", "9"), ("B/1", "1.125")]


async def test_named_quantities_and_the_past(shown: Shown) -> None:
    quantities = await shown.get("/v1/items/A/quantities")
    assert (quantities["on_hand"], quantities["expected"], quantities["projected"]) == ("9", "3", "12")
    assert (await shown.get("/v1/items/B/1/quantities"))["expected"] == "1.375"
    after = await shown.get("/v1/items/A/as-of", at="2026-03-01T08:00:00Z")
    assert [(row["lot"], row["location"], row["on_hand"]) for row in after["items"]] == [("L1", "hall", "9")]
    assert (await shown.get("/v1/items/A/as-of", at="2026-03-01T07:59:59Z"))["items"] == []


async def test_the_ledger_and_the_explanation_of_a_movement(shown: Shown) -> None:
    rows = await shown.list("/v1/movements", limit=1)
    assert [row["seq"] for row in rows] == sorted((row["seq"] for row in rows), reverse=True)
    [row] = await shown.list("/v1/movements", passage=str(shown.plant.passage_id))
    assert row == (await shown.get(f"/v1/movements/{row['move_id']}"))
    assert (row["quantity"], row["source"], row["target"], row["tags"]) == ("9", "SUPPLIER", "hall", 9)
    assert await shown.list("/v1/movements", document="purchase_receipt/ASN/1") == [row]
    assert await shown.list("/v1/movements", item="A", lot="L1", location="hall", until="2026-03-01T08:00:01Z") == [row]
    explained = await shown.get(f"/v1/movements/{row['move_id']}/explain")
    assert explained["document"]["number"] == "ASN/1"
    assert explained["passage"]["portal"] == "door-1"
    assert [tag["verdict"] for tag in explained["tags"]] == ["belongs"] * 9
    assert explained["command"] is None
    assert (await shown.get(explained["evidence"]))["tags"] == ["AA", "BB"]
    assert await shown.list(f"/v1/movements/{row['move_id']}/tags", limit=4) == explained["tags"]


async def test_a_movement_is_proven_to_whoever_kept_a_head(changing: Shown) -> None:
    [row] = await changing.list("/v1/movements", item="B/1")
    path = f"/v1/movements/{row['move_id']}/proof"
    early = await changing.api.client.get(path)
    assert (early.status_code, early.json()["code"]) == (404, "not_sealed")
    with psycopg.connect(changing.api.dsn) as connection:
        sealed = seals.seal(connection)
    assert sealed is not None
    proof = await changing.get(path)
    assert (proof["head"], proof["moves"]) == (sealed.head.hex(), sealed.moves)
    assert row["move_id"] in proof["sealed"]
    way = [bytes.fromhex(each) for each in proof["in_stretch"]]
    assert merkle.includes(sealed.root, sealed.moves, proof["sealed"].encode(), proof["place"], way)


async def test_a_movement_by_hand_names_person_device_and_command(shown: Shown) -> None:
    [row] = await shown.list("/v1/movements", item="B/1")
    explained = await shown.get(f"/v1/movements/{row['move_id']}/explain")
    command = explained["command"]
    assert (command["actor"], command["device"], command["command"]) == ("keeper", "desk-1", "FulfilLine")
    assert (explained["passage"], explained["evidence"], explained["tags"]) == (None, None, [])


async def test_documents_and_their_progress(shown: Shown) -> None:
    listed = await shown.list("/v1/documents", limit=1)
    assert [document["number"] for document in listed] == ["R-1", "ASN/1"]
    assert await shown.list("/v1/documents", kind="purchase_receipt", status="open", door="door-1") == listed[1:]
    progress = await shown.get("/v1/documents/purchase_receipt/ASN/1")
    assert progress["document"] == listed[1]
    assert [(line["quantity"], line["fulfilled"]) for line in progress["lines"]] == [("12", "9")]


async def test_discrepancies_and_their_decision(changing: Shown) -> None:
    with psycopg.connect(changing.api.dsn, autocommit=True) as connection:
        connection.execute(
            "insert into discrepancy (discrepancy_id, kind, portal, epcs, quantity, detail, at)"
            " select gen_random_uuid(), 'short', 'door-1', '{AA}', 3, 'not seen', now() from generate_series(1, 5)"
        )
    listed = await changing.list("/v1/discrepancies", state="open", portal="door-1", kind="short", limit=2)
    assert len(listed) == 5
    assert await changing.get(f"/v1/discrepancies/{listed[0]['discrepancy_id']}") == listed[0]
    decision = {"discrepancy_id": listed[0]["discrepancy_id"], "resolution": "dismiss", "note": "counted"}
    response = await changing.api.client.post("/v1/discrepancies/resolve", json=decision)
    assert response.status_code == 200, response.text
    decided = await changing.get(f"/v1/discrepancies/{listed[0]['discrepancy_id']}")
    assert (decided["state"], decided["resolved_by"], decided["note"]) == ("dismissed", "admin", "counted")


async def test_walking_while_tags_move_repeats_none_and_hides_none(changing: Shown) -> None:
    with psycopg.connect(changing.api.dsn, autocommit=True) as connection:

        async def move(page: int) -> None:
            update = seen(changing.plant.epcs[page % 9], "RACK", 100 + page, LocationEvent.MOVED)
            with connection.transaction():
                locations.apply(connection, [update])

        walked = [tag["epc"] for tag in await walk(changing.api.client, "/v1/tags", move, limit=2)]
        assert walked == sorted({*changing.plant.epcs, STRAY})
        epc = changing.plant.epcs[2]
        before = await changing.list(f"/v1/tags/{epc}/history")
        walked_history = await walk(changing.api.client, f"/v1/tags/{epc}/history", move, limit=1)
        assert walked_history == before


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/tags/AAAA", 404),
        ("/v1/tags/AAAA/history", 404),
        ("/v1/tags/urn:epc:tag:sgtin-96:9.0614141.812345.1", 404),
        ("/v1/tags/urn:epc:tag:sgtin-96:1.0614141.8.1", 404),
        ("/v1/tags/hello", 422),
        ("/v1/zones/none", 404),
        ("/v1/zones/none/tags", 404),
        ("/v1/locations/NONE", 404),
        ("/v1/locations/NONE/tags", 404),
        ("/v1/items/NONE/quantities", 404),
        ("/v1/items/NONE/as-of?at=2026-03-01T08:00:00Z", 404),
        ("/v1/items/A/as-of", 422),
        ("/v1/movements/0e6c4c7e-3a53-5f8e-9f0c-2b8f5a7d1c11", 404),
        ("/v1/movements/0e6c4c7e-3a53-5f8e-9f0c-2b8f5a7d1c11/explain", 404),
        ("/v1/movements?document=ASN-1", 422),
        ("/v1/documents/purchase_receipt/NONE", 404),
        ("/v1/discrepancies/0e6c4c7e-3a53-5f8e-9f0c-2b8f5a7d1c11", 404),
    ],
)
async def test_what_is_not_there_or_not_right(shared: Running, path: str, status: int) -> None:
    response = await shared.client.get(path)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
