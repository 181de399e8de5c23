"""A portal's antennas by their number in the row buffer: which are its own, and on which side they are."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from stream.operators.passage_rows import PassageRows
from warehouse.site import AntennaRef, Side

_SIGN = {Side.INSIDE: 1, Side.OUTSIDE: -1, None: 0}


class PassageAntennas:
    """Made again when antennas have come to be known; others' antennas are on no side."""

    def __init__(self, own: frozenset[AntennaRef], sides: Mapping[AntennaRef, Side | None]) -> None:
        self._own = own
        self._sides = dict(sides)
        self.sides_told = len({side for ref, side in sides.items() if ref in own and side is not None})
        self._is_own: NDArray[np.bool_] = np.empty(0, np.bool_)
        self._side: NDArray[np.int8] = np.empty(0, np.int8)

    def own(self, rows: PassageRows) -> NDArray[np.bool_]:
        """Whether each antenna that rows know is the portal's own."""
        self._know(rows.antennas)
        return self._is_own

    def side(self, rows: PassageRows) -> NDArray[np.int8]:
        """1 inside, -1 outside, 0 neither, for each antenna that rows know."""
        self._know(rows.antennas)
        return self._side

    def _know(self, antennas: list[AntennaRef]) -> None:
        if len(antennas) != len(self._is_own):
            self._is_own = np.array([ref in self._own for ref in antennas], np.bool_)
            self._side = np.array([_SIGN[self._sides.get(ref)] if ref in self._own else 0 for ref in antennas], np.int8)
