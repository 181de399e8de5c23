"""The warehouse as the stream's store needs it: functions that work inside the store's transaction."""

from collections.abc import Sequence
from typing import Any, Protocol

import psycopg

from warehouse.loads import Expectation, Load, LocationUpdate, Override, Weighing
from warehouse.postgres.loads import expectations, locations, overrides, posting, weighings


class Books(Protocol):
    """What the store asks of the warehouse, on its own connection and in its own transaction."""

    def post_load(self, connection: psycopg.Connection[Any], load: Load) -> object:
        """Post what a load was; a refusal is part of the returned posting. Harmless when repeated."""

    def apply(self, connection: psycopg.Connection[Any], updates: Sequence[LocationUpdate]) -> object:
        """Record where tags are. Harmless when repeated."""

    def post_weighing(self, connection: psycopg.Connection[Any], weighing: Weighing) -> object:
        """Record a weighing and compare it with the books. Harmless when repeated."""

    def expected_at(self, connection: psycopg.Connection[Any], portal: str) -> Expectation:
        """What open documents expect at a portal now."""

    def overrides(self, connection: psycopg.Connection[Any]) -> Sequence[Override]:
        """What people ordered portals to show lately."""


class WarehouseBooks:
    """The warehouse's PostgreSQL adapters."""

    def post_load(self, connection: psycopg.Connection[Any], load: Load) -> posting.Posting:
        """`warehouse.postgres.loads.posting.post_load`."""
        return posting.post_load(connection, load)

    def apply(self, connection: psycopg.Connection[Any], updates: Sequence[LocationUpdate]) -> int:
        """`warehouse.postgres.loads.locations.apply`."""
        return locations.apply(connection, updates)

    def post_weighing(self, connection: psycopg.Connection[Any], weighing: Weighing) -> weighings.Weighed:
        """`warehouse.postgres.loads.weighings.post_weighing`."""
        return weighings.post_weighing(connection, weighing)

    def expected_at(self, connection: psycopg.Connection[Any], portal: str) -> Expectation:
        """`warehouse.postgres.loads.expectations.expected_at`."""
        return expectations.expected_at(connection, portal)

    def overrides(self, connection: psycopg.Connection[Any]) -> Sequence[Override]:
        """`warehouse.postgres.loads.overrides.overrides`."""
        return overrides.overrides(connection)
