"""Which goods may pass a door for a document: the ledger's rule, line by line."""

from datetime import date, timedelta

import pytest

from warehouse.fulfilment import Flow, LotFacts
from warehouse.fulfilment.release import Passing, Taker, why_barred
from warehouse.ledger import LineLife, StockStatus
from warehouse.loads import WhyBarred

DAY = date(2026, 3, 10)
GOOD = LotFacts("GOOD", DAY + timedelta(days=9))
LAST_DAY, EXPIRED, BLOCKED = (
    LotFacts("TODAY", DAY),
    LotFacts("OLD", DAY - timedelta(days=1)),
    LotFacts("BAD", None, True),
)
ANY, REJECTS, OTHER_ISSUE = Taker(1), Taker(1, rejects=True, uses=False), Taker(1, uses=False)
INSISTS, RULED, NAMES = Taker(1, life=LineLife(10, 0)), Taker(1, life=LineLife(0, 10)), Taker(1, lot_id=8)
VENDORS = Taker(2, owner="V")
AVAILABLE, INSPECTION = StockStatus.AVAILABLE, StockStatus.INSPECTION
PROMISED = Passing(None, None, AVAILABLE, frozenset({2}), has_free=False)
IN, OUT, BETWEEN = Flow.IN, Flow.OUT, Flow.INTERNAL


@pytest.mark.parametrize(
    ("goods", "flow", "takers", "why"),
    [
        pytest.param(Passing(7, GOOD, AVAILABLE), OUT, [ANY], None, id="good stock leaves"),
        pytest.param(Passing(None, None, AVAILABLE), OUT, [ANY], None, id="goods without a lot"),
        pytest.param(Passing(7, LAST_DAY, AVAILABLE), OUT, [ANY], None, id="on its last day a lot is good"),
        pytest.param(Passing(7, EXPIRED, AVAILABLE), OUT, [ANY], WhyBarred.LOT_EXPIRED, id="expired"),
        pytest.param(Passing(7, BLOCKED, AVAILABLE), OUT, [ANY], WhyBarred.LOT_BLOCKED, id="blocked"),
        pytest.param(Passing(None, None, INSPECTION), OUT, [ANY], WhyBarred.NOT_ACCEPTED, id="in inspection"),
        pytest.param(Passing(7, EXPIRED, INSPECTION), OUT, [ANY], WhyBarred.LOT_EXPIRED, id="the lot is named first"),
        pytest.param(Passing(7, EXPIRED, INSPECTION), OUT, [REJECTS], None, id="back to the vendor goes anything"),
        pytest.param(Passing(7, EXPIRED, AVAILABLE), OUT, [ANY, REJECTS], None, id="one line takes it"),
        pytest.param(Passing(7, GOOD, AVAILABLE), OUT, [INSISTS], WhyBarred.SHELF_LIFE_SHORT, id="the partner insists"),
        pytest.param(Passing(7, GOOD, AVAILABLE), OUT, [RULED], WhyBarred.SHELF_LIFE_SHORT, id="our rule asks"),
        pytest.param(Passing(7, GOOD, AVAILABLE, frozenset({1})), OUT, [RULED], None, id="reserved for this line"),
        pytest.param(
            Passing(7, GOOD, AVAILABLE, frozenset({2})), OUT, [RULED], WhyBarred.SHELF_LIFE_SHORT, id="for another line"
        ),
        pytest.param(Passing(7, GOOD, AVAILABLE), OUT, [OTHER_ISSUE], None, id="for nobody's use"),
        pytest.param(Passing(7, GOOD, AVAILABLE), OUT, [NAMES], WhyBarred.OTHER_LOT, id="the line names another lot"),
        pytest.param(Passing(7, GOOD, AVAILABLE), OUT, [NAMES, ANY], None, id="another line names none"),
        pytest.param(
            Passing(None, None, AVAILABLE, owner="V"), OUT, [ANY], WhyBarred.OTHER_OWNER, id="a vendor's goods"
        ),
        pytest.param(
            Passing(None, None, AVAILABLE, owner="V"), OUT, [ANY, VENDORS], None, id="a line for the vendor's"
        ),
        pytest.param(PROMISED, OUT, [Taker(2)], None, id="reserved for it"),
        pytest.param(PROMISED, OUT, [ANY], WhyBarred.RESERVED, id="reserved for another"),
        pytest.param(PROMISED, OUT, [REJECTS], WhyBarred.RESERVED, id="what is promised does not go to scrap"),
        pytest.param(PROMISED, BETWEEN, [OTHER_ISSUE], WhyBarred.RESERVED, id="nor to another place"),
        pytest.param(Passing(7, BLOCKED, None), OUT, [ANY], None, id="what is not in stock does not leave"),
        pytest.param(Passing(7, BLOCKED, None), IN, [ANY], WhyBarred.LOT_BLOCKED, id="recalled goods come back"),
        pytest.param(Passing(7, GOOD, None), IN, [RULED], None, id="what comes in is asked for no shelf life"),
        pytest.param(Passing(7, BLOCKED, AVAILABLE), IN, [ANY], None, id="what is in stock does not come in"),
        pytest.param(Passing(7, BLOCKED, AVAILABLE), BETWEEN, [OTHER_ISSUE], WhyBarred.LOT_BLOCKED, id="a transfer"),
    ],
)
def test_goods_at_the_door(goods: Passing, flow: Flow, takers: list[Taker], why: WhyBarred | None) -> None:
    assert why_barred(goods, flow, takers, DAY) == why
