"""A company's goods from order to customer over HTTP, as its ERP, keeper, inspector and planner ask for them.

Each scenario is a table: a path, what is asked, and what comes back: fields of the answer (`{"short": "2"}`), or a
refusal by code and field (`"over /quantity"`). They are run in order over one server.
"""

# ruff: noqa: E501  (a table is read across)

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from tests.api.conftest import Running
from warehouse.postgres.books.integrity import check

Step = tuple[str, dict[str, Any], dict[str, Any] | str]
OK: dict[str, Any] = {}
TODAY = datetime.now(UTC).date()


def days(count: int) -> str:
    return (TODAY + timedelta(days=count)).isoformat()


def document(kind: str, number: str, *lines: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"kind": kind, "number": number, "lines": list(lines), **more}


def line(item: str, quantity: Any, **more: Any) -> dict[str, Any]:
    return {"item": item, "quantity": str(quantity), **more}


def fulfil(
    kind: str, number: str, quantity: Any, location: str = "DOCK", line_no: int = 1, **more: Any
) -> dict[str, Any]:
    asked = {"kind": kind, "number": number, "line_no": line_no, "quantity": str(quantity), "location": location}
    return asked | more


def answers(kind: str, number: str, line_no: int = 1) -> dict[str, Any]:
    return {"source": {"kind": kind, "number": number, "line_no": line_no}}


def named(kind: str, number: str, line_no: int = 1, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "number": number, "line_no": line_no, **more}


PLACES: list[Step] = [
    ("locations", {"code": "HQ", "level": "site"}, OK),
    ("locations", {"code": "WH", "level": "warehouse", "parent": "HQ"}, OK),
    *((("locations", {"code": code, "level": "bin", "parent": "WH"}, OK)) for code in ("DOCK", "A-1", "A-2", "LINE")),
]

INBOUND: list[Step] = [
    *PLACES,
    ("items", {"code": "BOLT"}, OK),
    ("items", {"code": "OIL", "tracking": "lot", "unit": "l", "decimals": 1}, OK),
    ("items", {"code": "ROD", "tracking": "lot"}, OK),
    ("items/units", {"item": "OIL", "unit": "drum", "factor_num": 200}, OK),
    ("lots/patterns", {"item": "OIL", "pattern": "{site}-{YY}{MM}{DD}-{seq:3}"}, OK),
    ("lots/patterns", {"item": "ROD", "pattern": "{supplier}"}, OK),
    ("inspections/plans", {"item": "ROD", "mode": "sample", "level": "II", "aql": "1.0",
                           "characteristics": [{"name": "size", "upper": "20"}]}, OK),
    # A purchase order, two notices for it, and no more than was ordered with its tolerance.
    ("documents", document("purchase_order", "PO", line("BOLT", 100), line("OIL", 2, uom="drum"), over_percent="10"), OK),
    ("documents/fulfil", fulfil("purchase_order", "PO", 5), "invalid_command /kind"),
    ("documents", document("purchase_receipt", "ASN-1", line("BOLT", 60, **answers("purchase_order", "PO"))), OK),
    ("documents", document("purchase_receipt", "ASN-2", line("BOLT", 51, **answers("purchase_order", "PO"))),
     "over /lines/0/quantity"),
    ("documents", document("purchase_receipt", "ASN-2", line("OIL", 9, **answers("purchase_order", "PO"))),
     "invalid_command /lines/0/source"),
    ("documents", document("purchase_receipt", "ASN-2", line("BOLT", 50, **answers("purchase_order", "PO"))), OK),
    ("documents/fulfil", fulfil("purchase_receipt", "ASN-1", 60), OK),
    ("documents/fulfil", fulfil("purchase_receipt", "ASN-1", 1), "wrong_state /number"),
    ("documents/fulfil", fulfil("purchase_receipt", "ASN-2", 51), "over /quantity"),
    ("documents/fulfil", fulfil("purchase_receipt", "ASN-2", 50), OK),
    # A lot by pattern, the next one by sequence, and the supplier's own.
    ("documents", document("purchase_receipt", "ASN-3", line("OIL", 2, uom="drum", **answers("purchase_order", "PO", 2)),
                           line("ROD", 40), line("ROD", 10)), OK),
    ("documents/fulfil", fulfil("purchase_receipt", "ASN-3", 1, uom="drum", expires_on=days(90)),
     {"lot": f"HQ-{TODAY:%y%m%d}-001"}),
    ("documents/fulfil", fulfil("purchase_receipt", "ASN-3", "0.25", uom="drum", expires_on=days(10)),
     {"lot": f"HQ-{TODAY:%y%m%d}-002"}),
    ("documents/fulfil", fulfil("purchase_receipt", "ASN-3", "0.0001", uom="drum"), "invalid_command /quantity"),
    ("documents/fulfil", fulfil("purchase_receipt", "ASN-3", "0.75", uom="drum", expires_on=days(-1)), "lot_expired /lot"),
    ("documents/fulfil", fulfil("purchase_receipt", "ASN-3", 40, line_no=2), "invalid_command /lot"),
    ("documents/fulfil", fulfil("purchase_receipt", "ASN-3", 40, line_no=2, supplier_lot="S-7"), {"lot": "S-7"}),
    ("documents/fulfil", fulfil("purchase_receipt", "ASN-3", 10, line_no=3, supplier_lot="S-8"), {"lot": "S-8"}),
    # Inspection: a sample, each decision, and what was rejected goes back where it came from.
    ("documents", document("delivery", "DN", line("ROD", 50)), OK),
    ("documents/allocate", named("delivery", "DN"), {"short": "50"}),
    ("documents/fulfil", fulfil("delivery", "DN", 1, lot="S-7", status="inspection"), "not_accepted /status"),
    ("inspections", {"item": "ROD", "lot": "S-7", "quantity": 40, "location": "DOCK", "decision": "accept", "sampled": 8,
                     "results": [{"characteristic": "size", "value": "19.9", "passed": True}]}, "invalid_command /sampled"),
    ("inspections", {"item": "ROD", "lot": "S-7", "quantity": 30, "location": "DOCK", "decision": "accept", "sampled": 30,
                     "results": [{"characteristic": "size", "value": "19.9", "passed": True}]}, {"status": "available"}),
    ("inspections", {"item": "ROD", "lot": "S-7", "quantity": 10, "location": "DOCK", "decision": "deviation", "sampled": 10,
                     "results": [{"characteristic": "size", "value": "20.4", "passed": False}]}, "invalid_command /note"),
    ("inspections", {"item": "ROD", "lot": "S-7", "quantity": 10, "location": "DOCK", "decision": "deviation", "sampled": 10,
                     "note": "for the workshop", "results": [{"characteristic": "size", "value": "20.4", "passed": False}]},
     {"status": "available"}),
    ("inspections", {"item": "ROD", "lot": "S-8", "quantity": 10, "location": "DOCK", "decision": "reject"},
     {"status": "blocked"}),
    ("documents/allocate", named("delivery", "DN"), {"short": "10"}),
    ("documents", document("vendor_return", "RTV", line("ROD", 11, lot="S-8", **answers("purchase_receipt", "ASN-3", 3))),
     "over /lines/0/quantity"),
    ("documents", document("vendor_return", "RTV", line("ROD", 10, lot="S-8", **answers("purchase_receipt", "ASN-3", 3))), OK),
    ("documents/fulfil", fulfil("vendor_return", "RTV", 10, status="blocked"), {"lot": "S-8"}),
    # What comes back and what is found.
    ("documents/fulfil", fulfil("delivery", "DN", 40, lot="S-7"), OK),
    ("documents", document("customer_return", "RMA", line("ROD", 41, **answers("delivery", "DN"))), "over /lines/0/quantity"),
    ("documents", document("customer_return", "RMA", line("ROD", 2, **answers("delivery", "DN"))), OK),
    ("documents/fulfil", fulfil("customer_return", "RMA", 2, lot="S-7"), OK),
    ("documents", document("other_receipt", "GIFT", line("BOLT", 5), partner="A friend"), OK),
    ("documents/fulfil", fulfil("other_receipt", "GIFT", 5), OK),
    # As the ERP sends it: a notice that answers to the order, its next version, its end.
    ("inbox/documents", {"source": "erp", "external_id": "7", "version": 1, "kind": "purchase_receipt", "number": "ASN-7",
                         "lines": [{"line_no": 1, "item": "OIL", "quantity": "40", "supplier_lot": "X",
                                    "expires_on": days(200), **answers("purchase_order", "PO", 2)}]},
     {"state": "applied", "problems": []}),
    ("documents/fulfil", fulfil("purchase_receipt", "ASN-7", 10), {"lot": f"HQ-{TODAY:%y%m%d}-003"}),
    ("inbox/documents", {"source": "erp", "external_id": "7", "version": 2, "kind": "purchase_receipt", "number": "ASN-7",
                         "lines": [{"line_no": 1, "item": "OIL", "quantity": "5"}]}, {"state": "quarantined"}),
]  # fmt: skip

OUTBOUND: list[Step] = [
    *PLACES,
    *((("items", {"code": code}, OK)) for code in ("PUMP", "CASE", "SCREW", "NAIL")),
    ("items", {"code": "SEAL", "tracking": "lot"}, OK),
    *((("lots", {"item": "SEAL", "code": code, "expires_on": days(left)}, OK))
      for code, left in (("NEAR", 20), ("MID", 60), ("FAR", 300))),
    *((("stock/adjust", {"item": "SEAL", "lot": lot, "difference": 10, "location": place, "reason": "opening"}, OK))
      for lot, place in (("FAR", "A-1"), ("MID", "A-2"), ("NEAR", "A-2"))),
    *((("stock/adjust", {"item": item, "difference": held, "location": "A-1", "reason": "opening"}, OK))
      for item, held in (("CASE", 12), ("SCREW", 40), ("NAIL", 100))),
    # A bill with scrap and a substitute, an order, a kit, a part of it, what is left, more than asked for.
    ("boms", {"item": "PUMP", "version": "1", "components": [
        {"item": "CASE", "quantity": "1"},
        {"item": "SCREW", "quantity": "4", "scrap_percent": "5",
         "substitutes": [{"item": "NAIL", "quantity": "2", "of": "1"}]},
        {"item": "SEAL", "quantity": "1"}]}, OK),
    ("work-orders", {"number": "WO", "item": "PUMP", "quantity": "15", "over_percent": "10"}, OK),
    ("work-orders/issue-kit", {"number": "WO", "quantity": "15"}, "short /quantity"),
    ("work-orders/issue-kit", {"number": "WO", "quantity": "16"}, "invalid_command /quantity"),
    ("work-orders/issue-kit", {"number": "WO", "quantity": "5"}, {"short": []}),
    ("work-orders/substitute", {"number": "WO", "line_no": 2, "item": "SEAL"}, "invalid_command /item"),
    ("work-orders/substitute", {"number": "WO", "line_no": 2, "item": "NAIL", "quantity": "30"}, {"quantity": "60"}),
    ("work-orders/issue-kit", {"number": "WO", "quantity": "10", "partial": True},
     {"short": [{"line_no": 1, "item": "CASE", "missing": "3"}]}),
    ("work-orders/over-issue", {"number": "WO", "line_no": 3, "quantity": "1", "location": "A-1", "lot": "FAR",
                                "reason": ""}, "invalid_command /reason"),
    ("work-orders/over-issue", {"number": "WO", "line_no": 3, "quantity": "1", "location": "A-2", "lot": "MID",
                                "reason": "torn"}, OK),
    ("documents/backorder", {"kind": "work_order_issue", "number": "WO", "backorder": "WO-B"}, {"status": "open"}),
    ("stock/adjust", {"item": "CASE", "difference": 3, "location": "A-1", "reason": "found"}, OK),
    ("documents/fulfil", fulfil("work_order_issue", "WO-B", 3, "A-1"), OK),
    ("work-orders/output", {"number": "WO", "quantity": "16.5", "location": "LINE"}, "quantity_scale /quantity"),
    ("work-orders/output", {"number": "WO", "quantity": "17", "location": "LINE"}, "over /quantity"),
    ("work-orders/output", {"number": "WO", "quantity": "16", "location": "LINE"}, OK),
    ("documents", document("production_return", "PR", line("CASE", 13, **answers("work_order_issue", "WO"))),
     "over /lines/0/quantity"),
    ("documents", document("production_return", "PR", line("CASE", 2, **answers("work_order_issue", "WO"))), OK),
    ("documents/fulfil", fulfil("production_return", "PR", 2, "A-1"), OK),
    ("documents", document("change_return", "ECR", line("SCREW", 1, **answers("work_order_issue", "WO", 2))), OK),
    ("documents/fulfil", fulfil("change_return", "ECR", 1, "A-1"), OK),
    # Which stock is taken: by rule, by document, by lot, by what the customer insists on.
    ("partners", {"code": "ACME", "kind": "customer", "usable_days_min": 90}, OK),
    ("removal-rules", {"item": "SEAL", "order": "fefo", "remaining_days_min": 30}, OK),
    ("stock/adjust", {"item": "SEAL", "lot": "FAR", "difference": 10, "location": "A-1", "reason": "found"}, OK),
    ("stock/adjust", {"item": "SEAL", "lot": "MID", "difference": 3, "location": "A-2", "reason": "found"}, OK),
    ("stock/adjust", {"item": "SEAL", "lot": "NEAR", "difference": 4, "location": "A-2", "reason": "found"}, OK),
    ("documents", document("delivery", "D-1", line("SEAL", 1)), OK),
    ("documents/allocate", named("delivery", "D-1"), {"lots": ["MID"]}),
    ("documents", document("delivery", "D-2", line("SEAL", 1), partner="ACME"), OK),
    ("documents/allocate", named("delivery", "D-2", remaining_days_min=0), {"lots": ["FAR"]}),
    ("documents/fulfil", fulfil("delivery", "D-2", 1, "A-2", lot="MID"), "shelf_life_short /lot"),
    ("documents", document("delivery", "D-3", line("SEAL", 1)), OK),
    ("documents/removal", {"kind": "delivery", "number": "D-3", "order": "lifo"}, OK),
    ("documents/allocate", named("delivery", "D-3"), {"lots": ["FAR"]}),
    ("documents", document("delivery", "D-4", line("SEAL", 1)), OK),
    ("documents/allocate", named("delivery", "D-4", order="closest", near="A-1"), {"lots": ["FAR"]}),
    ("documents", document("delivery", "D-5", line("SEAL", 1)), OK),
    ("documents/allocate", named("delivery", "D-5", order="smallest"), {"lots": ["MID"]}),
    ("documents", document("delivery", "D-6", line("SEAL", 2)), OK),
    ("documents/allocate", named("delivery", "D-6", lot="FAR", expires_at=f"{days(1)}T00:00:00Z"), {"lots": ["FAR"]}),
    ("documents", document("delivery", "D-7", line("SEAL", 1)), OK),
    ("documents/allocate", named("delivery", "D-7", remaining_days_min=0), {"lots": ["NEAR"]}),
    ("documents/fulfil", fulfil("delivery", "D-7", 1, "A-2", lot="NEAR"), OK),
    # Reserved for another: refused, forced with the right to, given back.
    ("stock/adjust", {"item": "NAIL", "difference": -36, "location": "A-1", "reason": "lost"}, OK),
    ("reservations", {"item": "NAIL", "quantity": 4, "location": "A-1", "holder": "fitter"}, OK),
    ("documents", document("delivery", "D-8", line("NAIL", 4)), OK),
    ("documents/fulfil", fulfil("delivery", "D-8", 4, "A-1"), "reserved /quantity"),
    ("documents/allocate", named("delivery", "D-8"), {"short": "4"}),
    ("documents/fulfil", fulfil("delivery", "D-8", 4, "A-1", force=True), OK),
    # Scrap and other issues, on their documents.
    ("documents", document("scrap", "S", line("SCREW", 1)), OK),
    ("documents/fulfil", fulfil("scrap", "S", 1, "A-1"), OK),
    ("documents", document("other_issue", "O", line("SCREW", 99)), OK),
    ("documents/fulfil", fulfil("other_issue", "O", 99, "A-1"), "not_enough /quantity"),
]  # fmt: skip


def adjust(item: str, difference: Any, location: str = "A-1", **more: Any) -> dict[str, Any]:
    return {"item": item, "difference": str(difference), "location": location, "reason": "found"} | more


def move(item: str, quantity: Any, source: str, target: str, **more: Any) -> dict[str, Any]:
    return {"item": item, "quantity": str(quantity), "source": source, "target": target} | more


HOUR_AGO = (datetime.now(UTC) - timedelta(hours=1)).isoformat()

# Such as other systems' suites hold: what must be refused, and what must end at nothing.
ALIKE: list[Step] = [
    *PLACES,
    ("items", {"code": "N"}, OK),
    ("items", {"code": "S", "tracking": "serial"}, OK),
    ("items", {"code": "L", "tracking": "lot"}, OK),
    ("items", {"code": "KG", "unit": "kg", "decimals": 3, "valuation": "average"}, OK),
    ("items/units", {"item": "N", "unit": "third", "factor_num": 1, "factor_den": 3}, OK),
    # Nothing, less than nothing, parts of what has none.
    ("stock/adjust", adjust("N", 0), "invalid_command /difference"),
    ("stock/adjust", adjust("N", "0.5"), "quantity_scale /difference"),
    ("stock/adjust", adjust("N", 4, uom="third"), "invalid_command /difference"),
    ("stock/adjust", adjust("N", 30, uom="third"), OK),
    ("stock/move", move("N", 0, "A-1", "A-2"), "quantity_not_positive /quantity"),
    ("stock/move", move("N", 1, "A-1", "A-1"), "same_place /target"),
    ("stock/move", move("N", 11, "A-1", "A-2"), "not_enough /quantity"),
    # Nothing goes before it came, by whatever document.
    ("stock/move", move("N", 1, "A-1", "A-2", effective_at=HOUR_AGO), "negative_later /effective_at"),
    ("documents", document("transfer", "T", line("N", 4), source="A-1", target="LINE"), OK),
    ("transfers/ship", {"number": "T", "line_no": 1, "quantity": "4", "effective_at": HOUR_AGO}, "negative_later /effective_at"),
    # Lost on the way, then found: the transfer is over, what is found comes in as found.
    ("transfers/ship", {"number": "T", "line_no": 1, "quantity": "4"}, OK),
    ("transfers/receive", {"number": "T", "line_no": 1, "quantity": "3"}, OK),
    ("transfers/receive", {"number": "T", "line_no": 1, "quantity": "2"}, "over /quantity"),
    ("transfers/settle", {"number": "T", "outcome": "lost", "reason": "fell off"}, {"status": "closed", "quantity": "1"}),
    ("documents", document("other_receipt", "FOUND", line("N", 1)), OK),
    ("documents/fulfil", fulfil("other_receipt", "FOUND", 1, "LINE"), OK),
    # A reversal opens the line again; it is not reversed itself, nor its movement twice.
    ("movements/reverse", {"move_id": "$last", "reason": "not ours"}, OK),
    ("movements/reverse", {"move_id": "$last", "reason": "it was"}, "wrong_state /move_id"),
    ("documents/fulfil", fulfil("other_receipt", "FOUND", 1, "LINE"), OK),
    ("documents/cancel", {"kind": "other_receipt", "number": "FOUND"}, "wrong_state /number"),
    ("movements/reverse", {"move_id": "$last"}, OK),
    ("documents/cancel", {"kind": "other_receipt", "number": "FOUND"}, {"status": "cancelled"}),
    ("documents/fulfil", fulfil("other_receipt", "FOUND", 1, "LINE"), "wrong_state /number"),
    # A serial is one, in one place; it comes back when it went.
    ("stock/adjust", adjust("S", 2, serial="1"), "not_found /serial"),
    ("documents", document("purchase_receipt", "P", line("S", 3)), OK),
    ("documents/fulfil", fulfil("purchase_receipt", "P", 2, "A-1", serial="1"), "serial_quantity /quantity"),
    ("documents/fulfil", fulfil("purchase_receipt", "P", 1, "A-1", serial="1"), OK),
    ("documents/fulfil", fulfil("purchase_receipt", "P", 1, "A-2", serial="1"), "serial_in_stock /serial"),
    ("documents/fulfil", fulfil("purchase_receipt", "P", 1, "A-2"), "serial_required /serial"),
    ("stock/move", move("S", 1, "A-2", "LINE", serial="1"), "serial_elsewhere /serial"),
    ("documents", document("delivery", "D", line("S", 1)), OK),
    ("documents/fulfil", fulfil("delivery", "D", 1, "A-1", serial="1"), OK),
    ("documents", document("customer_return", "R", line("S", 1, **answers("delivery", "D"))), OK),
    ("documents", document("customer_return", "R2", line("S", 1, **answers("delivery", "D"))), "over /lines/0/quantity"),
    ("documents/fulfil", fulfil("customer_return", "R", 1, "A-2", serial="1"), OK),
    # Lots: another item's, blocked, expired, of two expiries in one.
    *((("lots", {"item": "L", "code": code, "expires_on": days(left)}, OK)) for code, left in (("L1", 9), ("L2", 90))),
    ("stock/adjust", adjust("N", 1, lot="L1"), "not_found /lot"),
    ("stock/adjust", adjust("L", 5), "lot_required /lot"),
    *((("stock/adjust", adjust("L", 5, lot=lot), OK)) for lot in ("L1", "L2")),
    ("lots/block", {"item": "L", "lot": "L1", "blocked": True, "reason": "recall"}, OK),
    ("reservations", {"item": "L", "lot": "L1", "quantity": 1, "location": "A-1", "holder": "x"}, "lot_blocked /lot"),
    ("stock/move", move("L", 1, "A-1", "A-2", lot="L1"), OK),
    ("documents", document("delivery", "DL", line("L", 9, lot="L1")), OK),
    ("documents/fulfil", fulfil("delivery", "DL", 1, "A-1"), "lot_blocked /lot"),
    ("documents/fulfil", fulfil("delivery", "DL", 1, "A-1", lot="L2"), "invalid_command /lot"),
    # Another owner's goods are not ours to take, nor ours another's.
    ("stock/adjust", adjust("N", 5, "A-2", owner="ACMEE"), "not_found /owner"),
    ("partners", {"code": "ACME", "kind": "owner"}, OK),
    ("stock/adjust", adjust("N", 5, "A-2", owner="ACME"), OK),
    ("stock/move", move("N", 1, "A-2", "LINE"), "not_enough /quantity"),
    ("documents", document("delivery", "DO", line("N", 1, owner="ACME")), OK),
    ("documents/fulfil", fulfil("delivery", "DO", 1, "A-1"), "not_enough /quantity"),
    # Thirds of money, to the cent and to nothing.
    ("documents", document("purchase_receipt", "PV", line("KG", 3, unit_cost="3.3333")), OK),
    ("documents/fulfil", fulfil("purchase_receipt", "PV", 3, "A-1"), OK),
    *((("stock/adjust", adjust("KG", "-0.999", reason="used"), OK)) for _ in range(3)),
    ("stock/adjust", adjust("KG", "-0.003", reason="used"), OK),
    ("stock/adjust", adjust("KG", "-0.001", reason="used"), "not_enough /difference"),
    # Places and periods.
    ("locations/change", {"code": "A-1", "closed": True}, "wrong_state /closed"),
    ("locations/change", {"code": "DOCK", "closed": True}, OK),
    ("stock/move", move("N", 1, "A-1", "DOCK"), "location_closed /target"),
    ("periods/close", {"through": TODAY.isoformat()}, "invalid_command /through"),
    ("reservations/release", {"reservation_id": "00000000-0000-0000-0000-000000000000"}, "not_found /reservation_id"),
]  # fmt: skip


@pytest.mark.parametrize("script", [INBOUND, OUTBOUND, ALIKE], ids=["inbound", "outbound", "alike"])
async def test_from_the_order_to_the_customer(api: Running, script: list[Step]) -> None:
    await run(api, script)
    with psycopg.connect(api.dsn, autocommit=True) as conn:
        assert check(conn) == []
        assert conn.execute("select sum(value) from value_pool where quantity = 0 and value <> 0").fetchone() == (None,)


async def run(api: Running, script: list[Step]) -> None:
    """Every step; what differs is told all at once. `$last` is the movement made last."""
    wrong, last = [], ""
    for n, (path, body, wanted) in enumerate(script):
        answer = await api.client.post(f"/v1/{path}", json={k: last if v == "$last" else v for k, v in body.items()})
        got = answer.json()
        got = got.get("response", got)
        last = got.get("move_id", last)
        if "reservations" in got:
            got["lots"] = [reserved["lot"] for reserved in got["reservations"]]
        if isinstance(wanted, str):
            seen = f"{got['code']} {' '.join(e['pointer'] for e in got.get('errors', ()))}" if "code" in got else got
        else:
            seen = {key: got.get(key) for key in wanted} if answer.status_code == 200 else got
        if seen != wanted:
            wrong.append(f"{n}: {path} {body}\n    wanted {wanted}\n    got    {seen}")
    assert not wrong, "\n" + "\n".join(wrong)
