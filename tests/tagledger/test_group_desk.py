"""The desk where commands wait: what comes while others are executed goes together, and nobody waits for ever."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from tagledger.group_desk import LEADERS, GroupDesk
from warehouse.commands import ALL_RIGHTS, Actor, MoveStock, Result
from warehouse.postgres.group import GROUP_MAX, Outcome
from warehouse.postgres.requests import Request

ASKED = 3 * GROUP_MAX


def request(event: int) -> Request:
    return Request.of(MoveStock("I", Decimal(1), "A", "B"), Actor("kim", "", ALL_RIGHTS), "test", str(event))


class Books:
    """Executes groups, each when it is let go; those with an id in `broken` raise as a whole."""

    def __init__(self, broken: frozenset[str] = frozenset()) -> None:
        self.groups: list[list[str]] = []
        self.go = threading.Event()
        self.broken = broken
        self.leading = threading.Semaphore(0)

    def execute(self, requests: Sequence[Request]) -> list[Outcome]:
        self.groups.append([asked.client_event_id for asked in requests])
        self.leading.release()
        assert self.go.wait(30)
        if self.broken.intersection(self.groups[-1]):
            raise ConnectionError("no database")
        return [Result(asked.request_id, {"event": asked.client_event_id}) for asked in requests]


def test_what_comes_while_groups_are_executed_goes_together() -> None:
    books = Books()
    desk = GroupDesk(books.execute)
    with ThreadPoolExecutor(ASKED) as pool:
        first = [pool.submit(desk.execute, request(n)) for n in range(LEADERS)]
        for _ in range(LEADERS):
            assert books.leading.acquire(timeout=30)  # alone, at once, without waiting for company
        rest = [pool.submit(desk.execute, request(n)) for n in range(LEADERS, ASKED)]
        while len(desk._waiting) < ASKED - LEADERS:  # poll: until all of them wait
            threading.Event().wait(0.005)
        books.go.set()
        answers = [future.result(30) for future in (*first, *rest)]
    assert [answer.response["event"] for answer in answers if isinstance(answer, Result)] == [
        str(n) for n in range(ASKED)
    ]
    assert sorted(event for group in books.groups for event in group) == sorted(str(n) for n in range(ASKED))
    assert [len(group) for group in books.groups[:LEADERS]] == [1] * LEADERS
    assert max(len(group) for group in books.groups) == GROUP_MAX


def test_a_group_begins_when_as_many_wait_as_are_under_way_and_takes_half() -> None:
    gates = [threading.Event() for _ in range(4)]
    sizes: list[int] = []
    begun = threading.Semaphore(0)

    def execute(requests: Sequence[Request]) -> list[Outcome]:
        gate = gates[len(sizes)]
        sizes.append(len(requests))
        begun.release()
        assert gate.wait(60)
        return [Result(asked.request_id, {}) for asked in requests]

    desk = GroupDesk(execute, patience_s=60.0)
    with ThreadPoolExecutor(18) as pool:
        answers = []
        for n in range(LEADERS):
            answers.append(pool.submit(desk.execute, request(n)))
            assert begun.acquire(timeout=60)
        answers += [pool.submit(desk.execute, request(n)) for n in range(2, 16)]
        while len(desk._waiting) < 14:  # poll: until all of them wait
            threading.Event().wait(0.005)
        gates[0].set()
        assert begun.acquire(timeout=60)  # beside one under way, half of all fifteen there are
        gates[1].set()
        assert answers[1].result(60)  # six are left, which wait: eight are under way
        answers += [pool.submit(desk.execute, request(n)) for n in (16, 17)]
        assert begun.acquire(timeout=60)
        assert sizes == [1, 1, 8, 8]
        for gate in gates:
            gate.set()
        assert len([answer.result(60) for answer in answers]) == 18


def test_one_command_does_not_wait_for_a_large_group_that_waits_for_a_lock() -> None:
    books = Books()
    books.go.set()
    desk = GroupDesk(books.execute, patience_s=0.02)
    desk._leading, desk._under_way = 1, 8  # a group that does not come back
    assert isinstance(desk.execute(request(0)), Result)
    assert books.groups == [["0"]]


def test_a_group_that_cannot_be_executed_is_told_to_all_in_it_and_the_desk_goes_on() -> None:
    books = Books(frozenset({"0"}))
    books.go.set()
    desk = GroupDesk(books.execute)
    with pytest.raises(ConnectionError):
        desk.execute(request(0))
    for n in range(1, 2 * LEADERS):
        assert isinstance(desk.execute(request(n)), Result)
