"""Handling units repacked and nested; lots split and merged."""

from api.command_routes.route import DECIDED, POSTED, CommandRoute
from warehouse import commands

ROUTES = (
    CommandRoute(
        commands.Repack,
        "/v1/handling-units/repack",
        "handling_units_repack",
        "stock",
        "Pack, unpack or repack",
        "Contents go from a unit or loose stock into another unit or loose, at one place; lists and books together.",
        {
            "location": "hall-a",
            "target_unit": "106141412345678908",
            "contents": [{"epc": "3034257BF7194E4000001A85"}, {"item": "A-100", "lot": "L-2026-014", "quantity": "4"}],
        },
        POSTED,
    ),
    CommandRoute(
        commands.NestUnit,
        "/v1/handling-units/nest",
        "handling_units_nest",
        "stock",
        "Put a handling unit into another, or take it off",
        "Each keeps what is its own; without `parent` it stands by itself again.",
        {"unit": "106141412345678908", "parent": "106141412345678915"},
        DECIDED,
    ),
    CommandRoute(
        commands.ConvertStock,
        "/v1/stock/convert",
        "stock_convert",
        "stock",
        "Split or merge lots, or repack goods into another item",
        "Traced both ways. A split or merge keeps the item and the quantity.",
        {
            "conversion": "split",
            "inputs": [{"item": "A-100", "lot": "L-2026-014", "quantity": "10", "location": "hall-a"}],
            "outputs": [
                {"item": "A-100", "lot": "L-2026-014-A", "quantity": "6", "location": "hall-a"},
                {"item": "A-100", "lot": "L-2026-014-B", "quantity": "4", "location": "hall-a"},
            ],
        },
        POSTED,
    ),
)
