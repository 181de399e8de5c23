"""Decides signals at the edge while the uplink is down, from the expectation last received.

It is the stream's own graph of operators, fed with this edge's own batches from the start, so that it knows the load in
the door when the uplink goes. While the stream answers, it follows the loads and judges each when it has left: judging
them again and again in the door, for lights that nobody asks it for, was a third of what an edge computed. Only its
signals are used; nothing is posted from here. Locations and passages it finds are dropped, and it is told of no other
agent's batches, so a portal shared between two edges is judged by half of it.
"""

from collections.abc import Sequence
from typing import Protocol

from stream.graph import Graph
from stream.model import EdgeBatch, Signal
from stream.operators.passages import PassageParams
from stream.places import Outputs
from stream.topology import OperatorParams, Operators, operators_of
from warehouse.loads import Expectation
from warehouse.site import Site


class LocalDecision(Protocol):
    """What an edge can ask when nobody else answers."""

    def on_batch(self, batch: EdgeBatch, is_wanted: bool) -> Sequence[Signal]:
        """Signals that this batch leads to; none while they are not wanted."""

    def on_expectation(self, expectation: Expectation) -> None:
        """What a portal expects from now on."""

    def reload(self, site: Site) -> None:
        """Portals are set up otherwise from now on."""


class GraphDecision:
    """The site's operators, run here."""

    def __init__(self, site: Site) -> None:
        self._site, self._is_wanted = site, False
        self._graph = Graph(site, self._operators(site))

    def on_batch(self, batch: EdgeBatch, is_wanted: bool) -> Sequence[Signal]:
        """Signals that this batch leads to; none while they are not wanted."""
        if is_wanted is not self._is_wanted:
            self._is_wanted = is_wanted
            self._graph = Graph(self._site, self._operators(self._site), self._graph.snapshot())
        out = Outputs()
        self._graph.on_batch(batch, out)
        return out.signals if is_wanted else ()

    def on_expectation(self, expectation: Expectation) -> None:
        """What a portal expects from now on."""
        self._graph.expect(expectation, Outputs())

    def reload(self, site: Site) -> None:
        """Portals are set up otherwise from now on."""
        self._graph.reload(site, self._operators(site), Outputs())
        self._site = site

    def _operators(self, site: Site) -> Operators:
        params = PassageParams() if self._is_wanted else PassageParams(provisional_every_s=None)
        return operators_of(site, OperatorParams(passages=params))
