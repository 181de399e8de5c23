"""Which document line takes goods, and what is wrong with it."""

from collections import Counter
from decimal import Decimal

from warehouse.fulfilment.draft import Draft, Moved
from warehouse.fulfilment.facts import ALIKE, Flow, Goods, LineFacts, LoadFacts, went_key
from warehouse.fulfilment.outcome import FindingKind
from warehouse.ledger import Place, StockStatus


def choose_line(
    unit: Moved, facts: LoadFacts, favoured: Counter[int], draft: Draft, where: Place | None
) -> tuple[LineFacts | None, FindingKind | None]:
    """The line that takes the goods, and what is wrong with it."""
    goods = unit.goods
    announced = announcing(unit, facts)
    fits = [
        line
        for line in facts.lines
        if line.item_id == goods.item_id
        and line.lot_id in (None, goods.lot_id)
        and goods.owner in (None, line.owner)
        and suits(line, where, line.document_id in announced, facts)
    ]
    if not fits:
        return None, FindingKind.NO_DOCUMENT

    def free(line: LineFacts) -> Decimal:
        kept = Decimal(0) if line.document_id in announced else draft.kept[line.line_id]
        room = draft.room[line.line_id]
        if line.source_id is not None:
            room = min(room, draft.source_room[line.source_id])
        return room - kept

    rejected = where is not None and where.status is StockStatus.BLOCKED

    def preference(line: LineFacts) -> tuple[bool, bool, bool, int, int, int, int]:
        door = 0 if line.door == facts.portal else 1 if not line.door else 2
        full = free(line) < goods.quantity
        misfit = line.rejects is not rejected or not answers(line, goods, draft)
        return (
            line.document_id not in announced, misfit, full, door, -favoured[line.document_id], line.rank, line.line_id,
        )  # fmt: skip

    best = min(fits, key=preference)
    if free(best) < goods.quantity:
        return best, FindingKind.OVER
    if not answers(best, goods, draft):
        return best, FindingKind.WRONG_GOODS
    # A transfer comes in by whatever door the other end has: the one it names may be where it was shipped.
    if best.door and best.door != facts.portal and (best.ships_from is None or facts.flow is Flow.OUT):
        return best, FindingKind.WRONG_DOOR
    return best, None


def answers(line: LineFacts, goods: Goods, draft: Draft) -> bool:
    """Whether the line takes goods of this lot and serial: a return only those that went and are not back. Of goods
    with neither its room tells.
    """
    key = went_key(goods.lot_id, goods.serial_id)
    if line.went is None or line.source_id is None or key == ALIKE:
        return True
    left = line.went.get(key, Decimal(0)) - draft.back.get((line.source_id, key), Decimal(0))
    return left >= goods.quantity


def suits(line: LineFacts, where: Place | None, announced: bool, facts: LoadFacts) -> bool:
    """Whether a line can be about goods from there, going that way: between our places only a transfer's; in, a
    transfer's for what it has on the way and others for what we do not have.

    What is on the way by the books is known by its tags, when it was shipped by them. What was shipped by hand stands
    where it came from as far as its tags say, or is announced.
    """
    if facts.flow is not Flow.IN:
        return facts.flow is Flow.OUT or line.ships_from is not None
    if line.ships_from is None:
        return where is None
    if where is None:
        return announced
    return where.location_id in facts.transit or where.location_id in line.ships_from


def announcing(unit: Moved, facts: LoadFacts) -> set[int]:
    documents = set(facts.announced.get(unit.goods.epc or "", ()))
    for tag in facts.tags.values():
        if tag.hu_id is not None and tag.hu_id in (unit.hu_id, unit.read_hu):
            documents.update(facts.announced.get(tag.epc, ()))
    return documents


def words(kind: FindingKind | None, line: LineFacts | None, goods: Goods, facts: LoadFacts) -> str:
    match kind:
        case FindingKind.WRONG_GOODS if line is not None:
            lot = facts.lots.get(goods.lot_id) if goods.lot_id is not None else None
            what = "it" if lot is None else f"lot {lot.code}"
            return (
                f"{what} did not go on the line that {line.number} answers to, or is back: accepted, it is of no line"
            )
        case FindingKind.OVER if line is not None:
            return f"more than {line.number} still takes"
        case FindingKind.WRONG_DOOR if line is not None:
            return f"{line.number} is expected at {line.door}, not at {facts.portal}"
        case FindingKind.NO_DOCUMENT:
            return f"no open document takes this at {facts.portal}"
        case _:
            return ""
