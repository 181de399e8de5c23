"""Alerts: in hand, and who is told how."""

from api.command_routes.route import DECIDED, NAMED, CommandRoute
from warehouse import commands

ROUTES = (
    CommandRoute(
        commands.AcknowledgeAlert,
        "/v1/alerts/acknowledge",
        "alerts_acknowledge",
        "alerts",
        "Take an alert in hand",
        "Nobody is told of it any more; it stays open until the matter is over.",
        {"alert_id": "0e6c4c7e-3a53-5f8e-9f0c-2b8f5a7d1c11", "note": "a technician is on the way"},
        DECIDED,
    ),
    CommandRoute(
        commands.SetAlertChannel,
        "/v1/alerts/channels",
        "alerts_set_channel",
        "alerts",
        "Make or change a way to tell people",
        "By kind and department, with quiet hours by a clock; what is raised in them comes at their end, in one mail.",
        {
            "name": "night shift",
            "mail_to": ["shift@plant.example"],
            "departments": ["warehouse"],
            "quiet_from": "22:00",
            "quiet_to": "06:00",
            "timezone": "Asia/Shanghai",
            "urgent": ["unexpected_exit"],
        },
        NAMED,
    ),
)
