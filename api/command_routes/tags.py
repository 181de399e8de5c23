"""Tags and handling units."""

from api.command_routes.route import DECIDED, MADE, NAMED, CommandRoute
from warehouse import commands

ROUTES = (
    CommandRoute(
        commands.RegisterTags,
        "/v1/tags",
        "tags_register",
        "tags",
        "Say what EPCs stand for",
        "Each for a quantity of an item, of a lot, or for one serial.",
        {"tags": [{"epc": "3034257BF7194E4000001A85", "item": "A-100", "lot": "L-2026-014", "quantity": 1}]},
        MADE,
    ),
    CommandRoute(
        commands.RetireTag,
        "/v1/tags/retire",
        "tags_retire",
        "tags",
        "Retire a tag",
        "It stays in the history, and stands for nothing any more.",
        {"epc": "3034257BF7194E4000001A85", "reason": "torn off"},
        DECIDED,
    ),
    CommandRoute(
        commands.CreateHandlingUnit,
        "/v1/handling-units",
        "handling_units_create",
        "stock",
        "Create a pallet, carton or tote with its packing list",
        "`code` is its SSCC, GRAI or GIAI; by default what `epc` says.",
        {"epc": "3114257BF4499602D2000000", "kind": "pallet", "contents": [{"epc": "3034257BF7194E4000001A85"}]},
        MADE,
    ),
    CommandRoute(
        commands.SeeHere,
        "/v1/tags/seen",
        "tags_seen",
        "tags",
        "Say what a handheld saw at a place",
        "Tags by EPC, units and single pieces by their barcodes as scanned. The newest sight counts, whatever the "
        "books say; units that these have elsewhere are named in the answer. `X-Device` says which handheld.",
        {"location": "A-01-03", "epcs": ["3034257BF7194E4000001A85"], "barcodes": ["]C100106141411234567897"]},
        NAMED,
    ),
)
