"""Stock rules, the suggestions that follow from them, and who hears of alerts."""

from api.command_routes.route import DECIDED, MADE, NAMED, CommandRoute
from warehouse import commands
from warehouse.commands import RefusalCode

ROUTES = (
    CommandRoute(
        commands.SetStockRule,
        "/v1/stock/rules",
        "stock_rules_set",
        "stock",
        "Say how much of an item a place should hold",
        "Minimum and maximum, or reorder level and quantity; below `safety` people are told. Replaces what was there.",
        {"item": "A-100", "location": "hall-a", "safety": "10", "minimum": "40", "maximum": "200", "multiple": "48"},
        NAMED,
    ),
    CommandRoute(
        commands.AcceptReplenishment,
        "/v1/replenishments/accept",
        "replenishments_accept",
        "stock",
        "Accept a suggestion",
        "Makes the purchase order, or the transfer from `source`, that brings it.",
        {
            "replenishment_id": "0e6c4c7e-3a53-5f8e-9f0c-2b8f5a7d1c11",
            "number": "PO-1007",
            "partner": "ACME",
            "quantity": "192",
        },
        (*MADE, RefusalCode.WRONG_STATE),
    ),
    CommandRoute(
        commands.DismissReplenishment,
        "/v1/replenishments/dismiss",
        "replenishments_dismiss",
        "stock",
        "Dismiss a suggestion",
        "It comes again when projected stock has changed.",
        {"replenishment_id": "0e6c4c7e-3a53-5f8e-9f0c-2b8f5a7d1c11", "note": "the line is stopped"},
        DECIDED,
    ),
    CommandRoute(
        commands.RouteAlerts,
        "/v1/stock/alerts/route",
        "stock_alerts_route",
        "stock",
        "Say which departments hear of a kind of alert",
        "Of `below_safety`, `dead`, `slow`, `near_expiry`, `expired` or `rule_broken`.",
        {"kind": "near_expiry", "departments": ["sales", "quality"]},
        NAMED,
    ),
)
