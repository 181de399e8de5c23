"""Whether goods may pass a door for a document: what the light says beforehand of what `decide` and the ledger would
hold. Pure; the rule about lots is the ledger's (`warehouse.ledger_rules.lot_refusal`).

What leaves for a customer or for production is of a lot that is good, with the shelf life that its line asks for, and
in status available. What leaves otherwise, or for another place of ours, asks for no shelf life; what goes back to the
vendor or to scrap is asked nothing of that. What comes in is asked for its lot alone. A line that names a lot takes no
other, nor another owner's goods than its own. Stock whose whole balance is reserved leaves only for a line that it is
reserved for. Of a balance that is reserved in part, which pieces those are nobody has said: the light says nothing, and
the books hold what is one too many.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from warehouse.fulfilment.facts import Flow, LotFacts
from warehouse.ledger import LedgerRefusal, LineLife, StockStatus
from warehouse.ledger_rules import lot_refusal
from warehouse.loads import WhyBarred

ANY_LIFE = LineLife()
_WORDS = {
    LedgerRefusal.LOT_EXPIRED: WhyBarred.LOT_EXPIRED,
    LedgerRefusal.LOT_BLOCKED: WhyBarred.LOT_BLOCKED,
    LedgerRefusal.SHELF_LIFE_SHORT: WhyBarred.SHELF_LIFE_SHORT,
}


@dataclass(frozen=True, slots=True)
class Taker:
    """An open line, as far as it says which goods it takes. `rejects` as in `LineFacts`; `uses`: for a customer or for
    production.
    """

    line_id: int
    lot_id: int | None = None
    rejects: bool = False
    uses: bool = True
    life: LineLife = ANY_LIFE
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Passing:
    """Goods at a door: their lot, their status in our stock (None when they are not in it), the lines that some of
    their balance is reserved for, whether some of it is reserved for nobody, and whose they are (None: not known).
    """

    lot_id: int | None
    lot: LotFacts | None
    status: StockStatus | None
    reserved_for: frozenset[int] = frozenset()
    has_free: bool = True
    owner: str | None = None


def why_barred(goods: Passing, flow: Flow, takers: Sequence[Taker], day: date) -> WhyBarred | None:
    """Why no line of a document takes these goods of its item; None when one does, or when they are none of its
    business: stock of ours does not come in, and what is not in stock does not leave.
    """
    if (goods.status is None) is (flow is not Flow.IN):
        return None
    fits = [taker for taker in takers if taker.lot_id in (None, goods.lot_id)]
    if not fits:
        return WhyBarred.OTHER_LOT
    own = [taker for taker in fits if goods.owner in (None, taker.owner)]
    if not own:
        return WhyBarred.OTHER_OWNER
    found = [_refusal(goods, flow, taker, day) for taker in own]
    return None if None in found else found[0]


def _refusal(goods: Passing, flow: Flow, taker: Taker, day: date) -> WhyBarred | None:
    mine = goods.has_free or taker.line_id in goods.reserved_for
    if taker.rejects:
        return None if mine else WhyBarred.RESERVED
    days = taker.life.days_min(taker.line_id in goods.reserved_for) if flow is Flow.OUT and taker.uses else 0
    bad = lot_refusal(goods.lot.expires_on, goods.lot.blocked, day, days) if goods.lot is not None else None
    if bad is not None:
        return _WORDS[bad]
    is_good = goods.status in (None, StockStatus.AVAILABLE)
    if not is_good:
        return WhyBarred.NOT_ACCEPTED
    return None if mine else WhyBarred.RESERVED
