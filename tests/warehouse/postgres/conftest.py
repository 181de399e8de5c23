"""A store for every test here, with its books in order at the end; who wants more in it makes a store of that one."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import psycopg
import pytest

from tests.warehouse.postgres.store import Store, open_store
from warehouse.postgres.books.integrity import check


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    """Every invariant of the ledger holds when the test is over."""
    made = open_store(database)
    yield made
    assert check(made.conn) == []
    made.conn.close()


@pytest.fixture
async def reading(database: str) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    """What queries are asked over."""
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as conn:
        yield conn
