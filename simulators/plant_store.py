"""What people do in the plant away from the doors, and the truth about it: a store of shelves, a line side, an annex.

Pallets that leave for the annex (another warehouse) are unloaded there, those that come from it were loaded there;
both by handheld, and once a carton does not arrive. In the store cartons are carried to the line side on a transfer,
and one carton leaves its shelf without anybody's paper. Two people count the shelves one after the other; they enter
what they see there, which is what truly stands there: nothing in this module knows the books.

Nothing here is drawn from the plant's own numbers, so that the doors have the same day with an annex as without.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from simulators.plant_documents import PlantDocument, PlantItem, PlantLine
from simulators.plant_truth import CountTruth, PlantLoad, StockTruth, TransferTruth
from warehouse.site import Direction

ANNEX, STORE, LINE_SIDE, TRANSIT = "annex", "store", "line-side", "TRANSIT"
BINS = tuple(f"S-{number}" for number in range(1, 5))
CARTONS_A_BIN = 8
CARRIED, CARRIED_FROM = 5, BINS[0]
TAKEN_FROM = BINS[2]
DRIVE_S = 25.0
"""How long a pallet is on the way between a door and the annex."""
TRANSFER_EVERY = 3
# When things happen in the store, as shares of the day.
ASKED, SHEET, TAKEN, LEFT, ARRIVED, COUNTED, RECOUNTED, POSTED = 0.08, 0.12, 0.15, 0.2, 0.28, 0.36, 0.5, 0.62


@dataclass(frozen=True, slots=True)
class Scan:
    """Somebody scans cartons at a place: they leave on a transfer, or have come in on it."""

    at_us: int
    who: str
    number: str
    location: str
    epcs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Missing:
    """Somebody says that the rest of a transfer will not come any more."""

    at_us: int
    who: str
    number: str
    why: str


@dataclass(frozen=True, slots=True)
class CountBegun:
    """Somebody asks for a count of a place."""

    at_us: int
    who: str
    number: str
    location: str


@dataclass(frozen=True, slots=True)
class Seen:
    """Somebody stands before the shelves and counts: place, item and cartons."""

    at_us: int
    who: str
    number: str
    shelves: tuple[tuple[str, str, int], ...]


@dataclass(frozen=True, slots=True)
class CountEnded:
    """Somebody else decides about what was counted."""

    at_us: int
    who: str
    number: str
    why: str


Errand = Scan | Missing | CountBegun | Seen | CountEnded


@dataclass(frozen=True, slots=True)
class Store:
    """The shelves when the day begins (bin, item, cartons), what people do, and what comes of it."""

    shelves: tuple[tuple[str, str, tuple[str, ...]], ...]
    documents: tuple[PlantDocument, ...]
    errands: tuple[Errand, ...]
    transfers: tuple[TransferTruth, ...]
    count: CountTruth
    stock: tuple[StockTruth, ...]


def with_transfers(
    documents: Sequence[PlantDocument], loads: Sequence[PlantLoad]
) -> tuple[tuple[PlantDocument, ...], tuple[PlantLoad, ...]]:
    """The day's paper with some plain receipts and deliveries between this warehouse and its annex instead."""
    plain = {load.document: load for load in loads if not load.surprises}
    renamed: dict[str, str] = {}
    paper = []
    passed = {"purchase_receipt": 0, "delivery": 0}
    for document in documents:
        if document.kind in passed and document.number in plain:
            passed[document.kind] += 1
            if passed[document.kind] % TRANSFER_EVERY == 1:
                inward = document.kind == "purchase_receipt"
                ends = (ANNEX, "inside") if inward else ("inside", ANNEX)
                renamed[document.number] = number = f"T-{document.number.partition('-')[2]}"
                document = replace(document, kind="transfer", number=number, partner="", source=ends[0], target=ends[1])
        paper.append(document)
    return tuple(paper), tuple(replace(load, document=renamed.get(load.document, load.document)) for load in loads)


def furnish(
    items: Sequence[PlantItem],
    cartons: Callable[[PlantItem, int], tuple[str, ...]],
    documents: Sequence[PlantDocument],
    loads: Sequence[PlantLoad],
    start_us: int,
    end_us: int,
) -> Store:
    """The store's day beside that of the doors, whose transfers are among `documents`."""
    day_us = end_us - start_us

    def at(share: float) -> int:
        return start_us + round(share * day_us)

    shelves = tuple((place, item.code, cartons(item, CARTONS_A_BIN)) for place, item in zip(BINS, items, strict=False))
    standing = {place: (item, epcs) for place, item, epcs in shelves}
    carried_item, carried = standing[CARRIED_FROM][0], standing[CARRIED_FROM][1][:CARRIED]
    carry = PlantDocument(
        "transfer", "T-STORE", "", "", at(ASKED), at(ARRIVED), (PlantLine(1, carried_item, CARRIED, carried),), (),
        source=STORE, target=LINE_SIDE,
    )  # fmt: skip
    taken_item, _ = standing[TAKEN_FROM]
    seen = tuple(
        (place, item, len(epcs) - (CARRIED if place == CARRIED_FROM else 0) - (place == TAKEN_FROM))
        for place, item, epcs in shelves
    )
    errands: list[Errand] = [
        CountBegun(at(SHEET), "counter", "C-STORE", STORE),
        Scan(at(LEFT), "picker", carry.number, CARRIED_FROM, carried),
        Scan(at(ARRIVED), "fitter", carry.number, LINE_SIDE, carried),
        Seen(at(COUNTED), "counter", "C-STORE", seen),
        Seen(at(RECOUNTED), "second counter", "C-STORE", seen),
        CountEnded(at(POSTED), "manager", "C-STORE", "taken from the shelf without paper"),
    ]
    transfers = [TransferTruth(carry.number, CARRIED, CARRIED, 0)]
    of_load = {load.document: load for load in loads}
    annex: dict[str, int] = {}
    for document in sorted(documents, key=lambda document: document.due_us):
        if document.kind == "transfer":
            made, truth = _by_lorry(document, of_load[document.number], start_us, end_us, lose=_none_lost(transfers))
            errands += made
            transfers.append(truth)
            change = truth.received if document.target == ANNEX else -truth.shipped
            opening = truth.shipped if document.source == ANNEX else 0
            item = document.lines[0].item
            annex[item] = annex.get(item, 0) + opening + change
    stock = [StockTruth(item, STORE, count, count) for item, count in _by_item((i, n) for _, i, n in seen)]
    stock.append(StockTruth(carried_item, LINE_SIDE, CARRIED, CARRIED))
    stock += [StockTruth(item, ANNEX, count, count) for item, count in sorted(annex.items())]
    on_the_way = _by_item(
        (document.lines[0].item, truth.shipped - truth.received - truth.lost)
        for document, truth in _with_truth(documents, transfers)
    )
    stock += [StockTruth(item, TRANSIT, count, count) for item, count in on_the_way]
    return Store(
        shelves,
        (carry,),
        tuple(sorted(errands, key=lambda errand: errand.at_us)),
        tuple(transfers),
        CountTruth("C-STORE", ((TAKEN_FROM, taken_item, -1),)),
        tuple(stock),
    )


def _none_lost(transfers: Sequence[TransferTruth]) -> bool:
    return not any(transfer.lost for transfer in transfers)


def _by_lorry(
    document: PlantDocument, load: PlantLoad, start_us: int, end_us: int, *, lose: bool
) -> tuple[list[Errand], TransferTruth]:
    """The annex's side of a pallet that goes through a door here, and what became of its cartons."""
    named, drive_us = document.lines[0].epcs, round(DRIVE_S * 1e6)
    if load.load.direction is Direction.IN:
        loaded_us = max(start_us, document.announced_us, load.load.start_us - drive_us)
        scan = Scan(loaded_us, "annex keeper", document.number, ANNEX, named)
        return [scan], TransferTruth(document.number, len(named), len(named), 0)
    arrives_us = load.load.end_us + drive_us
    if arrives_us > end_us:
        return [], TransferTruth(document.number, len(named), 0, 0)
    arrived = named[:-1] if lose else named
    errands: list[Errand] = [Scan(arrives_us, "annex keeper", document.number, ANNEX, arrived)]
    if lose:
        errands.append(Missing(arrives_us + 2_000_000, "manager", document.number, "broken on the way, thrown away"))
    return errands, TransferTruth(document.number, len(named), len(arrived), len(named) - len(arrived))


def _by_item(counts: Iterator[tuple[str, int]]) -> list[tuple[str, int]]:
    found: dict[str, int] = {}
    for item, count in counts:
        found[item] = found.get(item, 0) + count
    return sorted((item, count) for item, count in found.items() if count)


def _with_truth(
    documents: Sequence[PlantDocument], transfers: Sequence[TransferTruth]
) -> Iterator[tuple[PlantDocument, TransferTruth]]:
    of_number = {truth.number: truth for truth in transfers}
    return ((document, of_number[document.number]) for document in documents if document.number in of_number)
