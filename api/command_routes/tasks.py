"""Transport tasks, and what says where goods are put."""

from api.command_routes.route import DECIDED, NAMED, POSTED, CommandRoute
from warehouse import commands
from warehouse.commands import RefusalCode
from warehouse.ledger import LedgerRefusal

_TASK = "0e6c4c7e-3a53-5f8e-9f0c-2b8f5a7d1c11"
_HELD = (RefusalCode.OVERTAKEN, RefusalCode.NOT_YOURS, RefusalCode.WRONG_GOODS)

ROUTES = (
    CommandRoute(
        commands.DescribeStorage,
        "/v1/locations/storage",
        "locations_describe_storage",
        "places",
        "Say what a place takes when goods are put away",
        "Its limits; what is left out is no limit. Only such places are chosen by put-away rules.",
        {"location": "RACK-1-03", "units_max": 1, "weight_max_kg": "1200", "single_item": True},
        NAMED,
    ),
    CommandRoute(
        commands.SetPutawayRule,
        "/v1/putaway-rules",
        "putaway_rules_set",
        "tasks",
        "Make or replace a put-away rule",
        "Which goods are put where: by item, category, kind of handling unit and where they came in. `unit_kind`"
        " `loose` is for goods that stand in none; only such rules make tasks for them.",
        {"name": "pallets to rack 1", "target": "RACK-1", "unit_kind": "pallet", "priority": 10},
        NAMED,
    ),
    CommandRoute(
        commands.CreateTask,
        "/v1/tasks",
        "tasks_create",
        "tasks",
        "Have a handling unit or loose goods brought somewhere",
        "To `target`, or without one to where the put-away rules say. A unit has one task at a time. Of loose goods"
        " name `item`, `source` and what else tells them apart, in place of `unit`.",
        {"unit": "006141410000000015", "target": "RACK-1-03", "priority": 5},
        (*NAMED, RefusalCode.EXISTS, RefusalCode.NO_ROOM, LedgerRefusal.NOT_ENOUGH),
    ),
    CommandRoute(
        commands.ClaimTask,
        "/v1/tasks/claim",
        "tasks_claim",
        "tasks",
        "Take a task",
        "This one, or the most urgent open one (`task` is null when there is none, or its goods have left). Of many who"
        " ask, one gets it. Handling units are given out unless `takes` names `goods`."
        " A claim that reports nothing for `lease_s` lapses and the task comes back; 0 never lapses.",
        {"owner": "agv-7", "lease_s": 120},
        (*DECIDED, RefusalCode.OVERTAKEN),
    ),
    CommandRoute(
        commands.ReportTask,
        "/v1/tasks/progress",
        "tasks_report",
        "tasks",
        "Say how far a task is",
        "`accepted` when work has begun, `picked` when the load is on the vehicle, which is its place from then on."
        " Either keeps the claim alive. Of loose goods less may be picked (`quantity`, `serials` or `epcs`): the others"
        " are back in the queue as a task of their own, `rest`.",
        {"task_id": _TASK, "attempt": 1, "step": "picked", "vehicle": "agv-7"},
        (*POSTED, *_HELD),
    ),
    CommandRoute(
        commands.FinishTask,
        "/v1/tasks/finish",
        "tasks_finish",
        "tasks",
        "Say that a task is done",
        "The load is at its target, or at the `target` named here. Stock and place move in the same transaction, with"
        " everything in the handling unit. Of loose goods it may be a part: a `quantity`, `serials`, or the goods that"
        " `epcs` are on; those tags move along. What is left is a task of its own, `rest`: in the queue, or after"
        " `picked` with whoever carries it, for another place.",
        {"task_id": _TASK, "attempt": 1},
        (*POSTED, *_HELD),
    ),
    CommandRoute(
        commands.FailTask,
        "/v1/tasks/fail",
        "tasks_fail",
        "tasks",
        "Say that a task did not work, and why",
        "With the load still at its source the task comes back to the queue, else it waits for a person.",
        {"task_id": _TASK, "attempt": 1, "reason": "blocked_path", "load": "source", "detail": "aisle 3 is closed"},
        (*POSTED, *_HELD[:2]),
    ),
    CommandRoute(
        commands.ReleaseTask,
        "/v1/tasks/release",
        "tasks_release",
        "tasks",
        "Put a claimed or failed task back into the queue",
        "`location` says where its load is, if not where it was.",
        {"task_id": _TASK, "reason": "truck is free again", "location": "hall-a"},
        (*POSTED, RefusalCode.EXISTS, RefusalCode.NO_ROOM),
    ),
    CommandRoute(
        commands.ReassignTask,
        "/v1/tasks/reassign",
        "tasks_reassign",
        "tasks",
        "Give a task to somebody else",
        "Whoever had it hears that it is overtaken. Not once its load was picked up.",
        {"task_id": _TASK, "owner": "anna"},
        DECIDED,
    ),
    CommandRoute(
        commands.CancelTask,
        "/v1/tasks/cancel",
        "tasks_cancel",
        "tasks",
        "Cancel a task",
        "Of a load that was picked up, `location` must say where it is.",
        {"task_id": _TASK, "reason": "goes out at once"},
        POSTED,
    ),
    CommandRoute(
        commands.LapseTask,
        "/v1/tasks/lapse",
        "tasks_lapse",
        "tasks",
        "Take a task back from a claim that is silent",
        "Unless something was heard after event `beat`. The service does this by itself when a lease ends; and with an"
        " open task whose loose goods have left, which is then about what is there, or cancelled.",
        {"task_id": _TASK, "beat": 3},
        DECIDED,
    ),
)
