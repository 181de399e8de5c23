"""Runs on a real database: what goes in whole, what is refused and why, and what is taken back."""

import io
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import Connection, sql

from warehouse.commands import ALL_RIGHTS, Actor, AdjustStock, ClosePeriod, MoveStock, Refusal, Result, SignOffImport
from warehouse.postgres.books.integrity import check
from warehouse.postgres.commands import execute
from warehouse.postgres.database.connect import service_dsn
from warehouse.postgres.importing import work
from warehouse.postgres.importing.listing import problems_csv, reconciliation

KIM = Actor("kim", rights=ALL_RIGHTS)
LEE = Actor("lee", rights=ALL_RIGHTS)
ITEMS = """物料编码,名称,管理方式,单位,小数位
００１,轴承（深沟）,无,个,0
002,Oil,lot,公斤,3
003,Pump,serial,pc,0
"""
PLACES = "code,level,parent\nB-1,bin,Z\nB-2,bin,Z\nZ,zone,\n"
STOCK = """item,location,quantity,unit,lot,serial,status,received_on,expires_on
001,B-1,"1,200",,,,,2025-01-31,
001,B-2,2,打,,,待检,2025-02-28,
002,B-1,0.5,t,L1,,,2025-02-28,2030-01-01
003,B-2,1,,,S-1,,2025-03-01,
001,B-1,0,,,,,,
"""


@dataclass(slots=True)
class Desk:
    """Sends files the way the command line does."""

    conn: Connection[Any]

    def send(self, template: str, text: str | bytes, *, applying: bool = True, **options: Any) -> tuple[UUID, Any]:
        run_id = uuid4()
        content = io.BytesIO(text.encode() if isinstance(text, str) else text)
        with self.conn.transaction():
            given = work.options_of(None, options.get("rows"), options.get("quantity"))
            work.receive(self.conn, run_id, template, uuid4(), "file.csv", "text/csv", KIM, given, content)
        with self.conn.transaction():
            result = work.work_on_file(self.conn, run_id, KIM, lambda *_: None, applying=applying)
        return run_id, result

    def undo(self, run_id: UUID) -> dict[str, Any]:
        with self.conn.transaction():
            return work.work_on_undo(self.conn, run_id, KIM, "wrong file", lambda *_: None)

    def problems(self, run_id: UUID) -> list[tuple[Any, ...]]:
        return self.conn.execute(
            "select row_no, column_name, code from import_problem where run_id = %s and severity = 'error' order by n",
            (run_id,),
        ).fetchall()

    def count(self, table: str) -> int:
        query = sql.SQL("select count(*) from {}").format(sql.Identifier(table))
        row = self.conn.execute(query).fetchone()
        return int(row[0]) if row else 0

    def do(self, command: Any, actor: Actor = KIM) -> Result | Refusal:
        return execute(self.conn, command, actor=actor, source="test", client_event_id=str(uuid4()))


@pytest.fixture
def desk(database: str) -> Any:
    # As the service: what it may not do to a table, no import may need.
    with psycopg.connect(service_dsn(database), autocommit=True) as conn:
        yield Desk(conn)


@pytest.fixture
def stocked(desk: Desk) -> Desk:
    assert desk.send("items", ITEMS.encode("gb18030"))[1]["state"] == "applied"
    assert desk.send("locations", PLACES)[1]["state"] == "applied"
    return desk


def test_an_old_system_moves_in_is_reconciled_and_signed_off(stocked: Desk) -> None:
    run_id, result = stocked.send("opening-stock", STOCK, rows=5, quantity=Decimal("1203.5"))
    assert (result["state"], result["made"], result["left_out"]) == ("applied", 4, 1)
    assert result["totals"] == {"rows": 5, "quantity": "1203.5"}
    balances = stocked.conn.execute(
        """select i.code, l.code, lo.code, lo.expires_on::text, s.code, b.status, b.on_hand, b.first_in_at::date::text
           from balance b join item i using (item_id) join location l using (location_id)
           left join lot lo on lo.lot_id = b.lot_id left join serial s on s.serial_id = b.serial_id order by 1, 2"""
    ).fetchall()
    assert balances == [
        ("001", "B-1", None, None, None, "available", 1200, "2025-01-31"),
        ("001", "B-2", None, None, None, "inspection", 24, "2025-02-28"),
        ("002", "B-1", "L1", "2030-01-01", None, "available", 500, "2025-02-28"),
        ("003", "B-2", None, None, "S-1", "available", 1, "2025-03-01"),
    ]
    assert check(stocked.conn) == []
    assert [(line["item"], line["difference"]) for line in reconciliation(stocked.conn, run_id)] == [
        ("001", 0),
        ("002", 0),
        ("003", 0),
    ]
    wrong = stocked.do(SignOffImport(run_id, Decimal(5), Decimal(1203)), LEE)
    own = stocked.do(SignOffImport(run_id, Decimal(5), Decimal("1203.5")))
    signed = stocked.do(SignOffImport(run_id, Decimal(5), Decimal("1203.50")), LEE)
    assert [getattr(answer, "code", "done") for answer in (wrong, own, signed)] == ["invalid", "own_request", "done"]
    with pytest.raises(work.RunGone, match="signed_off"):
        stocked.undo(run_id)


def test_the_same_file_is_in_the_books_once(stocked: Desk) -> None:
    first, _ = stocked.send("opening-stock", STOCK)
    again, result = stocked.send("opening-stock", STOCK)
    assert result["state"] == "refused"
    assert stocked.problems(again) == [(0, "", "already_imported")]
    assert stocked.count("move") == 4
    stocked.undo(first)
    assert stocked.send("opening-stock", STOCK)[1]["state"] == "applied"
    assert check(stocked.conn) == []


def test_a_check_changes_nothing(stocked: Desk) -> None:
    tables = ("move", "lot", "serial", "import_total", "audit_log", "outbox")
    before = [stocked.count(table) for table in tables]
    assert stocked.send("opening-stock", STOCK, applying=False)[1]["state"] == "checked"
    assert stocked.send("items", "code\nNEW\n", applying=False)[1]["state"] == "checked"
    assert before == [
        stocked.count(table) for table in ("move", "lot", "serial", "import_total", "audit_log", "outbox")
    ]
    assert stocked.count("item") == 3


def test_every_problem_is_told_at_once_and_nothing_is_booked(stocked: Desk) -> None:
    run_id, result = stocked.send(
        "opening-stock",
        "item,location,quantity,unit,lot,serial,expires_on,received_on,status\n"
        "404,B-1,1,,,,,,\n"  # 2: no such item
        "001,NOWHERE,1,,,,,,\n"  # 3: no such place
        "001,CUSTOMER,1,,,,,,\n"  # 4: holds no stock
        "001,B-1,-3,,,,,,\n"
        "001,B-1,0.5,,,,,,\n"  # 6: whole pieces
        "001,B-1,1,kg,,,,,\n"  # 7: kilograms of a piece
        "002,B-1,1,,,,,,\n"  # 8: no lot
        "003,B-1,1,,,,,,\n"  # 9: no serial
        "003,B-1,2,,,S-9,,,\n"
        "003,B-1,1,,,S-8,,,\n"
        "003,B-2,1,,,S-8,,,\n"  # 12: the same serial again
        "002,B-1,1,,L9,,2020-01-01,,\n"  # 13: expired before it came
        "002,B-1,1,,L8,,2030-01-01,,\n"
        "002,B-1,1,,L8,,2031-01-01,,\n"  # 14 and 15: one lot, two days
        "001,B-1,1,,,,,2999-01-01,\n"
        "001,B-1,x,,,,,,\n",
    )
    assert result["state"] == "refused"
    assert stocked.problems(run_id) == [
        (2, "item", "unknown_item"),
        (3, "location", "unknown_location"),
        (4, "location", "not_a_store"),
        (5, "quantity", "quantity_not_positive"),
        (6, "quantity", "quantity_scale"),
        (7, "unit", "unknown_unit"),
        (8, "lot", "lot_required"),
        (9, "serial", "serial_required"),
        (10, "quantity", "serial_quantity"),
        (12, "serial", "serial_in_stock"),
        (13, "status", "lot_expired"),
        (14, "expires_on", "lot_expiry_differs"),
        (15, "expires_on", "lot_expiry_differs"),
        (16, "received_on", "in_the_future"),
        (17, "quantity", "not_a_number"),
    ]
    assert [stocked.count(table) for table in ("move", "balance", "lot", "serial")] == [0, 0, 0, 0]
    file = b"".join(problems_csv(stocked.conn, run_id)).decode("utf-8-sig").splitlines()
    assert file[0] == "row,column,severity,code,value,message,fix"
    assert file[4].startswith("5,quantity,error,quantity_not_positive,'-3,")  # no formula in anybody's spreadsheet


def test_control_totals_stop_a_file_that_lost_a_row(stocked: Desk) -> None:
    run_id, result = stocked.send("opening-stock", STOCK, rows=6, quantity=Decimal(1204))
    assert result["state"] == "refused"
    assert [code for _, _, code in stocked.problems(run_id)] == ["control_rows", "control_quantity"]
    assert stocked.count("move") == 0


def test_a_closed_period_takes_no_opening_stock(stocked: Desk) -> None:
    assert isinstance(stocked.do(ClosePeriod(date(2025, 2, 28))), Result)
    run_id, _ = stocked.send("opening-stock", STOCK)
    assert stocked.problems(run_id) == [(row, "received_on", "period_closed") for row in (2, 3, 4)]


def test_undo_takes_back_stock_that_still_lies_there_and_refuses_when_it_moved(stocked: Desk) -> None:
    run_id, _ = stocked.send("opening-stock", STOCK)
    moved = stocked.do(MoveStock("001", Decimal(1), "B-1", "B-2"))
    assert isinstance(moved, Result)
    refused = stocked.undo(run_id)
    assert refused["state"] == "applied"
    assert "1199" in refused["refused"][0]
    assert stocked.count("move") == 5
    assert isinstance(stocked.do(MoveStock("001", Decimal(1), "B-2", "B-1")), Result)
    assert stocked.undo(run_id)["reversed"] == 4
    assert stocked.count("balance") == 0
    assert check(stocked.conn) == []


def test_undo_of_master_data_leaves_what_others_name(stocked: Desk) -> None:
    run_id, _ = stocked.send("items", "code\nUSED\nFREE\n")
    assert isinstance(stocked.do(AdjustStock("USED", Decimal(1), "B-1", "found")), Result)
    done = stocked.undo(run_id)
    assert (done["removed"], done["kept"]) == (1, 1)
    codes = {code for (code,) in stocked.conn.execute("select code from item")}
    assert codes == {"001", "002", "003", "USED"}


def test_rows_that_are_there_already_are_fine_when_they_say_the_same(stocked: Desk) -> None:
    run_id, result = stocked.send("items", ITEMS + "004,New,无,个,0\n")
    assert (result["state"], result["unchanged"], result["made"]) == ("applied", 3, 1)
    run_id, result = stocked.send("items", "code,name\n002,Grease\n")
    assert (result["state"], stocked.problems(run_id)) == ("refused", [(2, "name", "exists_differently")])


def test_codes_that_cleaning_makes_equal_are_one_code_twice(desk: Desk) -> None:
    run_id, _ = desk.send("items", "code\nA1\nＡ１\n")
    assert desk.problems(run_id) == [(3, "code", "twice_in_file")]


def test_documents_are_made_of_their_lines_and_cancelled_again(stocked: Desk) -> None:
    lines = "kind,number,item,quantity,unit,lot\npurchase_receipt,P-1,001,1,打,\ndelivery,D-1,001,3,,\n"
    run_id, result = stocked.send("documents", lines + "purchase_receipt,P-1,003,2,,\n")
    assert (result["state"], result["rows"], result["made"]) == ("applied", 3, 2)
    shown = stocked.conn.execute(
        "select number, line_no, quantity from document join document_line using (document_id) order by 1, 2"
    ).fetchall()
    assert shown == [("D-1", 1, 3), ("P-1", 1, 12), ("P-1", 2, 2)]
    assert stocked.undo(run_id)["cancelled"] == 2
    broken, _ = stocked.send("documents", lines.replace("-1", "-9") + "purchase_receipt,P-9,404,2,,\nscrap,S,001,0,,\n")
    assert [problem[:2] for problem in stocked.problems(broken)] == [(4, "item"), (5, "quantity")]


def test_bills_of_material_are_made_of_their_components_and_retired_again(stocked: Desk) -> None:
    table = "item,version,component,quantity,scrap_percent\n003,1,001,2,\n003,1,002,0.5,10\n"
    run_id, result = stocked.send("boms", table)
    assert (result["state"], result["rows"], result["made"]) == ("applied", 2, 1)
    assert stocked.count("bom_line") == 2
    assert stocked.undo(run_id)["cancelled"] == 1
    broken, _ = stocked.send("boms", table.replace(",1,002", ",1,404").replace("003,1", "003,2"))
    assert [problem[:2] for problem in stocked.problems(broken)] == [(3, "component")]


def test_other_master_data_goes_in(stocked: Desk) -> None:
    files = {
        "categories": "code,name,dead_after_days\nC,Cat,90\n",
        "units": "item,unit,factor\n001,箱,12\n",
        "partners": "code,name,kind\nP,Owner,货主\n",
        "lots": "item,code,expires_on\n002,L7,2030/1/1\n",
        "tags": "epc,item,lot\n3034257bf7194e4000001a85,001,\n",
        "handling-units": "code,parent\n106141412345678908,\n",
    }
    runs = [stocked.send(name, text) for name, text in files.items()]
    assert [result["state"] for _, result in runs] == ["applied"] * len(files)
    opening = "item,location,quantity,unit,handling_unit,owner\n001,B-1,2,箱,106141412345678908,P\n"
    last, result = stocked.send("opening-stock", opening)
    assert result["state"] == "applied"
    row = stocked.conn.execute("select on_hand, owner, hu_id is not null from balance").fetchone()
    assert row == (24, "P", True)
    assert check(stocked.conn) == []
    stocked.undo(last)
    undone = [stocked.undo(run_id) for run_id, _ in runs]
    # The partner and the handling unit stand in the ledger for ever; the others are gone.
    assert [(done["removed"], done["kept"]) for done in undone] == [(1, 0), (1, 0), (0, 1), (1, 0), (1, 0), (0, 1)]


def test_what_comes_after_a_large_import_is_planned_for_what_it_filled(stocked: Desk) -> None:
    """Without a look of the database of its own, and for the rest of the same transaction too."""

    def known_rows(table: str) -> int:
        row = stocked.conn.execute("select reltuples::bigint from pg_class where relname = %s", (table,)).fetchone()
        assert row is not None
        return int(row[0])

    places = "code,parent\n" + "".join(f"P-{n},Z\n" for n in range(work.ANALYZED_FROM))
    run_id, _ = stocked.send("locations", places)
    assert known_rows("location") >= work.ANALYZED_FROM
    stock = "item,location,quantity\n" + "".join(f"001,P-{n},1\n" for n in range(work.ANALYZED_FROM))
    last, _ = stocked.send("opening-stock", stock)
    assert (known_rows("move"), known_rows("balance")) == (work.ANALYZED_FROM, work.ANALYZED_FROM)
    assert stocked.undo(last)["reversed"] == work.ANALYZED_FROM
    assert stocked.undo(run_id)["kept"] == work.ANALYZED_FROM  # the ledger names them for ever
    assert check(stocked.conn) == []


@pytest.mark.parametrize("seed", range(12))
def test_what_the_check_lets_through_the_ledger_takes(stocked: Desk, seed: int) -> None:
    """Random rows, wrong in random ways: no refusal of the ledger may come as a surprise."""
    chance = Random(seed)
    lines = ["item,location,quantity,unit,lot,serial,status,received_on,expires_on"]
    for _ in range(8):
        item = chance.choice(["001", "001", "002", "003"])
        lot = chance.choice(["", "L1", "L2"]) if item != "002" or chance.random() < 0.1 else chance.choice(["L1", "L2"])
        serial = f"S-{chance.randrange(40)}" if item == "003" or chance.random() < 0.1 else ""
        odd = "0.5" if item == "002" or chance.random() < 0.1 else "7"
        quantity = "1" if serial else chance.choice(["3", "12", odd])
        place = chance.choice(["B-1", "B-2", "Z", "TRANSIT"])
        unit = chance.choice(["", "", "", "打" if item == "001" else "kg" if item == "002" else ""])
        status = chance.choice(["", "blocked", "inspection"])
        received = chance.choice(["", "2025-03-01", "2026-01-01"])
        expires = chance.choice(["", "", "2025-06-01"]) if lot == "L2" else ""
        lines.append(",".join([item, place, quantity, unit, lot, serial, status, received, expires]))
    text = "\n".join(lines)
    foretold = stocked.send("opening-stock", text, applying=False)[1]["state"]
    run_id, result = stocked.send("opening-stock", text)
    assert (foretold, result["state"]) in (("checked", "applied"), ("refused", "refused")), stocked.problems(run_id)
    assert check(stocked.conn) == []
