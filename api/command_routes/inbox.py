"""Documents of other systems."""

from api.command_routes.route import MADE, CommandRoute
from warehouse import commands
from warehouse.commands import RefusalCode

ROUTES = (
    CommandRoute(
        commands.TakeDocument,
        "/v1/inbox/documents",
        "inbox_take",
        "inbox",
        "The newest state of another system's document",
        "Made, changed or cancelled by the sender's own id and version. The same version again is the same message, an "
        "older one is refused. Codes we do not know put it into quarantine (`state`), with every reason (`problems`); "
        "the version before it stays in force until it is repaired.",
        {
            "source": "erp",
            "external_id": "0000004711",
            "version": 3,
            "kind": "purchase_receipt",
            "number": "PO-4711",
            "partner": "Supplier Ltd",
            "lines": [{"line_no": 10, "item": "A-100", "quantity": "48"}],
        },
        (*MADE, RefusalCode.WRONG_STATE, RefusalCode.OLDER_VERSION),
    ),
    CommandRoute(
        commands.RepairMessage,
        "/v1/inbox/repair",
        "inbox_repair",
        "inbox",
        "Try a quarantined message again",
        "After what it names was made, or with what the sender's codes are with us; these stay mapped for this sender.",
        {
            "message_id": "0e6c4c7e-3a53-5f8e-9f0c-2b8f5a7d1c11",
            "codes": [{"field": "item", "theirs": "MAT-1", "ours": "A-100"}],
        },
        (*MADE, RefusalCode.WRONG_STATE, RefusalCode.OLDER_VERSION),
    ),
)
