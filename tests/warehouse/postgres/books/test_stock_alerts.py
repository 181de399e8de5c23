"""Replenishment and alerts on a real store: cases G, J and L, and the life of a suggestion."""

from datetime import timedelta
from decimal import Decimal as D
from typing import Any
from uuid import uuid4

import pytest

from tests.warehouse.postgres.ledger_store import DAY_0, day
from tests.warehouse.postgres.store import Store
from warehouse import commands as c
from warehouse.ageing import Stillness
from warehouse.ledger import Tracking
from warehouse.postgres.books.replenishment import Suggested
from warehouse.postgres.books.stock_alerts import watch, watch_stillness
from warehouse.postgres.queries.stock_watch import item_age, replenishments, stock_alerts, stock_rules

NOW = day(400)


@pytest.fixture
def store(store: Store) -> Store:
    store.items(2, 4)
    return store


def rule(store: Store, item: str = "I2", **numbers: Any) -> None:
    decimals = {name: value if name == "lead_time_days" else D(str(value)) for name, value in numbers.items()}
    store.do(c.SetStockRule(item, "STAGE", **decimals))


def look(store: Store, at: Any = NOW) -> Suggested:
    with store.conn.transaction():
        return watch(store.conn, at)


def suggested(store: Store) -> list[tuple[str, D]]:
    rows = store.conn.execute("select state, quantity from replenishment order by created_at, state")
    return [(state, quantity) for state, quantity in rows]


def alerts(store: Store, kind: str, standing: bool = True) -> int:
    return int(
        store.one("select count(*) from stock_alert where kind = %s and (cleared_at is null) = %s", (kind, standing))
    )


def told(store: Store, topic: str = "alert") -> list[dict[str, Any]]:
    return [
        payload
        for (payload,) in store.conn.execute("select payload from outbox where topic = %s order by seq", (topic,))
    ]


def stock_of(store: Store, quantity: int, item: str = "I2", **fields: Any) -> None:
    store.do(c.AdjustStock(item, D(quantity), "STAGE", "opening", **{"effective_at": DAY_0, **fields}))


def test_g2_demand_beyond_the_stock_is_ordered_up_to_the_maximum(store: Store) -> None:
    rule(store, minimum=0, maximum=5)
    store.document("delivery", "DN", {"I2": 12}, source="STAGE")
    look(store)
    assert suggested(store) == [("open", 17)]


@pytest.mark.parametrize(("on_hand", "expected"), [(5, [20]), (0, [35]), (21, [])])
def test_g7_reorder_point_on_projected_stock(store: Store, on_hand: int, expected: list[int]) -> None:
    if on_hand:
        stock_of(store, on_hand)
    else:
        store.document("delivery", "DN", {"I2": 15}, source="STAGE")
    rule(store, reorder_level=20, order_quantity=20, lead_time_days=2)
    look(store)
    assert [quantity for _, quantity in suggested(store)] == expected
    if expected:  # G9
        assert store.one("select needed_by from replenishment") == (NOW + timedelta(days=2)).date()


def test_g1_whole_multiples_do_not_exceed_the_maximum(store: Store) -> None:
    store.do(c.CreateItem("KG", unit="kg", decimals=1))
    stock_of(store, 0 + 14, "KG")
    store.do(c.AdjustStock("KG", D("0.5"), "STAGE", "opening"))
    for multiple, quantity in (("10", "10"), ("1", "15"), (None, "15.5")):
        rule(store, "KG", minimum=15, maximum=30, **({"multiple": multiple} if multiple else {}))
        look(store)
        assert store.one("select quantity from replenishment where state = 'open'") == D(quantity)


def test_one_suggestion_is_open_it_follows_the_need_and_is_withdrawn_when_that_is_over(store: Store) -> None:
    rule(store, minimum=10, maximum=30)
    assert (look(store).made, look(store).made) == (1, 0)
    stock_of(store, 5)
    assert look(store).made == 0
    assert suggested(store) == [("open", 25)]
    assert len(told(store, "replenishment")) == 1
    stock_of(store, 20)
    assert look(store).withdrawn == 1
    assert suggested(store) == [("withdrawn", 25)]


def test_a_dismissed_one_comes_again_only_when_projected_stock_changed(store: Store) -> None:
    rule(store, minimum=10, maximum=30)
    look(store)
    which = store.one("select replenishment_id from replenishment")
    assert store.refused(c.DismissReplenishment(which, "")) == ("invalid", "note")
    store.do(c.DismissReplenishment(which, "the line stands"))
    assert look(store, NOW + timedelta(hours=1)).made == 0
    stock_of(store, 1)
    assert look(store, NOW + timedelta(hours=2)).made == 1
    assert store.refused(c.DismissReplenishment(which, "again")) == ("wrong_state", "replenishment_id")


async def test_an_accepted_one_is_an_order_and_the_order_is_expected(store: Store, reading: Any) -> None:
    rule(store, minimum=10, maximum=30, lead_time_days=3)
    look(store)
    which = store.one("select replenishment_id from replenishment")
    done = store.do(c.AcceptReplenishment(which, "PO-9", partner="ACME"))
    assert (done["kind"], done["number"], done["state"]) == ("purchase_order", "PO-9", "accepted")
    assert look(store, NOW + timedelta(hours=1)).made == 0
    (row,) = await replenishments(reading, None, 10, state="accepted")
    assert (row.document, row.quantity, row.unit) == ("PO-9", 30, "pc")
    assert store.refused(c.AcceptReplenishment(uuid4(), "PO-1")) == ("not_found", "replenishment_id")
    assert store.refused(c.AcceptReplenishment(which, "PO-1"))[0] == "wrong_state"


def test_a_transfer_replenishes_from_another_place(store: Store) -> None:
    rule(store, minimum=10, maximum=30)
    look(store)
    which = store.one("select replenishment_id from replenishment")
    assert store.refused(c.AcceptReplenishment(which, "T-1", "transfer")) == ("invalid", "target")
    store.do(c.AcceptReplenishment(which, "T-1", "transfer", source="BIN-1", quantity=D(12)))
    assert store.one("select quantity from document_line") == 12


def test_g11_a_rule_that_cannot_be_meant_is_reported_and_stops_no_other(store: Store) -> None:
    rule(store, minimum=10, maximum=30)
    rule(store, "I4", minimum=10, maximum=30)
    store.conn.execute("update stock_rule set maximum = 1 where item_id = (select item_id from item where code = 'I2')")
    assert (look(store).made, look(store).made) == (1, 0)
    assert alerts(store, "rule_broken") == 1
    rule(store, minimum=10, maximum=30)
    look(store)
    assert (alerts(store, "rule_broken"), len(suggested(store))) == (0, 2)


def test_g12_below_safety_is_told_once_a_change(store: Store) -> None:
    rule(store, safety=200)
    stock_of(store, 100)
    look(store)
    look(store)
    assert len(told(store)) == 1
    store.do(c.AdjustStock("I2", D(-1), "STAGE", "counted"))
    look(store)
    assert [alert["quantity"] for alert in told(store)] == ["100", "99"]
    assert told(store)[0]["departments"] == ["purchasing", "production"]
    assert alerts(store, "below_safety") == 1
    stock_of(store, 101)
    look(store)
    assert alerts(store, "below_safety") == 0


def lot(store: Store, code: str, expires_in: int | None) -> None:
    expires_on = None if expires_in is None else (NOW + timedelta(days=expires_in)).date()
    store.do(c.CreateLot("L", code, expires_on))
    store.do(c.AdjustStock("L", D(5), "STAGE", "opening", lot=code, effective_at=DAY_0))


def test_l6_l7_one_warning_a_lot_never_a_second_and_none_without_a_day(store: Store) -> None:
    store.do(c.CreateItem("L", tracking=Tracking.LOT, expiry_warn_days=30))
    lot(store, "near", 10)
    lot(store, "far", 45)
    lot(store, "ever", None)
    look(store)
    look(store)
    assert alerts(store, "near_expiry") == 1
    store.do(c.AdjustStock("L", D(-5), "STAGE", "sold", lot="near"))
    look(store)
    stock_of(store, 5, "L", lot="near")
    look(store)
    assert (alerts(store, "near_expiry"), alerts(store, "near_expiry", standing=False)) == (0, 1)
    look(store, NOW + timedelta(days=46))
    assert (alerts(store, "expired"), len(told(store))) == (2, 3)
    assert {alert["kind"] for alert in told(store)} == {"near_expiry", "expired"}


def test_a_category_warns_for_its_items(store: Store) -> None:
    store.do(c.SetCategory("milk", expiry_warn_days=14))
    store.do(c.CreateItem("L", tracking=Tracking.LOT, category="milk"))
    lot(store, "near", 10)
    look(store)
    assert alerts(store, "near_expiry") == 1
    store.do(c.RouteAlerts("expired", ("disposal",)))
    look(store, NOW + timedelta(days=11))
    assert told(store)[-1]["departments"] == ["disposal"]


def use(store: Store, quantity: int, at: Any) -> None:
    number = f"DN-{uuid4()}"
    store.document("delivery", number, {"I2": quantity})
    store.do(c.FulfilLine("delivery", number, 1, D(quantity), "STAGE", effective_at=at))


def test_dead_and_slow_stock(store: Store) -> None:
    stock_of(store, 100, effective_at=day(-400))
    stock_of(store, 10, "I4", effective_at=day(-400))

    def state() -> dict[Stillness, int]:
        with store.conn.transaction():
            return dict(watch_stillness(store.conn, DAY_0))

    assert state() == {Stillness.DEAD: 2, Stillness.SLOW: 0}
    use(store, 10, day(-100))  # 90 left, 10 used in 365 days: lasts 9 years
    assert state() == {Stillness.DEAD: 1, Stillness.SLOW: 1}
    use(store, 60, day(-90))  # 30 left, 70 used
    assert state() == {Stillness.DEAD: 1, Stillness.SLOW: 0}
    assert (alerts(store, "slow", standing=False), alerts(store, "dead")) == (1, 1)
    assert "nothing of it was used" in next(a for a in told(store) if a["kind"] == "dead")["detail"]


def test_what_just_came_is_not_dead(store: Store) -> None:
    stock_of(store, 5, effective_at=day(-10))
    with store.conn.transaction():
        assert watch_stillness(store.conn, DAY_0)[Stillness.DEAD] == 0
    stock_of(store, 7, effective_at=day(-400))
    with store.conn.transaction():
        assert watch_stillness(store.conn, DAY_0)[Stillness.DEAD] == 1
    assert store.one("select quantity from stock_alert where kind = 'dead'") == 7


async def test_j1_the_age_of_stock_follows_first_in_first_out(store: Store, reading: Any) -> None:
    stock_of(store, 30, effective_at=day(1))
    stock_of(store, 20, effective_at=day(2))
    store.do(c.AdjustStock("I2", D(-10), "STAGE", "used", effective_at=day(3)))
    wrong = store.do(c.AdjustStock("I2", D(4), "STAGE", "found", effective_at=day(4)))
    store.do(c.ReverseMovement(wrong["move_id"]))
    layers = await item_age(reading, "I2")
    assert layers is not None
    assert [(layer.day, layer.quantity) for layer in layers] == [(day(1).date(), 20), (day(2).date(), 20)]
    assert await item_age(reading, "none") is None


async def test_lists_page_and_filter(store: Store, reading: Any) -> None:
    rule(store, safety=5, minimum=10, maximum=30)
    rule(store, "I4", safety=5)
    look(store)
    assert [r.item for r in await stock_rules(reading, None, 1)] == ["I2"]
    assert [r.item for r in await stock_rules(reading, ("I2", "STAGE"), 5)] == ["I4"]
    found = await stock_alerts(reading, None, 10, kind="below_safety", department="purchasing", standing=True)
    assert {a.item for a in found} == {"I2", "I4"}
    rest = await stock_alerts(reading, (found[0].raised_at, found[0].alert_id), 10)
    assert [a.alert_id for a in rest] == [found[1].alert_id]


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (c.SetStockRule("I2", "STAGE", minimum=D(1)), ("invalid", "maximum")),
        (c.SetStockRule("I2", "STAGE", order_quantity=D(1)), ("invalid", "reorder_level")),
        (c.SetStockRule("I2", "STAGE", minimum=D(9), maximum=D(1)), ("invalid", "maximum")),
        (c.SetStockRule("I2", "STAGE", safety=D(-1)), ("invalid", "safety")),
        (c.SetStockRule("I2", "STAGE", reorder_level=D(1), order_quantity=D(0)), ("invalid", "order_quantity")),
        (c.SetStockRule("I2", "CUSTOMER"), ("invalid", "location")),
        (c.SetStockRule("I2", "NOWHERE"), ("not_found", "location")),
        (c.RouteAlerts("weather", ("x",)), ("invalid", "kind")),
        (c.RouteAlerts("dead", ()), ("invalid", "departments")),
    ],
    ids=str,
)
def test_refusals_name_the_field(store: Store, command: c.Command, answer: tuple[str, str]) -> None:
    assert store.refused(command) == answer
