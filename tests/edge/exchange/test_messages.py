"""What controllers may say, and what they are told when it is not that: always the field."""

import contextlib
import json
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.exchange.messages import (
    OPERATIONS,
    PAYLOAD_MAX,
    Asked,
    Claim,
    Reply,
    RequestError,
    answer,
    decode_request,
    malformed,
    parse_request_topic,
    reply_topic,
    schemas,
)
from warehouse.commands import ClaimTask, FailTask, FinishTask, Refusal, ReportTask, Result
from warehouse.tasks import LoadWhere, TaskLoad, TaskStep

TASK = "0e6c4c7e-3a53-5f8e-9f0c-2b8f5a7d1c11"
REPORT = {"id": "r-1", "task_id": TASK, "attempt": 1}
SCHEMAS = Path(__file__).parents[3] / "deploy" / "tasks" / "schemas.json"


def test_each_request_is_one_command() -> None:
    def command(operation: str, **fields: object) -> object:
        return decode_request(operation, json.dumps(fields).encode()).command()

    assert command("claim", id="c-1", vehicle="agv-7") == ClaimTask(None, "agv-7")
    takes = (TaskLoad.UNIT, TaskLoad.GOODS)
    assert command("claim", id="c-1", vehicle="anna", takes=["unit", "goods"]) == ClaimTask(None, "anna", takes=takes)
    assert command("progress", **REPORT, step="picked") == ReportTask(UUID(TASK), 1, TaskStep.PICKED)
    assert command("finish", **REPORT, target="B-2") == FinishTask(UUID(TASK), 1, "B-2")
    part = {"quantity": "2.5", "serials": ["7"], "epcs": ["30AA"]}
    named: dict[str, Any] = {"quantity": Decimal("2.5"), "serials": ("7",), "epcs": ("30AA",)}
    assert command("finish", **REPORT, **part) == FinishTask(UUID(TASK), 1, **named)
    assert command("progress", **REPORT, step="picked", **part) == ReportTask(UUID(TASK), 1, TaskStep.PICKED, **named)
    failed = command("fail", **REPORT, reason="blocked", load="source")
    assert failed == FailTask(UUID(TASK), 1, "blocked", LoadWhere.SOURCE)


@pytest.mark.parametrize(
    ("operation", "payload", "field", "request_id"),
    [
        ("claim", b"{", "", None),
        ("claim", b"[]", "", None),
        ("claim", b"\xff", "", None),
        ("claim", b'{"id": "c"}', "vehicle", "c"),
        ("claim", b'{"vehicle": "agv"}', "id", None),
        ("claim", b'{"id": "", "vehicle": "agv"}', "id", ""),
        ("claim", b'{"id": "c", "vehicle": "agv", "leas": 3}', "leas", "c"),
        ("claim", b'{"id": "c", "vehicle": "agv", "lease_s": -1}', "lease_s", "c"),
        ("claim", b'{"id": "c", "vehicle": "agv", "takes": []}', "takes", "c"),
        ("claim", b'{"id": "c", "vehicle": "agv", "takes": ["pallet"]}', "takes[0]", "c"),
        ("claim", b'{"id": "c", "vehicle": "a\\u0000b"}', "vehicle", "c"),
        ("finish", json.dumps({**REPORT, "attempt": "x"}).encode(), "attempt", "r-1"),
        ("finish", json.dumps({**REPORT, "task_id": "x"}).encode(), "task_id", "r-1"),
        ("finish", json.dumps({**REPORT, "at": "2026-03-01T08:00:00"}).encode(), "at", "r-1"),
        ("progress", json.dumps({**REPORT, "step": "flown"}).encode(), "step", "r-1"),
        ("fail", json.dumps({**REPORT, "reason": "", "load": "source"}).encode(), "reason", "r-1"),
        ("claim", b" " * (PAYLOAD_MAX + 1), "", None),
    ],
)
def test_what_is_no_request_is_told_by_field(
    operation: str, payload: bytes, field: str, request_id: str | None
) -> None:
    with pytest.raises(RequestError) as error:
        decode_request(operation, payload)
    assert (error.value.field, error.value.request_id) == (field, request_id)
    told = malformed(operation, error.value)
    assert not told.ok
    assert told.error is not None
    assert (told.error.code, told.error.field) == ("malformed", field)


@given(
    st.sampled_from(sorted(OPERATIONS)), st.binary(max_size=200) | st.text().map(lambda text: json.dumps(text).encode())
)
def test_any_bytes_give_a_request_or_the_documented_error(operation: str, payload: bytes) -> None:
    with contextlib.suppress(RequestError):
        decode_request(operation, payload)


def test_topics() -> None:
    assert parse_request_topic("s", "tagledger/v1/s/tasks/request/acme/claim") == Asked("acme", "claim")
    for topic in ("request/acme/fly", "request//claim", "request/acme/claim/more", "open/x"):
        with pytest.raises(RequestError):
            parse_request_topic("s", f"tagledger/v1/s/tasks/{topic}")


def test_an_answer_goes_to_the_asker_s_own_topics_only() -> None:
    own = "tagledger/v1/s/tasks/reply/acme"
    assert reply_topic("s", "acme", None) == own
    assert reply_topic("s", "acme", f"{own}/7") == f"{own}/7"
    for elsewhere in ("tagledger/v1/s/tasks/reply/other/7", "uagv/v2/x/y/order", f"{own}/#", f"{own}/+", own + "x"):
        assert reply_topic("s", "acme", elsewhere) == own


def test_refusals_name_the_request_s_own_fields() -> None:
    told = answer("finish", "r-1", Refusal("period_closed", "effective_at", "closed"))
    assert told.error is not None
    assert (told.ok, told.error.code, told.error.field) == (False, "period_closed", "at")
    done = answer("claim", "r-2", Result(uuid4(), {"task": None}, repeated=True))
    assert json.loads(msgspec.json.encode(done)) == {
        "id": "r-2", "operation": "claim", "ok": True, "repeated": True, "result": {"task": None}
    }  # fmt: skip


def test_the_documented_schemas_are_those_of_the_code() -> None:
    assert json.loads(SCHEMAS.read_text()) == json.loads(msgspec.json.encode(schemas()))
    assert Claim.__name__ in schemas()
    assert Reply.__name__ in schemas()
