"""The integrity job finds damage that no rule would let happen: each kind is made by force."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from tests.warehouse.postgres.store import Store, open_store
from warehouse.commands import AdjustStock, ReserveStock
from warehouse.postgres.books.integrity import CHECKS, check

DAMAGE = {
    "balance_is_sum_of_ledger": "update balance set on_hand = on_hand + 1 where serial_id is null",
    "reserved_is_sum_of_reservations": "update reservation set state = 'released'",
    "lines_fulfilled_by_movements": "update document_line set fulfilled = fulfilled + 1",
    "only_stocked_locations_have_balances": "update location set kind = 'customer' where code = 'STAGE'",
    "serial_in_one_place": """
        insert into move (move_id, kind, item_id, serial_id, quantity, from_location_id, to_location_id, effective_at,
                          actor)
        select gen_random_uuid(), 'x', item_id, serial_id, 1, from_location_id,
               (select location_id from location where code = 'BIN-1'), effective_at, 'x'
        from move where serial_id is not null limit 1""",
    "never_negative_at_any_time": """
        insert into move (move_id, kind, item_id, quantity, from_location_id, to_location_id, effective_at, actor)
        select gen_random_uuid(), 'x', item_id, 5, to_location_id, from_location_id,
               effective_at - interval '1 day', 'x'
        from move where serial_id is null limit 1""",
    "tracked_as_the_item_says": "update item set tracking = 'lot'",
    "value_is_sum_of_entries": "insert into value_pool (item_id, quantity, value) select min(item_id), 1, 5 from item",
    "valued_quantity_is_stock": "update item set valuation = 'average' where code = 'I2'",
    "scale_of_the_unit": """
        insert into move (move_id, kind, item_id, quantity, from_location_id, to_location_id, effective_at, actor)
        select gen_random_uuid(), 'x', item_id, 0.5, from_location_id, to_location_id, effective_at, 'x'
        from move where serial_id is null limit 1""",
    "reversals_mirror_their_movement": """
        insert into move (move_id, kind, item_id, quantity, from_location_id, to_location_id, effective_at, actor,
                          reverses)
        select gen_random_uuid(), 'x', item_id, 1, from_location_id, to_location_id, effective_at, 'x', seq
        from move where serial_id is null limit 1""",
    "append_only_is_enforced": "alter table move disable trigger move_no_change",
    "reserved_within_on_hand": """
        alter table balance drop constraint balance_check; update balance set reserved = on_hand + 1""",
}


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    made = open_store(database, owner=True)  # damage is the owner's
    made.items(1, 2)
    made.do(AdjustStock("I2", Decimal(10), "STAGE", "opening"))
    made.do(ReserveStock("I2", Decimal(3), "STAGE", "me"))
    made.document("purchase_receipt", "ASN-1", {"I1": 3})
    made.post(made.load(made.tags(1, 1, 3)))
    yield made
    made.conn.close()


def test_a_healthy_ledger_has_no_problems_and_each_damage_is_found(store: Store) -> None:
    assert check(store.conn) == []
    for name, damage in DAMAGE.items():
        with store.conn.transaction(force_rollback=True):
            store.conn.execute(damage.encode())
            found = {name: store.conn.execute(CHECKS[name].encode()).fetchall() for name in CHECKS}
        assert found[name], name
    assert check(store.conn) == []


def test_problems_are_counted_and_shown(store: Store) -> None:
    store.conn.execute("update balance set on_hand = on_hand + 1 where serial_id is null")
    (problem,) = check(store.conn)
    assert (problem.check, problem.count) == ("balance_is_sum_of_ledger", 1)
    assert "ledger=10, balance=11" in problem.examples[0]


def test_every_check_that_can_be_broken_by_force_is_broken_here() -> None:
    assert set(CHECKS) - set(DAMAGE) == {"conservation"}  # true of every row by its columns
