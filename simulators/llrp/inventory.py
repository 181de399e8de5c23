"""One ROSpec being executed: its AISpecs one after another, fed by the radio (LLRP 1.0.1 §10.2.1, §10.2.2).

`InventoryRun.advance` moves to a point in time and says what happened on the way, in order: singulations heard, AISpecs
that ended, loops, the end of the whole. Stop triggers that count tags cut the singulations at the one that fulfils
them; the radio is then asked in stretches of at most `CUT_US`, and what it heard after the cut is lost, as between two
inventory rounds. "N attempts to see all tags" counts a pass over the antennas as `ATTEMPT_US`.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from readers.llrp import enums as e
from readers.llrp import enums_c1g2 as g
from readers.llrp import params as p
from simulators.llrp.access import bits_equal, memory_of
from simulators.llrp.models import ReaderModel
from simulators.llrp.radio import AntennaDrive, Radio, Singulations
from simulators.llrp.report_rows import Origin
from simulators.llrp.settings import ReaderSettings, merged_antenna

CUT_US = 20_000
ATTEMPT_US = 50_000
NEVER_US = 1 << 62

_Trigger = e.TagObservationTriggerType


@dataclass(frozen=True, slots=True)
class Heard:
    """Singulations of one AISpec."""

    reads: Singulations
    origin: Origin


@dataclass(frozen=True, slots=True)
class AISpecEnded:
    """The AISpec at `spec_index` (1-based) has ended."""

    spec_index: int
    at_us: int


@dataclass(frozen=True, slots=True)
class LoopEnded:
    """A LoopSpec has sent execution back to the first spec for the `count`-th time."""

    count: int
    at_us: int


@dataclass(frozen=True, slots=True)
class ROSpecEnded:
    """All specs are done, or the ROSpec's own stop trigger fired."""

    at_us: int


Outcome = Heard | AISpecEnded | LoopEnded | ROSpecEnded


@dataclass(slots=True)
class _AISpecProgress:
    started_us: int
    observations: int = 0
    unique: set[bytes] = field(default_factory=set)
    last_new_us: int = 0


class InventoryRun:
    """The execution of one ROSpec from its start to its end."""

    def __init__(
        self, spec: p.ROSpec, model: ReaderModel, settings: ReaderSettings, radio: Radio, start_us: int
    ) -> None:
        self._model = model
        self._settings = settings
        self._radio = radio
        self._rospec_id = spec.ROSpecID
        self._aispecs = [part for part in spec.SpecParameter if isinstance(part, p.AISpec)]
        loops = [part for part in spec.SpecParameter if isinstance(part, p.LoopSpec)]
        self._loop_count = loops[0].LoopCount if loops else None
        self._loops_done = 0
        self._stop = spec.ROBoundarySpec.ROSpecStopTrigger
        self._place = 0
        self.cursor_us = start_us
        self._started_us = start_us
        self._progress = _AISpecProgress(start_us, last_new_us=start_us)
        self.done = False

    def advance(self, to_us: int) -> list[Outcome]:
        """Execute up to `to_us`, or to the end of the ROSpec if that comes first."""
        outcomes: list[Outcome] = []
        while not self.done and self.cursor_us < to_us:
            self._stretch(min(to_us, self._stop_us()), outcomes)
            if self.cursor_us >= self._stop_us() and not self.done:
                self._end_aispec(outcomes)
                self._end(outcomes)
        return outcomes

    def next_boundary_us(self) -> int:
        """When something can happen by itself: a duration or timeout runs out, or tags must be counted."""
        if not self._aispecs:
            return self.cursor_us
        counting = self._aispecs[self._place].AISpecStopTrigger.TagObservationTrigger is not None
        return min(self._stop_us(), self._aispec_stop_us(), self.cursor_us + CUT_US if counting else NEVER_US)

    def gpi_changed(self, port: int, level: bool, outcomes: list[Outcome]) -> None:
        """A GPI moved at the cursor: stop triggers may fire."""
        if self.done:
            return
        if self._stop.ROSpecStopTriggerType == e.ROSpecStopTriggerType.GPI_With_Timeout and _fires(
            self._stop.GPITriggerValue, port, level
        ):
            self._end_aispec(outcomes)
            self._end(outcomes)
            return
        stop = self._aispecs[self._place].AISpecStopTrigger
        if stop.AISpecStopTriggerType == e.AISpecStopTriggerType.GPI_With_Timeout and _fires(
            stop.GPITriggerValue, port, level
        ):
            self._next_aispec(outcomes)

    def stop(self, outcomes: list[Outcome]) -> None:
        """STOP_ROSPEC, DISABLE_ROSPEC or preemption, at the cursor."""
        if not self.done:
            self._end_aispec(outcomes)
            self._end(outcomes)

    def _stop_us(self) -> int:
        kind = self._stop.ROSpecStopTriggerType
        if kind == e.ROSpecStopTriggerType.Duration and self._stop.DurationTriggerValue:
            return self._started_us + self._stop.DurationTriggerValue * 1000
        gpi = self._stop.GPITriggerValue
        if kind == e.ROSpecStopTriggerType.GPI_With_Timeout and gpi is not None and gpi.Timeout:
            return self._started_us + gpi.Timeout * 1000
        return NEVER_US

    def _aispec_stop_us(self) -> int:
        """When the running AISpec ends if no tag is heard any more."""
        stop = self._aispecs[self._place].AISpecStopTrigger
        started_us = self._progress.started_us
        kind = stop.AISpecStopTriggerType
        if kind == e.AISpecStopTriggerType.Duration:
            return started_us + stop.DurationTrigger * 1000
        if kind == e.AISpecStopTriggerType.GPI_With_Timeout and stop.GPITriggerValue is not None:
            timeout_ms = stop.GPITriggerValue.Timeout
            return started_us + timeout_ms * 1000 if timeout_ms else NEVER_US
        tag = stop.TagObservationTrigger
        if kind != e.AISpecStopTriggerType.Tag_Observation or tag is None:
            return NEVER_US
        stop_us = started_us + tag.Timeout * 1000 if tag.Timeout else NEVER_US
        if tag.TriggerType == _Trigger.N_Attempts_To_See_All_Tags_In_FOV_Or_Timeout:
            stop_us = min(stop_us, started_us + max(1, tag.NumberOfAttempts) * ATTEMPT_US)
        elif tag.TriggerType in (
            _Trigger.Upon_Seeing_No_More_New_Tags_For_Tms_Or_Timeout,
            _Trigger.Upon_Seeing_No_More_New_Unique_Tags_For_Tms_Or_Timeout,
        ):
            stop_us = min(stop_us, self._progress.last_new_us + max(1, tag.T) * 1000)
        return stop_us

    def _stretch(self, to_us: int, outcomes: list[Outcome]) -> None:
        """Listen once: until `to_us`, the end of the AISpec, or the next point where tags are counted."""
        if not self._aispecs:
            self._end(outcomes)
            return
        aispec = self._aispecs[self._place]
        tag = aispec.AISpecStopTrigger.TagObservationTrigger
        counting = (
            tag if aispec.AISpecStopTrigger.AISpecStopTriggerType == e.AISpecStopTriggerType.Tag_Observation else None
        )
        end_us = min(to_us, self._aispec_stop_us(), self.cursor_us + CUT_US if counting is not None else NEVER_US)
        if end_us > self.cursor_us:
            reads = self._listen(aispec, end_us)
            cut = self._count(reads, counting) if counting is not None else None
            if cut is not None:
                reads, end_us = reads.take(slice(0, cut)), int(reads.time_us[cut - 1]) + 1
            self.cursor_us = end_us
            if len(reads):
                outcomes.append(Heard(reads, self._origin(aispec)))
            if cut is not None:
                self._next_aispec(outcomes)
                return
        if self.cursor_us >= self._aispec_stop_us():
            self._next_aispec(outcomes)

    def _listen(self, aispec: p.AISpec, end_us: int) -> Singulations:
        drives, filters = self._drives(aispec)
        reads = self._radio.reads(self.cursor_us, end_us, drives)
        return _selected(reads, filters, self._radio) if filters and len(reads) else reads

    def _drives(self, aispec: p.AISpec) -> tuple[list[AntennaDrive], tuple[p.C1G2Filter, ...]]:
        ports = list(self._model.ports) if 0 in aispec.AntennaIDs else list(dict.fromkeys(aispec.AntennaIDs))
        drives = []
        filters: tuple[p.C1G2Filter, ...] = ()
        for port in ports:
            if port not in self._settings.connected_antennas:
                continue
            configuration = self._settings.antennas[port]
            for over in aispec.InventoryParameterSpec[0].AntennaConfiguration:
                if over.AntennaID in (0, port):
                    configuration = merged_antenna(configuration, over, port)
            drives.append(_drive(configuration, port, self._model))
            for command in configuration.AirProtocolInventoryCommandSettings:
                filters = command.C1G2Filter or filters
        return drives, filters

    def _origin(self, aispec: p.AISpec) -> Origin:
        return Origin(self._rospec_id, self._place + 1, aispec.InventoryParameterSpec[0].InventoryParameterSpecID)

    def _count(self, reads: Singulations, tag: p.TagObservationTrigger) -> int | None:
        """Count tags toward the trigger; the number of reads up to the one that fulfils it, if one does."""
        progress = self._progress
        for place in range(len(reads)):
            progress.observations += 1
            epc = reads.epc[place].tobytes()
            if epc not in progress.unique:
                progress.unique.add(epc)
                progress.last_new_us = int(reads.time_us[place])
            n_seen = tag.TriggerType == _Trigger.Upon_Seeing_N_Tags_Or_Timeout
            n_unique = tag.TriggerType == _Trigger.Upon_Seeing_N_Unique_Tags_Or_Timeout
            if (n_seen and progress.observations >= tag.NumberOfTags) or (
                n_unique and len(progress.unique) >= tag.NumberOfTags
            ):
                return place + 1
        return None

    def _next_aispec(self, outcomes: list[Outcome]) -> None:
        self._end_aispec(outcomes)
        self._place += 1
        if self._place == len(self._aispecs):
            self._place = 0
            self._loops_done += 1
            if self._loop_count is None or (self._loop_count and self._loops_done >= self._loop_count):
                self._end(outcomes)
                return
            outcomes.append(LoopEnded(self._loops_done, self.cursor_us))
        self._progress = _AISpecProgress(self.cursor_us, last_new_us=self.cursor_us)

    def _end_aispec(self, outcomes: list[Outcome]) -> None:
        if self._aispecs:
            outcomes.append(AISpecEnded(self._place + 1, self.cursor_us))

    def _end(self, outcomes: list[Outcome]) -> None:
        self.done = True
        outcomes.append(ROSpecEnded(self.cursor_us))


def _fires(trigger: p.GPITriggerValue | None, port: int, level: bool) -> bool:
    return trigger is not None and trigger.GPIPortNum == port and trigger.GPIEvent == level


def _drive(configuration: p.AntennaConfiguration, port: int, model: ReaderModel) -> AntennaDrive:
    transmitter = configuration.RFTransmitter
    power_dbm = model.power_dbm(transmitter.TransmitPower) if transmitter is not None else None
    session, population, mode = 0, model.default_population, model.default_mode
    for command in configuration.AirProtocolInventoryCommandSettings:
        if command.C1G2SingulationControl is not None:
            session = command.C1G2SingulationControl.Session
            population = command.C1G2SingulationControl.TagPopulation
        if command.C1G2RFControl is not None:
            mode = command.C1G2RFControl.ModeIndex
    if power_dbm is None:
        power_dbm = model.uhf.TransmitPowerLevelTableEntry[-1].TransmitPowerValue / 100
    return AntennaDrive(port, power_dbm, session, population, mode)


def _selected(reads: Singulations, filters: tuple[p.C1G2Filter, ...], radio: Radio) -> Singulations:
    """The reads of tags the Select commands leave in (C1G2Filter, §15.2.1.2.1.1): each filter acts in turn."""
    keep: dict[bytes, bool] = {}
    verdict: NDArray[np.bool_] = np.zeros(len(reads), np.bool_)
    for place in range(len(reads)):
        epc = reads.epc[place, : int(reads.epc_bits[place]) // 8].tobytes()
        if epc not in keep:
            keep[epc] = _takes_part(epc, filters, radio)
        verdict[place] = keep[epc]
    return reads.take(verdict)


def _takes_part(epc: bytes, filters: tuple[p.C1G2Filter, ...], radio: Radio) -> bool:
    # Before the first Select every tag takes part unless a filter says which ones do.
    selected = _adds_nothing(filters[0])
    memory = memory_of(epc, radio.memory(epc))
    for one in filters:
        mask = one.C1G2TagInventoryMask
        matching = bits_equal(memory, mask.MB, mask.Pointer, mask.TagMask)
        action = one.C1G2TagInventoryStateUnawareFilterAction
        kind = action.Action if action is not None else g.C1G2StateUnawareAction.Select_Unselect
        match kind:
            case g.C1G2StateUnawareAction.Select_Unselect:
                selected = matching
            case g.C1G2StateUnawareAction.Select_DoNothing:
                selected = selected or matching
            case g.C1G2StateUnawareAction.DoNothing_Unselect:
                selected = selected and matching
            case g.C1G2StateUnawareAction.Unselect_DoNothing:
                selected = selected and not matching
            case g.C1G2StateUnawareAction.Unselect_Select:
                selected = not matching
            case g.C1G2StateUnawareAction.DoNothing_Select:
                selected = selected or not matching
    return selected


def _adds_nothing(first: p.C1G2Filter) -> bool:
    """Whether the first filter only ever takes tags out, so that all others start in."""
    action = first.C1G2TagInventoryStateUnawareFilterAction
    kinds = g.C1G2StateUnawareAction
    return action is not None and action.Action in (kinds.DoNothing_Unselect, kinds.Unselect_DoNothing)
