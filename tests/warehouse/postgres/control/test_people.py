"""People and roles: nobody gives what they do not hold, somebody who may do everything always stays."""

from collections.abc import Iterator
from decimal import Decimal
from uuid import uuid4

import pytest

from tests.warehouse.postgres.store import Store, open_store
from warehouse import commands as c
from warehouse.commands import ALL_RIGHTS, Actor, Command, Permission, Refusal, Result, Rights
from warehouse.postgres.commands import execute
from warehouse.postgres.control import accounts, passwords, sessions
from warehouse.postgres.control.people import ensure_roles, rights_of_person
from warehouse.roles import ROLES

P = Permission


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    made = open_store(database)
    ensure_roles(made.conn)
    made.do(c.CreateLocation("W1", level="warehouse"))
    yield made
    made.conn.close()


def answer(store: Store, command: Command, rights: Rights = ALL_RIGHTS) -> tuple[str, str]:
    actor = Actor("boss", "", rights)
    outcome = execute(store.conn, command, actor=actor, source="test", client_event_id=str(uuid4()))
    return (outcome.code, outcome.field) if isinstance(outcome, Refusal) else ("done", "")


REFUSALS: list[tuple[str, Command, tuple[str, str]]] = [
    ("a name with a space", c.CreateUser("anna k"), ("invalid", "name")),
    ("a name in capitals", c.CreateUser("Anna"), ("invalid", "name")),
    ("somebody who is there", c.CreateUser("kim"), ("exists", "name")),
    ("a name a key has", c.CreateUser("erp"), ("exists", "name")),
    ("a role there is not", c.CreateUser("anna", role="king"), ("not_found", "role")),
    ("nobody", c.DisableUser("nobody"), ("not_found", "name")),
    ("nobody's password", c.ResetPassword("nobody"), ("not_found", "name")),
    ("no session", c.EndSessions("kim", uuid4()), ("not_found", "session_id")),
    ("no warehouse", c.GiveRole("kim", "keeper", "W9"), ("not_found", "warehouse")),
    ("a bin is no warehouse", c.GiveRole("kim", "keeper", "BIN-1"), ("not_found", "warehouse")),
    ("a role not held", c.TakeRole("kim", "auditor"), ("not_found", "role")),
    ("another kind of administrator", c.SetRole("administrator", (P.READ,)), ("invalid", "name")),
    ("a key without a name", c.CreateKey("", (P.READ,)), ("invalid", "name")),
    ("a key named like a person", c.CreateKey("Kim", (P.READ,)), ("exists", "name")),
    ("a key that opens nothing", c.CreateKey("x"), ("invalid", "permissions")),
    ("a key of no warehouse", c.CreateKey("x", (P.READ,), warehouses=("W1", "W9")), ("not_found", "warehouses.1")),
    ("no key", c.RevokeKey("000000000000"), ("not_found", "key_id")),
    ("approval of nothing known", c.SetApprovalRule("letter"), ("invalid", "subject")),
]


def test_every_refusal_names_its_code_and_field(store: Store) -> None:
    store.do(c.CreateUser("kim", role="keeper"))
    store.do(c.CreateKey("erp", (P.READ,)))
    assert {name: answer(store, command) for name, command, _ in REFUSALS} == {
        name: wanted for name, _, wanted in REFUSALS
    }


def test_roles_add_up_and_are_taken_back(store: Store) -> None:
    store.do(c.CreateUser("kim", role="auditor"))
    store.do(c.GiveRole("kim", "manager", "W1"))
    got = rights_of_person(store.conn, "kim")
    assert got.everywhere == {P.READ, P.AUDIT}
    assert P.ADJUST in got.within["W1"]
    assert P.MASTER_DATA not in got.within["W1"]  # is of the whole site
    store.do(c.TakeRole("kim", "manager", "W1"))
    assert rights_of_person(store.conn, "kim") == Rights(frozenset({P.READ, P.AUDIT}))
    before, after = store.conn.execute("select before, after from audit_log order by seq desc limit 1").fetchone() or (
        0,
        0,
    )
    assert before["roles"] == [{"role": "auditor", "warehouse": None}, {"role": "manager", "warehouse": "W1"}]
    assert after["roles"] == [{"role": "auditor", "warehouse": None}]


def test_nobody_gives_what_they_do_not_hold(store: Store) -> None:
    clerk = Rights(frozenset({P.USERS, P.KEYS, P.CONFIGURE, P.READ, P.MOVE}))
    store.do(c.SetRole("mover", (P.READ, P.MOVE)))
    for command, wanted in (
        (c.CreateUser("a1", role="mover"), ("done", "")),
        (c.CreateUser("a2", role="keeper"), ("forbidden", "role")),
        (c.GiveRole("a1", "administrator"), ("forbidden", "role")),
        (c.SetRole("mover", (P.READ, P.ADJUST)), ("forbidden", "permissions")),
        (c.CreateKey("k1", (P.MOVE,)), ("done", "")),
        (c.CreateKey("k2", (P.ADJUST,)), ("forbidden", "permissions")),
        (c.CreateKey("k3", role="administrator"), ("forbidden", "permissions")),
    ):
        assert answer(store, command, clerk) == wanted, command
    # Nor are those changed who hold more: whoever resets a password can sign in with it.
    store.do(c.CreateUser("root", role="administrator"))
    store.do(c.CreateUser("root2", role="administrator"))
    for change in (c.ResetPassword("root"), c.DisableUser("root"), c.EndSessions("root")):
        assert answer(store, change, clerk) == ("forbidden", "name")
    assert answer(store, c.TakeRole("root", "administrator"), clerk) == ("forbidden", "role")
    within = Rights(frozenset({P.USERS}), {"W1": frozenset({P.READ, P.MOVE})})
    assert answer(store, c.GiveRole("a1", "mover", "W1"), within) == ("done", "")
    assert answer(store, c.GiveRole("a1", "mover"), within) == ("forbidden", "role")


def test_somebody_who_may_do_everything_always_stays(store: Store) -> None:
    for name in ("one", "two"):
        store.do(c.CreateUser(name, role="administrator"))
    store.do(c.DisableUser("one"))
    assert answer(store, c.DisableUser("two")) == ("wrong_state", "name")
    assert answer(store, c.TakeRole("two", "administrator")) == ("wrong_state", "name")
    store.do(c.DisableUser("one", disabled=False))
    assert answer(store, c.TakeRole("two", "administrator")) == ("done", "")


def test_a_person_who_is_disabled_or_reset_is_out_at_once(store: Store) -> None:
    store.do(c.CreateUser("root", role="administrator"))
    for change in (c.DisableUser("kim"), c.ResetPassword("kim"), c.EndSessions("kim")):
        store.conn.execute("delete from refresh_token")
        if isinstance(change, c.DisableUser):
            store.do(c.CreateUser("kim", role="keeper"))
        passwords.store(store.conn, "kim", "correct horse battery", one_time=False)
        session = sessions.start(store.conn, "kim", "pda", must_change=False)
        row = store.conn.execute(sessions.FIND, (session.session_id,)).fetchone()
        assert sessions.person_of(row) is not None
        assert store.do(change)["sessions_ended"] == 1
        assert store.conn.execute(sessions.FIND, (session.session_id,)).fetchone() is None
        assert accounts.refresh(store.conn, session.refresh_token) is None
        store.do(c.DisableUser("kim", disabled=False))


def test_the_programs_roles_follow_its_versions_until_somebody_edits_them(store: Store) -> None:
    store.conn.execute("update role set permissions = '{read}' where name in ('keeper', 'picker')")
    store.do(c.SetRole("picker", (P.READ,)))
    ensure_roles(store.conn)
    kept = dict(store.conn.execute("select name, permissions from role where name in ('keeper', 'picker')").fetchall())
    assert kept == {"keeper": sorted(ROLES["keeper"]), "picker": ["read"]}


def test_every_permission_is_in_some_role_beside_the_administrators() -> None:
    given = {permission for name, some in ROLES.items() if name != "administrator" for permission in some}
    assert set(Permission) - given == {P.USERS, P.KEYS, P.CONFIGURE}


def test_approval_of_documents_and_adjustments_by_quantity_or_value(store: Store) -> None:
    store.items(2)
    store.do(c.SetApprovalRule("transfer", quantity_min=Decimal(10)))
    store.do(c.SetApprovalRule("adjustment", quantity_min=Decimal(5), value_min=Decimal(100)))
    store.do(c.SetApprovalRule("scrap"))
    store.conn.execute("update item set standard_cost = 30 where code = 'I2'")

    def transfer(number: str, quantity: int) -> str:
        lines = (c.LineSpec("I2", Decimal(quantity)),)
        return str(store.do(c.CreateDocument("transfer", number, lines, source="STAGE", target="BIN-1"))["status"])

    assert (transfer("T1", 9), transfer("T2", 10)) == ("open", "approval")
    assert answer(store, c.ShipTransfer("T2", 1, Decimal(1))) == ("wrong_state", "number")
    one = (c.LineSpec("I2", Decimal(1)),)
    assert store.do(c.CreateDocument("scrap", "S", one))["status"] == "approval"
    assert store.do(c.CreateDocument("delivery", "D", one))["status"] == "open"
    assert answer(store, c.AdjustStock("I2", Decimal(3), "STAGE", "found")) == ("done", "")
    assert answer(store, c.AdjustStock("I2", Decimal(4), "STAGE", "found")) == ("needs_approval", "difference")  # 120
    store.conn.execute("update item set standard_cost = 1 where code = 'I2'")
    assert answer(store, c.AdjustStock("I2", Decimal(-5), "STAGE", "lost")) == ("needs_approval", "difference")
    # The way there is: a document that another approves.
    other = c.CreateDocument("other_issue", "O", (c.LineSpec("I2", Decimal(3)),), needs_approval=True)
    assert answer(store, other) == ("done", "")
    assert answer(store, c.ApproveDocument("other_issue", "O")) == ("own_request", "number")
    done = execute(
        store.conn,
        c.ApproveDocument("other_issue", "O"),
        actor=Actor("another", "", ALL_RIGHTS),
        source="test",
        client_event_id="approve",
    )
    assert isinstance(done, Result)
    assert answer(store, c.FulfilLine("other_issue", "O", 1, Decimal(3), "STAGE")) == ("done", "")
    store.do(c.SetApprovalRule("adjustment", removed=True))
    assert answer(store, c.AdjustStock("I2", Decimal(50), "STAGE", "found")) == ("done", "")


def _as(store: Store, name: str, command: c.Command) -> tuple[str, str]:
    outcome = execute(store.conn, command, actor=Actor(name, "", ALL_RIGHTS), source=name, client_event_id=str(uuid4()))
    return (outcome.code, outcome.field) if isinstance(outcome, Refusal) else ("done", "")


def _status(store: Store, number: str) -> list[str]:
    rows = store.conn.execute("select status from document where number = %s order by document_id", (number,))
    return [status for (status,) in rows]


def test_the_rest_of_an_approved_document_is_a_request_of_its_own(store: Store) -> None:
    store.items(2)
    store.do(c.AdjustStock("I2", Decimal(50), "STAGE", "opening"))
    store.do(c.SetApprovalRule("delivery", quantity_min=Decimal(10)))
    store.document("delivery", "D", {"I2": 20})
    assert _as(store, "manager", c.ApproveDocument("delivery", "D")) == ("done", "")
    store.do(c.FulfilLine("delivery", "D", 1, Decimal(5), "STAGE"))
    assert store.do(c.CreateBackorder("delivery", "D", "D-2"))["status"] == "approval"
    assert answer(store, c.FulfilLine("delivery", "D-2", 1, Decimal(15), "STAGE")) == ("wrong_state", "number")
    assert _as(store, "clerk", c.ApproveDocument("delivery", "D-2")) == ("own_request", "number")
    assert _as(store, "manager", c.ApproveDocument("delivery", "D-2")) == ("done", "")
    store.do(c.FulfilLine("delivery", "D-2", 1, Decimal(8), "STAGE"))
    assert store.do(c.CreateBackorder("delivery", "D-2", "D-3"))["status"] == "open"  # 7 are below the limit


@pytest.mark.parametrize("subject", ["work_order_issue", "production_receipt"])
def test_a_work_order_that_needs_approval_is_released_as_a_whole(store: Store, subject: str) -> None:
    store.items(2)
    store.do(c.CreateItem("SET"))
    store.do(c.CreateBom("SET", "1", (c.ComponentSpec("I2", Decimal(2)),)))
    store.do(c.AdjustStock("I2", Decimal(50), "STAGE", "opening"))
    store.do(c.SetApprovalRule(subject, quantity_min=Decimal(4)))
    assert store.do(c.CreateWorkOrder("W1", "SET", Decimal(1)))["status"] == "open"
    assert store.do(c.CreateWorkOrder("W2", "SET", Decimal(5)))["status"] == "approval"
    assert _status(store, "W2") == ["approval", "approval"]
    assert answer(store, c.IssueKit("W2", Decimal(5))) == ("wrong_state", "number")
    assert answer(store, c.ReportOutput("W2", Decimal(1), "STAGE")) == ("wrong_state", "number")
    assert _as(store, "clerk", c.ApproveDocument(subject, "W2")) == ("own_request", "number")
    assert _as(store, "manager", c.ApproveDocument(subject, "W2")) == ("done", "")
    assert _status(store, "W2") == ["open", "open"]
    store.do(c.IssueKit("W2", Decimal(5)))


def test_what_other_systems_ask_for_waits_too_and_a_changed_version_asks_again(store: Store) -> None:
    store.items(2)
    store.do(c.SetApprovalRule("delivery", quantity_min=Decimal(10)))

    def version(number: int, quantity: int) -> None:
        line = c.CanonicalLine(1, "I2", Decimal(quantity))
        store.do(c.TakeDocument("erp", "SO-1", number, "delivery", "D", (line,)))

    version(1, 9)
    assert _status(store, "D") == ["open"]
    version(2, 12)
    assert _status(store, "D") == ["approval"]
    assert _as(store, "manager", c.ApproveDocument("delivery", "D")) == ("done", "")
    version(3, 12)  # the same request
    assert _status(store, "D") == ["open"]
    version(4, 13)
    assert (_status(store, "D"), store.one("select approved_by from document")) == (["approval"], None)
    # Who changed it has asked for it as much as who made it.
    line = c.CanonicalLine(1, "I2", Decimal(14))
    assert _as(store, "editor", c.TakeDocument("erp", "SO-1", 5, "delivery", "D", (line,))) == ("done", "")
    for asker in ("clerk", "editor"):
        assert _as(store, asker, c.ApproveDocument("delivery", "D")) == ("own_request", "number")
    assert _as(store, "manager", c.ApproveDocument("delivery", "D")) == ("done", "")
    assert _as(store, "manager", c.TakeDocument("erp", "SO-1", 6, "delivery", "D", (line,), partner="Other")) == (
        "done",
        "",
    )
    assert _status(store, "D") == ["approval"]  # to somebody else
    assert _as(store, "manager", c.ApproveDocument("delivery", "D")) == ("own_request", "number")
    assert _as(store, "editor", c.ApproveDocument("delivery", "D")) == ("done", "")  # his part was approved before


def test_a_substitute_asks_anew_for_the_whole_order_and_not_who_chose_it(store: Store) -> None:
    store.items(2, 4)
    store.do(c.CreateItem("SET"))
    component = c.ComponentSpec("I2", Decimal(2), substitutes=(c.SubstituteSpec("I4"),))
    store.do(c.CreateBom("SET", "1", (component,)))
    for item in ("I2", "I4"):
        store.do(c.AdjustStock(item, Decimal(50), "STAGE", "opening"))
    store.do(c.SetApprovalRule("work_order_issue", quantity_min=Decimal(4)))
    store.do(c.CreateWorkOrder("W", "SET", Decimal(5)))
    assert _as(store, "manager", c.ApproveDocument("work_order_issue", "W")) == ("done", "")
    store.do(c.IssueKit("W", Decimal(1)))
    store.do(c.ReportOutput("W", Decimal(1), "STAGE"))
    store.do(c.ReserveStock("I2", Decimal(3), "STAGE", "W", None, None, None, "work_order_issue", "W", 1))
    store.do(c.CreatePickList("P", (c.DocumentName("work_order_issue", "W"),)))
    assert _as(store, "foreman", c.SubstituteComponent("W", 1, "I4")) == ("done", "")
    # What was made and issued stands and what is reserved is kept; nothing else moves on either document.
    assert _status(store, "W") == ["approval", "approval"]
    assert answer(store, c.IssueKit("W", Decimal(1))) == ("wrong_state", "number")
    assert answer(store, c.ConfirmPick("P", 1, Decimal(3), location="STAGE")) == ("wrong_state", "number")
    assert answer(store, c.ReportOutput("W", Decimal(1), "STAGE")) == ("wrong_state", "number")
    assert store.one("select sum(reserved) from balance") == 3
    for kind in ("work_order_issue", "production_receipt"):
        assert _as(store, "foreman", c.ApproveDocument(kind, "W")) == ("own_request", "number")
    assert _as(store, "manager", c.ApproveDocument("production_receipt", "W")) == ("done", "")
    assert _status(store, "W") == ["open", "open"]
    store.do(c.ConfirmPick("P", 1, Decimal(3), location="STAGE"))
    store.do(c.IssueKit("W", Decimal(4)))
    assert _status(store, "W") == ["complete", "open"]


def test_an_order_that_is_held_again_and_rejected_ends_at_what_was_done(store: Store) -> None:
    store.items(2)
    store.do(c.AdjustStock("I2", Decimal(50), "STAGE", "opening"))
    store.do(c.SetApprovalRule("delivery", quantity_min=Decimal(20)))

    def version(number: int, quantity: int, document: str = "D") -> None:
        line = c.CanonicalLine(1, "I2", Decimal(quantity))
        store.do(c.TakeDocument("erp", document, number, "delivery", document, (line,)))

    version(1, 12)
    store.do(c.FulfilLine("delivery", "D", 1, Decimal(2), "STAGE"))
    store.do(c.AllocateLine("delivery", "D", 1))
    assert store.one("select sum(reserved) from balance") == 10
    version(2, 8)  # less is asked for than is reserved
    assert store.one("select sum(reserved) from balance") == 6
    version(3, 30)
    assert _status(store, "D") == ["approval"]
    assert answer(store, c.CancelDocument("delivery", "D")) == ("wrong_state", "number")
    assert store.do(c.CloseDocument("delivery", "D"))["short"] == [{"line_no": 1, "item": "I2", "missing": "28"}]
    assert store.one("select sum(reserved) from balance") == 0
    # One that asks for no more than has moved when it is approved is complete.
    version(1, 12, "E")
    store.do(c.FulfilLine("delivery", "E", 1, Decimal(2), "STAGE"))
    version(2, 30, "E")
    version(3, 2, "E")
    assert _as(store, "manager", c.ApproveDocument("delivery", "E")) == ("done", "")
    assert _status(store, "E") == ["complete"]
    # One that has not moved is cancelled, not closed.
    store.do(c.CreateDocument("delivery", "F", (c.LineSpec("I2", Decimal(5)),), needs_approval=True))
    assert answer(store, c.CloseDocument("delivery", "F")) == ("wrong_state", "number")


def test_a_difference_that_a_count_found_is_an_adjustment_like_any_other(store: Store) -> None:
    store.items(2)
    store.do(c.AdjustStock("I2", Decimal(50), "STAGE", "opening"))
    store.do(c.SetApprovalRule("adjustment", quantity_min=Decimal(2)))
    start = c.StartCount("C", ("STAGE",), tolerance_quantity=Decimal(5))
    store.do(start)
    assert _as(store, "first counter", c.EnterCount("C", Decimal(40), 1)) == ("done", "")
    store.do(c.EnterCount("C", Decimal(47), 1))
    assert answer(store, c.PostCount("C")) == ("needs_approval", "lines.1")
    for counter in ("clerk", "first counter"):  # whoever counted it, first or last
        assert _as(store, counter, c.PostCount("C", approve=True)) == ("own_request", "lines.1")
    assert _as(store, "manager", c.PostCount("C", approve=True)) == ("done", "")
    assert store.one("select approved_by from count_line") == "manager"
