"""The paper of the simulated plant: items, opening stock, ASNs and deliveries. Plain values for whoever enters them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PlantItem:
    """An article; every carton carries an SGTIN of `gtin` and counts as one."""

    code: str
    name: str
    gtin: str
    item_reference: int


@dataclass(frozen=True, slots=True)
class PlantUnit:
    """A pallet: SSCC, its tag, and the cartons on it, one item a pallet."""

    sscc: str
    epc: str
    item: str
    cartons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlantLine:
    """One line of a document. `epcs` are the carton serials it announces."""

    line_no: int
    item: str
    quantity: int
    epcs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlantDocument:
    """An ASN (`purchase_receipt`), `delivery` or work order's issue (`work_order_issue`), expected at one portal, or
    a `transfer` from `source` to `target`, by a portal or by hand.

    A work order makes `makes`, one for each carton of its one line.
    `announced_us` is when the document is known to the warehouse, before the load comes.
    """

    kind: str
    number: str
    partner: str
    portal: str
    announced_us: int
    due_us: int
    lines: tuple[PlantLine, ...]
    units: tuple[PlantUnit, ...]
    makes: str = ""
    source: str = ""
    target: str = ""


@dataclass(frozen=True, slots=True)
class OpeningUnit:
    """A pallet that is in the warehouse when the day begins."""

    unit: PlantUnit
    location: str
