"""Roles: named sets of permissions. These are the program's own; a site edits them and adds others.

What a person may do is the sum of their roles. One given within a warehouse gives only what is about places there.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from warehouse.commands.permission import SITE_WIDE, Permission, Rights

P = Permission

# Every permission, also those of later versions.
EVERYTHING = "*"
ADMINISTRATOR = "administrator"

_FLOOR = (P.READ, P.FULFIL, P.ISSUE, P.MOVE, P.TASK)
_KEEPING = (*_FLOOR, P.RECEIVE, P.TAG, P.DOCUMENT, P.TRANSFER, P.COUNT, P.RESERVE, P.RESOLVE, P.SIGNAL)

ROLES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        ADMINISTRATOR: (EVERYTHING,),
        "manager": (
            *_KEEPING,
            P.MASTER_DATA,
            P.APPROVE,
            P.POST_COUNT,
            P.ADJUST,
            P.FORCE,
            P.INSPECT,
            P.RECALL,
            P.REVERSE,
            P.CLOSE_PERIOD,
            P.BACK_DATE,
            P.DISPATCH,
            P.DEAD_LETTER,
            P.OVER_ISSUE,
            P.VALUE,
            P.IMPORT,
        ),
        "keeper": _KEEPING,
        "picker": _FLOOR,
        "inspector": (P.READ, P.INSPECT, P.RECALL),
        "auditor": (P.READ, P.AUDIT),
        "device": (P.READ, P.FULFIL, P.RECEIVE, P.ISSUE, P.MOVE, P.TASK, P.TAG, P.TRANSFER, P.COUNT, P.PUSH),
        "integration": (P.READ, P.MASTER_DATA, P.DOCUMENT, P.TAG, P.RESERVE, P.PUSH),
    }
)


def expand(permissions: Iterable[str]) -> frozenset[Permission]:
    """The permissions behind stored names; names this version does not know give nothing."""
    named = frozenset(permissions)
    return frozenset(Permission) if EVERYTHING in named else frozenset(p for p in Permission if p in named)


def rights_of(grants: Iterable[tuple[Iterable[str], str | None]]) -> Rights:
    """The sum of grants: permissions, and the warehouse they are limited to."""
    everywhere: frozenset[Permission] = frozenset()
    within: dict[str, frozenset[Permission]] = {}
    for permissions, warehouse in grants:
        given = expand(permissions)
        if warehouse is None:
            everywhere |= given
        else:
            within[warehouse] = within.get(warehouse, frozenset()) | (given - SITE_WIDE)
    return Rights(everywhere, MappingProxyType(within))
