"""What becomes of a load: movements to post, and findings that a person looks at."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from warehouse.ledger import LineRole, MovedTag, Place


class FindingKind(StrEnum):
    """What is not as the documents say."""

    UNSURE_DIRECTION = "unsure_direction"
    UNKNOWN_TAG = "unknown_tag"
    RETIRED_TAG = "retired_tag"
    UNSURE = "unsure"
    ALREADY_IN_STOCK = "already_in_stock"
    NOT_IN_STOCK = "not_in_stock"
    EXPIRED = "expired"
    BLOCKED = "blocked"
    WRONG_DOOR = "wrong_door"
    OVER = "over"
    SHORT = "short"
    WRONG_GOODS = "wrong_goods"
    NO_DOCUMENT = "no_document"
    REFUSED = "refused"
    SUGGESTION = "suggestion"
    DUPLICATE_TAG = "duplicate_tag"
    WEIGHT_MISMATCH = "weight_mismatch"


# What needs no asking of a tag that another door was sure of at the same time: it was there (`unsure`), or there is a
# `duplicate_tag` to ask about (the others). So it does not matter which of two doors is posted first.
ANSWERED_ELSEWHERE = frozenset({FindingKind.UNSURE, FindingKind.ALREADY_IN_STOCK, FindingKind.NOT_IN_STOCK})


@dataclass(frozen=True, slots=True)
class PostLine:
    """One movement to post."""

    item_id: int
    quantity: Decimal
    source: Place
    target: Place
    lot_id: int | None = None
    serial_id: int | None = None
    line_id: int | None = None
    document_id: int | None = None
    tags: tuple[MovedTag, ...] = ()
    owner: str = ""
    role: LineRole = LineRole.FULFIL


@dataclass(frozen=True, slots=True)
class Finding:
    """One discrepancy; `held` are the movements a person can still post."""

    kind: FindingKind
    detail: str
    epcs: tuple[str, ...] = ()
    document_id: int | None = None
    line_id: int | None = None
    item_id: int | None = None
    quantity: Decimal | None = None
    held: tuple[PostLine, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """`inferred` are EPCs that nobody read for sure and that come with their unit."""

    lines: tuple[PostLine, ...]
    findings: tuple[Finding, ...]
    inferred: tuple[str, ...] = ()
