"""Who may do what: each command without its right, finer rights by what it says and does, rights within a warehouse."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from api.command_models import body_model, to_command
from api.command_routes import COMMANDS
from tests.warehouse.postgres.store import Store
from warehouse import commands as c
from warehouse.commands import ALL_RIGHTS, SITE_WIDE, Actor, Command, Permission, Refusal, Result, Rights
from warehouse.postgres.commands import KINDS, execute

ONE = Decimal(1)


def ask(store: Store, rights: Rights, command: Command, name: str = "kim") -> Result | Refusal:
    return execute(store.conn, command, actor=Actor(name, "pda", rights), source="test", client_event_id=str(uuid4()))


def answer(store: Store, rights: Rights, command: Command) -> tuple[str, str]:
    """Code and field of a refusal, `done` otherwise."""
    outcome = ask(store, rights, command)
    return (outcome.code, outcome.field) if isinstance(outcome, Refusal) else ("done", "")


def rights(*permissions: Permission) -> Rights:
    return Rights(frozenset(permissions))


def test_every_command_without_its_right_is_refused_and_audited(store: Store) -> None:
    for route in COMMANDS:
        command = to_command(route.command, body_model(route.command, route.example).model_validate(route.example))
        outcome = ask(store, Rights(frozenset(Permission) - {command.NEEDS}), command)
        assert isinstance(outcome, Refusal), command
        assert (outcome.code, outcome.field) == ("forbidden", ""), command
        assert repr(command.NEEDS.value) in outcome.message
        assert store.one("select outcome from audit_log order by seq desc limit 1") == "forbidden"
        # With it the answer is about the world, whatever it is.
        assert answer(store, ALL_RIGHTS, command)[0] != "forbidden", command


def test_every_command_names_a_right() -> None:
    assert all(isinstance(kind.NEEDS, Permission) for kind in KINDS.values())


def test_an_actor_of_whom_nothing_is_said_may_do_nothing(store: Store) -> None:
    outcome = execute(store.conn, c.CreateItem("A"), actor=Actor("kim"), source="test", client_event_id="1")
    assert isinstance(outcome, Refusal)
    assert outcome.code == "forbidden"


def test_issuing_and_receiving_are_rights_of_their_own(store: Store) -> None:
    store.items(2)
    store.document("purchase_receipt", "PR", {"I2": 10})
    store.document("delivery", "DN", {"I2": 10})
    receive = c.FulfilLine("purchase_receipt", "PR", 1, ONE, "STAGE")
    issue = c.FulfilLine("delivery", "DN", 1, ONE, "STAGE")
    fulfil = Permission.FULFIL
    assert answer(store, rights(fulfil), receive) == ("forbidden", "")
    assert answer(store, rights(fulfil, Permission.ISSUE), receive) == ("forbidden", "")
    assert answer(store, rights(fulfil, Permission.RECEIVE), receive) == ("done", "")
    assert answer(store, rights(fulfil, Permission.RECEIVE), issue) == ("forbidden", "")
    assert (store.stock("I2"), store.fulfilled("DN")) == (1, [0])
    assert answer(store, rights(fulfil, Permission.ISSUE), issue) == ("done", "")


def test_what_a_person_settles_counts_as_issued_or_received(store: Store) -> None:
    store.items(1)
    store.post(store.load(store.tags(1, 1, 1)))
    held: UUID = store.one("select discrepancy_id from discrepancy")
    dismissed = c.ResolveDiscrepancy(held, c.Resolution.DISMISS)
    assert answer(store, rights(Permission.RESOLVE), dismissed) == ("done", "")


def test_taking_what_is_reserved_needs_force_also_where_nothing_is(store: Store) -> None:
    store.items(2)
    store.do(c.AdjustStock("I2", Decimal(5), "STAGE", "found"))
    forced = c.AdjustStock("I2", -ONE, "STAGE", "broken", force=True)
    assert answer(store, rights(Permission.ADJUST), forced) == ("forbidden", "force")
    assert answer(store, rights(Permission.ADJUST, Permission.FORCE), forced) == ("done", "")


def test_approving_differences_of_a_count_needs_the_right_to_approve(store: Store) -> None:
    store.items(2)
    store.do(c.AdjustStock("I2", Decimal(5), "STAGE", "found"))
    store.do(c.StartCount("C", ("STAGE",), recounts=0))
    store.do(c.EnterCount("C", Decimal(9), line_no=1))
    post = c.PostCount("C", approve=True, reason="found behind the rack")
    assert answer(store, rights(Permission.POST_COUNT), post) == ("forbidden", "approve")
    assert answer(store, rights(Permission.POST_COUNT, Permission.APPROVE), post) == ("done", "")


def test_the_past_needs_a_right_and_the_last_hour_does_not(store: Store) -> None:
    store.items(2)
    now = datetime.now(UTC)
    just_now = c.AdjustStock("I2", ONE, "STAGE", "found", effective_at=now - timedelta(minutes=50))
    yesterday = c.AdjustStock("I2", ONE, "STAGE", "found", effective_at=now - timedelta(hours=2))
    assert answer(store, rights(Permission.ADJUST), just_now) == ("done", "")
    assert answer(store, rights(Permission.ADJUST), yesterday) == ("forbidden", "effective_at")
    assert answer(store, rights(Permission.ADJUST, Permission.BACK_DATE), yesterday) == ("done", "")


# Within one warehouse ------------------------------------------------------------------------------------------------


@pytest.fixture
def houses(store: Store) -> Store:
    """Two warehouses with two bins each, five pieces in the first bin of both."""
    store.items(2)
    for house in ("W1", "W2"):
        store.do(c.CreateLocation(house, level="warehouse"))
        store.do(c.CreateLocation(f"{house}-HALL", parent=house))
        for bin_no in (1, 2):
            store.do(c.CreateLocation(f"{house}-{bin_no}", level="bin", parent=f"{house}-HALL"))
        store.do(c.AdjustStock("I2", Decimal(5), f"{house}-1", "opening"))
    return store


IN_W1 = Rights(within={"W1": frozenset(Permission) - SITE_WIDE})

WITHIN: list[tuple[str, Command, tuple[str, str]]] = [
    ("move inside", c.MoveStock("I2", ONE, "W1-1", "W1-2"), ("done", "")),
    ("move out of it", c.MoveStock("I2", ONE, "W1-1", "W2-1"), ("forbidden", "target")),
    ("move into it", c.MoveStock("I2", ONE, "W2-1", "W1-1"), ("forbidden", "source")),
    ("adjust there", c.AdjustStock("I2", ONE, "W1-1", "found"), ("done", "")),
    ("adjust elsewhere", c.AdjustStock("I2", ONE, "W2-1", "found"), ("forbidden", "location")),
    ("adjust in no warehouse", c.AdjustStock("I2", ONE, "STAGE", "found"), ("forbidden", "location")),
    ("adjust nowhere", c.AdjustStock("I2", ONE, "W9", "found"), ("not_found", "location")),
    ("count there", c.StartCount("C1", ("W1-HALL",)), ("done", "")),
    ("count elsewhere", c.StartCount("C2", ("W1-1", "W2-1")), ("forbidden", "locations")),
    ("reserve elsewhere", c.ReserveStock("I2", ONE, "W2-1", "me"), ("forbidden", "location")),
    ("master data", c.CreateItem("X"), ("forbidden", "")),
    ("a place in it", c.CreateLocation("W1-9", parent="W1"), ("forbidden", "")),
    ("a delivery", c.CreateDocument("delivery", "D1", (c.LineSpec("I2", ONE),)), ("done", "")),
    (
        "a transfer to another",
        c.CreateDocument("transfer", "T1", (c.LineSpec("I2", ONE),), source="W1-1", target="W2-1"),
        ("forbidden", "target"),
    ),
]


def test_a_right_within_a_warehouse_ends_at_its_walls(houses: Store) -> None:
    got = {name: answer(houses, IN_W1, command) for name, command, _ in WITHIN}
    assert got == {name: wanted for name, _, wanted in WITHIN}


def test_what_a_command_only_stands_for_lies_within_the_walls_too(houses: Store) -> None:
    def move(place: str) -> UUID:
        return UUID(houses.do(c.AdjustStock("I2", ONE, place, "found"))["move_id"])

    assert answer(houses, IN_W1, c.ReverseMovement(move("W1-1"))) == ("done", "")
    assert answer(houses, IN_W1, c.ReverseMovement(move("W2-1"))) == ("forbidden", "")
    held = houses.do(c.ReserveStock("I2", ONE, "W2-1", "me"))["reservation_id"]
    assert answer(houses, IN_W1, c.ReleaseReservation(UUID(held))) == ("forbidden", "reservation_id")
    houses.do(c.StartCount("C", ("W2",)))
    assert answer(houses, IN_W1, c.EnterCount("C", ONE, line_no=1)) == ("forbidden", "number")
    assert answer(houses, IN_W1, c.CancelCount("C")) == ("forbidden", "number")
    lines = (c.LineSpec("I2", ONE),)
    houses.do(c.CreateDocument("transfer", "T", lines, source="W1-1", target="W2-1"))
    assert answer(houses, IN_W1, c.CancelDocument("transfer", "T")) == ("forbidden", "number")
    assert answer(houses, IN_W1, c.ShipTransfer("T", 1, ONE)) == ("done", "")
    assert answer(houses, IN_W1, c.ReceiveTransfer("T", 1, ONE)) == ("forbidden", "")
    in_w2 = Rights(within={"W2": frozenset(Permission)})
    assert answer(houses, in_w2, c.ReceiveTransfer("T", 1, ONE)) == ("done", "")


def test_rights_of_two_warehouses_and_one_everywhere_add_up(houses: Store) -> None:
    both = Rights(within={"W1": frozenset({Permission.MOVE}), "W2": frozenset({Permission.MOVE})})
    assert answer(houses, both, c.MoveStock("I2", ONE, "W1-1", "W2-1")) == ("done", "")
    mixed = Rights(frozenset({Permission.MOVE}), {"W1": frozenset({Permission.ADJUST})})
    assert answer(houses, mixed, c.MoveStock("I2", ONE, "W2-1", "STAGE")) == ("done", "")
    assert answer(houses, mixed, c.AdjustStock("I2", ONE, "W2-1", "found")) == ("forbidden", "location")
    out = Rights(frozenset({Permission.FULFIL}), {"W1": frozenset({Permission.ISSUE})})
    houses.document("delivery", "DN", {"I2": 4})
    assert answer(houses, out, c.FulfilLine("delivery", "DN", 1, ONE, "W1-1")) == ("done", "")
    assert answer(houses, out, c.FulfilLine("delivery", "DN", 1, ONE, "W2-1")) == ("forbidden", "")


def test_rights_never_change_what_is_done(store: Store) -> None:
    store.items(2)
    command = c.AdjustStock("I2", ONE, "STAGE", "found")
    first = execute(
        store.conn, command, actor=Actor("kim", "", rights(Permission.ADJUST)), source="a", client_event_id="1"
    )
    assert isinstance(first, Result)
    again = execute(store.conn, command, actor=Actor("kim", "", ALL_RIGHTS), source="a", client_event_id="1")
    assert isinstance(again, Result)
    assert (again.response, again.repeated) == (first.response, True)
