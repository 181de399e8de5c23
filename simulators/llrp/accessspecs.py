"""The reader's AccessSpecs: added Disabled, enabled, carried out on tags heard, deleted when their count is reached.

What operations change stays changed: a killed tag is heard no more, and a tag whose EPC bank was rewritten reports its
new EPC from its next singulation on. The radio goes on calling it by its old one, which is only its name there.
"""

from dataclasses import replace

import numpy as np

from readers.llrp import params as p
from readers.llrp.enums import AccessReportTriggerType, StatusCode
from simulators.llrp.access import StoredAccessSpec, matches, memory_of, perform
from simulators.llrp.models import ReaderModel
from simulators.llrp.radio import Radio, Singulations, TagMemory
from simulators.llrp.refusal import Refusal, field_invalid
from simulators.llrp.rospec_check import check_accessspec

MEMORIES_MAX = 65_536
"""Tags whose unmodelled memory is remembered; beyond that the oldest is forgotten."""


class AccessSpecTable:
    """All AccessSpecs of a reader, in the order of their identifiers."""

    def __init__(self, model: ReaderModel, radio: Radio) -> None:
        self._model = model
        self._radio = radio
        self._specs: dict[int, StoredAccessSpec] = {}
        self._killed: set[bytes] = set()
        self._renamed: dict[bytes, bytes] = {}
        # Memory of tags the radio does not model, so that what is written there can be read back.
        self._memories: dict[bytes, TagMemory] = {}

    @property
    def any_enabled(self) -> bool:
        return any(stored.enabled for stored in self._specs.values())

    @property
    def has_changed_tags(self) -> bool:
        """Some tag was killed or renamed, so `as_heard` has something to do."""
        return bool(self._killed or self._renamed)

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

    def as_heard(self, reads: Singulations) -> tuple[Singulations, Singulations]:
        """The reads of tags still alive, under the radio's names and under the EPCs the tags answer with now."""
        alive = [row for row in range(len(reads)) if _epc(reads, row) not in self._killed]
        named = reads.take(np.array(alive, np.intp))
        if not self._renamed:
            return named, named
        width = max(named.epc.shape[1], *map(len, self._renamed.values()))
        epc = np.zeros((len(named), width), np.uint8)
        bits = named.epc_bits.copy()
        for row in range(len(named)):
            name = _epc(named, row)
            now = self._renamed.get(name, name)
            epc[row, : len(now)] = np.frombuffer(now, np.uint8)
            bits[row] = len(now) * 8
        return named, replace(named, epc=epc, epc_bits=bits)

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
            memory = self._memory(epc)
            results[row] = (stored.spec.AccessSpecID, perform(stored.spec, memory, version))
            self._note_changes(epc, memory)
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
                memory = memory or self._memory(epc)
                if matches(spec, memory):
                    return stored
        return None

    def _memory(self, epc: bytes) -> TagMemory:
        modelled = self._radio.memory(epc)
        if modelled is not None:
            return memory_of(epc, modelled)
        known = self._memories.get(epc)
        if known is None:
            if len(self._memories) >= MEMORIES_MAX:
                del self._memories[next(iter(self._memories))]
            known = self._memories[epc] = memory_of(epc, None)
        return known

    def _note_changes(self, epc: bytes, memory: TagMemory) -> None:
        if memory.killed:
            self._killed.add(epc)
        bank = memory.banks[1]
        words = bank[2 : 2 + (bank[1] >> 11)]
        now = b"".join(word.to_bytes(2, "big") for word in words)
        if now != epc:
            self._renamed[epc] = now
        else:
            self._renamed.pop(epc, None)


def _epc(reads: Singulations, row: int) -> bytes:
    return reads.epc[row, : (int(reads.epc_bits[row]) + 7) // 8].tobytes()
