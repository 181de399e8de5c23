"""Who calls, and what they may do. Scopes are few until there are users with roles: read, command, admin.

The rule is one function of method and path, used both to decide and to document, so that a route that nobody thought of
is closed: everything needs a key unless it is listed as open.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Scope(StrEnum):
    """What a key may do. None contains another: a key that may do everything carries all three."""

    READ = "read"
    COMMAND = "command"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Principal:
    """The holder of a key. `actor` is who the books name for its commands; `device` the key's own device, if bound."""

    actor: str
    key_id: str
    scopes: frozenset[Scope]
    device: str = ""


OPEN_PATHS = frozenset({"/", "/livez", "/readyz", "/docs", "/docs/oauth2-redirect", "/redoc", "/openapi.json"})
OPEN_PREFIXES = ("/static-offline-docs/", "/problems/")
ADMIN_PREFIXES = ("/v1/keys", "/v1/dead-letters")


def required_scope(method: str, path: str) -> Scope | None:
    """The scope a request needs; None when it needs no key."""
    if path in OPEN_PATHS or path.startswith(OPEN_PREFIXES):
        return None
    if path.startswith(ADMIN_PREFIXES):
        return Scope.ADMIN
    return Scope.READ if method in ("GET", "HEAD", "OPTIONS") else Scope.COMMAND


def principal_of(scope: Mapping[str, Any]) -> Principal:
    """Who sent the request; the gate put it there."""
    principal = scope["state"]["principal"]
    assert isinstance(principal, Principal)
    return principal
