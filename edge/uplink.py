"""The port from the spool to the stream, and the window that every way of sending shares.

An uplink sends spooled batches in order and marks those the stream acknowledged. It may send a batch many times and
must send each at least once: the stream drops what it has. `SendWindow` holds the rules, without I/O:

- at most `SENT_MAX` batches are sent and not yet acknowledged, then sending waits: a broker's queue is bounded too
  (Mosquitto keeps 1,000 messages for a subscriber that is away, by default) and drops what exceeds it;
- a new connection begins again with the oldest batch that is not acknowledged;
- so does a connection on which nothing was acknowledged for `STALLED_S` although something was sent: a broker that
  restarted, or whose queue overflowed, has lost messages without telling us. Without an acknowledgement since, the next
  time comes after twice as long, up to `SELDOM` times as long: while a database is away for an hour the same window is
  not sent every ten seconds, for Kafka to keep and workers to drop when they have least time for it;
- the stream may ask to send again from any batch the spool still holds (a restored database).
"""

from typing import Protocol

from edge.spool import Spool
from edge.spool_values import AckResult, Spooled
from stream.model import Signal
from warehouse.loads import Expectation, Override

SENT_MAX = 512
STALLED_S = 10.0
SELDOM = 32


class EdgeOrders(Protocol):
    """What the stream tells an edge. Calls never block and never raise."""

    def on_signal(self, signal: Signal) -> None:
        """Show this at a portal, while it is valid."""

    def on_expectation(self, expectation: Expectation) -> None:
        """What a portal expects from now on."""

    def on_override(self, override: Override) -> None:
        """What a person ordered a portal to show."""


class Uplink(Protocol):
    """One way from an edge's spool to its stream."""

    @property
    def is_connected(self) -> bool:
        """Whether batches can leave now."""

    def notify(self) -> None:
        """The spool has something new."""

    async def run(self, spool: Spool, orders: EdgeOrders) -> None:
        """Send until cancelled, reconnecting for ever; `spool` is marked as acknowledgements come."""


class SendWindow:
    """Which batches to send next. Times are monotonic seconds."""

    def __init__(self, spool: Spool, now_s: float, sent_max: int = SENT_MAX, stalled_s: float = STALLED_S) -> None:
        self._spool = spool
        self._sent_max = sent_max
        self._stalled_s = self._patience_s = stalled_s
        self._sent: dict[str, list[int]] = {}  # by epoch, counters sent and not acknowledged, ascending
        self._moved_s = now_s
        self._position = spool.position_before_unacked()

    @property
    def sent_unacked(self) -> int:
        """Batches sent and not acknowledged."""
        return sum(map(len, self._sent.values()))

    def next(self, limit: int, now_s: float) -> list[Spooled]:
        """The next batches to send now, none when there are none or the window is full."""
        if self._sent and now_s - self._moved_s > self._patience_s:
            self._patience_s = min(2 * self._patience_s, SELDOM * self._stalled_s)
            self.rewind(now_s)
        room = self._sent_max - self.sent_unacked
        batches = self._spool.read_after(self._position, min(limit, room)) if room > 0 else []
        if batches:
            if not self._sent:
                self._moved_s = now_s
            self._position = batches[-1].position
            for batch in batches:
                self._sent.setdefault(batch.id.epoch, []).append(batch.id.counter)
        return batches

    def acked(self, epoch: str, counter: int, now_us: int, now_s: float) -> AckResult:
        """The stream acknowledged a prefix of an epoch."""
        result = self._spool.ack(epoch, counter, now_us)
        before = self._sent.pop(epoch, [])
        after = [sent for sent in before if sent > counter]
        if after:
            self._sent[epoch] = after
        if len(after) < len(before):
            self._moved_s = now_s
            self._patience_s = self._stalled_s
        return result

    def rewind(self, now_s: float) -> None:
        """Begin again with the oldest batch that is not acknowledged."""
        self._go_to(self._spool.position_before_unacked(), now_s)

    def send_again(self, epoch: str, counter: int, now_s: float) -> None:
        """Begin again with that batch, acknowledged or not; an empty epoch: with the oldest the spool holds."""
        position = self._spool.position_before(epoch, counter) if epoch else 0
        if position is not None and position < self._position:
            self._go_to(position, now_s)

    def _go_to(self, position: int, now_s: float) -> None:
        self._position = position
        self._sent.clear()
        self._moved_s = now_s
