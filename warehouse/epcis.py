"""Events as EPCIS 2.0 JSON-LD (GS1 EPCIS Standard 2.0, 2022): what trading partners' systems already read. Pure.

A movement is an ObjectEvent: the EPCs it moved, or its quantity by class where there are none; the document is its
business transaction, the kind of document its business step (CBV 2.0, 7.1). Tags seen at a place are an ObjectEvent
with action OBSERVE. Other events have no counterpart and are not sent in this form. Identifiers are EPC URIs; an EPC of
no GS1 coding is a `urn:epc:raw`.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

from warehouse.epc import decode
from warehouse.events import Event

_CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"

# Kind of document or movement → business step and disposition after it (CBV 2.0, 7.1 and 7.2).
_STEPS = {
    "purchase_receipt": ("receiving", "in_progress"),
    "production_receipt": ("commissioning", "active"),
    "production_return": ("receiving", "returned"),
    "change_return": ("receiving", "returned"),
    "customer_return": ("receiving", "returned"),
    "delivery": ("shipping", "in_transit"),
    "vendor_return": ("shipping", "returned"),
    "work_order_issue": ("consigning", "in_progress"),
    "scrap": ("destroying", "destroyed"),
    "transfer": ("storing", "in_progress"),
    "move": ("storing", "in_progress"),
    "adjustment": ("cycle_counting", "in_progress"),
    "count": ("cycle_counting", "in_progress"),
}
_TRANSACTIONS = {"purchase_receipt": "po", "delivery": "desadv", "work_order_issue": "prodorder"}


def epcis(event: Event, site: str) -> str | None:
    """The event as an EPCIS document; None where EPCIS has no such event."""
    if event.type == "stock.moved":
        found = [_moved(event, movement, site) for movement in event.data["movements"]]
    elif event.type == "tag.located":
        found = _located(event, site)
    else:
        return None
    document = {
        "@context": [_CONTEXT],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": event.at.isoformat(),
        "epcisBody": {"eventList": found},
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _moved(event: Event, movement: Mapping[str, Any], site: str) -> dict[str, Any]:
    document = event.data["document"]
    step, disposition = _STEPS.get(document["kind"] if document else movement["kind"], ("storing", "in_progress"))
    made: dict[str, Any] = {
        "type": "ObjectEvent",
        "eventID": f"urn:uuid:{movement['move_id']}",
        "eventTime": movement["effective_at"],
        "eventTimeZoneOffset": "+00:00",
        "recordTime": event.at.isoformat(),
        "action": "ADD" if step == "commissioning" else "DELETE" if step == "destroying" else "OBSERVE",
        "bizStep": step,
        "disposition": disposition,
        "readPoint": {"id": _place(site, movement["source"])},
        "bizLocation": {"id": _place(site, movement["target"])},
        "tagledger:item": movement["item"],
        "tagledger:lot": movement["lot"],
    }
    made["@context"] = {"tagledger": "urn:tagledger:"}
    if movement["epcs"]:
        made["epcList"] = [_uri(epc) for epc in movement["epcs"]]
    else:
        made["quantityList"] = [_quantity(movement)]
    if document:
        transaction = {"bizTransaction": f"urn:tagledger:document:{quote(document['kind'] + '/' + document['number'])}"}
        if document["kind"] in _TRANSACTIONS:
            transaction["type"] = _TRANSACTIONS[document["kind"]]
        made["bizTransactionList"] = [transaction]
    return made


def _quantity(movement: Mapping[str, Any]) -> dict[str, Any]:
    """By class: the item's GTIN with its lot where it has one, else a name of our own."""
    gtin, lot = movement["gtin"], movement["lot"]
    if gtin:
        base = f"https://id.gs1.org/01/{gtin}" + (f"/10/{quote(lot, safe='')}" if lot else "")
    else:
        base = f"urn:tagledger:item:{quote(movement['item'])}" + (f":{quote(lot)}" if lot else "")
    # EPCIS wants a number here; the exact quantity is in our own form of the event.
    return {"epcClass": base, "quantity": float(movement["quantity"])}


def _located(event: Event, site: str) -> list[dict[str, Any]]:
    """`updates` are rows of EPC, location, event, time in microseconds: one event a place and instant."""
    groups: dict[tuple[str, int], list[str]] = {}
    for epc, location, _, at_us in event.data["updates"]:
        groups.setdefault((location, at_us), []).append(epc)
    return [
        {
            "type": "ObjectEvent",
            "eventID": f"urn:uuid:{uuid5(NAMESPACE_URL, f'{event.key}/{location}/{at_us}')}",
            "eventTime": datetime.fromtimestamp(at_us / 1e6, UTC).isoformat(),
            "eventTimeZoneOffset": "+00:00",
            "action": "OBSERVE",
            "readPoint": {"id": _place(site, location)},
            "epcList": [_uri(epc) for epc in epcs],
        }
        for (location, at_us), epcs in groups.items()
    ]


def _uri(epc: str) -> str:
    return decode(epc).uri


def _place(site: str, code: str) -> str:
    return f"urn:tagledger:location:{quote(site)}:{quote(code)}"
