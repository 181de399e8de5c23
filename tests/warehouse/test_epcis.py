"""Our events as EPCIS 2.0: what was moved or seen, where, for which document."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.epcis_standard import BUSINESS_STEPS, BUSINESS_TRANSACTIONS, DISPOSITIONS, faults
from warehouse.epc import encode_sgtin96
from warehouse.epcis import STEPS, TRANSACTIONS, epcis
from warehouse.events import Event, moved

AT = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
EPC = encode_sgtin96("80614141123458", 6789, 7)
MOVEMENT = {
    "seq": 7, "move_id": "5a3f0f53-5dd8-5b05-9c61-7b3a24b9e0aa", "kind": "delivery", "item": "A 1", "gtin": None,
    "lot": "L/1", "quantity": "2.5", "source": "hall-a", "target": "CUSTOMER", "effective_at": AT.isoformat(),
    "epcs": [], "unit": "kg", "source_kind": "internal", "target_kind": "customer", "reverses": None, "reversed": None,
}  # fmt: skip


def events(event: Event, timezone: str = "UTC") -> list[dict[str, Any]]:
    text = epcis(event, "plant 1", timezone)
    assert text is not None
    document = json.loads(text)
    assert faults(document) == []
    found: list[dict[str, Any]] = document["epcisBody"]["eventList"]
    return found


def test_a_delivery_is_shipped_by_class_or_by_epc_under_its_document() -> None:
    document = {"kind": "delivery", "number": "D/1", "partner": "x"}
    by_class, by_epc, by_gtin = events(
        moved(1, document, AT, [MOVEMENT, {**MOVEMENT, "epcs": [EPC]}, {**MOVEMENT, "gtin": "80614141123458"}])
    )
    assert (by_class["bizStep"], by_class["disposition"], by_class["action"]) == ("shipping", "in_transit", "OBSERVE")
    assert by_class["quantityList"] == [{"epcClass": "urn:tagledger:item:A%201:L/1", "quantity": 2.5, "uom": "KGM"}]
    assert by_class["bizTransactionList"] == [
        {"bizTransaction": "urn:tagledger:document:delivery/D/1", "type": "desadv"}
    ]
    assert by_class["readPoint"] == {"id": "urn:tagledger:location:plant%201:hall-a"}
    assert "bizLocation" not in by_class  # it is on its way, at no place of ours
    assert by_epc["epcList"] == ["urn:epc:id:sgtin:0614141.812345.6789"]
    assert by_gtin["quantityList"][0]["epcClass"] == "https://id.gs1.org/01/80614141123458/10/L%2F1"


def test_tags_seen_together_are_one_observation() -> None:
    at_us = int(AT.timestamp()) * 1_000_000
    updates = [
        [EPC, "hall-a", "arrived", at_us],
        ["E280AA", "hall-a", "arrived", at_us],
        [EPC, "rack", "moved", at_us + 1],
    ]
    together, alone = events(Event("tag.located", AT, "location hall-a", "o5", {"updates": updates}))
    assert together["epcList"] == ["urn:epc:id:sgtin:0614141.812345.6789", "urn:epc:raw:24.xE280AA"]
    assert (together["action"], alone["readPoint"]["id"]) == ("OBSERVE", "urn:tagledger:location:plant%201:rack")
    assert together["eventID"] != alone["eventID"]


def test_what_comes_in_is_read_where_it_comes_to() -> None:
    came = {**MOVEMENT, "source": "SUPPLIER", "source_kind": "supplier", "target": "hall-a", "target_kind": "internal"}
    (event,) = events(moved(1, {"kind": "purchase_receipt", "number": "P-1", "partner": "x"}, AT, [came]))
    assert (event["bizStep"], event["readPoint"], event["bizLocation"]) == (
        "receiving",
        {"id": "urn:tagledger:location:plant%201:hall-a"},
        {"id": "urn:tagledger:location:plant%201:hall-a"},
    )


def test_a_transfer_departs_and_arrives() -> None:
    document = {"kind": "transfer", "number": "T-1", "partner": ""}
    out = {**MOVEMENT, "target": "TRANSIT", "target_kind": "transit"}
    back = {**MOVEMENT, "source": "TRANSIT", "source_kind": "transit", "target": "hall-b", "target_kind": "internal"}
    found = events(moved(1, document, AT, [out, back, {**back, "source_kind": "internal"}]))
    assert [(event["bizStep"], event["disposition"]) for event in found] == [
        ("departing", "in_transit"), ("arriving", "in_progress"), ("storing", "in_progress"),
    ]  # fmt: skip


def test_a_reversal_declares_the_event_it_takes_back_an_error() -> None:
    sent = {**MOVEMENT, "epcs": [EPC]}
    swapped = {"source": "CUSTOMER", "target": "hall-a", "source_kind": "customer", "target_kind": "internal"}
    before = {"kind": "delivery", "effective_at": AT.isoformat(), "epcs": [EPC]}
    later = AT + timedelta(hours=2)
    taken_back = {
        **sent, **swapped, "kind": "reversal", "epcs": [], "effective_at": later.isoformat(), "reversed": before,
        "move_id": "0e6c4c7e-3a53-5f8e-9f0c-2b8f5a7d1c11", "reverses": MOVEMENT["move_id"],
    }  # fmt: skip
    document = {"kind": "delivery", "number": "D-1", "partner": "x"}
    (told,), (error,) = events(moved(1, document, AT, [sent])), events(moved(2, document, later, [taken_back]))
    declared = error.pop("errorDeclaration")
    assert (declared, error.pop("recordTime")) == ({"declarationTime": later.isoformat()}, later.isoformat())
    assert error == {name: value for name, value in told.items() if name != "recordTime"}


def test_times_are_by_the_clock_of_the_site() -> None:
    (event,) = events(moved(1, None, AT, [MOVEMENT]), "Asia/Shanghai")
    assert (event["eventTime"], event["eventTimeZoneOffset"]) == ("2026-03-01T16:00:00+08:00", "+08:00")


def test_every_word_we_send_is_one_of_the_vocabulary() -> None:
    assert {step for step, _ in STEPS.values()} <= BUSINESS_STEPS
    assert {disposition for _, disposition in STEPS.values()} <= DISPOSITIONS
    assert set(TRANSACTIONS.values()) <= BUSINESS_TRANSACTIONS


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("bizStep", "stored"), ("disposition", "lost"), ("action", "MOVE"), ("eventTime", "2026-03-01 08:00"),
        ("eventTimeZoneOffset", "8:00"), ("epcList", ["not an URI"]), ("eventID", "7"), ("readPoint", {}),
        ("quantityList", [{"epcClass": "urn:x:y", "quantity": "2"}]), ("ours", 1), ("tagledger:lot", None),
        ("quantityList", [{"epcClass": "urn:x:y", "quantity": 2, "uom": "kg"}]), ("other:lot", "L"),
        ("bizTransactionList", [{"bizTransaction": "urn:x:y", "type": "order"}]), ("errorDeclaration", {}),
    ],
)  # fmt: skip
def test_the_check_finds_what_is_wrong(member: str, value: object) -> None:
    text = epcis(moved(1, None, AT, [MOVEMENT]), "plant")
    assert text is not None
    document = json.loads(text)
    document["epcisBody"]["eventList"][0][member] = value
    assert len(faults(document)) == 1, faults(document)


def test_what_epcis_has_no_word_for_is_left_out() -> None:
    assert epcis(Event("document.changed", AT, "document x", "o1", {}), "plant") is None
