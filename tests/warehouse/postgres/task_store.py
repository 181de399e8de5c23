"""A store with racks and put-away rules, and pallets that come in, for tests of tasks."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from tests.warehouse.postgres.store import Store, open_store
from warehouse.commands import (
    ALL_RIGHTS,
    Actor,
    ClaimTask,
    Command,
    CreateLocation,
    DescribeStorage,
    FinishTask,
    Refusal,
    ReportTask,
    Result,
    SetPutawayRule,
)
from warehouse.loads import Load
from warehouse.postgres.commands import execute
from warehouse.tasks import TaskStep

FLEET = Actor("fleet", "agv-1", ALL_RIGHTS)


@dataclass
class TaskStore:
    """A store whose pallets of item I2 go to the bins of RACK."""

    store: Store

    def bins(self, *codes: str, **limits: Any) -> None:
        for code in codes:
            self.store.do(CreateLocation(code, level="bin", parent="RACK"))
            self.store.do(DescribeStorage(code, **limits))

    def pallet(self, number: int, cartons: int = 3, item: int = 2) -> tuple[str, tuple[str, ...]]:
        """A pallet of an item with tagged cartons: its code, and all EPCs, the pallet's first."""
        epcs = self.store.tags(item, number * 1000, cartons)
        epc = self.store.pallet(number, epcs)
        code = self.store.one("select code from handling_unit join tag using (hu_id) where epc = %s", (epc,))
        return code, (epc, *epcs)

    def receive(self, number: int, cartons: int = 3, item: int = 2, **fields: Any) -> tuple[str, Load]:
        """A pallet announced and through the door D1 into STAGE."""
        code, epcs = self.pallet(number, cartons, item)
        self.store.document("purchase_receipt", f"ASN-{number}", {f"I{item}": cartons}, epcs=epcs)
        load = self.store.load(epcs, **fields)
        self.store.post(load)
        return code, load

    def tasks(self, *states: str) -> list[tuple[str, str, str | None]]:
        """Unit, state and target of the tasks (in these states), in the order they were made."""
        return self.store.conn.execute(
            """select h.code, t.state, l.code from task t join handling_unit h using (hu_id)
               left join location l on l.location_id = t.target_id
               where cardinality(%(states)s::text[]) = 0 or t.state = any(%(states)s) order by t.seq""",
            {"states": list(states)},
        ).fetchall()

    def ask(self, command: Command, actor: Actor = FLEET, event: str | None = None) -> Result | Refusal:
        return execute(self.store.conn, command, actor=actor, source="test", client_event_id=event or str(uuid4()))

    def do(self, command: Command, actor: Actor = FLEET, event: str | None = None) -> dict[str, Any]:
        outcome = self.ask(command, actor, event)
        assert isinstance(outcome, Result), outcome
        return outcome.response

    def refused(self, command: Command, actor: Actor = FLEET) -> tuple[str, str]:
        outcome = self.ask(command, actor)
        assert isinstance(outcome, Refusal), outcome
        return outcome.code, outcome.field

    def claim(self, owner: str = "agv-1", actor: Actor = FLEET, **fields: Any) -> dict[str, Any]:
        task: dict[str, Any] = self.do(ClaimTask(owner=owner, **fields), actor)["task"]
        return task

    def put_away(self, owner: str = "agv-1") -> dict[str, Any]:
        """Claim the next task, pick, finish."""
        task = self.claim(owner)
        task_id, attempt = UUID(task["task_id"]), task["attempt"]
        self.do(ReportTask(task_id, attempt, TaskStep.PICKED, vehicle=owner))
        return self.do(FinishTask(task_id, attempt))

    def at(self, unit: str) -> set[str]:
        """Where the books have the unit's stock."""
        rows = self.store.conn.execute(
            """select distinct l.code from balance b join handling_unit h using (hu_id)
               join location l using (location_id) where h.code = %s and b.on_hand > 0""",
            (unit,),
        )
        return {code for (code,) in rows}

    def seen_at(self, epc: str) -> str:
        return str(
            self.store.one("select l.code from tag_location join location l using (location_id) where epc = %s", (epc,))
        )

    def events(self, unit: str) -> list[str]:
        rows = self.store.conn.execute(
            """select e.event from task_event e join task using (task_id) join handling_unit h using (hu_id)
               where h.code = %s order by seq, e.beat""",
            (unit,),
        )
        return [event for (event,) in rows]


def open_task_store(dsn: str, bins: int = 4) -> TaskStore:
    """Bins B1, B2 … of one pallet each."""
    found = TaskStore(open_store(dsn))
    found.store.items(1, 2, 4)
    found.store.do(CreateLocation("RACK", level="zone"))
    found.bins(*(f"B{n}" for n in range(1, bins + 1)), units_max=1)
    found.store.do(SetPutawayRule("pallets", "RACK", unit_kind="pallet"))
    return found
