"""Where commands wait to be executed together: who comes while others are executed waits, and goes with the rest.

Nothing waits when nothing is going on: the first to come executes what is there, itself alone, at once. At most
`LEADERS` groups are under way at a time; while they are, commands gather, and whoever finishes hands the desk to one
of those that wait. So a group is as large as the load makes it, up to `GROUP_MAX`, and no thread is kept for it.

Each caller is a thread that waits for its own command, so the queue is bounded by the callers' threads.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence

from warehouse.commands import Refusal, Result
from warehouse.postgres.group import GROUP_MAX, Outcome
from warehouse.postgres.requests import Request

# A second group is made up and read while the first is written; a third would only split the load more.
LEADERS = 2

Execute = Callable[[Sequence[Request]], list[Outcome]]
"""Executes requests in their order, on a connection of its own."""


class _Waiting:
    """One request, and what became of it: None when its thread is woken to lead the next group."""

    __slots__ = ("asked", "outcome", "woken")

    def __init__(self, asked: Request) -> None:
        self.asked = asked
        self.outcome: Outcome | None = None
        self.woken = threading.Lock()  # a plain lock is the cheapest thing a thread can sleep on
        self.woken.acquire()


class GroupDesk:
    """Hands what waits to `execute`, in groups."""

    def __init__(self, execute: Execute) -> None:
        self._execute = execute
        self._lock = threading.Lock()
        self._waiting: deque[_Waiting] = deque()
        self._leading = 0

    def execute(self, asked: Request) -> Result | Refusal:
        """Blocks until it is committed. Raises what executing it raised."""
        own = _Waiting(asked)
        with self._lock:
            leads = self._leading < LEADERS
            if leads:
                self._leading += 1
            else:
                self._waiting.append(own)
        if not leads:
            own.woken.acquire()
        if own.outcome is None:
            self._lead(own)
        assert own.outcome is not None
        if isinstance(own.outcome, BaseException):
            raise own.outcome
        return own.outcome

    def _lead(self, own: _Waiting) -> None:
        """Execute this thread's own request and what waits; then let the next lead, and wake whose work is done."""
        with self._lock:
            group = [own, *(self._waiting.popleft() for _ in range(min(GROUP_MAX - 1, len(self._waiting))))]
        try:
            outcomes = self._execute([each.asked for each in group])
        except BaseException as error:  # no connection, or this thread is to end: the others must not wait for ever
            outcomes = [error] * len(group)
        for each, outcome in zip(group, outcomes, strict=True):
            each.outcome = outcome
        with self._lock:
            successor = self._waiting.popleft() if self._waiting else None
            if successor is None:
                self._leading -= 1
        if successor is not None:
            successor.woken.release()
        for each in group:
            each.woken.release()
