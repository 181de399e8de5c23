"""Counting."""

from api.command_routes.route import DECIDED, MADE, POSTED, CommandRoute
from warehouse import commands
from warehouse.commands import RefusalCode

ROUTES = (
    CommandRoute(
        commands.StartCount,
        "/v1/counts",
        "counts_start",
        "stock",
        "Start a count",
        "A line for each balance in the places, of the items; the store keeps moving meanwhile.",
        {"number": "C-2026-07", "locations": ["RACK-1"], "tolerance_percent": "2"},
        MADE,
    ),
    CommandRoute(
        commands.EnterCount,
        "/v1/counts/enter",
        "counts_enter",
        "stock",
        "Enter what was counted",
        "On a line of the sheet, or stock found beside it. Entering a line again is a recount.",
        {"number": "C-2026-07", "line_no": 1, "quantity": "17"},
        DECIDED,
    ),
    CommandRoute(
        commands.SweepCount,
        "/v1/counts/sweep",
        "counts_sweep",
        "stock",
        "Count a place by the tags seen there",
        "Lines of items with tags get what was seen; tags that the books have elsewhere make lines of their own.",
        {"number": "C-2026-07", "location": "RACK-1"},
        DECIDED,
    ),
    CommandRoute(
        commands.PostCount,
        "/v1/counts/post",
        "counts_post",
        "stock",
        "Post a count",
        "Posts the differences, all lines or none.",
        {"number": "C-2026-07", "keep_count": False, "approve": True, "reason": "damaged in the rack"},
        (
            *POSTED,
            RefusalCode.COUNT_CONFLICT,
            RefusalCode.RECOUNT_NEEDED,
            RefusalCode.BEYOND_TOLERANCE,
            RefusalCode.OWN_REQUEST,
            RefusalCode.NEEDS_APPROVAL,
        ),
    ),
    CommandRoute(
        commands.CancelCount,
        "/v1/counts/cancel",
        "counts_cancel",
        "stock",
        "Cancel a count",
        "Nothing of it is posted.",
        {"number": "C-2026-07", "reason": "wrong rack"},
        DECIDED,
    ),
)
