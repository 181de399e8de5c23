"""Days on which little goes as it should, over HTTP: goods beyond what was ordered, found, lost, blocked, undone, counted
while they move, bound and owned anew. After each step the books answer as a keeper would expect; at the end they agree.

A script is a table like those of `test_doors_and_picks`; a fourth entry names the movement that a step made.
"""

# ruff: noqa: E501  (a table is read across)

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from tests.api.conftest import Running
from tests.api.test_doors_and_picks import STORE, door, read_fields, take_step
from tests.api.test_keeper_and_erp import OK, PLACES, TODAY, adjust, answers, days, document, fulfil, line, move, named
from tests.warehouse.postgres.store import sgtin
from warehouse.postgres.books.integrity import check

Script = list[tuple[Any, ...]]
AGO = {n: (datetime.now(UTC) - timedelta(days=n)).isoformat() for n in range(1, 9)}
PO = "purchase_receipt"


def status(item: str, lot: str, quantity: Any, source: str, target: str, place: str = "DOCK") -> dict[str, Any]:
    return move(item, quantity, place, place, lot=lot, status=source, to_status=target)


def inspect(item: str, lot: str, quantity: Any, decision: str = "accept", place: str = "DOCK") -> dict[str, Any]:
    return {
        "item": item,
        "lot": lot,
        "quantity": quantity,
        "sampled": quantity,
        "location": place,
        "decision": decision,
    }


INBOUND: Script = [
    *PLACES,
    ("items", {"code": "ROD", "tracking": "lot", "valuation": "average"}, OK),
    ("items", {"code": "BAR", "tracking": "lot"}, OK),
    ("items", {"code": "NUT", "valuation": "average"}, OK),
    ("items/units", {"item": "NUT", "unit": "box", "factor_num": 12}, OK),
    ("inspections/plans", {"item": "ROD", "mode": "all"}, OK),
    ("lots/patterns", {"item": "ROD", "pattern": "{supplier}"}, OK),
    ("lots/patterns", {"item": "BAR", "pattern": "{supplier}"}, OK),
    # 1 One more than noticed comes, six are accepted, then the receipt turns out to be another's.
    ("documents", document("purchase_order", "PO-1", line("ROD", 10, unit_cost="2"), over_percent="10"), OK),
    ("documents", document(PO, "ASN-1", line("ROD", 10, **answers("purchase_order", "PO-1")), over_percent="10"), OK),
    ("documents/fulfil", fulfil(PO, "ASN-1", 12, supplier_lot="S-1"), "over /quantity"),
    ("documents/fulfil", fulfil(PO, "ASN-1", 11, supplier_lot="S-1"), {"lot": "S-1"}, "came"),
    ("inspections", inspect("ROD", "S-1", 12), "not_enough /quantity"),
    ("inspections", inspect("ROD", "S-1", 6), {"status": "available"}, "accepted"),
    ("movements/reverse", {"move_id": "$came"}, "not_enough /quantity"),
    # 2 A decision undone: what is reserved of it by then is not taken away.
    ("reservations", {"item": "ROD", "lot": "S-1", "quantity": 6, "location": "DOCK", "holder": "x"}, OK),
    ("stock/move", status("ROD", "S-1", 6, "available", "inspection"), "reserved /quantity"),
    ("documents", document("delivery", "D-1", line("ROD", 6)), OK),
    ("documents/fulfil", fulfil("delivery", "D-1", 6, lot="S-1"), "reserved /quantity"),
    ("documents/fulfil", fulfil("delivery", "D-1", 6, lot="S-1", force=True), OK, "left"),
    ("GET stock", {"item": "ROD"}, [{"on_hand": "5", "reserved": "0", "status": "inspection"}]),
    ("movements/reverse", {"move_id": "$left"}, OK),
    ("stock/move", status("ROD", "S-1", 6, "available", "inspection"), OK),
    ("movements/reverse", {"move_id": "$came"}, OK),
    ("GET stock", {"item": "ROD"}, []),
    ("GET stock/value/total", {}, {"value": "0"}),
    ("GET documents/purchase_receipt/ASN-1", {}, {"document.status": "open", "lines.0.fulfilled": "0"}),
    # 3 Then the right goods come: what the order gives is free again, and no more.
    ("documents/fulfil", fulfil(PO, "ASN-1", 4, supplier_lot="S-2"), {"lot": "S-2"}),
    ("documents/cancel", {"kind": PO, "number": "ASN-1"}, "wrong_state /number"),
    ("documents/close", {"kind": PO, "number": "ASN-1"}, {"status": "closed", "short": [{"line_no": 1, "item": "ROD", "missing": "6"}]}),
    ("documents", document(PO, "ASN-2", line("ROD", 8, **answers("purchase_order", "PO-1"))), "over /lines/0/quantity"),
    ("documents", document(PO, "ASN-2", line("ROD", 7, **answers("purchase_order", "PO-1"))), OK),
    ("documents/fulfil", fulfil(PO, "ASN-2", 7, supplier_lot="S-2"), {"lot": "S-2"}),
    ("documents", document(PO, "ASN-3", line("ROD", 1, **answers("purchase_order", "PO-1"))), "over /lines/0/quantity"),
    # 4 A lot's number is its item's own; its last day is one.
    ("documents", document(PO, "ASN-4", line("BAR", 9)), OK),
    ("documents/fulfil", fulfil(PO, "ASN-4", 4, supplier_lot="S-2", expires_on=days(30)), {"lot": "S-2"}),
    ("documents/fulfil", fulfil(PO, "ASN-4", 4, supplier_lot="S-2", expires_on=days(31)), "invalid_command /expires_on"),
    ("documents/fulfil", fulfil(PO, "ASN-4", 4, supplier_lot="S-2", expires_on=days(30)), {"lot": "S-2"}),
    # and one that was known without a day has none: the day off a label is not dropped.
    ("lots", {"item": "BAR", "code": "S-9"}, OK),
    ("documents/fulfil", fulfil(PO, "ASN-4", 1, supplier_lot="S-9", expires_on=days(31)), "invalid_command /expires_on"),
    ("lots/change", {"item": "BAR", "code": "S-9", "expires_on": days(31), "reason": "off the label"}, OK),
    ("documents/fulfil", fulfil(PO, "ASN-4", 1, supplier_lot="S-9", expires_on=days(31)), {"lot": "S-9"}),
    # 5 A box is what it was when it was ordered.
    ("documents", document(PO, "ASN-5", line("NUT", "2.5", uom="box", unit_cost="24")), OK),
    ("documents", document(PO, "ASN-6", line("NUT", "0.3", uom="box")), "invalid_command /lines/0/quantity"),
    ("items/units", {"item": "NUT", "unit": "box", "factor_num": 10}, OK),
    ("documents/fulfil", fulfil(PO, "ASN-5", 1, uom="box"), OK),
    ("documents/fulfil", fulfil(PO, "ASN-5", 18), OK),
    ("stock/adjust", adjust("NUT", -1, "DOCK", uom="box"), OK),
    ("GET stock", {"item": "NUT"}, [{"on_hand": "20"}]),
    ("GET stock/value", {}, [{"item": "NUT", "quantity": "20", "value": "40.00"}, {"item": "ROD", "quantity": "11", "value": "22.00"}]),
    # 6 Dated back where the books are closed: not at all. Value at nothing on hand is nothing, whatever was undone.
    ("periods/close", {"through": (TODAY - timedelta(days=2)).isoformat()}, OK),
    ("documents", document(PO, "ASN-7", line("NUT", 3, unit_cost="1")), OK),
    ("documents/fulfil", fulfil(PO, "ASN-7", 3, effective_at=AGO[3]), "period_closed /effective_at"),
    ("documents/fulfil", fulfil(PO, "ASN-7", 3, effective_at=AGO[1]), OK, "three"),
    ("stock/move", move("NUT", 4, "DOCK", "A-1", effective_at=AGO[1]), "negative_later /effective_at"),
    ("stock/adjust", adjust("NUT", -23, "DOCK"), OK, "all"),
    ("GET stock/value", {}, [{"item": "ROD", "quantity": "11", "value": "22.00"}]),
    ("movements/reverse", {"move_id": "$three"}, "not_enough /quantity"),
    ("movements/reverse", {"move_id": "$all"}, OK),
    ("GET stock/value/total", {}, {"value": "65.00"}),
    ("movements/reverse", {"move_id": "$three"}, OK),
    ("GET stock/value/total", {}, {"value": "62.00"}),
]  # fmt: skip

OUTBOUND: Script = [
    *PLACES,
    ("items", {"code": "L", "tracking": "lot"}, OK),
    ("items", {"code": "S", "tracking": "serial"}, OK),
    ("items", {"code": "N"}, OK),
    *((("lots", {"item": "L", "code": lot, "expires_on": days(50)}, OK)) for lot in ("B", "A", "C")),
    # 7 First expired, first out, of the same last day: what came first.
    ("stock/adjust", adjust("L", 4, "A-1", lot="B", effective_at=AGO[2]), OK),
    ("stock/adjust", adjust("L", 4, "A-2", lot="A", effective_at=AGO[3]), OK),
    ("stock/adjust", adjust("L", 4, "A-1", lot="C", effective_at=AGO[1]), OK),
    ("removal-rules", {"item": "L", "order": "fefo"}, OK),
    ("documents", document("delivery", "D-1", line("L", 6)), OK),
    ("documents/allocate", named("delivery", "D-1"), {"lots": ["A", "B"], "short": "0"}),
    # 8 One lot for a line that no lot is enough for: the most of one, or none, but not two.
    ("documents", document("delivery", "D-2", line("L", 5)), OK),
    ("documents/allocate", named("delivery", "D-2", single_lot=True), {"lots": [], "short": "5"}),
    ("documents/allocate", named("delivery", "D-2"), {"lots": ["B", "C"], "short": "0"}),
    # 9 A transfer of what others wait for; then its lot is blocked on the way, comes in, and serves nobody.
    ("documents", document("transfer", "T-1", line("L", 3), source="A-1", target="LINE", needs_approval=True), OK),
    ("transfers/ship", {"number": "T-1", "line_no": 1, "quantity": "1", "lot": "C"}, "wrong_state /number"),
    ("documents/approve", {"kind": "transfer", "number": "T-1"}, "own_request /number"),
    ("documents", document("transfer", "T-2", line("L", 3), source="A-1", target="LINE"), OK),
    ("transfers/ship", {"number": "T-2", "line_no": 1, "quantity": "2", "lot": "C"}, "reserved /quantity"),
    ("transfers/ship", {"number": "T-2", "line_no": 1, "quantity": "1", "lot": "C"}, OK),
    ("lots/block", {"item": "L", "lot": "C", "reason": "recall"}, OK),
    ("transfers/receive", {"number": "T-2", "line_no": 1, "quantity": "1", "lot": "C"}, OK),
    ("documents/allocate", named("delivery", "D-2", lot="C"), {"lots": [], "short": "3"}),
    ("documents/fulfil", fulfil("delivery", "D-2", 1, "LINE", lot="C"), "lot_blocked /lot"),
    ("documents/fulfil", fulfil("delivery", "D-2", 3, "A-1", lot="C"), "lot_blocked /lot"),
    ("lots/block", {"item": "L", "lot": "C", "blocked": False, "reason": "cleared"}, OK),
    ("documents/fulfil", fulfil("delivery", "D-2", 3, "A-1", lot="C"), OK),
    # 10 A serial goes, comes back on the delivery it went on, goes and comes once more; sold to us again it is a receipt.
    ("documents", document(PO, "P-1", line("S", 2)), OK),
    ("documents/fulfil", fulfil(PO, "P-1", 1, "A-1", serial="1"), OK),
    *(step for n in (1, 2) for step in (
        ("documents", document("delivery", f"DS-{n}", line("S", 1)), OK),
        ("documents/fulfil", fulfil("delivery", f"DS-{n}", 1, "A-1", serial="1"), OK),
        ("documents", document("customer_return", f"RS-{n}", line("S", 1, **answers("delivery", f"DS-{n}"))), OK),
        ("documents/fulfil", fulfil("customer_return", f"RS-{n}", 1, "A-1", serial="1"), OK))),
    ("documents/fulfil", fulfil("customer_return", "RS-1", 1, "A-1", serial="1"), "wrong_state /number"),
    ("documents/fulfil", fulfil(PO, "P-1", 1, "A-1", serial="1"), "serial_in_stock /serial"),
    ("documents", document("vendor_return", "V-1", line("S", 1, **answers(PO, "P-1"))), OK),
    ("documents/fulfil", fulfil("vendor_return", "V-1", 1, "A-1", serial="1"), OK),
    ("documents/fulfil", fulfil(PO, "P-1", 1, "A-1", serial="1"), OK),
    # 11 What is delivered in part: the rest on a backorder, what comes back where it went.
    ("stock/adjust", adjust("N", 30), OK),
    ("documents", document("delivery", "D-3", line("N", 10), over_percent="10"), OK),
    ("documents/fulfil", fulfil("delivery", "D-3", 4, "A-1"), OK),
    ("documents/backorder", {"kind": "delivery", "number": "D-3", "backorder": "D-3B"}, OK),
    ("documents/fulfil", fulfil("delivery", "D-3", 1, "A-1"), "wrong_state /number"),
    ("documents", document("customer_return", "R-3", line("N", 5, **answers("delivery", "D-3"))), "over /lines/0/quantity"),
    ("documents/fulfil", fulfil("delivery", "D-3B", 7, "A-1"), "over /quantity"),
    ("documents/fulfil", fulfil("delivery", "D-3B", 6, "A-1"), OK),
    # 12 Reserved for a line is no more than it needs; reserved for others cannot be counted away by an adjustment.
    ("documents", document("delivery", "D-4", line("N", 5)), OK),
    ("reservations", {"item": "N", "quantity": 6, "location": "A-1", "holder": "x", "document_kind": "delivery", "document_number": "D-4", "line_no": 1}, "over /quantity"),
    ("reservations", {"item": "N", "quantity": 5, "location": "A-1", "holder": "x", "document_kind": "delivery", "document_number": "D-4", "line_no": 1}, OK),
    ("stock/adjust", adjust("N", -16), "reserved /difference"),
    ("stock/adjust", adjust("N", -15), OK),
    ("stock/move", move("N", 1, "A-1", "A-2"), "reserved /quantity"),
    ("items/change", {"code": "N", "active": False}, OK),
    ("documents", document(PO, "P-2", line("N", 1)), "wrong_state /lines/0/item"),
    ("documents/fulfil", fulfil("delivery", "D-4", 5, "A-1"), OK),
    ("GET stock", {"item": "N"}, []),
]  # fmt: skip

MOVING: Script = [
    *STORE,
    ("stock/adjust", adjust("NUT", 20), OK),
    ("handling-units", {"code": "U-1"}, OK),
    ("stock/move", move("NUT", 10, "A-1", "A-1", target_unit="U-1"), OK),
    # 13 A part of a pallet is picked while its place is counted; the list is given up, the document too.
    ("documents", document("delivery", "D-1", line("NUT", 6)), OK),
    ("reservations", {"item": "NUT", "quantity": 6, "location": "A-1", "unit": "U-1", "holder": "x", "document_kind": "delivery", "document_number": "D-1", "line_no": 1}, OK),
    ("pick-lists", {"number": "P-1", "documents": [{"kind": "delivery", "number": "D-1"}]}, {"lines": 1}),
    ("counts", {"number": "C-1", "locations": ["A-1"], "blind": False}, OK),
    ("GET counts/C-1", {}, {"count.status": "counting"}),
    ("pick-lists/confirm", {"number": "P-1", "line_no": 1, "quantity": "2", "location": "A-1", "unit": "U-1"}, {"open": "4"}),
    ("pick-lists/cancel", {"number": "P-1", "reason": "shift ends"}, {"freed": 1}),
    ("documents/cancel", {"kind": "delivery", "number": "D-1"}, "wrong_state /number"),
    ("documents/close", {"kind": "delivery", "number": "D-1"}, {"status": "closed"}),
    ("GET items/NUT/quantities", {}, {"on_hand": "18", "reserved": "0", "available": "18"}),
]  # fmt: skip

TAGGED: Script = [
    *STORE,
    ("tags", {"tags": [{"epc": sgtin(2, 90), "item": "TUBE", "lot": "T1"}]}, OK),
    ("documents", document(PO, "ASN", line("TUBE", 3)), OK),
    ("door", door(sgtin(2, 90), sgtin(2, 1)), {"moved": 2, "found": []}),
    # 14 In again without having gone: nothing is there twice.
    ("door", door(sgtin(2, 90)), {"moved": 0, "found": ["already_in_stock"]}),
    # 15 A tag in stock is not bound anew; delivered, it is, and comes in as what it is now.
    ("tags/rebind", {"epc": sgtin(2, 90), "item": "NUT", "reason": "reused"}, "wrong_state /epc"),
    ("documents", document("delivery", "DN", line("TUBE", 1)), OK),
    ("door", door(sgtin(2, 90), out=True), {"moved": 1, "found": []}),
    ("tags/rebind", {"epc": sgtin(2, 90), "item": "NUT", "reason": "reused"}, OK),
    ("documents", document("customer_return", "R", line("TUBE", 1, **answers("delivery", "DN"))), OK),
    ("door", door(sgtin(2, 90)), {"moved": 0, "found": ["no_document"]}),
    ("documents", document(PO, "ASN-2", line("NUT", 1)), OK),
    ("door", door(sgtin(2, 90)), {"moved": 1, "found": []}),
    ("GET documents/customer_return/R", {}, {"lines.0.fulfilled": "0"}),
    # 16 Whose goods: theirs do not leave as ours until they are ours.
    ("partners", {"code": "VMI", "kind": "owner"}, OK),
    ("stock/change-owner", {"owner": "", "new_owner": "VMI", "reason": "agreed", "epcs": [sgtin(2, 1)]}, {"quantity": "1"}),
    ("documents", document("delivery", "DN-2", line("TUBE", 1)), OK),
    ("door", door(sgtin(2, 1), out=True), {"moved": 0, "found": ["no_document"]}),
    ("stock/change-owner", {"owner": "VMI", "new_owner": "", "reason": "bought", "item": "TUBE", "lot": "T1", "quantity": 1, "location": "DOCK"}, {"quantity": "1"}),
    ("door", door(sgtin(2, 1), out=True), {"moved": 1, "found": []}),
    # 17 A split lot's pieces are of the part they were put into, and recalled with what they came from.
    ("documents", document(PO, "ASN-3", line("TUBE", 5, lot="T2")), OK),
    ("documents/fulfil", fulfil(PO, "ASN-3", 5, "A-1", lot="T2"), OK),
    ("stock/convert", {"conversion": "split", "inputs": [{"item": "TUBE", "lot": "T2", "quantity": 4, "location": "A-1"}], "outputs": [{"item": "TUBE", "lot": "T2-A", "quantity": 3, "location": "A-1"}, {"item": "TUBE", "lot": "T2-B", "quantity": 1, "location": "A-2"}]}, OK),
    ("documents", document("delivery", "DN-3", line("TUBE", 2, lot="T2-A")), OK),
    ("documents/allocate", named("delivery", "DN-3"), {"lots": ["T2-A"]}),
    ("lots/block", {"item": "TUBE", "lot": "T2", "reason": "cracks", "downstream": True}, OK),
    ("documents/fulfil", fulfil("delivery", "DN-3", 2, "A-1", lot="T2-A"), "lot_blocked /lot"),
    ("GET reservations", {"item": "TUBE", "state": "pending"}, []),
]  # fmt: skip


@pytest.mark.parametrize("script", [INBOUND, OUTBOUND, MOVING, TAGGED], ids=["inbound", "outbound", "moving", "tagged"])
async def test_an_odd_day_ends_in_order(api: Running, script: Script) -> None:
    wrong = []
    known: dict[str, str] = {}
    with psycopg.connect(api.dsn, autocommit=True) as conn:
        for n, (what, body, wanted, *name) in enumerate(script):
            got, seen = await take_step(api, conn, what, body, wanted, known)
            if name:
                known[f"${name[0]}"] = read_fields(got, {"response.move_id": ""})["response.move_id"] or ""
            if seen != wanted:
                wrong.append(f"{n}: {what} {body}\n    wanted {wanted}\n    got    {seen}")
        assert check(conn) == []
        assert conn.execute("select sum(value) from value_pool where quantity = 0 and value <> 0").fetchone() == (None,)
    assert not wrong, "\n" + "\n".join(wrong)
