"""Items, lots, locations."""

from api.command_routes.route import DECIDED, MADE, CommandRoute
from warehouse import commands

ROUTES = (
    CommandRoute(
        commands.CreateItem,
        "/v1/items",
        "items_create",
        "stock",
        "Create an item",
        "`decimals` is the scale of its base unit; `inspect` sends receipts to inspection first.",
        {"code": "A-100", "name": "Bearing 6204", "gtin": "09506000134352", "tracking": "lot", "unit": "pc"},
        MADE,
    ),
    CommandRoute(
        commands.CreateLot,
        "/v1/lots",
        "lots_create",
        "stock",
        "Create a lot of an item",
        "For items tracked by lot; the code is unique within the item.",
        {"item": "A-100", "code": "L-2026-014", "expires_on": "2027-03-31", "supplier_lot": "77120"},
        MADE,
    ),
    CommandRoute(
        commands.BlockLot,
        "/v1/lots/block",
        "lots_block",
        "stock",
        "Block a lot everywhere, or lift the block",
        "A recall: nothing of the lot is issued any more, wherever it is. The answer lists where it is and who has it.",
        {"item": "A-100", "lot": "L-2026-014", "blocked": True, "reason": "recall 2026-3"},
        DECIDED,
    ),
    CommandRoute(
        commands.CreateLocation,
        "/v1/locations",
        "locations_create",
        "places",
        "Create a location, or describe one that was only seen so far",
        "A zone or bin that stock can be in, or a place outside.",
        {"code": "RACK-1-03", "name": "Rack 1, bin 3", "kind": "internal", "level": "bin", "parent": "RACK-1"},
        MADE,
    ),
)
