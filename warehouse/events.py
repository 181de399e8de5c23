"""What partners are told: the types of events, their data, and how they come out of what the database keeps. Pure.

Every event is `{"type", "version", "timestamp", "data"}`. A member may be added to `data` at any time; a change that
takes or changes one is a new `version`, and a partner keeps getting the old one until it asks otherwise.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

VERSION = 1

# Type → what it says. The documentation is made from this.
TYPES: Mapping[str, str] = {
    "stock.moved": "Movements of one transaction on one document (or none): item, lot, serial, quantity, places, EPCs.",
    "document.changed": "A document was made, or its status changed: `status`, and `before` (null when made).",
    "discrepancy.opened": "What was seen does not fit what was expected.",
    "alarm.raised": "Goods left without a document.",
    "alert.raised": "A rule about stock or devices wants attention.",
    "alert.cleared": "It does no longer.",
    "import.changed": "A file was put into the books, or taken back.",
    "tag.located": "Tags were seen at a place: pairs of EPC and time.",
    "webhook.test": "Sent when somebody asks for it; means nothing.",
}
ANY = "*"

_TOPICS = {
    "document": "document.changed",
    "discrepancy": "discrepancy.opened",
    "alarm": "alarm.raised",
    "alert": "alert.raised",
    "alert_cleared": "alert.cleared",
    "import": "import.changed",
    "location": "tag.located",
}


@dataclass(frozen=True, slots=True)
class Event:
    """`line` is what it must stay in order with: other events of the same line go out before or after it, never beside.

    `key` names it for ever: the same event read again has the same key.
    """

    type: str
    at: datetime
    line: str
    key: str
    data: Mapping[str, Any]

    def body(self) -> str:
        """The message, as it is signed."""
        return json.dumps(
            {"type": self.type, "version": VERSION, "timestamp": self.at.isoformat(), "data": self.data},
            ensure_ascii=False,
            separators=(",", ":"),
        )


def from_outbox(topic: str, key: str, seq: int, at: datetime, payload: Mapping[str, Any]) -> Event | None:
    """The event of an outbox row; None for what is not a partner's business."""
    kind = _TOPICS.get(topic)
    if kind is None:
        return None
    line = f"document {key}" if topic == "document" else f"{topic} {key}"
    return Event(kind, at, line, f"o{seq}", payload)


def moved(tx: int, document: Mapping[str, Any] | None, at: datetime, movements: Sequence[Mapping[str, Any]]) -> Event:
    """The movements of one transaction on one document, or on none."""
    name = f"{document['kind']}/{document['number']}" if document else ""
    line = f"document {name}" if document else f"item {movements[0]['item']}"
    data = {"document": document, "movements": list(movements)}
    return Event("stock.moved", at, line, f"m{tx}-{movements[0]['seq']}", data)


def wanted(types: Sequence[str], kind: str) -> bool:
    return ANY in types or kind in types
