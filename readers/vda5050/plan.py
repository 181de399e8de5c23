"""What a master may send for one order: a path with a base that grows and a horizon that may change.

The stitching rule from the master's side (VDA 5050 2.1.0, 6.6.2): an update carries the next update id, begins with
the last node of the base already sent, unchanged, and never touches what lies before it. A plan is a value; each change
gives a new one, and `message` is what to send for it. Sending the same plan again is harmless.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import msgspec.structs

from readers.vda5050.order import Edge, Node, Order

_Part = TypeVar("_Part", Node, Edge)


@dataclass(frozen=True, slots=True)
class OrderPlan:
    """The whole path of one order from its first node; the last message begins at sequence id `sent_from`."""

    order_id: str
    update_id: int
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    sent_from: int

    @staticmethod
    def begin(order_id: str, nodes: Sequence[Node], edges: Sequence[Edge], base: int) -> "OrderPlan":
        """A new order along these nodes, the first `base` of them released. Sequence ids are given here."""
        numbered = OrderPlan(order_id, 0, _numbered(nodes, 0), _numbered(edges, 1), 0)
        return numbered._released(base)

    @property
    def base_end(self) -> Node:
        """The last node the vehicle may drive to."""
        return next(node for node in reversed(self.nodes) if node.released)

    @property
    def is_released(self) -> bool:
        """Whether there is no horizon left."""
        return self.nodes[-1].released

    @property
    def message(self) -> Order:
        """What to send for the present update."""
        return Order(
            order_id=self.order_id,
            order_update_id=self.update_id,
            nodes=tuple(node for node in self.nodes if node.sequence_id >= self.sent_from),
            edges=tuple(edge for edge in self.edges if edge.sequence_id > self.sent_from),
        )

    def released(self, more: int) -> "OrderPlan":
        """The next update: `more` nodes of the horizon join the base. The plan itself when there is no horizon."""
        if self.is_released or more <= 0:
            return self
        base = sum(node.released for node in self.nodes)
        return replace(self, update_id=self.update_id + 1, sent_from=self.base_end.sequence_id)._released(base + more)

    def rerouted(self, nodes: Sequence[Node], edges: Sequence[Edge], base: int) -> "OrderPlan":
        """The next update with another horizon: nodes and edges beyond the end of the base, `base` of them released."""
        end = self.base_end
        kept = tuple(node for node in self.nodes if node.released)
        kept_edges = tuple(edge for edge in self.edges if edge.released)
        start = end.sequence_id
        changed = OrderPlan(
            self.order_id,
            self.update_id + 1,
            (*kept, *_numbered(nodes, start + 2)),
            (*kept_edges, *_numbered(edges, start + 1)),
            start,
        )
        return changed._released(len(kept) + base)

    def _released(self, base: int) -> "OrderPlan":
        base = max(1, base)
        nodes = tuple(msgspec.structs.replace(n, released=i < base) for i, n in enumerate(self.nodes))
        edges = tuple(msgspec.structs.replace(e, released=i + 1 < base) for i, e in enumerate(self.edges))
        return replace(self, nodes=nodes, edges=edges)


def _numbered(parts: Sequence[_Part], first: int) -> tuple[_Part, ...]:
    return tuple(msgspec.structs.replace(part, sequence_id=first + 2 * i) for i, part in enumerate(parts))
