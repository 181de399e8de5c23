"""How lots are numbered, what is inspected, receiving and issuing by scan."""

from api.command_routes.route import DECIDED, NAMED, POSTED, CommandRoute
from warehouse import commands
from warehouse.commands import RefusalCode

ROUTES = (
    CommandRoute(
        commands.SetLotPattern,
        "/v1/lots/patterns",
        "lots_pattern_set",
        "stock",
        "Say how lots are numbered",
        "For an item, a category, or everything else. `{supplier}` keeps the supplier's number; an empty pattern takes "
        "it away.",
        {"pattern": "{item}-{YY}{MM}{DD}-{seq:4}", "category": "bearings", "time_zone": "Asia/Shanghai"},
        NAMED,
    ),
    CommandRoute(
        commands.AssignLots,
        "/v1/documents/assign-lots",
        "documents_assign_lots",
        "documents",
        "Number the lots of a receipt",
        "Every lot-tracked line that names no lot gets its own, before its tags are printed.",
        {"kind": "purchase_receipt", "number": "ASN-1001"},
        (*DECIDED, RefusalCode.EXISTS),
    ),
    CommandRoute(
        commands.SetInspectionPlan,
        "/v1/inspections/plans",
        "inspections_plan_set",
        "stock",
        "Say what is inspected on receipt",
        "Nothing, every piece, or a sample by ISO 2859-1 (single, normal); with the limits of each characteristic.",
        {
            "mode": "sample",
            "item": "A-100",
            "level": "II",
            "aql": "1.0",
            "characteristics": [{"name": "diameter", "lower": "19.95", "upper": "20.05", "unit": "mm"}],
        },
        NAMED,
    ),
    CommandRoute(
        commands.ScanDocument,
        "/v1/documents/scan",
        "documents_scan",
        "documents",
        "Receive or issue what was scanned",
        "The posting a portal would make, on one document, all or nothing: one tag that does not fit refuses the scan.",
        {
            "kind": "purchase_receipt",
            "number": "ASN-1001",
            "epcs": ["3034257BF7194E4000001A85"],
            "location": "hall-a",
        },
        (*POSTED, RefusalCode.WRONG_GOODS),
    ),
)
