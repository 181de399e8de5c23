"""Where commands wait to be executed together: who comes while others are executed waits, and goes with the rest.

Nothing waits when nothing is going on: the first to come executes what is there, itself alone, at once. At most
`LEADERS` groups are under way at a time, of about one size: a group begins when as many wait as are under way, and
takes half of all there are. Its first caller executes it, and no thread is kept for it. So a group is as large as the
load makes it, up to `GROUP_MAX`, and callers that ask again as soon as they are answered do not end up in many small
groups, each of which costs a transaction. Who has waited for `PATIENCE_S` begins with those there are: a large group
may be waiting for a lock.

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
PATIENCE_S = 0.1

Execute = Callable[[Sequence[Request]], list[Outcome]]
"""Executes requests in their order, on a connection of its own."""


class _Waiting:
    """One request, and what became of it; or the group that its thread is woken to execute."""

    __slots__ = ("asked", "group", "outcome", "woken")

    def __init__(self, asked: Request) -> None:
        self.asked = asked
        self.group: list[_Waiting] = []
        self.outcome: Outcome | None = None
        self.woken = threading.Lock()  # a plain lock is the cheapest thing a thread can sleep on
        self.woken.acquire()


class GroupDesk:
    """Hands what waits to `execute`, in groups."""

    def __init__(self, execute: Execute, patience_s: float = PATIENCE_S) -> None:
        self._execute = execute
        self._patience_s = patience_s
        self._lock = threading.Lock()
        self._waiting: deque[_Waiting] = deque()
        self._leading = 0
        self._under_way = 0

    def execute(self, asked: Request) -> Result | Refusal:
        """Blocks until it is committed. Raises what executing it raised."""
        own = _Waiting(asked)
        with self._lock:
            self._waiting.append(own)
            leaders = self._begin()
        for leader in leaders:
            leader.woken.release()
        while not own.woken.acquire(timeout=self._patience_s):
            with self._lock:
                leaders = self._begin(anyway=True)
            for leader in leaders:
                leader.woken.release()
        if own.group:
            self._lead(own.group)
        assert own.outcome is not None
        if isinstance(own.outcome, BaseException):
            raise own.outcome
        return own.outcome

    def _begin(self, *, anyway: bool = False) -> list[_Waiting]:
        """Make up the groups that can begin now, under the lock, `anyway` however few; who is to execute them."""
        leaders = []
        while self._waiting and self._leading < LEADERS and (anyway or len(self._waiting) >= self._under_way):
            # Beside another group the greater half, so that of three nobody is left over.
            half = (len(self._waiting) + self._under_way + bool(self._under_way)) // 2
            group = [self._waiting.popleft() for _ in range(min(GROUP_MAX, len(self._waiting), max(1, half)))]
            group[0].group = group
            leaders.append(group[0])
            self._leading += 1
            self._under_way += len(group)
        return leaders

    def _lead(self, group: list[_Waiting]) -> None:
        """Execute it; then wake who is to execute the next, and whose work is done."""
        try:
            outcomes = self._execute([each.asked for each in group])
        except BaseException as error:  # no connection, or this thread is to end: the others must not wait for ever
            outcomes = [error] * len(group)
        for each, outcome in zip(group, outcomes, strict=True):
            each.outcome = outcome
        with self._lock:
            self._leading -= 1
            self._under_way -= len(group)
            leaders = self._begin()
        for leader in leaders:
            leader.woken.release()
        for each in group[1:]:
            each.woken.release()
