"""What a person, device or system may be allowed to do, and what an actor is allowed to.

Every command names the right it needs at least (`Command.NEEDS`). Some need more by what they say (`force` takes what
is reserved for others) or by what they do (goods that leave on a document). A right is held everywhere, or within some
warehouses: then it covers what happens at places inside these. Some rights make no sense within a warehouse.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType


class Permission(StrEnum):
    """One right; roles are sets of them."""

    READ = "read"
    MASTER_DATA = "master_data"
    RECALL = "recall"
    TAG = "tag"
    DOCUMENT = "document"
    APPROVE = "approve"
    FULFIL = "fulfil"  # by hand on lines of documents; with it `receive`, `issue` or both
    RECEIVE = "receive"
    ISSUE = "issue"
    OVER_ISSUE = "over_issue"
    TRANSFER = "transfer"
    COUNT = "count"
    POST_COUNT = "post_count"
    MOVE = "move"
    ADJUST = "adjust"
    RESERVE = "reserve"
    FORCE = "force"  # take what is reserved for others
    RESOLVE = "resolve"
    INSPECT = "inspect"
    REVERSE = "reverse"
    CLOSE_PERIOD = "close_period"
    IMPORT = "import"  # files of an old system
    VALUE = "value"  # how items are valued, and revaluation
    SIGNAL = "signal"  # decide what a door shows
    PUSH = "push"  # reads of a reader that pushes them
    TASK = "task"
    DISPATCH = "dispatch"
    BACK_DATE = "back_date"  # post into the past of an open period
    DEAD_LETTER = "dead_letter"
    AUDIT = "audit"  # read the audit log
    USERS = "users"  # people and their roles
    KEYS = "keys"  # keys of devices and systems
    CONFIGURE = "configure"  # what roles may do, what needs approval


# Not about what happens at a place: only held everywhere. A role given within a warehouse gives none of these.
SITE_WIDE = frozenset(
    {
        Permission.MASTER_DATA,
        Permission.RECALL,
        Permission.CLOSE_PERIOD,
        Permission.IMPORT,
        Permission.VALUE,
        Permission.DEAD_LETTER,
        Permission.PUSH,
        Permission.AUDIT,
        Permission.USERS,
        Permission.KEYS,
        Permission.CONFIGURE,
    }
)


@dataclass(frozen=True, slots=True)
class Rights:
    """What an actor may do: everywhere, and beside that within warehouses by code (there nothing that is site-wide)."""

    everywhere: frozenset[Permission] = frozenset()
    within: Mapping[str, frozenset[Permission]] = field(default_factory=lambda: MappingProxyType({}))

    def may(self, permission: Permission) -> bool:
        """Everywhere or somewhere."""
        return permission in self.everywhere or any(permission in some for some in self.within.values())

    def warehouses(self, permission: Permission) -> frozenset[str] | None:
        """Where: codes of warehouses, None for everywhere."""
        if permission in self.everywhere:
            return None
        return frozenset(code for code, some in self.within.items() if permission in some)

    def contain(self, other: "Rights") -> bool:
        """Whether the other may do nothing that these may not."""
        return self.cover(other.everywhere) and all(
            some <= self.everywhere | self.within.get(code, frozenset()) for code, some in other.within.items()
        )

    def cover(self, permissions: Iterable[Permission]) -> bool:
        """Whether all of these are held everywhere."""
        return self.everywhere.issuperset(permissions)


NO_RIGHTS = Rights()
ALL_RIGHTS = Rights(frozenset(Permission))
