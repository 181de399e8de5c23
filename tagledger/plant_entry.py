"""The simulated plant's paper as commands: what a person or an ERP would enter before the loads come, and what people
with handhelds enter about what they do away from the doors.
"""

from collections.abc import Iterator
from decimal import Decimal

from simulators.plant import Plant
from simulators.plant_documents import PlantDocument, PlantUnit
from simulators.plant_roads import RACKS
from simulators.plant_scales import PALLET_KG, carton_kg
from simulators.plant_store import (
    ANNEX,
    LINE_SIDE,
    STORE,
    CountBegun,
    CountEnded,
    Errand,
    Missing,
    Scan,
    Seen,
)
from warehouse.commands import (
    AdjustStock,
    ApproveDocument,
    Command,
    ComponentSpec,
    ContentSpec,
    CountChoice,
    CountMethod,
    CreateBom,
    CreateDocument,
    CreateHandlingUnit,
    CreateItem,
    CreateLocation,
    CreateWorkOrder,
    DescribeStorage,
    EnterCount,
    LineSpec,
    PostCount,
    RegisterTags,
    ScanDocument,
    SetApprovalRule,
    SetPutawayRule,
    SettleTransfer,
    StartCount,
    TagSpec,
    TransitOutcome,
)
from warehouse.times import from_us

EUR_A_KG = Decimal(3)
TRANSFER_VALUE_MIN = Decimal(50)


def opening_commands(plant: Plant) -> Iterator[Command]:
    """Items, what is made of them, and the pallets that are there when the day begins."""
    for item in plant.items:
        weight_kg = carton_kg(plant.items, item.code)
        yield CreateItem(item.code, item.name, item.gtin, weight_kg=weight_kg, standard_cost=weight_kg * EUR_A_KG)
    made = {document.makes: document.lines[0].item for document in plant.documents if document.makes}
    for product, part in sorted(made.items()):
        yield CreateItem(product, f"Assembled from {part}")
        yield CreateBom(product, "1", (ComponentSpec(part, Decimal(1)),))
    if plant.store is not None:
        yield CreateLocation(ANNEX, "The warehouse across the yard", level="warehouse")
    for standing in plant.opening:
        yield from _unit_commands(standing.unit)
        yield AdjustStock(
            standing.unit.item,
            Decimal(len(standing.unit.cartons)),
            standing.location,
            "opening stock",
            effective_at=from_us(plant.start_us),
        )


def store_commands(plant: Plant) -> Iterator[Command]:
    """The places away from the doors and what lies there; from then on transfers of some value, and every adjustment,
    need somebody else's approval. Nothing for a plant without a store.
    """
    if plant.store is None:
        return
    for place, name in ((STORE, "Small parts"), (LINE_SIDE, "Line side")):
        yield CreateLocation(place, name, level="zone")
    for place, item, cartons in plant.store.shelves:
        yield CreateLocation(place, level="bin", parent=STORE)
        yield RegisterTags(tuple(TagSpec(epc, item) for epc in cartons))
        yield AdjustStock(item, Decimal(len(cartons)), place, "opening stock", effective_at=from_us(plant.start_us))
    yield SetApprovalRule("transfer", value_min=TRANSFER_VALUE_MIN)
    yield SetApprovalRule("adjustment", quantity_min=Decimal(1))


def errand_commands(errand: Errand) -> Iterator[Command]:
    """What somebody with a handheld enters about what they do, or see."""
    at = from_us(errand.at_us)
    match errand:
        case Scan():
            yield ScanDocument("transfer", errand.number, errand.epcs, errand.location, effective_at=at)
        case Missing():
            yield SettleTransfer(errand.number, TransitOutcome.LOST, errand.why, approve=True, effective_at=at)
        case CountBegun():
            yield StartCount(errand.number, (errand.location,), choice=CountChoice.CYCLE)
        case Seen():
            for place, item, cartons in errand.shelves:
                yield EnterCount(errand.number, Decimal(cartons), item=item, location=place, method=CountMethod.SCAN)
        case CountEnded():
            yield PostCount(errand.number, approve=True, reason=errand.why, effective_at=at)


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
        source=document.source or None,
        target=document.target or None,
    )
    if document.kind == "transfer":
        yield ApproveDocument("transfer", document.number)


def _unit_commands(unit: PlantUnit) -> Iterator[Command]:
    yield RegisterTags(tuple(TagSpec(epc, unit.item) for epc in unit.cartons))
    contents = tuple(ContentSpec(epc=epc) for epc in unit.cartons)
    yield CreateHandlingUnit(epc=unit.epc, contents=contents, tare_kg=PALLET_KG)
