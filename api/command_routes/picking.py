"""Pick lists and picks."""

from api.command_routes.route import DECIDED, MADE, POSTED, CommandRoute
from warehouse import commands
from warehouse.commands import RefusalCode

ROUTES = (
    CommandRoute(
        commands.CreatePickList,
        "/v1/pick-lists",
        "pick_lists_create",
        "documents",
        "Create a pick list",
        "What is reserved for the documents and on no other list, place after place.",
        {"number": "P-1001", "documents": [{"kind": "delivery", "number": "DN-1001"}], "stage": "STAGE-OUT"},
        (*MADE, RefusalCode.WRONG_STATE),
    ),
    CommandRoute(
        commands.ConfirmPick,
        "/v1/pick-lists/confirm",
        "pick_lists_confirm",
        "documents",
        "Confirm a pick by scan",
        "Another place, lot, serial, unit or tag than the line names is refused with the reason. `short` reports what "
        "is not there.",
        {"number": "P-1001", "line_no": 1, "quantity": "4", "location": "RACK-1-03", "lot": "L-2026-014"},
        (*POSTED, RefusalCode.OVER, RefusalCode.WRONG_GOODS),
    ),
    CommandRoute(
        commands.CancelPickList,
        "/v1/pick-lists/cancel",
        "pick_lists_cancel",
        "documents",
        "Cancel a pick list",
        "What is not picked stays reserved and can go on another list.",
        {"number": "P-1001", "reason": "picker is ill"},
        DECIDED,
    ),
)
