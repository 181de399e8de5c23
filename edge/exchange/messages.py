"""What fleet controllers say and hear about tasks over MQTT, as values. Pure; the wire is `edge.exchange.service`.

| topic under `tagledger/v1/{site}/tasks/` | from | QoS | retained | payload |
|---|---|---|---|---|
| `open/{task_id}` | Tagledger | 1 | yes | `OpenTask`; empty once it is open no more |
| `request/{client}/{operation}` | controller | 1 | no | `Claim`, `Progress`, `Finish` or `Fail` |
| `claims/{client}` | Tagledger | 1 | yes | `Claims`: what it has now |
| `reply/{client}` | Tagledger | 1 | no | `Reply`, after the commit; to the MQTT 5 response topic below it, if given |

A request has an `id` that its sender made and keeps until it has the reply: the same id again gets the same answer, so
what may have been lost is sent again. `{client}` is the controller's name, which the broker's access list ties to its
user. Payloads are JSON; unknown fields are refused, so that a misspelt one is not silently left out.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import msgspec

from warehouse.commands import ClaimTask, Command, FailTask, FinishTask, Refusal, ReportTask, Result
from warehouse.tasks import LEASE_S_DEFAULT, LEASE_S_MAX, LoadWhere, TaskLoad, TaskStep

ROOT = "tagledger/v1"
PAYLOAD_MAX = 64 * 1024

# No control characters: the database refuses some, and people read none.
_PLAIN = r"^[^\u0000-\u001f\u007f]*$"
Id = Annotated[str, msgspec.Meta(min_length=1, max_length=128, pattern=_PLAIN)]
Text = Annotated[str, msgspec.Meta(max_length=256, pattern=_PLAIN)]
Attempt = Annotated[int, msgspec.Meta(ge=1)]
Names = Annotated[tuple[Text, ...], msgspec.Meta(max_length=500)]
Quantity = Annotated[Decimal, msgspec.Meta(description="In the item's own unit; a number or its text.")]
_FIELD = re.compile(r"`\$\.?([^`]*)`|field `([^`]*)`")


class RequestError(ValueError):
    """A request that is none. `field` is the one it is about, `request_id` its id as far as one can be read."""

    def __init__(self, field: str, message: str, request_id: str | None = None) -> None:
        super().__init__(message)
        self.field = field
        self.request_id = request_id


class Claim(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Take this task, or the most urgent open one (from one of `sources`, if any are named), for a vehicle.

    Of a load that it `takes`: handling units, unless it says that it takes loose goods too.
    """

    id: Id
    vehicle: Text
    task_id: UUID | None = None
    lease_s: Annotated[int, msgspec.Meta(ge=0, le=LEASE_S_MAX)] = LEASE_S_DEFAULT
    sources: Annotated[tuple[Text, ...], msgspec.Meta(max_length=100)] = ()
    takes: Annotated[tuple[TaskLoad, ...], msgspec.Meta(min_length=1, max_length=2)] = (TaskLoad.UNIT,)

    def command(self) -> Command:
        return ClaimTask(self.task_id, self.vehicle, self.lease_s, self.sources, self.takes)


class Progress(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A step was reached. `vehicle` is where the load is from `picked` on; `at` when it happened, now by default.

    Of loose goods less may be `picked`: a `quantity`, `serials`, or the goods that `epcs` are on. The others are a task
    of their own (`rest` in the reply), in the queue again.
    """

    id: Id
    task_id: UUID
    attempt: Attempt
    step: TaskStep
    vehicle: Text = ""
    at: datetime | None = None
    quantity: Quantity | None = None
    serials: Names = ()
    epcs: Names = ()

    def command(self) -> Command:
        return ReportTask(
            self.task_id, self.attempt, self.step, self.vehicle, self.at, self.quantity, self.serials, self.epcs
        )


class Finish(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The load is at its target, or at `target` when it was put elsewhere.

    Of loose goods it may be a part, named as in `Progress`: what is left is a task of its own (`rest` in the reply), in
    the queue, or after `picked` with the vehicle that still has it.
    """

    id: Id
    task_id: UUID
    attempt: Attempt
    target: Text | None = None
    at: datetime | None = None
    quantity: Quantity | None = None
    serials: Names = ()
    epcs: Names = ()

    def command(self) -> Command:
        return FinishTask(self.task_id, self.attempt, self.target, self.at, self.quantity, self.serials, self.epcs)


class Fail(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """It did not work: why, and where the load is. `lost`: nobody knows yet, the claim stays."""

    id: Id
    task_id: UUID
    attempt: Attempt
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=_PLAIN)]
    load: LoadWhere
    detail: Text = ""
    lost: bool = False
    at: datetime | None = None

    def command(self) -> Command:
        return FailTask(self.task_id, self.attempt, self.reason, self.load, self.detail, self.lost, self.at)


class OpenTask(msgspec.Struct, frozen=True):
    """A task that can be claimed. `pickup` is where its load is handed over: a portal, or the source itself.

    Its load is the handling unit `unit`; or, where that is null, loose goods: `quantity` (in `uom`) of `item`, of a lot
    or with serial numbers where it has them, owned by a partner where `stock_owner` names one. `rest_of` is the task
    that was done only in part and left this one.
    """

    task_id: UUID
    kind: str
    unit: str | None
    pickup: str
    source: str
    target: str
    priority: int
    deadline: datetime | None
    weight_kg: str
    item: str | None = None
    lot: str | None = None
    serial: str | None = None
    quantity: str = ""
    uom: str | None = None
    stock_owner: str = ""
    stock_status: str | None = None
    serials: Sequence[str] = ()
    rest_of: UUID | None = None


class HeldTask(msgspec.Struct, frozen=True):
    """A claim that counts: by it the controller may report. `lost`: it said nobody knows where the load is."""

    task_id: UUID
    attempt: int
    vehicle: str
    state: str
    step: str
    lost: bool
    unit: str | None
    item: str | None
    quantity: str
    uom: str | None
    serials: Sequence[str]
    pickup: str
    source: str
    target: str | None


class Claims(msgspec.Struct, frozen=True):
    """All that a controller has claimed and that is not over.

    A task that is no longer here without a `finish` or `fail` of its own has lapsed, or a person cancelled it, put it
    back or gave it to another: its vehicle is to stop.
    """

    items: Sequence[HeldTask]


class ReplyError(msgspec.Struct, frozen=True):
    """Why not: a stable code, the field of the request it is about, and words for a person."""

    code: str
    field: str
    message: str


class Reply(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer to one request. `repeated`: it was executed before, and this is the stored answer."""

    id: str | None
    operation: str
    ok: bool
    repeated: bool = False
    result: dict[str, Any] | None = None
    error: ReplyError | None = None


Request = Claim | Progress | Finish | Fail
OPERATIONS: dict[str, type[Request]] = {"claim": Claim, "progress": Progress, "finish": Finish, "fail": Fail}


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for what, by the topic of a request."""

    client: str
    operation: str


def open_topic(site: str, task_id: str) -> str:
    return f"{ROOT}/{site}/tasks/open/{task_id}"


def claims_topic(site: str, client: str) -> str:
    return f"{ROOT}/{site}/tasks/claims/{client}"


def requests_topic(site: str) -> str:
    """To subscribe to every controller."""
    return f"{ROOT}/{site}/tasks/request/+/+"


def reply_topic(site: str, client: str, wanted: str | None) -> str:
    """Where an answer goes: the response topic, if it lies below the client's own, or that."""
    own = f"{ROOT}/{site}/tasks/reply/{client}"
    below = wanted is not None and wanted.startswith(f"{own}/") and not set("+#\0") & set(wanted)
    return wanted if below and wanted is not None else own


def parse_request_topic(site: str, topic: str) -> Asked:
    """Raises `RequestError` for a topic that names no operation."""
    parts = topic.removeprefix(f"{ROOT}/{site}/tasks/request/").split("/")
    if len(parts) != 2 or not parts[0] or parts[1] not in OPERATIONS:
        raise RequestError("topic", f"{topic!r} does not end in CLIENT/OPERATION, one of {', '.join(OPERATIONS)}")
    return Asked(*parts)


def decode_request(operation: str, payload: bytes) -> Request:
    """Raises `RequestError`."""
    if len(payload) > PAYLOAD_MAX:
        raise RequestError("", f"{len(payload)} bytes, the bound is {PAYLOAD_MAX}")
    try:
        request = msgspec.json.decode(payload, type=OPERATIONS[operation])
    except msgspec.ValidationError as error:
        found = _FIELD.search(str(error))
        field = next((part for part in found.groups() if part), "") if found else ""
        raise RequestError(field, str(error), _id_of(payload)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RequestError("", f"not JSON: {error}") from None
    at = getattr(request, "at", None)
    if at is not None and at.tzinfo is None:
        raise RequestError("at", "a time needs its offset, such as 2026-03-01T08:00:00Z", request.id)
    return request


def answer(operation: str, request_id: str, outcome: Result | Refusal) -> Reply:
    """The reply to an executed request. Refusals name the request's own fields."""
    if isinstance(outcome, Result):
        return Reply(request_id, operation, True, outcome.repeated, outcome.response)
    field = {"effective_at": "at", "client_event_id": "id", "owner": "vehicle"}.get(outcome.field, outcome.field)
    return Reply(request_id, operation, False, error=ReplyError(outcome.code, field, outcome.message))


def malformed(operation: str, error: RequestError) -> Reply:
    """The reply to what is no request."""
    return Reply(error.request_id, operation, False, error=ReplyError("malformed", error.field, str(error)))


def schemas() -> dict[str, dict[str, Any]]:
    """JSON Schemas (2020-12) of every payload, by name."""
    kinds = [*OPERATIONS.values(), OpenTask, Claims, Reply]
    return {kind.__name__: msgspec.json.schema(kind) for kind in kinds}


def _id_of(payload: bytes) -> str | None:
    try:
        found = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None  # the first fault is told, this would have been the next
    given = found.get("id") if isinstance(found, dict) else None
    return given if isinstance(given, str) else None
