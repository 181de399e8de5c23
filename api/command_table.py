"""Every command of the warehouse: where it is sent, what it is called, one example, and how it can be refused."""

from dataclasses import dataclass
from typing import Any

from warehouse import commands
from warehouse.commands import RefusalCode
from warehouse.ledger import LedgerRefusal

_NAMED = (RefusalCode.INVALID, RefusalCode.NOT_FOUND)
_MADE = (*_NAMED, RefusalCode.EXISTS)
_DECIDED = (*_NAMED, RefusalCode.WRONG_STATE)
_POSTED = (*_DECIDED, *LedgerRefusal)


@dataclass(frozen=True, slots=True)
class CommandRoute:
    """One operation. `refusals` are the domain's codes it can answer with."""

    command: type
    path: str
    operation_id: str
    tag: str
    summary: str
    description: str
    example: dict[str, Any]
    refusals: tuple[str, ...]


COMMANDS = (
    CommandRoute(
        commands.CreateItem,
        "/v1/items",
        "items_create",
        "stock",
        "Create an item",
        "`decimals` is the scale of its base unit; `inspect` sends receipts to inspection first.",
        {"code": "A-100", "name": "Bearing 6204", "gtin": "09506000134352", "tracking": "lot", "unit": "pc"},
        _MADE,
    ),
    CommandRoute(
        commands.CreateLot,
        "/v1/lots",
        "lots_create",
        "stock",
        "Create a lot of an item",
        "For items tracked by lot; the code is unique within the item.",
        {"item": "A-100", "code": "L-2026-014", "expires_on": "2027-03-31", "supplier_lot": "77120"},
        _MADE,
    ),
    CommandRoute(
        commands.BlockLot,
        "/v1/lots/block",
        "lots_block",
        "stock",
        "Block a lot everywhere, or lift the block",
        "A recall: nothing of the lot is issued any more, wherever it is. The answer lists where it is and who has it.",
        {"item": "A-100", "lot": "L-2026-014", "blocked": True, "reason": "recall 2026-3"},
        _DECIDED,
    ),
    CommandRoute(
        commands.CreateLocation,
        "/v1/locations",
        "locations_create",
        "places",
        "Create a location, or describe one that was only seen so far",
        "A zone or bin that stock can be in, or a place outside.",
        {"code": "RACK-1-03", "name": "Rack 1, bin 3", "kind": "internal", "level": "bin", "parent": "RACK-1"},
        _MADE,
    ),
    CommandRoute(
        commands.RegisterTags,
        "/v1/tags",
        "tags_register",
        "tags",
        "Say what EPCs stand for",
        "Each for a quantity of an item, of a lot, or for one serial.",
        {"tags": [{"epc": "3034257BF7194E4000001A85", "item": "A-100", "lot": "L-2026-014", "quantity": 1}]},
        _MADE,
    ),
    CommandRoute(
        commands.RetireTag,
        "/v1/tags/retire",
        "tags_retire",
        "tags",
        "Retire a tag",
        "It stays in the history, and stands for nothing any more.",
        {"epc": "3034257BF7194E4000001A85", "reason": "torn off"},
        _DECIDED,
    ),
    CommandRoute(
        commands.CreateHandlingUnit,
        "/v1/handling-units",
        "handling_units_create",
        "stock",
        "Create a pallet, carton or tote with its packing list",
        "`code` is its SSCC, GRAI or GIAI; by default what `epc` says.",
        {"epc": "3114257BF4499602D2000000", "kind": "pallet", "contents": [{"epc": "3034257BF7194E4000001A85"}]},
        _MADE,
    ),
    CommandRoute(
        commands.CreateDocument,
        "/v1/documents",
        "documents_create",
        "documents",
        "Create a document",
        "Its lines say what is expected; `epcs` announces tags and handling units; `door` the portal, empty for any.",
        {
            "kind": "purchase_receipt",
            "number": "ASN-1001",
            "partner": "Supplier Ltd",
            "door": "door-1",
            "lines": [{"item": "A-100", "quantity": "48", "lot": "L-2026-014"}],
        },
        (*_MADE, LedgerRefusal.QUANTITY_SCALE, LedgerRefusal.QUANTITY_NOT_POSITIVE),
    ),
    CommandRoute(
        commands.CancelDocument,
        "/v1/documents/cancel",
        "documents_cancel",
        "documents",
        "Cancel a document",
        "Only while nothing of it was fulfilled.",
        {"kind": "purchase_receipt", "number": "ASN-1001", "reason": "ordered twice"},
        _DECIDED,
    ),
    CommandRoute(
        commands.CloseDocument,
        "/v1/documents/close",
        "documents_close",
        "documents",
        "Close a document",
        "No more is coming or going; what is missing is reported as short.",
        {"kind": "purchase_receipt", "number": "ASN-1001"},
        _DECIDED,
    ),
    CommandRoute(
        commands.FulfilLine,
        "/v1/documents/fulfil",
        "documents_fulfil",
        "documents",
        "Receive or issue on a line by hand",
        "`location` is where goods come to or leave from.",
        {
            "kind": "purchase_receipt",
            "number": "ASN-1001",
            "line_no": 1,
            "quantity": "12",
            "location": "hall-a",
            "lot": "L-2026-014",
        },
        _POSTED,
    ),
    CommandRoute(
        commands.ResolveDiscrepancy,
        "/v1/discrepancies/resolve",
        "discrepancies_resolve",
        "discrepancies",
        "Decide a discrepancy",
        "`post` posts the movements it holds, `dismiss` drops them.",
        {"discrepancy_id": "0e6c4c7e-3a53-5f8e-9f0c-2b8f5a7d1c11", "resolution": "dismiss", "note": "counted by hand"},
        _POSTED,
    ),
    CommandRoute(
        commands.MoveStock,
        "/v1/stock/move",
        "stock_move",
        "stock",
        "Move stock, or change its status",
        "From bin to bin, from one status to another (`to_status`), or both.",
        {"item": "A-100", "quantity": "4", "source": "hall-a", "target": "RACK-1-03", "lot": "L-2026-014"},
        _POSTED,
    ),
    CommandRoute(
        commands.AdjustStock,
        "/v1/stock/adjust",
        "stock_adjust",
        "stock",
        "Add or take a difference found",
        "Positive adds, negative takes; the other side is the place `ADJUSTMENT`.",
        {"item": "A-100", "difference": "-1", "location": "RACK-1-03", "lot": "L-2026-014", "reason": "broken"},
        _POSTED,
    ),
    CommandRoute(
        commands.ReverseMovement,
        "/v1/movements/reverse",
        "movements_reverse",
        "movements",
        "Reverse a movement",
        "The whole row, dated now; history is never rewritten.",
        {"move_id": "5a3f0f53-5dd8-5b05-9c61-7b3a24b9e0aa", "reason": "wrong lot"},
        _POSTED,
    ),
    CommandRoute(
        commands.ClosePeriod,
        "/v1/periods/close",
        "periods_close",
        "movements",
        "Close the books through a day",
        "Nothing more is posted on or before it. Refused while an unsettled discrepancy lies in it.",
        {"through": "2026-02-28"},
        _DECIDED,
    ),
    CommandRoute(
        commands.ReserveStock,
        "/v1/reservations",
        "reservations_create",
        "stock",
        "Reserve stock",
        "On one balance, for a holder, maybe for a document line, until `expires_at`.",
        {"item": "A-100", "quantity": "2", "location": "RACK-1-03", "lot": "L-2026-014", "holder": "order 4711"},
        _POSTED,
    ),
    CommandRoute(
        commands.ReleaseReservation,
        "/v1/reservations/release",
        "reservations_release",
        "stock",
        "Release a reservation",
        "What it held is available again.",
        {"reservation_id": "5a3f0f53-5dd8-5b05-9c61-7b3a24b9e0aa"},
        _DECIDED,
    ),
)
