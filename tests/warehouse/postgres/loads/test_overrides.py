"""What people order doors to show: refused without a reason, audited, ended by time or by a person."""

from collections.abc import Iterator

import pytest

from tests.warehouse.postgres.store import Store, open_store
from warehouse.commands import OverrideSignal, RefusalCode
from warehouse.loads import OverrideColour
from warehouse.postgres.loads.overrides import overrides


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    made = open_store(database)
    made.conn.execute("insert into portal (name) values ('door-1'), ('door-2')")
    yield made
    made.conn.close()


def test_the_newest_order_of_each_door_holds_until_it_ends(store: Store) -> None:
    store.do(OverrideSignal("door-1", "by hand", OverrideColour.GREEN, 60))
    store.do(OverrideSignal("door-2", "blocked by a lorry", OverrideColour.RED, 60))
    store.do(OverrideSignal("door-1", "wait", OverrideColour.AMBER, 60))
    found = {override.portal: override for override in overrides(store.conn)}
    assert {portal: override.colour for portal, override in found.items()} == {"door-1": "amber", "door-2": "red"}
    assert found["door-1"].until_us - found["door-1"].at_us == 60_000_000
    store.do(OverrideSignal("door-1", "done"))
    assert {override.portal: override.colour for override in overrides(store.conn)} == {
        "door-1": None,
        "door-2": "red",
    }
    assert store.one("select before->>'colour' from audit_log order by seq desc limit 1") == "amber"


@pytest.mark.parametrize(
    ("command", "code", "field"),
    [
        (OverrideSignal("door-9", "why", OverrideColour.GREEN), RefusalCode.NOT_FOUND, "portal"),
        (OverrideSignal("door-1", "  ", OverrideColour.GREEN), RefusalCode.INVALID, "reason"),
        (OverrideSignal("door-1", "why", OverrideColour.GREEN, 0), RefusalCode.INVALID, "for_s"),
        (OverrideSignal("door-1", "why", OverrideColour.GREEN, 8 * 3600 + 1), RefusalCode.INVALID, "for_s"),
    ],
)
def test_what_is_refused(store: Store, command: OverrideSignal, code: RefusalCode, field: str) -> None:
    assert store.refused(command) == (code, field)
    assert overrides(store.conn) == ()
