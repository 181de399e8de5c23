"""What the bridge tells edges of what the workers have committed: acknowledgements, requests, signals, lists, orders.

Signals go out while they are valid by the wall clock; what stands (expectations, people's orders) the broker retains
for an edge that comes back. On every connection edges are told where they stand, and to go on from there. Nothing is
kept for a broker that is away: what still counts is told on connecting.

One thread looks into the database and tells; paho's thread tells all on connecting.
"""

from collections.abc import Callable, Iterable, Mapping

import structlog

from stream.bridge_positions import Stored
from stream.model import Signal
from stream.mqtt_client import ToEdge, ack_to, expectation_to, override_to, resend_to, signal_to
from stream.routing import agents_at
from warehouse.loads import Expectation, Override
from warehouse.site import Site

_log = structlog.get_logger(__name__)

Name = tuple[str, str]
"""An agent and an epoch of its spool."""


class EdgesTold:
    """`tell` publishes, `wall_us` is the clock signals are valid by."""

    def __init__(self, site: Site, tell: Callable[[ToEdge], None], wall_us: Callable[[], int]) -> None:
        self._site = site
        self._tell = tell
        self._wall_us = wall_us
        self._portals = {portal.name for portal in site.portals}
        self._told: dict[Name, Stored] = {}

    def begin(self, committed: dict[Name, Stored]) -> None:
        """Where agents stand at the start."""
        self._told = committed

    @property
    def agents(self) -> int:
        """How many agents are known."""
        return len({agent for agent, _ in self._told})

    @property
    def counters(self) -> dict[Name, int]:
        """The last batch of each epoch that every place has; where one has none yet, that any has."""
        return {name: at.everywhere or at.anywhere for name, at in self._told.items()}

    def all(self, standing: Iterable[Expectation | Override]) -> None:
        """Everything that counts, on a new connection."""
        for name, stored in list(self._told.items()):
            if stored.everywhere:  # else a place is new: the edge goes on from where it is
                self._tell(ack_to(self._site.name, *name, stored.everywhere))
                self._tell(resend_to(self._site.name, *name, stored.everywhere + 1))
        for one in standing:
            self.standing(one)

    def changes(self, committed: dict[Name, Stored]) -> Mapping[Name, int]:
        """What was committed since the last time. Returns epochs that went back, with what the database has of them."""
        restored: dict[Name, int] = {}
        for name, told in self._told.items():
            stored = committed.get(name, Stored(0, 0))
            if stored.anywhere < told.anywhere:
                _log.warning("the database was restored", agent=name[0], epoch=name[1], stored=stored.everywhere)
                restored[name] = stored.everywhere
                self._tell(resend_to(self._site.name, *name, stored.everywhere + 1))
        for name, stored in committed.items():
            if stored.everywhere > self._told.get(name, Stored(0, 0)).everywhere:
                self._tell(ack_to(self._site.name, *name, stored.everywhere))
        self._told = committed
        return restored

    def signal(self, signal: Signal) -> None:
        """A light, if it is not too late for it."""
        valid_s = (signal.valid_until_us - self._wall_us()) / 1e6
        if valid_s > 0 and signal.portal in self._portals:
            for agent in agents_at(self._site, signal.portal):
                self._tell(signal_to(self._site.name, agent, signal, valid_s))

    def standing(self, standing: Expectation | Override) -> None:
        """What the broker keeps for an edge that comes back."""
        if standing.portal not in self._portals:
            return
        for agent in agents_at(self._site, standing.portal):
            if isinstance(standing, Expectation):
                self._tell(expectation_to(self._site.name, agent, standing))
            else:
                self._tell(override_to(self._site.name, agent, standing))
