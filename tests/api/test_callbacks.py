"""Approvals by signed callback, and the snapshot others reconcile with."""

import json
import time
from datetime import UTC, datetime
from decimal import Decimal

import psycopg
from standardwebhooks.webhooks import Webhook

from tests.api.conftest import Running
from tests.api.plant import do
from warehouse.commands import AdjustStock, CreateDocument, CreateItem, CreateLocation, LineSpec, MoveStock


async def test_an_office_system_approves_and_rejects_by_signature_alone(api: Running) -> None:
    with psycopg.connect(api.dsn, autocommit=True) as conn:
        do(conn, CreateItem("A"), "a")
        for number in ("S-1", "S-2"):
            document = CreateDocument("scrap", number, (LineSpec("A", Decimal(1)),), needs_approval=True)
            do(conn, document, number)
    made = await api.client.post("/v1/callback-systems", json={"name": "oa"})
    signer = Webhook(made.json()["secret"])

    async def say(message_id: str, number: str, decision: str, by: Webhook = signer, at: datetime | None = None) -> int:
        body = json.dumps({"kind": "scrap", "number": number, "decision": decision, "person": "lee"})
        at = at or datetime.now(UTC)
        headers = {
            "webhook-id": message_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": by.sign(message_id, at, body),
            "content-type": "application/json",
            "authorization": "",  # no key of ours
        }
        answer = await api.client.post("/v1/callbacks/oa/approvals", content=body, headers=headers)
        return answer.status_code

    old = datetime.fromtimestamp(time.time() - 600, UTC)
    assert await say("m0", "S-1", "approve", Webhook("whsec_" + "b3RoZXI" * 4)) == 401
    assert await say("m0", "S-1", "approve", at=old) == 401
    assert [await say("m1", "S-1", "approve"), await say("m1", "S-1", "approve")] == [200, 200]
    assert await say("m2", "S-2", "reject") == 200
    assert await say("m3", "S-2", "approve") == 409
    with psycopg.connect(api.dsn) as conn:
        rows = conn.execute("select number, status, approved_by from document order by 1").fetchall()
    assert rows == [("S-1", "open", "oa:lee"), ("S-2", "cancelled", None)]


async def test_the_snapshot_is_the_books_now_and_at_any_instant(api: Running) -> None:
    with psycopg.connect(api.dsn, autocommit=True) as conn:
        for key, command in enumerate(
            (
                CreateItem("A"),
                CreateLocation("B-1"),
                CreateLocation("B-2"),
                AdjustStock("A", Decimal(5), "B-1", "x", effective_at=datetime(2026, 3, 1, tzinfo=UTC)),
                MoveStock("A", Decimal(2), "B-1", "B-2", effective_at=datetime(2026, 3, 2, tzinfo=UTC)),
            )
        ):
            do(conn, command, str(key))

    async def stock(when: str = "") -> list[tuple[str, str]]:
        answer = await api.client.get(f"/v1/stock-snapshot{when}")
        rows = [json.loads(line) for line in answer.text.splitlines()]
        return [(row["location"], row["on_hand"]) for row in rows]

    assert await stock() == [("B-1", "3"), ("B-2", "2")]
    assert await stock("?as_of=2026-03-01T12:00:00Z") == [("B-1", "5")]
    assert await stock("?as_of=2026-02-01T00:00:00Z") == []
    csv = (await api.client.get("/v1/stock-snapshot?format=csv")).content.decode("utf-8-sig")
    assert csv.splitlines()[1] == "A,,pc,,,,B-1,,,available,3"
