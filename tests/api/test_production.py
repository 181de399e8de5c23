"""Bills and work orders over HTTP: made, exploded, issued, refused with the field, listed."""

from typing import Any

from tests.api.conftest import Running


async def post(api: Running, path: str, body: dict[str, Any], status: int = 200) -> dict[str, Any]:
    answer = await api.client.post(path, json=body)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def get(api: Running, path: str, **query: Any) -> dict[str, Any]:
    answer = await api.client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_product_from_its_bill_to_its_output(api: Running) -> None:
    for code in ("CRANK", "AXLE", "BALL", "GREASE"):
        await post(api, "/v1/items", {"code": code, "decimals": 2 if code == "GREASE" else 0})
    await post(api, "/v1/locations", {"code": "hall"})
    inner = {"item": "AXLE", "version": "1", "components": [{"item": "BALL", "quantity": "12"}]}
    outer = {
        "item": "CRANK",
        "version": "1",
        "components": [
            {"item": "AXLE", "quantity": "1", "substitutes": [{"item": "BALL", "quantity": "3", "of": "2"}]},
            {"item": "GREASE", "quantity": "0.15", "scrap_percent": "10"},
        ],
    }
    await post(api, "/v1/boms", inner)
    await post(api, "/v1/boms", outer)
    circle = await post(
        api, "/v1/boms", {"item": "BALL", "version": "1", "components": [{"item": "CRANK", "quantity": 1}]}, 409
    )
    assert circle["errors"][0]["pointer"] == "/components"
    exploded = await get(api, "/v1/boms/explosion", item="CRANK", quantity="7", day="2026-03-01")
    assert [(n["level"], n["item"], n["quantity"]) for n in exploded["items"]] == [
        (1, "AXLE", "7"), (1, "GREASE", "1.16"), (2, "BALL", "84"),
    ]  # fmt: skip
    listed = (await get(api, "/v1/boms", item="CRANK"))["items"]
    detail = await get(api, f"/v1/boms/{listed[0]['bom_id']}")
    assert detail["components"][0]["substitutes"] == ["BALL×1.5"]

    await post(api, "/v1/work-orders", {"number": "WO/7", "item": "CRANK", "quantity": 2})
    for item, quantity in (("AXLE", 2), ("GREASE", 1)):
        opening = {"item": item, "difference": quantity, "location": "hall", "reason": "opening"}
        await post(api, "/v1/stock/adjust", opening)
    short = await post(api, "/v1/work-orders/issue-kit", {"number": "WO/7", "quantity": 3}, 409)
    assert short["errors"][0]["pointer"] == "/quantity"
    await post(api, "/v1/work-orders/issue-kit", {"number": "WO/7", "quantity": 1})
    output = {"number": "WO/7", "quantity": 1, "location": "hall", "backflush": True}
    await post(api, "/v1/work-orders/output", output)
    state = await get(api, "/v1/work-orders/WO/7")
    order = state["work_order"]
    assert (order["done"], order["issued_share"], order["issue_status"], order["output_status"]) == (
        "1", "1.0000", "complete", "open",
    )  # fmt: skip
    assert [(line["item"], line["fulfilled"]) for line in state["components"]] == [("AXLE", "2"), ("GREASE", "0.33")]
    assert [row["number"] for row in (await get(api, "/v1/work-orders", item="CRANK"))["items"]] == ["WO/7"]


async def test_a_lot_is_traced_both_ways_over_http(api: Running) -> None:
    for code in ("STEEL", "ROD"):
        await post(api, "/v1/items", {"code": code, "tracking": "lot"})
    await post(api, "/v1/locations", {"code": "hall"})
    await post(api, "/v1/lots", {"item": "STEEL", "code": "S/1"})
    opening = {"item": "STEEL", "difference": 5, "location": "hall", "lot": "S/1", "reason": "opening"}
    await post(api, "/v1/stock/adjust", opening)
    conversion = {
        "conversion": "repack",
        "inputs": [{"item": "STEEL", "lot": "S/1", "quantity": 5, "location": "hall"}],
        "outputs": [{"item": "ROD", "lot": "R1", "quantity": 50, "location": "hall"}],
    }
    await post(api, "/v1/stock/convert", conversion)
    found = await get(api, "/v1/lots/trace", item="ROD", lot="R1")
    assert [(link["other_item"], link["other_lot"], link["how"]) for link in found["sources"]] == [
        ("STEEL", "S/1", "repack")
    ]
    assert [step["place"] for step in found["steps"]] == ["ADJUSTMENT", "CONVERSION", "CONVERSION"]
    assert [row["on_hand"] for row in (await get(api, "/v1/lots", item="ROD"))["items"]] == ["50"]
    for path in ("/v1/lots/trace?item=ROD&lot=R9", "/v1/tags/E2AA/trace", "/v1/handling-units/U/1/trace"):
        assert (await api.client.get(path)).status_code == 404
