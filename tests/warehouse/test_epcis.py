"""Our events as EPCIS 2.0: what was moved or seen, where, for which document."""

import json
from datetime import UTC, datetime
from typing import Any

from warehouse.epc import encode_sgtin96
from warehouse.epcis import epcis
from warehouse.events import Event, moved

AT = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
EPC = encode_sgtin96("80614141123458", 6789, 7)
MOVEMENT = {
    "seq": 7, "move_id": "5a3f0f53-5dd8-5b05-9c61-7b3a24b9e0aa", "kind": "delivery", "item": "A 1", "gtin": None,
    "lot": "L/1", "quantity": "2.5", "source": "hall-a", "target": "CUSTOMER", "effective_at": AT.isoformat(),
    "epcs": [],
}  # fmt: skip


def events(event: Event) -> list[dict[str, Any]]:
    text = epcis(event, "plant 1")
    assert text is not None
    document = json.loads(text)
    assert document["@context"] == ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"]
    found: list[dict[str, Any]] = document["epcisBody"]["eventList"]
    return found


def test_a_delivery_is_shipped_by_class_or_by_epc_under_its_document() -> None:
    document = {"kind": "delivery", "number": "D/1", "partner": "x"}
    by_class, by_epc, by_gtin = events(
        moved(1, document, AT, [MOVEMENT, {**MOVEMENT, "epcs": [EPC]}, {**MOVEMENT, "gtin": "80614141123458"}])
    )
    assert (by_class["bizStep"], by_class["disposition"], by_class["action"]) == ("shipping", "in_transit", "OBSERVE")
    assert by_class["quantityList"] == [{"epcClass": "urn:tagledger:item:A%201:L/1", "quantity": 2.5}]
    assert by_class["bizTransactionList"] == [
        {"bizTransaction": "urn:tagledger:document:delivery/D/1", "type": "desadv"}
    ]
    assert by_class["readPoint"] == {"id": "urn:tagledger:location:plant%201:hall-a"}
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


def test_what_epcis_has_no_word_for_is_left_out() -> None:
    assert epcis(Event("document.changed", AT, "document x", "o1", {}), "plant") is None
