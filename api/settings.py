"""What a site has set, to read: the lists behind the commands that set it."""

from datetime import date
from typing import Any

from fastapi import APIRouter

from api.listing import add_list
from api.paging import Paging
from api.postgres.pool import Pool
from warehouse.postgres.queries import settings as stored

# Path, operation, summary, how it is ordered, row, key.
_LISTS: tuple[tuple[str, str, str, str, type[Any], str], ...] = (
    ("/document-kinds", "document_kinds_list", "Kinds of documents", "By kind.", stored.DocumentKindView, "kind"),
    ("/putaway-rules", "putaway_rules_list", "Where receipts go", "By name.", stored.PutawayRuleView, "name"),
    (
        "/removal-rules",
        "removal_rules_list",
        "Which stock is taken first",
        "By what it is for.",
        stored.RemovalRuleView,
        "key",
    ),
    ("/storage-places", "storage_places_list", "What places take", "By location.", stored.StoragePlace, "location"),
    ("/lots/patterns", "lots_patterns_list", "How lots are numbered", "By key.", stored.LotPatternView, "key"),
    (
        "/inspections/plans",
        "inspections_plans_list",
        "How receipts are inspected",
        "By what it is for.",
        stored.InspectionPlanView,
        "key",
    ),
    (
        "/count-tolerances",
        "count_tolerances_list",
        "Which differences pass",
        "By location.",
        stored.CountToleranceView,
        "location",
    ),
    (
        "/stock/alerts/routes",
        "stock_alerts_routes_list",
        "Whom stock alerts are for",
        "By kind.",
        stored.AlertRouteView,
        "kind",
    ),
    (
        "/alerts/channels",
        "alerts_channels_list",
        "Who is mailed about what",
        "By name.",
        stored.AlertChannelView,
        "name",
    ),
    ("/number-pools", "number_pools_list", "Numbers for new tags", "By name.", stored.NumberPoolView, "name"),
    ("/printers", "printers_list", "Label printers", "By name.", stored.PrinterView, "name"),
    ("/label-templates", "label_templates_list", "What labels look like", "By name.", stored.LabelTemplateView, "name"),
    (
        "/callback-systems",
        "callbacks_systems_list",
        "Systems that approve by callback",
        "By name; never their secrets.",
        stored.CallbackSystem,
        "name",
    ),
    ("/periods", "periods_list", "Periods that were closed", "Oldest first.", stored.PeriodClose, "closed_through"),
)


def router(pool: Pool) -> APIRouter:
    """All of them, one shape."""
    routes = APIRouter(prefix="/v1", tags=["settings"])
    for path, operation_id, summary, order, row_type, key in _LISTS:

        async def read(conn: Any, after: Any, take: Any, _query: Any, row_type: type[Any] = row_type) -> list[Any]:
            return await stored.settings(conn, row_type, after[0] if after else None, take)

        position = (date if key == "closed_through" else str,)
        add_list(routes, pool, path, operation_id, summary, order, Paging, row_type, position, (key,), read)
    add_list(
        routes,
        pool,
        "/inbox/aliases",
        "inbox_aliases_list",
        "What other systems call what is ours",
        "By system, field and their word.",
        Paging,
        stored.CodeAlias,
        (str, str, str),
        ("source", "field", "theirs"),
        lambda conn, after, take, query: stored.code_aliases(conn, after, take),
    )
    return routes
