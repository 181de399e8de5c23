"""A batch of few reads, kept as one table of rows.

Ten arrays cost more than decoding the one tag that is in them, so here the rows are made once, with native types and
corrected values, and a column becomes an array when somebody asks for it. Columns are read-only, and strided.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from readers.model import ReadBatch


class RowBatch(ReadBatch):
    """A ReadBatch whose columns are views into one table of rows."""

    __slots__ = ("_table",)
    _table: NDArray[np.void]

    def __new__(cls, *columns: Any, **named: Any) -> ReadBatch:  # type: ignore[misc]
        """Made from columns, as by `dataclasses.replace`, it is a plain ReadBatch; see `row_batch` for rows."""
        return ReadBatch(*columns, **named)

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy, pickled or not, is a plain ReadBatch too."""
        return ReadBatch, tuple(getattr(self, field.name) for field in fields(ReadBatch))

    @property
    def epc(self) -> NDArray[np.uint8]:
        """See ReadBatch, as for every other column."""
        return self._table["epc"]

    @property
    def epc_bits(self) -> NDArray[np.uint16]:
        return self._table["epc_bits"]

    @property
    def antenna(self) -> NDArray[np.uint16]:
        return self._table["antenna"]

    @property
    def first_us(self) -> NDArray[np.int64]:
        return self._table["first"]

    @property
    def last_us(self) -> NDArray[np.int64]:
        return self._table["last"]

    @property
    def rssi_dbm(self) -> NDArray[np.float32]:
        return self._table["rssi"]

    @property
    def channel(self) -> NDArray[np.uint16]:
        return self._table["channel"]

    @property
    def phase_rad(self) -> NDArray[np.float32]:
        return self._table["phase"]

    @property
    def doppler_hz(self) -> NDArray[np.float32]:
        return self._table["doppler"]

    @property
    def count(self) -> NDArray[np.uint16]:
        return self._table["count"]

    def __len__(self) -> int:
        return len(self._table)


_set_reader = vars(ReadBatch)["reader"].__set__
_set_table = vars(RowBatch)["_table"].__set__


def row_batch(reader: str, table: NDArray[np.void]) -> ReadBatch:
    """A batch over a table of `RecordLayout.row`s, past the constructor, which would want the columns."""
    batch = object.__new__(RowBatch)
    _set_reader(batch, reader)
    _set_table(batch, table)
    return batch
