"""Near-expiry warnings: cases L6 and L7 of the other systems' test suites, by their ids."""

from datetime import date, timedelta

from warehouse.shelf_life import LotLife, due, expired

TODAY = date(2026, 5, 1)


def test_l6_one_task_however_often_it_runs_and_none_after_it_was_closed() -> None:
    lots = [LotLife("L", TODAY + timedelta(days=10), TODAY - timedelta(days=1))]
    tasks: list[str] = []
    for _ in range(3):
        tasks += due(lots, TODAY, tasks)  # a closed task stays in the list
    assert tasks == ["L"]


def test_l7_later_alerts_and_none_at_all() -> None:
    later = LotLife("L", None, TODAY + timedelta(days=15))
    assert due([later, LotLife("M", None, None)], TODAY, ()) == ()


def test_on_its_last_day_a_lot_is_good() -> None:
    lots = [
        LotLife("today", TODAY, None),
        LotLife("gone", TODAY - timedelta(days=1), None),
        LotLife("none", None, None),
    ]
    assert expired(lots, TODAY) == ("gone",)
