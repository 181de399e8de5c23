"""The warehouse's refusals as problems. The domain gives code, field and message; HTTP status and fix are ours.

403: the actor may not. 404: the command names something that does not exist. 409: it satisfies the document, and the
rules of the warehouse or the state of its books are against it. 422 is left to what does not satisfy the document.
"""

from api.problems import FORBIDDEN, KEY_REUSED, NOT_FOUND, FieldProblem, ProblemError, ProblemKind
from warehouse.commands import Refusal, RefusalCode
from warehouse.ledger import LedgerRefusal

_WORDS: dict[str, tuple[int, str, str]] = {
    RefusalCode.EXISTS: (409, "It exists already", "Use another code, or what is there."),
    RefusalCode.WRONG_STATE: (409, "Its state does not allow that", "Read it, and decide anew."),
    RefusalCode.OLDER_VERSION: (409, "A newer version came already", "Send the newest state, with a higher version."),
    RefusalCode.DATED_AHEAD: (409, "That is yet to come", "Date it when it happened, and set the device's clock."),
    RefusalCode.OVER: (409, "More than the line takes", "Lower the quantity, or change the document."),
    RefusalCode.NEEDS_APPROVAL: (
        409,
        "It needs approval",
        "Make a document of it, which someone else approves; someone else posts a count or a loss with `approve`.",
    ),
    RefusalCode.OWN_REQUEST: (409, "Nobody approves their own request", "Let someone else approve it."),
    RefusalCode.COUNT_CONFLICT: (409, "Stock moved since it was counted", "Recount the line, or keep the count."),
    RefusalCode.RECOUNT_NEEDED: (409, "The line has to be counted again", "Recount it; then somebody can approve it."),
    RefusalCode.BEYOND_TOLERANCE: (
        409,
        "The difference is beyond the tolerance",
        "Recount, or let someone approve it.",
    ),
    RefusalCode.WRONG_GOODS: (409, "These are not the goods asked for", "Take what the document or pick list names."),
    RefusalCode.NO_ROOM: (409, "The place does not take it", "Name another place, or make room."),
    RefusalCode.OVERTAKEN: (409, "Somebody else has it by now", "Stop work on it, and claim another."),
    RefusalCode.NOT_YOURS: (409, "Another claimed it", "Report with the key that claimed it."),
    RefusalCode.SHORT: (409, "Components are missing", "Issue in part, or bring what is missing."),
    LedgerRefusal.NOTHING_TO_POST: (409, "Nothing to post", "Name at least one movement."),
    LedgerRefusal.QUANTITY_NOT_POSITIVE: (409, "The quantity is not above zero", "Use a quantity above zero."),
    LedgerRefusal.UNKNOWN_ITEM: (404, "There is no such item", "Check the code, or create the item."),
    LedgerRefusal.UNKNOWN_LOT: (404, "There is no such lot", "Check the code, or create the lot."),
    LedgerRefusal.UNKNOWN_SERIAL: (404, "There is no such serial", "Check the serial, or receive it first."),
    LedgerRefusal.UNKNOWN_LOCATION: (404, "There is no such location", "Check the code, or create the location."),
    LedgerRefusal.SAME_PLACE: (409, "Source and target are the same", "Name two places or two statuses."),
    LedgerRefusal.QUANTITY_SCALE: (409, "The unit has no such fraction", "Round to the decimals of the item's unit."),
    LedgerRefusal.LOT_OF_OTHER_ITEM: (409, "The lot belongs to another item", "Name the item's own lot."),
    LedgerRefusal.SERIAL_OF_OTHER_ITEM: (409, "The serial belongs to another item", "Name the item's own serial."),
    LedgerRefusal.LOT_REQUIRED: (409, "The item is tracked by lot", "Name the lot."),
    LedgerRefusal.SERIAL_REQUIRED: (409, "The item is tracked by serial", "Name the serial."),
    LedgerRefusal.SERIAL_QUANTITY: (409, "A serial is one piece", "Move one serial at a time, with quantity 1."),
    LedgerRefusal.LOCATION_CLOSED: (409, "The location is closed", "Use another location, or open this one."),
    LedgerRefusal.PERIOD_CLOSED: (409, "The period is closed", "Date it after the last close."),
    LedgerRefusal.ALREADY_REVERSED: (409, "It was reversed before", "Read the movement; a reversal happens once."),
    LedgerRefusal.LOT_EXPIRED: (409, "The lot has expired", "Use another lot, or scrap this one."),
    LedgerRefusal.LOT_BLOCKED: (409, "The lot is blocked", "Use another lot, or lift the block."),
    LedgerRefusal.SHELF_LIFE_SHORT: (
        409,
        "The lot expires too soon for the line",
        "Use a fresher lot, or issue it with `force` if the partner agrees.",
    ),
    LedgerRefusal.NOT_ACCEPTED: (409, "The stock is not accepted", "Use available stock, or decide its inspection."),
    LedgerRefusal.SERIAL_IN_STOCK: (409, "The serial is in stock already", "Check the serial; it is in one place."),
    LedgerRefusal.SERIAL_ELSEWHERE: (
        409,
        "The serial is at another place",
        "Look where it is, and move it from there.",
    ),
    LedgerRefusal.NOT_ENOUGH: (409, "There is not enough", "Use what is there, or another place."),
    LedgerRefusal.RESERVED: (409, "What is there is reserved", "Release a reservation, or use other stock."),
    LedgerRefusal.NEGATIVE_LATER: (409, "A later movement needs that stock", "Date it later, or correct as of now."),
}

REFUSALS: dict[str, ProblemKind] = {
    str(code): ProblemKind(str(code), status, title, fix) for code, (status, title, fix) in _WORDS.items()
} | {
    str(RefusalCode.REQUEST_ID_REUSED): KEY_REUSED,
    str(RefusalCode.FORBIDDEN): FORBIDDEN,
    str(RefusalCode.NOT_FOUND): NOT_FOUND,
    # The domain's word for it is taken by what does not satisfy the document.
    str(RefusalCode.INVALID): ProblemKind("invalid_command", 409, "A rule forbids it", "Correct what `errors` names."),
}


def refused(refusal: Refusal) -> ProblemError:
    """The problem a refusal becomes; its field as a pointer into the body."""
    kind = REFUSALS[refusal.code]
    if kind is KEY_REUSED:
        problem = FieldProblem(kind.title, kind.fix, None, "header:Idempotency-Key")
        return ProblemError(kind, "the key was sent with another body before", [problem])
    pointer = "".join(f"/{part}" for part in refusal.field.split(".")) if refusal.field else ""
    return ProblemError(kind, refusal.message, [FieldProblem(refusal.message, kind.fix, pointer)])
