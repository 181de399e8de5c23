"""What handhelds see: tags and labels at a place, once however often told; barcodes in place of tags on documents."""

from datetime import timedelta
from decimal import Decimal

import pytest

from tests.warehouse.postgres.ledger_store import DAY_0
from tests.warehouse.postgres.store import Store, gtin, sgtin, sscc
from warehouse import commands as c
from warehouse.barcodes import ScannedText, parse
from warehouse.commands import Refusal, Result
from warehouse.epc import decode
from warehouse.ledger import Tracking
from warehouse.postgres.goods.scanned import find_named
from warehouse.tag_numbers import epcs_of


@pytest.fixture
def store(store: Store) -> Store:
    store.items(1, 2)
    for place in ("A1", "A2"):
        store.do(c.CreateLocation(place))
    return store


def label(epc: str) -> ScannedText:
    """The barcode of the thing a tag is on, as a GS1-128."""
    tag = decode(epc)
    return ScannedText(f"]C100{tag.key}" if not tag.serial else f"]C101{tag.gtin}21{tag.serial}")


def seen(*barcodes: ScannedText, place: str = "A1", minute: int = 0, epcs: tuple[str, ...] = ()) -> c.SeeHere:
    return c.SeeHere(place, epcs, barcodes, DAY_0 + timedelta(minutes=minute))


def where(store: Store, epc: str) -> tuple[str, str, str] | None:
    row: tuple[str, str, str] | None = store.conn.execute(
        "select l.code, t.event, t.evidence from tag_location t join location l using (location_id) where epc = %s",
        (epc,),
    ).fetchone()
    return row


def test_a_label_stands_for_its_tag_and_the_newest_sight_counts(store: Store) -> None:
    (piece,) = store.tags(1, 7, 1)
    (loose,) = store.tags(2, 9, 1)
    pallet = store.pallet(1, (piece,))
    done = store.do(seen(label(pallet), label(loose), epcs=("e2aabb",)))
    assert done == {"location": "A1", "tags": 3, "units": [decode(pallet).key], "moved": 3, "elsewhere": []}
    evidence = "scanned by clerk with handheld-7"
    assert where(store, pallet) == where(store, loose) == where(store, "E2AABB") == ("A1", "arrived", evidence)
    assert where(store, piece) is None  # what is in a unit was not seen
    assert store.do(seen(label(pallet), place="A2", minute=1))["moved"] == 1
    assert where(store, pallet) == ("A2", "moved", evidence)
    # Scans kept while there was no network come late: they are history, not news.
    assert store.do(seen(label(pallet), minute=0, place="STAGE"))["moved"] == 0
    assert where(store, pallet) == ("A2", "moved", evidence)
    found = find_named(store.conn, parse(label(pallet)))
    assert (found.unit, found.unit_seen_place, found.epcs) == (decode(pallet).key, "A2", [pallet])


def test_told_twice_it_is_seen_once(store: Store) -> None:
    (loose,) = store.tags(2, 1, 1)
    first = store.ask(seen(label(loose)), "scan-1")
    again = store.ask(seen(label(loose)), "scan-1")
    assert isinstance(first, Result)
    assert isinstance(again, Result)
    assert (again.repeated, again.response) == (True, first.response)
    assert store.one("select count(*) from location_history where epc = %s", (loose,)) == 1
    other = store.ask(seen(label(loose), place="A2"), "scan-1")
    assert isinstance(other, Refusal)
    assert other.code == "request_id_reused"


def test_a_unit_without_tag_is_seen_by_its_label_and_the_books_other_place_is_told(store: Store) -> None:
    code = decode(sscc(5)).key
    assert code is not None
    store.do(c.CreateHandlingUnit(code=code))
    store.document("purchase_receipt", "ASN", {"I2": 4})
    store.do(c.FulfilLine("purchase_receipt", "ASN", 1, Decimal(4), "A2", unit=code))
    done = store.do(seen(ScannedText(f"(00){code}")))
    assert (done["tags"], done["units"], done["elsewhere"]) == (0, [code], [{"unit": code, "booked": "A2"}])
    assert find_named(store.conn, parse(f"00{code}")).unit_seen_place == "A1"


def test_a_scan_that_says_nothing_certain_refuses_the_whole(store: Store) -> None:
    (loose,) = store.tags(2, 1, 1)
    good = label(loose)
    for barcode, refusal in {
        f"]C101{gtin(2)}": ("not_found", "barcodes.1"),  # an item, of which there are many
        f"]C101{gtin(2)}2199": ("not_found", "barcodes.1"),
        "A-99": ("not_found", "barcodes.1"),
        "]C10109506000134353": ("invalid", "barcodes.1"),
    }.items():
        assert store.refused(seen(good, ScannedText(barcode))) == refusal
    assert store.refused(seen(good, epcs=("xyz",))) == ("invalid", "epcs.0")
    assert store.refused(seen()) == ("invalid", "epcs")
    assert store.refused(seen(good, place="nowhere")) == ("not_found", "location")
    assert store.refused(c.SeeHere("A1", (loose,), (), DAY_0 + timedelta(days=36_500))) == ("dated_ahead", "seen_at")
    assert where(store, loose) is None


def test_a_barcode_names_item_lot_serial_unit_and_place(store: Store) -> None:
    store.do(c.CreateItem("L", gtin=gtin(8), tracking=Tracking.LOT))
    store.do(c.CreateLot("L", "L1", expires_on=(DAY_0 + timedelta(days=30)).date()))
    store.tags(1, 7, 1)
    lot = find_named(store.conn, parse(f"]C101{gtin(8)}10L1"))
    assert (lot.item, lot.lot, lot.lot_expires_on, lot.epcs) == ("L", "L1", (DAY_0 + timedelta(days=30)).date(), [])
    piece = find_named(store.conn, parse(f"https://id.gs1.org/01/{gtin(1)}/21/7"))
    assert (piece.item, piece.serial, piece.epcs, piece.tag_quantity) == ("I1", "7", [sgtin(1, 7)], 1)
    contents = find_named(store.conn, parse(f"(02){gtin(2)}(37)12"))
    assert (contents.item, contents.unit) == ("I2", None)
    assert find_named(store.conn, parse("A1")).place == "A1"
    assert find_named(store.conn, parse("I2")).item == "I2"
    assert find_named(store.conn, parse("no such")).item is None


def test_a_document_takes_labels_where_it_takes_tags(store: Store) -> None:
    piece, other = store.tags(1, 1, 2)
    pallet = store.pallet(1, (piece,))
    store.document("purchase_receipt", "ASN", {"I1": 3})

    def scan(*barcodes: ScannedText, epcs: tuple[str, ...] = ()) -> c.ScanDocument:
        return c.ScanDocument("purchase_receipt", "ASN", epcs, "STAGE", DAY_0, barcodes)

    assert store.refused(scan(ScannedText(f"]C101{gtin(1)}"))) == ("not_found", "barcodes.0")
    assert store.refused(scan(label(pallet), ScannedText("]C10109506000134353"))) == ("invalid", "barcodes.1")
    assert store.do(scan(label(pallet), label(other)))["quantity"] == "2"
    assert store.stock("I1") == 2
    assert store.refused(scan(label(other))) == ("wrong_goods", "barcodes.0")  # in stock already


@pytest.mark.parametrize("epc", [sgtin(1, 1), sscc(1), "3314257BF40C0E4000001162", "3414257BF40000000000162E"])
def test_a_key_leads_back_to_its_tag(epc: str) -> None:
    tag = decode(epc)
    key = {"sgtin": f"(01){tag.gtin}(21){tag.serial}", "sscc": f"(00){tag.key}"}
    text = key.get(str(tag.scheme), f"({'8003' if tag.scheme == 'grai' else '8004'}){tag.key}")
    assert epc in epcs_of(parse(text))
