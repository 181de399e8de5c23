"""Every command there is, asked for again: by a person who clicks twice, by a device that heard no answer, at once.

For each kind: the same key and the same command get the stored answer, done or refused; another command under the key
is refused; from two connections at the same time it is done once. Each is asked for with the example of its operation,
in a store where many of them are possible, so that both done and refused ones are there.
"""

import dataclasses
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from api.command_models import body_model, to_command
from api.command_routes import COMMANDS
from tests.warehouse.postgres.store import CLERK, Store
from warehouse import commands as c
from warehouse.commands import Command, Refusal, Result
from warehouse.postgres.commands import KINDS, execute
from warehouse.postgres.control.people import ensure_roles

# What no two answers to one request may differ in: the tables that commands write.
_COUNTED = (
    "request",
    "audit_log",
    "outbox",
    "move",
    "document",
    "item",
    "location",
    "reservation",
    "api_key",
    "person",
)


def example(kind: type[Command]) -> Command:
    (route,) = [route for route in COMMANDS if route.command is kind]
    return to_command(kind, body_model(kind, route.example).model_validate(route.example))


def another(command: Command) -> Command:
    """The same kind of command with one field changed: another digest."""
    for field in dataclasses.fields(command):
        value = getattr(command, field.name)
        if isinstance(value, str):
            return dataclasses.replace(command, **{field.name: f"{value}x"})
        if isinstance(value, bool):
            return dataclasses.replace(command, **{field.name: not value})
        if isinstance(value, Decimal | int):
            return dataclasses.replace(command, **{field.name: value + 1})
    first = dataclasses.fields(command)[0].name
    return dataclasses.replace(command, **{first: None})


@pytest.fixture
def store(store: Store) -> Store:
    """With what the examples name, as far as a few commands make it."""
    ensure_roles(store.conn)
    for command in (
        c.CreateLocation("WH-1", level="warehouse"),
        c.CreateLocation("hall-a", parent="WH-1"),
        c.CreateLocation("RACK-1", parent="WH-1"),
        c.CreateUser("anna", role="keeper"),
        c.GiveRole("anna", "keeper", "WH-1"),
    ):
        store.do(command)
    return store


def world(store: Store) -> list[Any]:
    return [store.one(f"select count(*) from {table}") for table in _COUNTED]  # noqa: S608


def test_every_command_twice_under_one_key_is_done_once(store: Store) -> None:
    done = 0
    for name, kind in KINDS.items():
        command = example(kind)
        first = store.ask(command, name)
        after = world(store)
        again = store.ask(command, name)
        assert world(store) == after, name
        if isinstance(first, Result):
            done += 1
            assert again == dataclasses.replace(first, repeated=True), name
        else:
            assert again == first, name
        other = store.ask(another(command), name)
        assert isinstance(other, Refusal), name
        assert (other.code, other.field) == ("request_id_reused", "client_event_id"), name
        assert world(store) == after, name
        # Another source has keys of its own.
        elsewhere = execute(store.conn, command, actor=CLERK, source="elsewhere", client_event_id=name)
        assert isinstance(elsewhere, Refusal) or not elsewhere.repeated, name
    assert done >= 20, f"only {done} examples could be done: the rest says little"


def test_every_command_from_two_connections_at_once_is_done_once(store: Store, database: str) -> None:
    with psycopg.connect(database, autocommit=True) as one, psycopg.connect(database, autocommit=True) as two:
        for name, kind in KINDS.items():
            command, barrier = example(kind), threading.Barrier(2)
            before = store.one("select count(*) from audit_log")

            def click(conn: Any, command: Command, name: str, barrier: threading.Barrier) -> Result | Refusal:
                barrier.wait(30)
                return execute(conn, command, actor=CLERK, source="test", client_event_id=name)

            both: list[Callable[[], Result | Refusal]] = [
                lambda conn=conn, command=command, name=name, barrier=barrier: click(conn, command, name, barrier)
                for conn in (one, two)
            ]
            with ThreadPoolExecutor(2) as pool:
                answers = [future.result(60) for future in [pool.submit(each) for each in both]]
            assert store.one("select count(*) from audit_log") == before + 1, name
            assert store.one("select count(*) from request where client_event_id = %s", (name,)) == 1, name
            if isinstance(answers[0], Result):
                assert isinstance(answers[1], Result), name
                assert {answer.repeated for answer in answers if isinstance(answer, Result)} == {False, True}, name
                assert answers[0].response == answers[1].response, name
            else:
                assert answers[0] == answers[1], name
