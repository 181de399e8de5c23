"""Bodies made from the warehouse's commands: complete, bounded, exact."""

import dataclasses
import typing
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from pydantic import ValidationError

from api.command_models import body_model, to_command
from api.command_routes import COMMANDS
from api.problems import ProblemKind
from api.refusals import REFUSALS
from warehouse.commands import AdjustStock, CreateDocument, CreateItem, FulfilLine, LineSpec, RefusalCode
from warehouse.ledger import LedgerRefusal, StockStatus, Tracking
from warehouse.postgres.commands import KINDS


def test_every_command_has_one_route() -> None:
    assert sorted(route.command.__name__ for route in COMMANDS) == sorted(KINDS)
    assert len({route.path for route in COMMANDS}) == len({route.operation_id for route in COMMANDS}) == len(COMMANDS)


@pytest.mark.parametrize("route", COMMANDS, ids=lambda route: route.operation_id)
def test_every_example_is_a_command(route: typing.Any) -> None:
    model = body_model(route.command, route.example)
    assert {field.name for field in dataclasses.fields(route.command)} == set(model.model_fields)
    assert isinstance(to_command(route.command, model.model_validate(route.example)), route.command)


def test_every_refusal_has_a_status_and_a_fix() -> None:
    assert set(REFUSALS) == {*RefusalCode, *LedgerRefusal}
    assert all(isinstance(kind, ProblemKind) and kind.status in (403, 404, 409) for kind in REFUSALS.values())


def test_defaults_nested_lists_and_exact_quantities() -> None:
    body = {
        "kind": "delivery",
        "number": "D-1",
        "lines": [{"item": "A", "quantity": "0.1"}, {"item": "B", "quantity": 3, "line_no": 7}],
        "expected_at": "2026-03-01T08:00:00+08:00",
    }
    command = to_command(CreateDocument, body_model(CreateDocument, {}).model_validate(body))
    assert command == CreateDocument(
        "delivery",
        "D-1",
        (LineSpec("A", Decimal("0.1")), LineSpec("B", Decimal(3), None, 7)),
        expected_at=datetime(2026, 3, 1, tzinfo=UTC),
    )
    fulfil = {"kind": "k", "number": "n", "line_no": 1, "quantity": 1, "location": "l", "status": "blocked"}
    assert to_command(FulfilLine, body_model(FulfilLine, {}).model_validate(fulfil)).status is StockStatus.BLOCKED
    assert to_command(CreateItem, body_model(CreateItem, {}).model_validate({"code": "A"})) == CreateItem(
        "A", tracking=Tracking.NONE
    )


@pytest.mark.parametrize(
    "difference", [0.1, "1e5", "NaN", "1.0000000001", "1" * 16, True, None, "", "+1", "１", 10**15]
)
def test_quantities_that_are_not_exact_are_refused(difference: object) -> None:
    with pytest.raises(ValidationError):
        body_model(AdjustStock, {}).model_validate(
            {"item": "A", "difference": difference, "location": "L", "reason": "r"}
        )


@pytest.mark.parametrize(
    "change", [{"extra": 1}, {"item": "a\0b"}, {"item": "x" * 257}, {"effective_at": "2026-03-01T08:00:00"}]
)
def test_unbounded_or_ambiguous_values_are_refused(change: dict[str, object]) -> None:
    good = {"item": "A", "difference": "1", "location": "L", "reason": "r"}
    model = body_model(AdjustStock, {})
    model.model_validate(good)
    with pytest.raises(ValidationError):
        model.model_validate(good | change)
