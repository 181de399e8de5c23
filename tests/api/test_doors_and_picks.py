"""What doors, pickers and the clock do between an ERP's and a keeper's requests, seen over HTTP.

A script is a table like those of `test_keeper_and_erp`: what is asked and what comes back. Three steps are not requests:
`door` hands a load to the books as the stream does when a passage closes, `expire` is the housekeeping's look at
reservations at that time, and `GET path` reads; of a list its rows are told by the fields that are wanted.
"""

# ruff: noqa: E501  (a table is read across)

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from tests.api.conftest import Running
from tests.api.test_keeper_and_erp import OK, PLACES, adjust, days, document, fulfil, line, named
from tests.warehouse.postgres.store import gtin, sgtin
from warehouse.loads import Load, LoadTag
from warehouse.postgres.books import reservations
from warehouse.postgres.books.integrity import check
from warehouse.postgres.loads.posting import post_load
from warehouse.site import Direction, Effect
from warehouse.times import to_us

Step = tuple[str, dict[str, Any], Any]
CARTONS = tuple(sgtin(2, n) for n in range(1, 9))
SOON = "$soon"  # ten hours after the script began, whenever that is


def tags(epcs: Sequence[str], lot: str | None = None) -> dict[str, Any]:
    return {"tags": [{"epc": epc, "item": "TUBE", "lot": lot} for epc in epcs]}


def door(*epcs: str, out: bool = False, doubtful: Sequence[str] = (), effect: Effect = Effect.POST) -> dict[str, Any]:
    return {"epcs": epcs, "out": out, "doubtful": doubtful, "effect": effect}


STORE: list[Step] = [
    *PLACES,
    ("locations", {"code": "YARD", "kind": "outside"}, OK),
    ("items", {"code": "TUBE", "gtin": gtin(2), "tracking": "lot"}, OK),
    ("items", {"code": "NUT"}, OK),
    *(
        (("lots", {"item": "TUBE", "code": lot, "expires_on": days(left)}, OK))
        for lot, left in (("T1", 60), ("T2", 90))
    ),
    ("tags", tags(CARTONS[:4], "T1"), OK),
    ("tags", tags(CARTONS[4:], "T2"), OK),
]

DOORS: list[Step] = [
    *STORE,
    # Announced and through the door: posted without anybody's hand, the last carton by hand, the document is complete.
    ("documents", document("purchase_receipt", "ASN", line("TUBE", 4, lot="T1"), door="door-1", epcs=CARTONS[:4]), OK),
    ("door", door(*CARTONS[:3]), {"moved": 3, "found": []}),
    ("GET documents/purchase_receipt/ASN", {}, {"document.status": "open", "lines.0.fulfilled": "3"}),
    ("documents/fulfil", fulfil("purchase_receipt", "ASN", 2, "DOCK", lot="T1"), "over /quantity"),
    ("documents/fulfil", fulfil("purchase_receipt", "ASN", 1, "DOCK", lot="T1"), OK),
    ("GET documents/purchase_receipt/ASN", {}, {"document.status": "complete"}),
    # Nobody announced it: held, seen by the keeper, accepted by him.
    ("door", door(*CARTONS[4:6]), {"moved": 0, "found": ["no_document"]}),
    ("GET discrepancies", {"state": "open"}, [{"kind": "no_document"}]),
    ("GET stock", {"item": "TUBE", "lot": "T2"}, []),
    ("documents", document("purchase_receipt", "ASN-2", line("TUBE", 2, lot="T2")), OK),
    ("discrepancies/resolve", {"discrepancy_id": "$discrepancy", "resolution": "post", "note": "called the supplier"}, {"state": "posted"}),
    ("discrepancies/resolve", {"discrepancy_id": "$discrepancy", "resolution": "post"}, "wrong_state /discrepancy_id"),
    ("GET stock", {"item": "TUBE", "lot": "T2"}, [{"on_hand": "2"}]),
    # Out of the door: what the delivery names goes, what it does not name is held and shouted about.
    ("documents", document("delivery", "DN", line("TUBE", 2, lot="T1"), door="door-1", epcs=CARTONS[:2]), OK),
    ("door", door(*CARTONS[:2], CARTONS[4], out=True), {"moved": 2, "found": ["no_document"]}),
    ("GET documents/delivery/DN", {}, {"document.status": "complete", "lines.0.fulfilled": "2"}),
    ("GET discrepancies", {"state": "open"}, [{"kind": "no_document"}]),
    ("discrepancies/resolve", {"discrepancy_id": "$discrepancy", "resolution": "dismiss", "note": "carried back in"}, {"state": "dismissed"}),
    # A blocked lot does not leave by a door either; a tag the door was unsure of waits for a person.
    ("lots/block", {"item": "TUBE", "lot": "T1", "reason": "recall"}, OK),
    ("documents", document("delivery", "DN-2", line("TUBE", 2, lot="T1"), door="door-1", epcs=CARTONS[2:4]), OK),
    ("door", door(CARTONS[2], out=True), {"moved": 0, "found": ["blocked"]}),
    ("lots/block", {"item": "TUBE", "lot": "T1", "blocked": False, "reason": "cleared"}, OK),
    ("door", door(CARTONS[2], out=True, doubtful=CARTONS[3:4]), {"moved": 1, "found": ["unsure"]}),
    ("documents/close", {"kind": "delivery", "number": "DN-2"}, {"status": "closed"}),
    # A door that only suggests posts nothing until somebody says so.
    ("documents", document("delivery", "DN-3", line("TUBE", 1, lot="T2"), door="door-1", epcs=CARTONS[4:5]), OK),
    ("door", door(CARTONS[4], out=True, effect=Effect.SUGGEST), {"moved": 0, "found": ["suggestion"]}),
    ("GET documents/delivery/DN-3", {}, {"lines.0.fulfilled": "0"}),
    ("discrepancies/resolve", {"discrepancy_id": "$discrepancy", "resolution": "post"}, {"state": "posted"}),
    ("GET documents/delivery/DN-3", {}, {"document.status": "complete"}),
]  # fmt: skip

PICKS: list[Step] = [
    *STORE,
    *((("stock/adjust", adjust("TUBE", 5, place, lot=lot), OK)) for lot, place in (("T1", "A-1"), ("T2", "A-2"))),
    ("stock/adjust", adjust("NUT", 10), OK),
    # Two documents on one walk, place after place, to the dock.
    ("documents", document("delivery", "D-1", line("TUBE", 6), line("NUT", 4)), OK),
    ("documents", document("delivery", "D-2", line("NUT", 3)), OK),
    ("pick-lists", {"number": "P", "documents": [{"kind": "delivery", "number": "D-1"}]}, "invalid_command /documents"),
    *((("documents/allocate", named("delivery", number, line_no), OK)) for number, line_no in (("D-1", 1), ("D-1", 2), ("D-2", 1))),
    ("pick-lists", {"number": "P", "stage": "DOCK", "documents": [{"kind": "delivery", "number": "D-1"}, {"kind": "delivery", "number": "D-2"}]}, {"lines": 4}),
    ("GET pick-lists/P", {}, {"lines.0.location": "A-1", "lines.0.item": "NUT", "lines.3.location": "A-2", "pick_list.open_lines": 4}),
    # What is not what the line names is told at the shelf.
    ("pick-lists/confirm", {"number": "P", "line_no": 1, "quantity": "4", "location": "A-2"}, "wrong_goods /location"),
    ("pick-lists/confirm", {"number": "P", "line_no": 1, "quantity": "5", "location": "A-1"}, "over /quantity"),
    ("pick-lists/confirm", {"number": "P", "line_no": 1, "quantity": "4"}, "invalid_command /location"),
    ("pick-lists/confirm", {"number": "P", "line_no": 1, "quantity": "4", "location": "A-1"}, {"open": "0"}),
    ("pick-lists/confirm", {"number": "P", "line_no": 1, "quantity": "4", "location": "A-1"}, "wrong_state /line_no"),
    ("pick-lists/confirm", {"number": "P", "line_no": 3, "quantity": "5", "location": "A-1", "lot": "T2"}, "wrong_goods /lot"),
    # One is missing: short, the rest is picked, and somebody is told.
    ("pick-lists/confirm", {"number": "P", "line_no": 3, "quantity": "4", "location": "A-1", "lot": "T1", "short": True, "reason": "broken"}, {"short": "1", "open": "0"}),
    ("GET discrepancies", {"state": "open"}, [{"kind": "short_pick"}]),
    # The other document is cancelled while the picker walks: nothing of it is picked any more.
    ("documents/cancel", {"kind": "delivery", "number": "D-2"}, {"status": "cancelled"}),
    ("pick-lists/confirm", {"number": "P", "line_no": 2, "quantity": "3", "location": "A-1"}, "wrong_state /line_no"),
    ("pick-lists/cancel", {"number": "P", "reason": "shift ends"}, {"freed": 1}),
    ("pick-lists/confirm", {"number": "P", "line_no": 4, "quantity": "1", "location": "A-2", "lot": "T2"}, "not_found /line_no"),
    ("pick-lists", {"number": "P-2", "documents": [{"kind": "delivery", "number": "D-1"}]}, {"lines": 3}),
    # What stands at the dock goes from there, with the document.
    ("GET pick-lists/P-2", {}, {"lines.0.location": "A-2", "lines.1.location": "DOCK", "lines.2.location": "DOCK"}),
    ("pick-lists/confirm", {"number": "P-2", "line_no": 1, "quantity": "1", "location": "A-2", "lot": "T2"}, {"open": "0"}),
    ("pick-lists/confirm", {"number": "P-2", "line_no": 2, "quantity": "4", "location": "DOCK"}, {"open": "0"}),
    ("pick-lists/confirm", {"number": "P-2", "line_no": 3, "quantity": "4", "location": "DOCK", "lot": "T1"}, {"open": "0"}),
    ("GET documents/delivery/D-1", {}, {"document.status": "open", "lines.0.fulfilled": "5", "lines.1.fulfilled": "4"}),
]  # fmt: skip

EXPIRY: list[Step] = [
    *STORE,
    ("stock/adjust", adjust("NUT", 10), OK),
    ("reservations", {"item": "NUT", "quantity": 8, "location": "A-1", "holder": "phone", "expires_at": SOON}, OK),
    ("documents", document("delivery", "D", line("NUT", 5)), OK),
    ("documents/allocate", named("delivery", "D"), {"short": "3"}),
    ("documents/fulfil", fulfil("delivery", "D", 5, "A-1"), "reserved /quantity"),
    ("expire", {"minutes": 540}, 0),
    ("GET reservations", {"item": "NUT"}, [{"holder": "admin", "state": "pending"}, {"holder": "phone", "state": "pending"}]),
    ("expire", {"minutes": 660}, 1),
    ("expire", {"minutes": 660}, 0),
    ("GET reservations", {"item": "NUT"}, [{"holder": "admin", "state": "pending"}, {"holder": "phone", "state": "expired"}]),
    ("documents/allocate", named("delivery", "D", expires_at=SOON), {"short": "0"}),
    # On a pick list it expires too: the picker is told, the document can have it again.
    ("pick-lists", {"number": "P", "documents": [{"kind": "delivery", "number": "D"}]}, {"lines": 2}),
    ("expire", {"minutes": 660}, 1),
    ("pick-lists/confirm", {"number": "P", "line_no": 2, "quantity": "3", "location": "A-1"}, "wrong_state /line_no"),
    ("documents/allocate", named("delivery", "D"), {"short": "0"}),
    ("documents/fulfil", fulfil("delivery", "D", 5, "A-1"), OK),
    ("GET stock", {"item": "NUT"}, [{"on_hand": "5", "reserved": "0"}]),
]  # fmt: skip


@pytest.mark.parametrize("script", [DOORS, PICKS, EXPIRY], ids=["doors", "picks", "expiry"])
async def test_between_the_requests(api: Running, script: list[Step]) -> None:
    wrong = []
    known = {SOON: (datetime.now(UTC) + timedelta(hours=10)).isoformat()}
    with psycopg.connect(api.dsn, autocommit=True) as conn:
        for n, (what, body, wanted) in enumerate(script):
            _, seen = await take_step(api, conn, what, body, wanted, known)
            if seen != wanted:
                wrong.append(f"{n}: {what} {body}\n    wanted {wanted}\n    got    {seen}")
        assert check(conn) == []
    assert not wrong, "\n" + "\n".join(wrong)


async def take_step(
    api: Running, conn: psycopg.Connection[Any], what: str, body: dict[str, Any], wanted: Any, known: dict[str, str]
) -> tuple[Any, Any]:
    """The whole answer to one step, and what of it was wanted. `known` stands for values named in bodies."""
    if what == "door":
        moved = _through_the_door(conn, **body)
        newest = conn.execute("select discrepancy_id::text from discrepancy order by seq desc limit 1").fetchone()
        known["$discrepancy"] = newest[0] if newest is not None else ""
        return moved, moved
    if what == "expire":
        with conn.transaction():
            ended = reservations.expire(conn, datetime.now(UTC) + timedelta(minutes=body["minutes"]))
        return ended, ended
    if what.startswith("GET "):
        got = (await api.client.get(f"/v1/{what[4:]}", params=body)).json()
        return got, _read(got, wanted)
    asked = {k: known.get(v, v) if isinstance(v, str) else v for k, v in body.items()}
    got = (await api.client.post(f"/v1/{what}", json=asked)).json()
    if "code" in got:
        return got, f"{got['code']} {' '.join(e['pointer'] for e in got.get('errors', ()))}"
    if "reservations" in got["response"]:
        got["response"]["lots"] = [reserved["lot"] for reserved in got["response"]["reservations"]]
    return got, read_fields(got["response"], wanted)


def _through_the_door(
    conn: psycopg.Connection[Any], epcs: Sequence[str], *, out: bool, doubtful: Sequence[str], effect: Effect
) -> dict[str, Any]:
    """What became of a load at door-1, between the dock and the yard."""
    read = tuple(LoadTag(epc, True, 0.99) for epc in epcs) + tuple(LoadTag(epc, False, 0.5) for epc in doubtful)
    ends = ("DOCK", "YARD") if out else ("YARD", "DOCK")
    way = Direction.OUT if out else Direction.IN
    with conn.transaction():
        posted = post_load(conn, Load(uuid4(), 0, "door-1", way, effect, *ends, to_us(datetime.now(UTC)), read))
    kinds = conn.execute(
        "select kind from discrepancy where discrepancy_id = any(%s) order by seq", (list(posted.discrepancy_ids),)
    )
    return {"moved": posted.tags_posted, "found": [kind for (kind,) in kinds]}


def _read(got: Any, wanted: Any) -> Any:
    """The wanted fields of a document, or of each row of a list."""
    if "items" not in got or not isinstance(wanted, list):
        return read_fields(got, wanted)
    names = list(wanted[0]) if wanted else []
    return [{name: row.get(name) for name in names} for row in got["items"]]


def read_fields(got: Any, wanted: Any) -> Any:
    """Fields by path, such as `lines.0.item`."""
    if not isinstance(wanted, dict):
        return got
    seen = {}
    for path in wanted:
        value = got
        for part in path.split("."):
            value = (
                value[int(part)] if isinstance(value, list) else value.get(part) if isinstance(value, dict) else None
            )
        seen[path] = value
    return seen
