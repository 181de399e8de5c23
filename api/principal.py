"""Who calls, and what they may do.

The rule is one function of method and path, used both to decide and to document, so that a route that nobody thought of
is closed: everything needs a key or a token unless it is listed as open. Commands are decided by the warehouse itself,
inside their transaction, where refusals are audited too; the gate only lets nobody through whom it does not know.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from api.command_routes import COMMANDS
from warehouse.commands import Permission, Rights


@dataclass(frozen=True, slots=True)
class Principal:
    """Who holds a key, or is signed in. `actor` is who the books name for their commands.

    `device` is the device of the key or session, if any. A person whose password is a one-time one `must_change` it.
    """

    actor: str
    key_id: str
    rights: Rights
    device: str = ""
    session_id: UUID | None = None
    must_change: bool = False


OPEN_PATHS = frozenset(
    {
        "/",
        "/livez",
        "/readyz",
        "/docs",
        "/docs/oauth2-redirect",
        "/redoc",
        "/openapi.json",
        "/v1/token",
        "/v1/token/revoke",
    }
)
OPEN_PREFIXES = ("/static-offline-docs/", "/problems/", "/v1/callbacks/")  # callbacks are signed

# What reading and doing need below a path that is no command. Reading anything else needs `read`; doing something that
# is not listed needs what nobody has by accident.
_PREFIXES = (
    ("/v1/dead-letters", Permission.DEAD_LETTER, Permission.DEAD_LETTER),
    ("/v1/readers", Permission.READ, Permission.PUSH),
    ("/v1/imports", Permission.READ, Permission.IMPORT),
    ("/v1/reports", Permission.READ, Permission.READ),
    ("/v1/webhooks", Permission.CONFIGURE, Permission.CONFIGURE),
    ("/v1/audit", Permission.AUDIT, Permission.AUDIT),
    ("/v1/users", Permission.USERS, Permission.USERS),
    ("/v1/keys", Permission.KEYS, Permission.KEYS),
    ("/v1/alerts/channels", Permission.CONFIGURE, Permission.CONFIGURE),
    ("/v1/callback-systems", Permission.CONFIGURE, Permission.CONFIGURE),
)
_PREFIXED = tuple(prefix for prefix, _, _ in _PREFIXES)
# What can be answered within warehouses. Anything else is about all of them at once (values, reports, files, what
# other systems sent), and whoever may read only within some is refused: also on a route that nobody thought of.
_BY_WAREHOUSE = (
    "/v1/alerts", "/v1/approval-rules", "/v1/boms", "/v1/categories", "/v1/counts", "/v1/discrepancies",
    "/v1/document-kinds", "/v1/documents", "/v1/feed", "/v1/handling-units", "/v1/inspections", "/v1/items",
    "/v1/label-templates", "/v1/locations", "/v1/lots", "/v1/movements", "/v1/partners", "/v1/passages",
    "/v1/periods", "/v1/pick-lists", "/v1/portals", "/v1/print-jobs", "/v1/printers", "/v1/putaway-rules",
    "/v1/readers", "/v1/removal-rules", "/v1/replenishments", "/v1/reservations", "/v1/roles", "/v1/serials",
    "/v1/stock", "/v1/stock-snapshot", "/v1/storage-places", "/v1/tags", "/v1/tasks", "/v1/vehicles",
    "/v1/vocabulary", "/v1/weighings", "/v1/work-orders", "/v1/zones",
)  # fmt: skip
# What is of the whole site: promises name documents of every warehouse.
_NOT_BY_WAREHOUSE = ("/v1/stock/value", "/v1/stock/promises", "/v1/alerts/channels")
# About the caller: whoever is known may ask.
_OWN = ("/v1/me", "/v1/me/password", "/v1/feed/tickets")
_COMMANDS = {route.path: route.command for route in COMMANDS}


def is_open(path: str) -> bool:
    """Whether anybody may ask."""
    return path in OPEN_PATHS or path.startswith(OPEN_PREFIXES)


def is_command(method: str, path: str) -> bool:
    """Whether the warehouse decides."""
    return method == "POST" and path in _COMMANDS


def is_own(path: str) -> bool:
    """Whether it is about the caller: anybody who is known may ask."""
    return path in _OWN


def required_permission(method: str, path: str) -> Permission | None:
    """What a request that is not open needs at least; None when being known is enough."""
    if is_own(path):
        return None
    if is_command(method, path):
        return _COMMANDS[path].NEEDS
    reads = method in ("GET", "HEAD", "OPTIONS")
    if path.startswith(_PREFIXED):  # few are, and one call tells
        for prefix, reading, doing in _PREFIXES:
            if path.startswith(prefix):
                return reading if reads else doing
    return Permission.READ if reads else Permission.CONFIGURE


def is_by_warehouse(method: str, path: str) -> bool:
    """Whether somebody who may read only within warehouses is answered, from these alone."""
    return method in ("GET", "HEAD", "OPTIONS") and _below(path, _BY_WAREHOUSE) and not _below(path, _NOT_BY_WAREHOUSE)


def may_call(who: Principal, method: str, path: str) -> bool:
    """Whether the gate lets them through, and the warehouse could: what a page shows or hides a button by."""
    if is_open(path) or is_own(path):
        return True
    needed = required_permission(method, path)
    if who.must_change or (needed is not None and not who.rights.may(needed)):
        return False
    return (
        is_command(method, path)
        or needed is None
        or who.rights.warehouses(needed) is None
        or is_by_warehouse(method, path)
    )


def _below(path: str, prefixes: tuple[str, ...]) -> bool:
    return any(path == prefix or path.startswith(f"{prefix}/") for prefix in prefixes)


def permissions_by_field(method: str, path: str) -> dict[str, Permission]:
    """What a command needs beside that when it has a field set."""
    if not is_command(method, path):
        return {}
    command = _COMMANDS[path]
    fields = {
        name: permission for name, permission in command.NEEDS_FOR.items() if name in command.__dataclass_fields__
    }
    if "effective_at" in command.__dataclass_fields__:
        fields["effective_at"] = Permission.BACK_DATE
    return fields


def principal_of(scope: Mapping[str, Any]) -> Principal:
    """Who sent the request; the gate put it there."""
    principal = scope["state"]["principal"]
    assert isinstance(principal, Principal)
    return principal
