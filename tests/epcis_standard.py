"""What GS1's EPCIS 2.0 and Core Business Vocabulary 2.0 demand of a document of ObjectEvents, as a check of one.

Written from the standards' tables (EPCIS 2.0, 7.3 to 7.4.2 and 10; CBV 2.0, 7.1 to 7.3); GS1's own JSON Schema file is
not part of this repository. Stricter than that in one point: every prefix used has to be in the document's context.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
_BUSINESS_STEPS = """
    accepting arriving assembling collecting commissioning consigning creating_class_instance cycle_counting
    decommissioning departing destroying disassembling dispensing encoding entering_exiting holding inspecting
    installing killing loading other packing picking receiving removing repackaging repairing replacing
    reserving retail_selling sampling sensor_reporting shipping staging_outbound stock_taking stocking storing
    transporting unloading unpacking void_shipping"""
BUSINESS_STEPS = frozenset(_BUSINESS_STEPS.split())
_DISPOSITIONS = """
    active available completeness_inferred completeness_verified conformant container_closed container_open
    damaged destroyed dispensed disposed encoded expired in_progress in_transit inactive mismatch_class
    mismatch_instance mismatch_quantity needs_replacement no_pedigree_match non_conformant non_sellable_other
    partially_dispensed recalled reserved retail_sold returned sellable_accessible sellable_not_accessible
    stolen unavailable unknown"""
DISPOSITIONS = frozenset(_DISPOSITIONS.split())
_BUSINESS_TRANSACTIONS = """
    bol cert desadv inv pedigree po poc prodorder recadv rma testprd testres upevt"""
BUSINESS_TRANSACTIONS = frozenset(_BUSINESS_TRANSACTIONS.split())
_DOCUMENT = {"@context", "type", "schemaVersion", "creationDate", "epcisBody", "id", "sender", "receiver"}
_REQUIRED = {"type", "eventTime", "eventTimeZoneOffset", "action"}
_OPTIONAL = {
    "eventID", "recordTime", "epcList", "quantityList", "bizStep", "disposition", "readPoint", "bizLocation",
    "bizTransactionList", "errorDeclaration",
}  # fmt: skip
_OFFSET = re.compile(r"[+-](?:0[0-9]|1[0-3]):[0-5][0-9]|[+-]14:00")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]+")
_EPC = re.compile(r"urn:epc:(?:id|raw):\S+|https://id\.gs1\.org/\S+|urn:tagledger:\S+")
_UOM = re.compile(r"[A-Z0-9]{2,3}")


def faults(document: Mapping[str, Any]) -> list[str]:
    """Everything wrong with it, by path; empty when nothing is."""
    return list(_document(document))


def _document(document: Mapping[str, Any]) -> Iterator[str]:
    if (document.get("type"), document.get("schemaVersion")) != ("EPCISDocument", "2.0"):
        yield "type, schemaVersion"
    if document.keys() - _DOCUMENT:
        yield f"members {sorted(document.keys() - _DOCUMENT)}"
    if not _is_time(document.get("creationDate")):
        yield "creationDate"
    context = document.get("@context", [])
    if CONTEXT not in context:
        yield "@context"
    prefixes = {prefix for part in context if isinstance(part, dict) for prefix in part}
    for n, event in enumerate(document["epcisBody"]["eventList"]):
        for fault in _event(event, prefixes):
            yield f"eventList.{n}.{fault}"


def _event(event: Mapping[str, Any], prefixes: set[str]) -> Iterator[str]:
    if event.get("type") != "ObjectEvent":
        yield "type"
    yield from (f"{name} is missing" for name in _REQUIRED - event.keys())
    for name in event.keys() - _REQUIRED - _OPTIONAL:
        if name.partition(":")[0] not in prefixes or ":" not in name:
            yield f"{name} is no member of an ObjectEvent, and its prefix is not in the context"
        elif event[name] is None:
            yield f"{name} is null, which JSON-LD takes for absent"
    for name, allowed in (
        ("action", {"ADD", "OBSERVE", "DELETE"}), ("bizStep", BUSINESS_STEPS), ("disposition", DISPOSITIONS),
    ):  # fmt: skip
        if name in event and event[name] not in allowed:
            yield f"{name} {event[name]!r}"
    for name in ("eventTime", "recordTime"):
        if name in event and not _is_time(event[name]):
            yield f"{name} {event[name]!r}"
    if not _OFFSET.fullmatch(str(event.get("eventTimeZoneOffset"))):
        yield "eventTimeZoneOffset"
    if "eventID" in event and not _is_uri(event["eventID"]):
        yield "eventID"
    for name in ("readPoint", "bizLocation"):
        if name in event and (set(event[name]) != {"id"} or not _is_uri(event[name]["id"])):
            yield name
    if "errorDeclaration" in event and not _is_time(event["errorDeclaration"].get("declarationTime")):
        yield "errorDeclaration"
    yield from _what(event)
    for n, transaction in enumerate(event.get("bizTransactionList", ())):
        good = transaction.keys() <= {"type", "bizTransaction"} and _is_uri(transaction.get("bizTransaction"))
        if not good or transaction.get("type", "po") not in BUSINESS_TRANSACTIONS:
            yield f"bizTransactionList.{n}"


def _what(event: Mapping[str, Any]) -> Iterator[str]:
    epcs, quantities = event.get("epcList", []), event.get("quantityList", [])
    if not epcs and not quantities:
        yield "neither epcList nor quantityList"
    if len(set(epcs)) != len(epcs):
        yield "epcList has one twice"
    yield from (f"epcList {epc!r}" for epc in epcs if not _EPC.fullmatch(epc))
    for n, element in enumerate(quantities):
        good = (
            {"epcClass", "quantity"} <= element.keys() <= {"epcClass", "quantity", "uom"}
            and _is_uri(element["epcClass"])
            and isinstance(element["quantity"], int | float)
            and _UOM.fullmatch(element.get("uom", "KGM"))
        )
        if not good:
            yield f"quantityList.{n}"


def _is_time(value: object) -> bool:
    """An instant with its offset, as XML Schema and RFC 3339 write it."""
    try:
        return isinstance(value, str) and "T" in value and datetime.fromisoformat(value).utcoffset() is not None
    except ValueError:
        return False


def _is_uri(value: object) -> bool:
    return isinstance(value, str) and _URI.fullmatch(value) is not None
