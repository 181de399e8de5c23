"""Events as EPCIS 2.0 JSON-LD (GS1 EPCIS Standard 2.0, 2022): what trading partners' systems already read. Pure.

A movement is an ObjectEvent: the EPCs it moved, or its quantity by class where there are none; the document is its
business transaction, the kind of document its business step (CBV 2.0, 7.1). It is read where it happened: at the place
that goods came to, or that they left when they left us; what left is at no place of ours afterwards. A movement that
was reversed is told again under its own eventID, with an errorDeclaration (EPCIS 2.0, 7.4.1.2). Tags seen at a place
are an ObjectEvent with action OBSERVE. Other events have no counterpart and are not sent in this form. Identifiers are
EPC URIs; an EPC of no GS1 coding is a `urn:epc:raw`.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5
from zoneinfo import ZoneInfo

from warehouse.epc import decode
from warehouse.events import Event

_CONTEXT = ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", {"tagledger": "urn:tagledger:"}]

# Kind of document or movement → business step and disposition after it (CBV 2.0, 7.1 and 7.2).
STEPS = {
    "purchase_receipt": ("receiving", "in_progress"),
    "production_receipt": ("commissioning", "active"),
    "production_return": ("receiving", "returned"),
    "change_return": ("receiving", "returned"),
    "customer_return": ("receiving", "returned"),
    "delivery": ("shipping", "in_transit"),
    "vendor_return": ("shipping", "returned"),
    "work_order_issue": ("picking", "in_progress"),
    "scrap": ("destroying", "destroyed"),
    "transfer": ("storing", "in_progress"),
    "move": ("storing", "in_progress"),
    "adjustment": ("cycle_counting", "in_progress"),
    "count": ("cycle_counting", "in_progress"),
    "owner_change": ("accepting", "in_progress"),
}
# On the way between two of our places, whatever the document.
_LEAVING, _COMING = ("departing", "in_transit"), ("arriving", "in_progress")
_ACTIONS = {"commissioning": "ADD", "destroying": "DELETE"}
TRANSACTIONS = {"purchase_receipt": "po", "delivery": "desadv", "work_order_issue": "prodorder"}
# UN/ECE Recommendation 20, which EPCIS 2.0 wants (7.3.3.3); pieces, boxes and sets are counted and have none.
UOM = {
    "kg": "KGM", "g": "GRM", "t": "TNE", "lb": "LBR", "carat": "CTM", "m": "MTR", "mm": "MMT", "cm": "CMT",
    "km": "KMT", "l": "LTR", "ml": "MLT", "m3": "MTQ", "m2": "MTK", "dozen": "DZN",
}  # fmt: skip
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OURS = ("internal", "transit", "production")


def epcis(event: Event, site: str, timezone: str = "UTC") -> str | None:
    """The event as an EPCIS document; None where EPCIS has no such event. `timezone` is the site's (IANA)."""
    zone = ZoneInfo(timezone)
    if event.type == "stock.moved":
        found = [
            _moved(event, movement, site, zone) for movement in event.data["movements"] if not _gives_away(movement)
        ]
    elif event.type == "tag.located":
        found = _located(event, site, zone)
    else:
        return None
    if not found:
        return None
    document = {
        "@context": _CONTEXT,
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": event.at.isoformat(),
        "epcisBody": {"eventList": found},
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _moved(event: Event, movement: Mapping[str, Any], site: str, zone: ZoneInfo) -> dict[str, Any]:
    taken_back = movement.get("reversed")
    if taken_back:
        # What was told then, exactly: a reversal goes the other way, at another time.
        swapped = {"source": movement["target"], "target": movement["source"]}
        kinds = {"source_kind": movement["target_kind"], "target_kind": movement["source_kind"]}
        movement = {**movement, **swapped, **kinds, **taken_back, "move_id": movement["reverses"]}
    document = event.data["document"]
    step, disposition = STEPS.get(document["kind"] if document else movement["kind"], ("storing", "in_progress"))
    coming, leaving = movement["source_kind"] == "transit", movement["target_kind"] == "transit"
    if coming is not leaving:
        step, disposition = _COMING if coming else _LEAVING
    stays = movement["target_kind"] in _OURS
    made: dict[str, Any] = {
        "type": "ObjectEvent",
        "eventID": f"urn:uuid:{movement['move_id']}",
        **_times(datetime.fromisoformat(movement["effective_at"]), zone),
        "recordTime": event.at.isoformat(),
        "action": _ACTIONS.get(step, "OBSERVE"),
        "bizStep": step,
        "disposition": disposition,
        "readPoint": {"id": _place(site, movement["target" if stays else "source"])},
    }
    if taken_back:
        made["errorDeclaration"] = {"declarationTime": event.at.isoformat()}
    if stays:
        made["bizLocation"] = {"id": _place(site, movement["target"])}
    if movement["epcs"]:
        made["epcList"] = [_uri(epc) for epc in movement["epcs"]]
    else:
        made["quantityList"] = [_quantity(movement)]
    if document:
        transaction = {"bizTransaction": f"urn:tagledger:document:{quote(document['kind'] + '/' + document['number'])}"}
        if document["kind"] in TRANSACTIONS:
            transaction["type"] = TRANSACTIONS[document["kind"]]
        made["bizTransactionList"] = [transaction]
    made["tagledger:item"] = movement["item"]
    if movement["lot"] is not None:
        made["tagledger:lot"] = movement["lot"]
    return made


def _gives_away(movement: Mapping[str, Any]) -> bool:
    """The first half of a change of owner: the second one tells it, where the goods stand."""
    return movement["kind"] == "owner_change" and movement["target_kind"] not in _OURS


def _times(at: datetime, zone: ZoneInfo) -> dict[str, str]:
    """When, and by which clock where it happened (EPCIS 2.0, 7.4.1): `+08:00`."""
    here = at.astimezone(zone)
    return {"eventTime": here.isoformat(), "eventTimeZoneOffset": here.isoformat()[-6:]}


def _quantity(movement: Mapping[str, Any]) -> dict[str, Any]:
    """By class: the item's GTIN with its lot where it has one, else a name of our own."""
    gtin, lot = movement["gtin"], movement["lot"]
    if gtin:
        base = f"https://id.gs1.org/01/{gtin}" + (f"/10/{quote(lot, safe='')}" if lot else "")
    else:
        base = f"urn:tagledger:item:{quote(movement['item'])}" + (f":{quote(lot)}" if lot else "")
    # EPCIS wants a number here; the exact quantity is in our own form of the event.
    quantity: dict[str, Any] = {"epcClass": base, "quantity": float(movement["quantity"])}
    if movement["unit"] in UOM:
        quantity["uom"] = UOM[movement["unit"]]
    return quantity


def _located(event: Event, site: str, zone: ZoneInfo) -> list[dict[str, Any]]:
    """`updates` are rows of EPC, location, event, time in microseconds: one event a place and instant."""
    groups: dict[tuple[str, int], list[str]] = {}
    for epc, location, _, at_us in event.data["updates"]:
        groups.setdefault((location, at_us), []).append(epc)
    return [
        {
            "type": "ObjectEvent",
            "eventID": f"urn:uuid:{uuid5(NAMESPACE_URL, f'{event.key}/{location}/{at_us}')}",
            **_times(_EPOCH + timedelta(microseconds=at_us), zone),
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
