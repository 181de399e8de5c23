"""AccessSpecs at work: which tags they match and what their operations do to tag memory (LLRP 1.0.1 §11, §15.2.1.3).

A tag is tried against every enabled AccessSpec each time it is singulated, in the order of their identifiers; the first
that matches antenna, ROSpec and memory pattern is carried out. An AccessSpec whose operation count is reached is
deleted, as AccessSpecStopTrigger asks.
"""

from dataclasses import dataclass
from typing import TypeVar

from readers.llrp import enums as e
from readers.llrp import enums_c1g2 as g
from readers.llrp import params as p
from readers.llrp.codec import encode_parameter
from readers.llrp.wire import BitArray
from simulators.llrp.radio import TagMemory

_EPC_BANK = 1
_Kind = TypeVar("_Kind", bound=e.WireEnum)


@dataclass(slots=True)
class StoredAccessSpec:
    """An AccessSpec in the reader: the client's, plus its state and how often it was carried out."""

    spec: p.AccessSpec
    enabled: bool = False
    executions: int = 0

    def reported(self) -> p.AccessSpec:
        """The spec as GET_ACCESSSPECS tells it."""
        spec = self.spec
        return p.AccessSpec(
            spec.AccessSpecID,
            spec.AntennaID,
            spec.ProtocolID,
            e.AccessSpecState.Active if self.enabled else e.AccessSpecState.Disabled,
            spec.ROSpecID,
            spec.AccessSpecStopTrigger,
            spec.AccessCommand,
            spec.AccessReportSpec,
            spec.Custom,
        )

    @property
    def finished(self) -> bool:
        stop = self.spec.AccessSpecStopTrigger
        return (
            stop.AccessSpecStopTrigger == e.AccessSpecStopTriggerType.Operation_Count
            and stop.OperationCountValue > 0
            and self.executions >= stop.OperationCountValue
        )


def memory_of(epc: bytes, modelled: TagMemory | None) -> TagMemory:
    """A tag's memory with its EPC bank filled in; without a model it has the EPC bank alone."""
    memory = modelled if modelled is not None else TagMemory()
    if _EPC_BANK not in memory.banks:
        memory.banks[_EPC_BANK] = [0, (len(epc) // 2) << 11, *_words(epc)]
    return memory


def matches(spec: p.AccessSpec, memory: TagMemory) -> bool:
    """Whether a tag's memory fits all patterns of an AccessSpec (C1G2TagSpec, §15.2.1.3.1)."""
    return all(_fits(pattern, memory) for pattern in spec.AccessCommand.AirProtocolTagSpec.C1G2TargetTag)


def _fits(pattern: p.C1G2TargetTag, memory: TagMemory) -> bool:
    bits = pattern.TagMask.bits
    mask = _number(pattern.TagMask)
    data = _number(pattern.TagData) << max(0, bits - pattern.TagData.bits)
    found = _bank_bits(memory, pattern.MB, pattern.Pointer, bits)
    same = found is not None and (found ^ data) & mask == 0
    return same == pattern.Match


def bits_equal(memory: TagMemory, bank: int, pointer: int, mask: BitArray) -> bool:
    """Whether a bank holds exactly these bits from bit `pointer` on, as a Select command compares them."""
    return _bank_bits(memory, bank, pointer, mask.bits) == _number(mask)


def _bank_bits(memory: TagMemory, bank: int, pointer: int, bits: int) -> int | None:
    """`bits` bits of a bank from bit `pointer` on as a number; None beyond its end."""
    words = memory.banks.get(bank, [])
    end = pointer + bits
    if end > len(words) * 16:
        return None
    whole = int.from_bytes(b"".join(word.to_bytes(2, "big") for word in words), "big")
    return whole >> (len(words) * 16 - end) & ((1 << bits) - 1)


def perform(spec: p.AccessSpec, memory: TagMemory, version: int) -> bytes:
    """Carry out the operations of an AccessSpec on one tag; their results, encoded in order."""
    results = b""
    for operation in spec.AccessCommand.AccessCommandOpSpec:
        results += encode_parameter(_result(operation, memory, version), version=version)
    return results


def _result(operation: object, memory: TagMemory, version: int) -> p.Parameter:
    match operation:
        case p.C1G2Read():
            return _read(operation, memory, version)
        case p.C1G2Write():
            result, written = _write(operation, memory, version)
            return p.C1G2WriteOpSpecResult(g.C1G2WriteResultType(result), operation.OpSpecID, written)
        case p.C1G2BlockWrite():
            result, written = _write(operation, memory, version)
            return p.C1G2BlockWriteOpSpecResult(g.C1G2BlockWriteResultType(result), operation.OpSpecID, written)
        case p.C1G2BlockErase():
            return _erase(operation, memory, version)
        case p.C1G2Lock():
            return _lock(operation, memory, version)
        case p.C1G2Kill():
            return _kill(operation, memory, version)
    raise AssertionError(f"{type(operation).__name__} is refused when an AccessSpec is added")


def _read(operation: p.C1G2Read, memory: TagMemory, version: int) -> p.C1G2ReadOpSpecResult:
    words = memory.banks.get(operation.MB, [])
    # WordCount 0 reads to the end of the bank (§15.2.1.3.2.1).
    end = operation.WordPointer + operation.WordCount if operation.WordCount else len(words)
    kinds = g.C1G2ReadResultType
    if operation.AccessPassword not in (0, memory.access_password):
        kind = _since_1_1(kinds.Incorrect_Password_Error, kinds.Nonspecific_Tag_Error, version)
    elif end > len(words) or operation.WordPointer >= max(1, len(words)):
        kind = _since_1_1(kinds.Memory_Overrun_Error, kinds.Nonspecific_Tag_Error, version)
    else:
        return p.C1G2ReadOpSpecResult(kinds.Success, operation.OpSpecID, tuple(words[operation.WordPointer : end]))
    return p.C1G2ReadOpSpecResult(kind, operation.OpSpecID, ())


def _write(operation: p.C1G2Write | p.C1G2BlockWrite, memory: TagMemory, version: int) -> tuple[int, int]:
    """Result type and words written; write and block write share the meaning of their result types."""
    kinds = g.C1G2WriteResultType
    refused = _refused(operation.MB, operation.AccessPassword, memory, version)
    if refused is not None:
        return refused, 0
    words = memory.banks.get(operation.MB, [])
    end = operation.WordPointer + len(operation.WriteData)
    if end > len(words):
        return kinds.Tag_Memory_Overrun_Error, 0
    words[operation.WordPointer : end] = operation.WriteData
    return kinds.Success, len(operation.WriteData)


def _refused(bank: int, password: int, memory: TagMemory, version: int) -> int | None:
    kinds = g.C1G2WriteResultType
    if password not in (0, memory.access_password):
        return _since_1_1(kinds.Incorrect_Password_Error, kinds.Nonspecific_Tag_Error, version)
    unlocked = password != 0 and password == memory.access_password
    if bank == 2 or (bank in memory.locked_banks and not unlocked):
        return kinds.Tag_Memory_Locked_Error
    return None


def _erase(operation: p.C1G2BlockErase, memory: TagMemory, version: int) -> p.C1G2BlockEraseOpSpecResult:
    kinds = g.C1G2BlockEraseResultType
    refused = _refused(operation.MB, operation.AccessPassword, memory, version)
    words = memory.banks.get(operation.MB, [])
    end = operation.WordPointer + operation.WordCount
    if refused is None and end > len(words):
        refused = kinds.Tag_Memory_Overrun_Error
    if refused is None:
        words[operation.WordPointer : end] = [0] * operation.WordCount
    return p.C1G2BlockEraseOpSpecResult(kinds(refused or 0), operation.OpSpecID)


def _lock(operation: p.C1G2Lock, memory: TagMemory, version: int) -> p.C1G2LockOpSpecResult:
    kinds = g.C1G2LockResultType
    if memory.access_password and operation.AccessPassword != memory.access_password:
        kind = _since_1_1(kinds.Incorrect_Password_Error, kinds.Nonspecific_Tag_Error, version)
        return p.C1G2LockOpSpecResult(kind, operation.OpSpecID)
    banks = {
        g.C1G2LockDataField.Kill_Password: 0,
        g.C1G2LockDataField.Access_Password: 0,
        g.C1G2LockDataField.EPC_Memory: 1,
        g.C1G2LockDataField.TID_Memory: 2,
        g.C1G2LockDataField.User_Memory: 3,
    }
    for payload in operation.C1G2LockPayload:
        bank = banks[payload.DataField]
        locks = payload.Privilege in (g.C1G2LockPrivilege.Read_Write, g.C1G2LockPrivilege.Perma_Lock)
        memory.locked_banks = memory.locked_banks | {bank} if locks else memory.locked_banks - {bank}
    return p.C1G2LockOpSpecResult(kinds.Success, operation.OpSpecID)


def _kill(operation: p.C1G2Kill, memory: TagMemory, version: int) -> p.C1G2KillOpSpecResult:
    kinds = g.C1G2KillResultType
    reserved = memory.banks.get(0, [])
    password = (reserved[0] << 16 | reserved[1]) if len(reserved) >= 2 else 0
    if operation.KillPassword == 0 or password == 0:
        return p.C1G2KillOpSpecResult(kinds.Zero_Kill_Password_Error, operation.OpSpecID)
    if operation.KillPassword != password:
        kind = _since_1_1(kinds.Incorrect_Password_Error, kinds.Nonspecific_Tag_Error, version)
        return p.C1G2KillOpSpecResult(kind, operation.OpSpecID)
    memory.killed = True
    return p.C1G2KillOpSpecResult(kinds.Success, operation.OpSpecID)


def _since_1_1(new: _Kind, old: _Kind, version: int) -> _Kind:
    """The result type of 1.1, or the general one that 1.0.1 had for it."""
    return new if version >= 2 else old


def _words(data: bytes) -> list[int]:
    return [int.from_bytes(data[place : place + 2], "big") for place in range(0, len(data), 2)]


def _number(bits: BitArray) -> int:
    return int.from_bytes(bits.data, "big") >> (len(bits.data) * 8 - bits.bits)
