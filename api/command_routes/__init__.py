"""Every command of the warehouse: where it is sent, what it is called, one example, and how it can be refused.

One module a topic; a new command is a row in one of them.
"""

from api.command_routes import (
    alerts,
    counts,
    documents,
    imports,
    inbox,
    master_data,
    people,
    picking,
    production,
    receipts,
    replenishment,
    signals,
    stock,
    tag_life,
    tags,
    tasks,
    units,
    value,
)
from api.command_routes.route import CommandRoute

COMMANDS: tuple[CommandRoute, ...] = (
    *master_data.ROUTES,
    *tags.ROUTES,
    *documents.ROUTES,
    *receipts.ROUTES,
    *production.ROUTES,
    *picking.ROUTES,
    *units.ROUTES,
    *tag_life.ROUTES,
    *stock.ROUTES,
    *value.ROUTES,
    *counts.ROUTES,
    *replenishment.ROUTES,
    *signals.ROUTES,
    *tasks.ROUTES,
    *imports.ROUTES,
    *alerts.ROUTES,
    *inbox.ROUTES,
    *people.ROUTES,
)

__all__ = ["COMMANDS", "CommandRoute"]
