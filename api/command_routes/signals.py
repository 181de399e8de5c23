"""What people order a door to show."""

from api.command_routes.route import NAMED, CommandRoute
from warehouse import commands

ROUTES = (
    CommandRoute(
        commands.OverrideSignal,
        "/v1/portals/override",
        "portals_override",
        "portals",
        "Decide what a door shows",
        "Light and interlock follow at once, for `for_s` seconds (8 hours at most); without `colour` the door decides"
        " again. Who ordered it and why goes into the audit log.",
        {"portal": "door-1", "colour": "green", "for_s": 120, "reason": "paper checked by hand, ASN comes tomorrow"},
        NAMED,
    ),
)
