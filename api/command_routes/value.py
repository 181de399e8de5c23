"""What stock is worth."""

from api.command_routes.route import DECIDED, CommandRoute
from warehouse import commands

ROUTES = (
    CommandRoute(
        commands.SetValuation,
        "/v1/items/valuation",
        "items_valuation_set",
        "stock",
        "Say how an item is valued",
        "By moving average, at standard cost, first in first out or last in first out; what is there is revalued.",
        {"item": "A-100", "valuation": "average", "unit_cost": "2.10", "reason": "opening value"},
        DECIDED,
    ),
    CommandRoute(
        commands.RevalueStock,
        "/v1/stock/revalue",
        "stock_revalue",
        "stock",
        "Revalue stock",
        "What is there is worth `unit_cost` each from now on; the past stays as it was booked.",
        {"item": "A-100", "lot": "L-2026-014", "unit_cost": "1.85", "reason": "market price"},
        DECIDED,
    ),
)
