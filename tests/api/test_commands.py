"""Commands over HTTP: executed once a key, refused with a code, a field and a fix, and always by somebody."""

import asyncio
from typing import Any

import httpx
import psycopg

from tests.api.conftest import Running

ITEM = {"code": "A-100", "name": "Bearing"}


def key(name: str) -> dict[str, str]:
    return {"Idempotency-Key": name}


async def test_the_same_key_and_body_get_the_stored_answer(api: Running) -> None:
    first = await api.client.post("/v1/items", json=ITEM, headers=key("k1"))
    again = await api.client.post("/v1/items", json=ITEM, headers=key("k1"))
    assert (first.status_code, again.status_code) == (200, 200)
    assert (first.json()["repeated"], again.json()["repeated"]) == (False, True)
    assert first.json() | {"repeated": True} == again.json()


async def test_a_double_click_acts_once(api: Running) -> None:
    answers = await asyncio.gather(*(api.client.post("/v1/items", json=ITEM, headers=key("k1")) for _ in range(12)))
    assert [answer.status_code for answer in answers] == [200] * 12
    assert sorted(answer.json()["repeated"] for answer in answers) == [False] + [True] * 11


async def test_the_same_key_with_another_body_is_refused(api: Running) -> None:
    await api.client.post("/v1/items", json=ITEM, headers=key("k1"))
    other = await api.client.post("/v1/items", json=ITEM | {"name": "Other"}, headers=key("k1"))
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
    assert other.json()["errors"][0]["parameter"] == "header:Idempotency-Key"


async def test_keys_of_different_callers_do_not_meet(api: Running) -> None:
    await api.client.post("/v1/items", json=ITEM, headers=key("k1"))
    async with httpx.AsyncClient(base_url=api.url, headers={"X-API-Key": "command-key"}, trust_env=False) as handheld:
        answer = await handheld.post("/v1/items", json={"code": "B"}, headers=key("k1"))
    assert (answer.status_code, answer.json()["repeated"]) == (200, False)


async def test_without_a_key_every_request_is_a_new_command(api: Running) -> None:
    assert (await api.client.post("/v1/items", json=ITEM)).status_code == 200
    again = await api.client.post("/v1/items", json=ITEM)
    assert (again.status_code, again.json()["code"], again.json()["errors"][0]["pointer"]) == (409, "exists", "/code")


async def test_a_refusal_names_the_field(api: Running) -> None:
    body = {"kind": "purchase_receipt", "number": "ASN-1", "lines": [{"item": "A-999", "quantity": "1"}]}
    response = await api.client.post("/v1/documents", json=body)
    problem = response.json()
    assert (response.status_code, problem["code"], problem["errors"][0]["pointer"]) == (
        404,
        "not_found",
        "/lines/0/item",
    )
    assert "A-999" in problem["detail"]


async def test_who_asked_and_with_what_is_in_the_audit_log(api: Running) -> None:
    await api.client.post("/v1/items", json=ITEM, headers={"X-Device": "desk-1"})
    async with httpx.AsyncClient(base_url=api.url, headers={"X-API-Key": "command-key"}, trust_env=False) as handheld:
        await handheld.post("/v1/items", json={"code": "B"}, headers={"X-Device": "desk-1"})
    with psycopg.connect(api.dsn) as connection:
        rows = connection.execute("select actor, device, command from audit_log order by seq").fetchall()
    assert rows == [("admin", "desk-1", "CreateItem"), ("handheld", "pda-7", "CreateItem")]


async def test_a_receipt_from_item_to_stock(api: Running) -> None:
    async def do(path: str, body: dict[str, Any]) -> dict[str, Any]:
        response = await api.client.post(path, json=body)
        assert response.status_code == 200, response.text
        done: dict[str, Any] = response.json()["response"]
        return done

    await do("/v1/items", {"code": "A", "tracking": "lot"})
    await do("/v1/lots", {"item": "A", "code": "L1"})
    await do("/v1/locations", {"code": "hall-a"})
    line = {"item": "A", "quantity": "10", "lot": "L1"}
    await do("/v1/documents", {"kind": "purchase_receipt", "number": "ASN-1", "lines": [line]})
    receipt = {"kind": "purchase_receipt", "number": "ASN-1", "line_no": 1, "location": "hall-a", "lot": "L1"}
    await do("/v1/documents/fulfil", receipt | {"quantity": "4"})
    await do("/v1/stock/adjust", {"item": "A", "lot": "L1", "difference": -1, "location": "hall-a", "reason": "broken"})
    too_much = {"item": "A", "lot": "L1", "difference": "-4", "location": "hall-a", "reason": "broken"}
    response = await api.client.post("/v1/stock/adjust", json=too_much)
    assert (response.status_code, response.json()["code"]) == (409, "not_enough")
    with psycopg.connect(api.dsn) as connection:
        assert connection.execute("select on_hand from balance where on_hand > 0").fetchall() == [(3,)]
