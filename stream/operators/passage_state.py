"""What the passage operator is set to, and what it remembers: plain values, encodable by msgspec."""

from dataclasses import dataclass, field, replace
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from stream.model import BatchId, DeviceEvent, TagVerdict
from stream.operators.passage_convoy import Lag
from stream.operators.passage_density import DensityParams, DensityState
from stream.operators.passage_model import Costs, PassageModel
from stream.operators.passage_window import BeamBreak, WindowParams, WindowState
from warehouse.site import AntennaRef, Direction


@dataclass(frozen=True, slots=True)
class PassageParams:
    """Settings of the passage operator; `model` None means the shipped one.

    `provisional_every_s` None: nobody is there to be told meanwhile, and only final revisions are made, the same ones.
    """

    window: WindowParams = field(default_factory=WindowParams)
    density: DensityParams = field(default_factory=DensityParams)
    approach_s: float = 3.0
    tail_s: float = 0.5
    beam_margin_s: float = 0.75
    lookback_s: float = 30.0
    background_tau_s: float = 60.0
    provisional_every_s: float | None = 0.25
    amend_s: float = 30.0
    hindsight_s: float = 9.0
    trust_eyes_s: float = 600.0
    again_s: float = 5.0
    forget_s: int = 900
    rows_max: int = 200_000
    records_max: int = 32
    costs: Costs = field(default_factory=Costs)
    # Where little is known, much of what belongs scores 0.5 to 0.75; nobody answers a question about each such tag.
    bare_costs: Costs = field(default_factory=lambda: Costs(wrong_in=2.2))
    direction_score_min: float = 0.9
    # Where no antenna has a side the order of the photo-eyes is all there is: 0.84 when first and last agree, else 0.5.
    direction_score_min_of_eyes: float = 0.8
    model: PassageModel | None = None


@dataclass(slots=True)
class Said:
    """What was last said under one passage id: final revisions so far, provisional ones, verdicts, direction, and the
    tags that were certain at some time and still belong.
    """

    revisions: int = 0
    shown: int = 0
    verdicts: dict[str, TagVerdict] = field(default_factory=dict)
    direction: Direction = Direction.UNSURE
    certain: set[str] = field(default_factory=set)


@dataclass(slots=True)
class PassageRecord:
    """One window's bookkeeping. `background` is float32 by tag id, as of the opening; `said` has one entry a load;
    `cell_end_us` is up to when a tag's mean time made it this window's, once the one behind it is known. `look_us` is
    when a second look is due; `until_us` up to when was looked, once it was. `doubtful`: the judge would look again.
    `asked`: how often the judge was asked whether the load has left for sure, before the close.
    `crossed_us` and `lag_us` (positive inward) are those of a load that crawled (`stream.operators.passage_crawl`).
    """

    passage_id: UUID
    opened_us: int
    closed_us: int | None = None
    judged_us: int = 0
    by_eyes: bool = False
    background: bytes = b""
    breaks: list[BeamBreak] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    cell_end_us: int | None = None
    look_us: int | None = None
    until_us: int | None = None
    doubtful: bool = True
    crossed_us: int | None = None
    lag_us: int = 0
    asked: int = 0

    @property
    def told(self) -> bool:
        """Whether a final revision of any of its loads was made."""
        return any(one.revisions for one in self.said)

    @property
    def known_us(self) -> int:
        """Since when it is known that it closed, and whose it was; from then on it is remembered for a while."""
        closed_us = self.closed_us or 0
        return closed_us if self.crossed_us is None else max(closed_us, self.until_us or 0)

    def rests_on(self, first_us: NDArray[np.int64], params: PassageParams) -> bool:
        """Whether it was judged by what was read at any of these times."""
        start = self.opened_us - int(params.approach_s * 1e6)
        end = self.until_us or (self.closed_us or 0) + int(params.tail_s * 1e6)
        return bool(((first_us >= start) & (first_us <= end)).any())

    def copy(self) -> "PassageRecord":
        said = [replace(one, verdicts=dict(one.verdicts), certain=set(one.certain)) for one in self.said]
        return replace(self, breaks=list(self.breaks), said=said)


@dataclass(slots=True)
class PassageState:
    """Everything the operator remembers."""

    tick_us: int | None
    second: int
    tags: list[str]
    antennas: list[AntennaRef]
    origins: dict[int, BatchId]
    next_origin: int
    rows: bytes
    level: bytes
    level_dbm: bytes
    level_second: bytes
    window: WindowState
    density: DensityState
    beams: list[tuple[DeviceEvent, BatchId]]
    opening: BatchId | None
    ordinal: int
    beam_us: int
    open: PassageRecord | None
    settled: list[PassageRecord]
    late_dropped: int = 0
    rows_dropped: int = 0
    lag: Lag = field(default_factory=Lag)
