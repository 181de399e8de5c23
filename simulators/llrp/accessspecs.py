"""The reader's AccessSpecs: added Disabled, enabled, carried out on tags heard, deleted when their count is reached."""

from readers.llrp import params as p
from readers.llrp.enums import AccessReportTriggerType, StatusCode
from simulators.llrp.access import StoredAccessSpec, matches, memory_of, perform
from simulators.llrp.models import ReaderModel
from simulators.llrp.radio import Radio, Singulations
from simulators.llrp.refusal import Refusal, field_invalid
from simulators.llrp.rospec_check import check_accessspec


class AccessSpecTable:
    """All AccessSpecs of a reader, in the order of their identifiers."""

    def __init__(self, model: ReaderModel, radio: Radio) -> None:
        self._model = model
        self._radio = radio
        self._specs: dict[int, StoredAccessSpec] = {}
        self._killed: set[bytes] = set()

    @property
    def any_enabled(self) -> bool:
        return any(stored.enabled for stored in self._specs.values())

    @property
    def any_killed(self) -> bool:
        return bool(self._killed)

    def reported(self) -> tuple[p.AccessSpec, ...]:
        return tuple(self._specs[identifier].reported() for identifier in sorted(self._specs))

    def add(self, spec: p.AccessSpec) -> Refusal | None:
        fault = check_accessspec(spec, self._model)
        if fault is not None:
            return fault
        if spec.AccessSpecID in self._specs:
            return Refusal(
                StatusCode.A_Invalid, f"AccessSpec {spec.AccessSpecID} exists", (p.AccessSpec.TYPE,), field=1
            )
        if len(self._specs) >= self._model.llrp.MaxNumAccessSpecs:
            return Refusal(StatusCode.M_OverflowParameter, f"at most {self._model.llrp.MaxNumAccessSpecs} AccessSpecs")
        self._specs[spec.AccessSpecID] = StoredAccessSpec(spec)
        return None

    def delete(self, identifier: int) -> Refusal | None:
        if identifier == 0:
            self._specs.clear()
            return None
        if self._specs.pop(identifier, None) is None:
            return field_invalid(1, f"no AccessSpec {identifier}")
        return None

    def switch(self, identifier: int, *, enabled: bool) -> Refusal | None:
        chosen = list(self._specs) if identifier == 0 else [identifier]
        if identifier and identifier not in self._specs:
            return field_invalid(1, f"no AccessSpec {identifier}")
        for one in chosen:
            self._specs[one].enabled = enabled
        return None

    def alive(self, reads: Singulations) -> list[int]:
        """The rows of tags that have not been killed."""
        return [row for row in range(len(reads)) if _epc(reads, row) not in self._killed]

    def work_on(
        self, reads: Singulations, rospec_id: int, version: int, standing: p.AccessReportSpec
    ) -> tuple[dict[int, tuple[int, bytes]], set[int]]:
        """Carry out enabled AccessSpecs on the tags heard.

        Returns (AccessSpecID, encoded results) by row, and the rows to be reported at once because their AccessSpec
        asks for a report at its end; `standing` is the configured AccessReportSpec for specs without their own.
        """
        results: dict[int, tuple[int, bytes]] = {}
        urgent: set[int] = set()
        for row in range(len(reads)):
            epc = _epc(reads, row)
            stored = self._fitting(int(reads.antenna[row]), rospec_id, epc)
            if stored is None:
                continue
            memory = memory_of(epc, self._radio.memory(epc))
            results[row] = (stored.spec.AccessSpecID, perform(stored.spec, memory, version))
            if memory.killed:
                self._killed.add(epc)
            report = stored.spec.AccessReportSpec or standing
            if report.AccessReportTrigger == AccessReportTriggerType.End_Of_AccessSpec:
                urgent.add(row)
            stored.executions += 1
            if stored.finished:
                del self._specs[stored.spec.AccessSpecID]
                if not self.any_enabled:
                    break
        return results, urgent

    def _fitting(self, antenna: int, rospec_id: int, epc: bytes) -> StoredAccessSpec | None:
        memory = None
        for identifier in sorted(self._specs):
            stored = self._specs[identifier]
            spec = stored.spec
            if stored.enabled and spec.AntennaID in (0, antenna) and spec.ROSpecID in (0, rospec_id):
                memory = memory or memory_of(epc, self._radio.memory(epc))
                if matches(spec, memory):
                    return stored
        return None


def _epc(reads: Singulations, row: int) -> bytes:
    return reads.epc[row, : (int(reads.epc_bits[row]) + 7) // 8].tobytes()
