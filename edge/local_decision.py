"""Decides signals at the edge while the uplink is down, from the expectation last received.

It is the stream's own graph of operators, fed with this edge's own batches from the start, so that it knows the load in
the door when the uplink goes. Only its signals are used; nothing is posted from here. Locations and passages it finds
are dropped, and it is told of no other agent's batches, so a portal shared between two edges is judged by half of it.
"""

from collections.abc import Sequence
from typing import Protocol

from stream.graph import Graph
from stream.model import EdgeBatch, Signal
from stream.places import Outputs
from stream.topology import operators_of
from warehouse.loads import Expectation
from warehouse.site import Site


class LocalDecision(Protocol):
    """What an edge can ask when nobody else answers."""

    def on_batch(self, batch: EdgeBatch) -> Sequence[Signal]:
        """Signals that this batch leads to."""

    def on_expectation(self, expectation: Expectation) -> None:
        """What a portal expects from now on."""

    def reload(self, site: Site) -> None:
        """Portals are set up otherwise from now on."""


class GraphDecision:
    """The site's operators, run here."""

    def __init__(self, site: Site) -> None:
        self._graph = Graph(site, operators_of(site))

    def on_batch(self, batch: EdgeBatch) -> Sequence[Signal]:
        """Signals that this batch leads to."""
        out = Outputs()
        self._graph.on_batch(batch, out)
        return out.signals

    def on_expectation(self, expectation: Expectation) -> None:
        """What a portal expects from now on."""
        self._graph.expect(expectation, Outputs())

    def reload(self, site: Site) -> None:
        """Portals are set up otherwise from now on."""
        self._graph.reload(site, operators_of(site), Outputs())
