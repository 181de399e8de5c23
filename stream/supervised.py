"""An operator that survives its own failure: a call that raises leaves no trace but a `Failure`.

The operator's state as of some earlier call is kept as bytes, with everything it was given since (the journal). When a
call raises, the operator is rebuilt from both, without the item that broke it, and the item goes to the dead letters.
So one poison item costs that item and nothing else, and the same in every host and in every replay.

A wake-up that raises has no item to leave out, and would raise again at the next heartbeat: the state itself goes to
the dead letters and the key starts afresh.

Bound: the journal holds `JOURNAL_MAX` calls (references, not copies); then the state is encoded and it starts over.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from stream.operators.contract import Operator
from stream.snapshots import SnapshotFormatError, decode_state, encode_state

ItemT = TypeVar("ItemT")
OutT = TypeVar("OutT")

JOURNAL_MAX = 256
WAKEUPS_MAX = 1000


@dataclass(frozen=True, slots=True)
class Keyed(Generic[ItemT, OutT]):
    """How to make one kind of operator: from a key and its state or None; `state` is the type of the state."""

    build: Callable[[str, Any], Operator[Any, ItemT, OutT]]
    state: type[Any]


class OperatorFailed(Exception):
    """The operator raised. It is as it was before the call; after a failed wake-up (`reset` is its state) it is new."""

    def __init__(self, cause: Exception, reset: bytes | None = None) -> None:
        super().__init__(f"{type(cause).__name__}: {cause}")
        self.reset = reset


class Supervised(Generic[ItemT, OutT]):
    """The operator of one key."""

    def __init__(self, kind: Keyed[ItemT, OutT], key: str, state: bytes | None = None) -> None:
        self._kind = kind
        self._key = key
        self._base = state
        self._journal: list[tuple[int, Sequence[ItemT]]] = []
        self._operator = self._rebuilt()
        self._due = self._operator.next_wakeup()

    @property
    def due_us(self) -> int | None:
        """When `wake` has something to do."""
        return self._due

    def feed(self, now_us: int, items: Sequence[ItemT]) -> list[OutT]:
        """`on_batch`, then the wake-ups that are due by then. Raises `OperatorFailed`."""
        try:
            outs = self._apply(self._operator, now_us, items)
        except Exception as error:
            self._operator = self._rebuilt()
            self._due = self._operator.next_wakeup()
            raise OperatorFailed(error) from error
        self._remember(now_us, items)
        return outs

    def wake(self, now_us: int) -> list[OutT]:
        """The wake-ups due by now. Raises `OperatorFailed`."""
        if self._due is None or self._due > now_us:
            return []
        try:
            outs = self._apply(self._operator, now_us, ())
        except Exception as error:
            state = encode_state(self._rebuilt().snapshot())
            self._base, self._journal = None, []
            self._operator = self._rebuilt()
            self._due = self._operator.next_wakeup()
            raise OperatorFailed(error, state) from error
        self._remember(now_us, ())
        return outs

    def snapshot(self) -> bytes:
        """The state now, encoded."""
        if self._journal or self._base is None:
            self._base = encode_state(self._operator.snapshot())
            self._journal = []
        return self._base

    def _apply(self, operator: Operator[Any, ItemT, OutT], now_us: int, items: Sequence[ItemT]) -> list[OutT]:
        outs: list[OutT] = []
        if items:
            outs += operator.on_batch(now_us, items)
        due = operator.next_wakeup()
        for _ in range(WAKEUPS_MAX):
            if due is None or due > now_us:
                break
            outs += operator.on_wakeup(now_us)
            due = operator.next_wakeup()
        else:
            raise RuntimeError(f"{self._key}: still due after {WAKEUPS_MAX} wake-ups at {now_us}")
        self._due = due
        return outs

    def _remember(self, now_us: int, items: Sequence[ItemT]) -> None:
        self._journal.append((now_us, items))
        if len(self._journal) >= JOURNAL_MAX:
            self.snapshot()

    def _rebuilt(self) -> Operator[Any, ItemT, OutT]:
        state = None if self._base is None else decode_state(self._base, self._kind.state)
        try:
            operator = self._kind.build(self._key, state)
        except ValueError as error:
            if state is None:
                raise
            # Its shape is right, but the operator cannot go on from it: another version wrote it.
            raise SnapshotFormatError(f"{type(state).__name__} of {self._key}: {error}") from error
        for now_us, items in self._journal:
            self._apply(operator, now_us, items)
        return operator
