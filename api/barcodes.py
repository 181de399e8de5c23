"""Barcodes: what a scan says by GS1's standards, and what of it the books know."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import Response

from api.command_models import Scan
from api.documented import problems
from api.encoding import json_response
from api.postgres.pool import Pool
from api.problems import INVALID, FieldProblem, ProblemError
from warehouse.barcodes import Barcode, BarcodeError, parse
from warehouse.postgres.goods.scanned import Named
from warehouse.postgres.queries.barcodes import named


class Names(StrEnum):
    """What a barcode names, the most particular of what the books know."""

    UNIT = "handling_unit"
    SERIAL = "serial"
    LOT = "lot"
    ITEM = "item"
    PLACE = "location"
    NOTHING = "nothing_known"


@dataclass(frozen=True, slots=True)
class ElementView:
    """One application identifier."""

    ai: Annotated[str, Field(examples=["10"])]
    title: Annotated[str, Field(examples=["batch or lot"])]
    value: Annotated[str, Field(examples=["L-2026-014"])]


@dataclass(frozen=True, slots=True)
class Said:
    """What the barcode says, whoever knows it. Dates with day 00 are the month's last."""

    symbology: Annotated[str, Field(description="As the scanner says it; empty when it does not.", examples=["]C1"])]
    elements: list[ElementView]
    code: Annotated[str, Field(description="A code of the house; empty when it is GS1 data.", examples=[""])]
    sscc: str | None
    gtin: Annotated[str | None, Field(description="Of the piece, or of a unit's contents.")]
    lot: str | None
    serial: str | None
    quantity: Decimal | None
    net_weight_kg: Decimal | None
    produced_on: date | None
    best_before: date | None
    expires_on: date | None


@dataclass(frozen=True, slots=True)
class Known:
    """What of it the books know: `booked_at` is where they have a unit, `seen_…` where a person saw it last."""

    unit: str | None
    unit_kind: str | None
    booked_at: str | None
    seen_at_location: str | None
    seen_at: datetime | None
    location: str | None
    item: str | None
    item_name: str | None
    tracking: str | None
    item_unit: str | None
    lot: str | None
    lot_expires_on: date | None
    lot_blocked: bool | None
    serial: str | None
    epcs: Annotated[list[str], Field(description="Tags it is on.")]
    quantity: Annotated[Decimal | None, Field(description="What such a tag stands for.")]


@dataclass(frozen=True, slots=True)
class BarcodeView:
    """A barcode read and looked up."""

    names: Names
    said: Said
    known: Known
    differences: Annotated[
        list[str],
        Field(
            description="Where barcode and books contradict each other.",
            examples=[["expiry 2027-03-31, the books have 2027-01-31 for lot L-2026-014"]],
        ),
    ]


def router(pool: Pool, today: Callable[[], date] = lambda: datetime.now(UTC).date()) -> APIRouter:
    """Looking barcodes up; `today` tells the century of dates with two digits."""
    routes = APIRouter(prefix="/v1/barcodes", tags=["tags"])

    @routes.get(
        "",
        operation_id="barcodes_read",
        summary="What does this barcode name",
        response_model=BarcodeView,
        responses=problems(INVALID),
    )
    async def barcodes_read(text: Annotated[Scan, Query()]) -> Response:
        """GS1 element strings (FNC1 as %1D, or AIs in brackets), GS1 Digital Links, GTIN, SSCC, codes of the house."""
        try:
            scanned = parse(text)
        except BarcodeError as error:
            place = f"AI ({error.ai}), character {error.position}" if error.ai else f"character {error.position}"
            wrong = FieldProblem(
                f"{place}: {error.what}", "scan it again, or have the label printed anew", None, "query:text"
            )
            raise ProblemError(INVALID, str(error), [wrong]) from None
        async with pool.connection() as connection:
            found = await named(connection, scanned)
        said = _said(scanned, today().year)
        return json_response(BarcodeView(_names(found, scanned), said, _known(found), _differences(said, found)))

    return routes


def _names(found: Named, scanned: Barcode) -> Names:
    if found.unit is not None:
        return Names.UNIT
    if found.place is not None:
        return Names.PLACE
    if found.item is None:
        return Names.NOTHING
    if found.serial is not None or (scanned.serial is not None and found.epcs):
        return Names.SERIAL
    return Names.LOT if found.lot is not None else Names.ITEM


def _said(scanned: Barcode, year: int) -> Said:
    return Said(
        scanned.symbology,
        [ElementView(element.ai, element.title, element.value) for element in scanned.elements],
        scanned.plain,
        scanned.sscc,
        scanned.gtin,
        scanned.lot,
        scanned.serial,
        scanned.quantity,
        scanned.net_weight_kg,
        scanned.day("11", year),
        scanned.day("15", year),
        scanned.day("17", year),
    )


def _known(found: Named) -> Known:
    return Known(
        found.unit,
        found.unit_kind,
        found.unit_place,
        found.unit_seen_place,
        found.unit_seen_at,
        found.place,
        found.item,
        found.item_name,
        found.tracking,
        found.item_unit,
        found.lot,
        found.lot_expires_on,
        found.lot_blocked,
        found.serial,
        found.epcs,
        found.tag_quantity,
    )


def _differences(said: Said, found: Named) -> list[str]:
    told = []
    if said.gtin is not None and found.item is None:
        told.append(f"no item has GTIN {said.gtin}")
    if said.lot is not None and found.item is not None and found.lot is None:
        told.append(f"lot {said.lot} of {found.item} is not known")
    if said.expires_on is not None and found.lot_expires_on not in (None, said.expires_on):
        told.append(f"expiry {said.expires_on}, the books have {found.lot_expires_on} for lot {found.lot}")
    if said.sscc is not None and found.unit is None:
        told.append(f"no handling unit {said.sscc} is known")
    return told
