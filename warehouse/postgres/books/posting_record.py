"""What came of a posted load, and movements held for a person, as values and as the JSON the database keeps of them."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from warehouse.fulfilment import Flow, PostLine
from warehouse.ledger import LineRole, MovedTag, Place, StockStatus
from warehouse.site import Effect


@dataclass(frozen=True, slots=True)
class DocumentProgress:
    """One document after a posting."""

    kind: str
    number: str
    status: str
    quantity: Decimal
    fulfilled: Decimal


@dataclass(frozen=True, slots=True)
class Posting:
    """What came of one load. `repeated`: it was posted before and this is the stored outcome.

    `differs`: the load was not the same as then, although passage and revision are; nothing was changed.
    """

    passage_id: UUID
    revision: int
    effect: Effect
    flow: Flow
    move_ids: tuple[UUID, ...] = ()
    reversal_ids: tuple[UUID, ...] = ()
    discrepancy_ids: tuple[UUID, ...] = ()
    documents: tuple[DocumentProgress, ...] = ()
    tags_posted: int = 0
    quantity_posted: Decimal = Decimal(0)
    repeated: bool = False
    differs: bool = False


def encode_posting(posting: Posting) -> dict[str, Any]:
    return {
        "passage_id": str(posting.passage_id),
        "revision": posting.revision,
        "effect": posting.effect,
        "flow": posting.flow,
        "moves": [str(m) for m in posting.move_ids],
        "reversals": [str(m) for m in posting.reversal_ids],
        "discrepancies": [str(d) for d in posting.discrepancy_ids],
        "documents": [[d.kind, d.number, d.status, str(d.quantity), str(d.fulfilled)] for d in posting.documents],
        "tags_posted": posting.tags_posted,
        "quantity_posted": str(posting.quantity_posted),
    }


def decode_posting(stored: dict[str, Any]) -> Posting:
    return Posting(
        UUID(stored["passage_id"]),
        stored["revision"],
        Effect(stored["effect"]),
        Flow(stored["flow"]),
        tuple(UUID(m) for m in stored["moves"]),
        tuple(UUID(m) for m in stored["reversals"]),
        tuple(UUID(d) for d in stored["discrepancies"]),
        tuple(DocumentProgress(k, n, s, Decimal(q), Decimal(f)) for k, n, s, q, f in stored["documents"]),
        stored["tags_posted"],
        Decimal(stored["quantity_posted"]),
    )


def encode_line(line: PostLine) -> dict[str, Any]:
    """A held movement as JSON."""
    return {
        "item_id": line.item_id,
        "lot_id": line.lot_id,
        "serial_id": line.serial_id,
        "quantity": str(line.quantity),
        "source": [line.source.location_id, line.source.hu_id, line.source.status],
        "target": [line.target.location_id, line.target.hu_id, line.target.status],
        "line_id": line.line_id,
        "document_id": line.document_id,
        "tags": [[tag.epc, tag.inferred, tag.score] for tag in line.tags],
        "owner": line.owner,
        "role": line.role,
    }


def decode_line(stored: dict[str, Any]) -> PostLine:
    source, target = stored["source"], stored["target"]
    return PostLine(
        stored["item_id"],
        Decimal(stored["quantity"]),
        Place(source[0], source[1], StockStatus(source[2])),
        Place(target[0], target[1], StockStatus(target[2])),
        stored["lot_id"],
        stored["serial_id"],
        stored["line_id"],
        stored["document_id"],
        tuple(MovedTag(epc, inferred, score) for epc, inferred, score in stored["tags"]),
        stored.get("owner", ""),
        LineRole(stored.get("role", LineRole.FULFIL)),
    )
