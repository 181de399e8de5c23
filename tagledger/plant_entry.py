"""The simulated plant's paper as commands: what a person or an ERP would enter before the loads come."""

from collections.abc import Iterator
from decimal import Decimal

from simulators.plant import Plant
from simulators.plant_documents import PlantDocument, PlantUnit
from simulators.plant_roads import RACKS
from simulators.plant_scales import PALLET_KG, carton_kg
from warehouse.commands import (
    AdjustStock,
    Command,
    ComponentSpec,
    ContentSpec,
    CreateBom,
    CreateDocument,
    CreateHandlingUnit,
    CreateItem,
    CreateLocation,
    CreateWorkOrder,
    DescribeStorage,
    LineSpec,
    RegisterTags,
    SetPutawayRule,
    TagSpec,
)
from warehouse.times import from_us


def opening_commands(plant: Plant) -> Iterator[Command]:
    """Items, what is made of them, and the pallets that are there when the day begins."""
    for item in plant.items:
        yield CreateItem(item.code, item.name, item.gtin, weight_kg=carton_kg(plant.items, item.code))
    made = {document.makes: document.lines[0].item for document in plant.documents if document.makes}
    for product, part in sorted(made.items()):
        yield CreateItem(product, f"Assembled from {part}")
        yield CreateBom(product, "1", (ComponentSpec(part, Decimal(1)),))
    for standing in plant.opening:
        yield from _unit_commands(standing.unit)
        yield AdjustStock(
            standing.unit.item,
            Decimal(len(standing.unit.cartons)),
            standing.location,
            "opening stock",
            effective_at=from_us(plant.start_us),
        )


def storage_commands(plant: Plant) -> Iterator[Command]:
    """The bins that vehicles serve, and the one rule: a received pallet goes to the nearest free bin."""
    if plant.floor.bins:
        yield CreateLocation(RACKS, "Racks", level="zone", parent=plant.inside)
        yield SetPutawayRule("pallets", RACKS, unit_kind="pallet")
    for code in plant.floor.bins:
        yield CreateLocation(code, level="bin", parent=RACKS)
        yield DescribeStorage(code, units_max=1)


def document_commands(document: PlantDocument, known_units: set[str]) -> Iterator[Command]:
    """One document, with the pallets it is the first to name; those are added to `known_units`."""
    for unit in document.units:
        if unit.sscc not in known_units:
            known_units.add(unit.sscc)
            yield from _unit_commands(unit)
    epcs = tuple(epc for line in document.lines for epc in line.epcs) + tuple(unit.epc for unit in document.units)
    if document.makes:
        yield CreateWorkOrder(
            document.number,
            document.makes,
            Decimal(document.lines[0].quantity),
            door=document.portal,
            due_at=from_us(document.due_us),
            epcs=epcs,
        )
        return
    yield CreateDocument(
        document.kind,
        document.number,
        tuple(LineSpec(line.item, Decimal(line.quantity), line_no=line.line_no) for line in document.lines),
        partner=document.partner,
        door=document.portal,
        expected_at=from_us(document.due_us),
        epcs=epcs,
    )


def _unit_commands(unit: PlantUnit) -> Iterator[Command]:
    yield RegisterTags(tuple(TagSpec(epc, unit.item) for epc in unit.cartons))
    contents = tuple(ContentSpec(epc=epc) for epc in unit.cartons)
    yield CreateHandlingUnit(epc=unit.epc, contents=contents, tare_kg=PALLET_KG)
