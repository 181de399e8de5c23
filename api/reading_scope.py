"""For whom this task reads: everybody's stock, or that of some warehouses.

The gate sets it for each request, and the pool limits the connections it lends by it
(`warehouse.postgres.control.reading`): no route has to think of it. A task started by a request reads for its caller.
"""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

# Codes of warehouses; None: everywhere.
_WAREHOUSES: ContextVar[frozenset[str] | None] = ContextVar("warehouses", default=None)


def warehouses() -> frozenset[str] | None:
    """The warehouses that reading is limited to here; None for everywhere."""
    return _WAREHOUSES.get()


@contextlib.contextmanager
def reading(within: frozenset[str] | None) -> Iterator[None]:
    """Read for somebody limited to these warehouses while the block runs; None for the program itself."""
    token = _WAREHOUSES.set(within)
    try:
        yield
    finally:
        _WAREHOUSES.reset(token)
