"""What a person, device or system may be allowed to do. Every command names the one it needs at least."""

from enum import StrEnum


class Permission(StrEnum):
    """One right; roles are sets of them."""

    READ = "read"
    MASTER_DATA = "master_data"
    RECALL = "recall"
    TAG = "tag"
    DOCUMENT = "document"
    APPROVE = "approve"
    FULFIL = "fulfil"
    TRANSFER = "transfer"
    COUNT = "count"
    POST_COUNT = "post_count"
    MOVE = "move"
    ADJUST = "adjust"
    RESERVE = "reserve"
    RESOLVE = "resolve"
    INSPECT = "inspect"
    REVERSE = "reverse"
    CLOSE_PERIOD = "close_period"
    SIGNAL = "signal"
    TASK = "task"
    DISPATCH = "dispatch"
