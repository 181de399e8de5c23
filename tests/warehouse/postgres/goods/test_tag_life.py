"""The life of a tag: numbers given once, labels printed to a real listener, read back, bound, bound anew, retired."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from tests.warehouse.postgres.store import Store, gtin, sgtin
from warehouse import commands as c
from warehouse.commands import CreateNumberPool, LabelSpec, PoolScheme, PrintLabels, RebindTag, VerifyLabels
from warehouse.epc import decode
from warehouse.ledger import Tracking
from warehouse.postgres.goods import print_jobs
from warehouse.site import Direction

TEMPLATE = "^XA^FO40,40^A0N,40^FH_^FD{item} {lot} {key} {serial}^FS^XZ"
NOW = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture
def store(store: Store) -> Store:
    store.items(1, 2)
    store.do(c.CreateItem("L", gtin=gtin(8), tracking=Tracking.LOT))
    store.do(c.CreateLot("L", "L1"))
    store.do(c.SetPrinter("P", "127.0.0.1", 9100))
    store.do(c.SetLabelTemplate("T", TEMPLATE))
    return store


def pool(name: str, item: str | None, first: int, last: int, **fields: Any) -> CreateNumberPool:
    scheme = PoolScheme.SGTIN if item else PoolScheme.SSCC
    return CreateNumberPool(name, scheme, 6, Decimal(first), Decimal(last), item, **fields)


def job(*labels: LabelSpec) -> PrintLabels:
    return PrintLabels("P", "T", labels)


def events(store: Store, epc: str) -> list[str]:
    return [e for (e,) in store.conn.execute("select event from tag_event where epc = %s order by seq", (epc,))]


def test_numbers_are_given_once_when_sixteen_ask_at_once_and_used_ones_are_passed_over(
    store: Store, database: str
) -> None:
    store.do(c.RegisterTags((c.TagSpec(sgtin(2, 7), "I2"),)))
    store.do(pool("N", "I2", 1, 161))

    def ask(_: int) -> list[str]:
        with psycopg.connect(database, autocommit=True) as conn:
            epcs: list[str] = Store(conn).do(job(LabelSpec("N", 10, "I2")))["epcs"]
        return epcs

    with ThreadPoolExecutor(16) as workers:
        given = [epc for epcs in workers.map(ask, range(16)) for epc in epcs]
    assert sorted(given) == sorted(sgtin(2, n) for n in range(1, 162) if n != 7)
    assert store.refused(job(LabelSpec("N", 1, "I2"))) == ("short", "labels.0.count")


def test_an_sscc_has_its_check_digit_and_is_a_unit_once_read_back(store: Store) -> None:
    store.do(pool("U", None, 42, 43, prefix="3061414"))
    (epc,) = store.do(job(LabelSpec("U", 1, unit_kind="pallet")))["epcs"]
    key = decode(epc).key
    assert key is not None
    assert key.startswith("30614140000000042")
    assert store.one("select count(*) from handling_unit") == 0
    store.do(VerifyLabels((epc,)))
    assert store.one("select code || kind from handling_unit join tag using (hu_id) where epc = %s", (epc,)) == (
        key + "pallet"
    )


BAD: list[tuple[c.Command, tuple[str, str]]] = [
    (pool("", "I2", 1, 5), ("invalid", "name")),
    (pool("N", "I2", 50, 60), ("exists", "name")),
    (pool("M", "I2", 5, 60), ("exists", "first")),
    (pool("M", "I2", 60, 59), ("invalid", "last")),
    (pool("M", "I2", 60, 1 << 38), ("invalid", "last")),
    (pool("M", "NOGTIN", 1, 5), ("invalid", "item")),
    (pool("M", None, 1, 5, prefix="061414"), ("invalid", "prefix")),
    (CreateNumberPool("M", PoolScheme.SGTIN, 5, Decimal(1), Decimal(2), "I2"), ("invalid", "prefix_digits")),
    (c.SetPrinter("X", "h", 0), ("invalid", "port")),
    (c.SetLabelTemplate("X", "^XA"), ("invalid", "zpl")),
    (PrintLabels("X", "T", (LabelSpec("N", 1, "I2"),)), ("not_found", "printer")),
    (PrintLabels("P", "X", (LabelSpec("N", 1, "I2"),)), ("not_found", "template")),
    (job(), ("invalid", "labels")),
    (job(LabelSpec("N", 0, "I2")), ("invalid", "labels")),
    (job(LabelSpec("X", 1, "I2")), ("not_found", "labels.0.pool")),
    (job(LabelSpec("N", 1, "I1")), ("invalid", "labels.0.item")),
    (job(LabelSpec("N", 1, unit_kind="pallet")), ("invalid", "labels.0.item")),
    (job(LabelSpec("N", 1, "I2"), LabelSpec("NL", 1, "L")), ("invalid", "labels.1.lot")),
    (VerifyLabels(()), ("invalid", "epcs")),
    (VerifyLabels(("E2",)), ("not_found", "epcs.0")),
    (c.VoidLabel("E2", "torn"), ("not_found", "epc")),
]


def test_refusals_name_their_field_and_give_no_number(store: Store) -> None:
    store.do(c.CreateItem("NOGTIN"))
    store.do(pool("N", "I2", 1, 40))
    store.do(pool("NL", "L", 1, 40))
    assert [store.refused(command) for command, _ in BAD] == [answer for _, answer in BAD]
    assert store.one("select sum(next_number) from number_pool") == 2
    assert store.one("select count(*) from label") == 0


def test_a_tag_stands_for_something_only_after_it_was_read_back_and_once(store: Store) -> None:
    store.do(pool("NL", "L", 1, 40))
    epcs = store.do(job(LabelSpec("NL", 3, "L", "L1", Decimal(12))))["epcs"]
    store.document("other_receipt", "R", {"L": 36})
    store.post(store.load(tuple(epcs[:1])))
    assert (store.stock("L"), store.findings()) == (0, ["unknown_tag"])
    store.do(VerifyLabels(tuple(epcs[:2])))
    assert store.refused(VerifyLabels((epcs[0],))) == ("exists", "epcs.0")
    store.do(c.VoidLabel(epcs[2], "torn"))
    assert store.refused(VerifyLabels((epcs[2],))) == ("wrong_state", "epcs.0")
    store.post(store.load(tuple(epcs[:2]), minute=1))
    assert store.stock("L") == 24
    assert events(store, epcs[2]) == ["void"]


def test_a_serial_tracked_item_gets_its_serial_from_the_epc(store: Store) -> None:
    store.do(pool("N", "I1", 500, 600))
    (epc,) = store.do(job(LabelSpec("N", 1, "I1")))["epcs"]
    store.do(VerifyLabels((epc,)))
    assert store.one("select s.code from tag join serial s using (serial_id) where epc = %s", (epc,)) == "500"


# The queue


def test_a_job_is_leased_sent_and_not_given_to_two_senders(store: Store) -> None:
    store.do(pool("N", "I2", 1, 40))
    made = store.do(job(LabelSpec("N", 2, "I2")))
    with store.conn.transaction():
        out = print_jobs.lease(store.conn, NOW)
        assert out is not None
        assert print_jobs.lease(store.conn, NOW) is None
    assert out.data.count(b"^RFW,H,,,A^FD") == 2
    assert all(epc.encode() in out.data for epc in made["epcs"])
    # The sender died: another takes it when the lease is over.
    with store.conn.transaction():
        again = print_jobs.lease(store.conn, NOW + print_jobs.LEASE)
        assert again == out
        assert print_jobs.settle(store.conn, out.job_id, NOW) == "sent"
        assert print_jobs.settle(store.conn, out.job_id, NOW) == "cancelled"
    assert events(store, made["epcs"][0]) == ["printed"]


def test_a_printer_that_does_not_answer_is_tried_later_and_at_last_given_up_with_an_alarm(store: Store) -> None:
    store.do(pool("N", "I2", 1, 40))
    made = store.do(job(LabelSpec("N", 1, "I2")))
    now, waits = NOW, []
    for _ in range(print_jobs.TRIES_MAX):
        with store.conn.transaction():
            out = print_jobs.lease(store.conn, now)
            assert out is not None
            print_jobs.settle(store.conn, out.job_id, now, "no paper")
        due = store.one("select next_try_at from print_job")
        waits.append((due - now).total_seconds())
        now = max(due, now + timedelta(seconds=1))
    assert waits[:4] == [2, 4, 8, 16]
    assert max(waits) <= print_jobs.LONGEST_WAIT_S
    assert store.one("select state || ' ' || error from print_job") == "failed no paper"
    assert store.one("select payload ->> 'kind' from outbox where topic = 'alarm'") == "print_failed"
    store.do(c.RetryPrintJob(made["job_id"]))
    assert store.refused(c.RetryPrintJob(made["job_id"])) == ("wrong_state", "job_id")
    store.do(c.CancelPrintJob(made["job_id"]))
    assert store.refused(VerifyLabels((made["epcs"][0],))) == ("wrong_state", "epcs.0")


# Bound anew


def test_a_tag_is_bound_anew_when_its_goods_are_gone_and_history_keeps_what_it_was(store: Store) -> None:
    (epc,) = store.tags(2, 1, 1)
    store.document("purchase_receipt", "ASN", {"I2": 1})
    store.post(store.load((epc,)))
    anew = RebindTag(epc, "label reused", "L", "L1", quantity=Decimal(6))
    assert store.refused(anew) == ("wrong_state", "epc")
    store.document("delivery", "DN", {"I2": 1})
    store.post(store.load((epc,), Direction.OUT, minute=5))
    assert store.refused(RebindTag(epc, "", "L", "L1")) == ("invalid", "reason")
    assert store.refused(RebindTag(epc, "x", "L")) == ("invalid", "lot")
    assert store.refused(RebindTag(epc, "x", "L", "L1", quantity=Decimal("0.5"))) == ("invalid", "quantity")
    assert store.refused(RebindTag(epc, "x")) == ("invalid", "item")
    assert store.refused(RebindTag("E2AA", "x", "L", "L1")) == ("not_found", "epc")
    store.do(anew)
    store.document("other_receipt", "R", {"L": 6})
    store.post(store.load((epc,), minute=9))
    assert (store.stock("L"), events(store, epc)) == (6, ["rebound"])
    assert store.one("select count(*) from move m join item using (item_id) where code = 'I2'") == 2


def test_a_retired_tag_is_not_bound_anew(store: Store) -> None:
    (epc,) = store.tags(2, 1, 1)
    store.do(c.RetireTag(epc, "torn off"))
    assert store.refused(RebindTag(epc, "x", "I2")) == ("wrong_state", "epc")
    assert events(store, epc) == ["retired"]
