"""What truly happened in the plant: which tags went through which door, and what the books should say at the end.

A carton that moved without being announced (an extra one on the pallet, an unknown tag) truly moved; whether a rule
posts it or holds it for a person is the warehouse's business. So truth keeps the two apart, and the stock it expects
has a range: what was announced and moved must be posted, what was not announced may be.
"""

from dataclasses import dataclass
from enum import StrEnum

from simulators.physics.recording import LoadTruth, Truth


class Surprise(StrEnum):
    """Where a load differs from its document."""

    SHORT = "short"
    EXTRA = "extra"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class PlantLoad:
    """One load that went through a portal. `load.epcs` are all tags on it, the pallet's among them.

    `announced` are carton tags its document names; `unannounced` (epc, item) cartons it does not name; `unknown` tags
    of no item; `missing` cartons the document names that are not on the pallet.
    """

    load: LoadTruth
    document: str
    item: str
    announced: tuple[str, ...]
    unannounced: tuple[tuple[str, str], ...]
    unknown: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def surprises(self) -> tuple[Surprise, ...]:
        found = ((Surprise.SHORT, self.missing), (Surprise.EXTRA, self.unannounced), (Surprise.UNKNOWN, self.unknown))
        return tuple(kind for kind, tags in found if tags)


@dataclass(frozen=True, slots=True)
class StockTruth:
    """Cartons of an item at a location at the end: at least, at most."""

    item: str
    location: str
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class TransferTruth:
    """Cartons of a transfer: those that left, those that arrived, those that never will. The rest is on the way."""

    number: str
    shipped: int
    received: int
    lost: int


@dataclass(frozen=True, slots=True)
class CountTruth:
    """What a count had to find: place, item, and by how many cartons the shelf differs from the paper."""

    number: str
    differences: tuple[tuple[str, str, int], ...]


@dataclass(frozen=True, slots=True)
class PlantTruth:
    """Loads in the order they passed, end stock (that behind the doors first), and the tags that were near doors
    without passing. A plant with a store has `transfers` and a `count` too.
    """

    loads: tuple[PlantLoad, ...]
    stock: tuple[StockTruth, ...]
    bystanders: tuple[str, ...]
    transfers: tuple[TransferTruth, ...] = ()
    count: CountTruth | None = None

    @property
    def passed(self) -> Truth:
        """The loads alone, as recordings know them (`physics.recording.write_truth`)."""
        return Truth(tuple(load.load for load in self.loads))
