"""EPCglobal Class-1 Generation-2 parameters: capabilities, inventory, access operations and their results."""

from __future__ import annotations

from typing import Annotated, ClassVar

from readers.llrp.enums import (
    C1G2BlockEraseResultType,
    C1G2BlockPermalockResultType,
    C1G2BlockWriteResultType,
    C1G2DRValue,
    C1G2ForwardLinkModulation,
    C1G2GetBlockPermalockStatusResultType,
    C1G2KillResultType,
    C1G2LockDataField,
    C1G2LockPrivilege,
    C1G2LockResultType,
    C1G2MValue,
    C1G2ReadResultType,
    C1G2RecommissionResultType,
    C1G2SpectralMaskIndicator,
    C1G2StateAwareAction,
    C1G2StateAwareTarget,
    C1G2StateUnawareAction,
    C1G2TagInventoryStateAwareI,
    C1G2TagInventoryStateAwareS,
    C1G2TruncateAction,
    C1G2WriteResultType,
)
from readers.llrp.wire import U16, U32, VERSION_1_1, Bit, Bits, BitString, CustomParameter, Parameter, U16s, Unsigned


class C1G2LLRPCapabilities(Parameter, frozen=True, kw_only=True):
    """LLRP 1.0.1 §15.2.1.1.1, §16.3.1.1.1. Block permalock to XPC: since 1.1, reserved bits before."""

    TYPE: ClassVar[int] = 327

    CanSupportBlockErase: Bit
    CanSupportBlockWrite: Bit
    CanSupportBlockPermalock: Bit = False
    CanSupportTagRecommissioning: Bit = False
    CanSupportUMIMethod2: Bit = False
    CanSupportXPC: Annotated[bool, Bits(1, reserved=2)] = False
    MaxNumSelectFiltersPerQuery: U16


class C1G2UHFRFModeTableEntry(Parameter, frozen=True):
    """LLRP 1.0.1 §15.2.1.1.2.1, §16.3.1.1.2.1."""

    TYPE: ClassVar[int] = 329

    ModeIdentifier: U32
    DRValue: Annotated[C1G2DRValue, Bits(1)]
    EPCHAGTCConformance: Annotated[bool, Bits(1, reserved=6)]
    MValue: Annotated[C1G2MValue, Unsigned(1)]
    ForwardLinkModulation: Annotated[C1G2ForwardLinkModulation, Unsigned(1)]
    SpectralMaskIndicator: Annotated[C1G2SpectralMaskIndicator, Unsigned(1)]
    BDRValue: U32
    PIEValue: U32
    MinTariValue: U32
    MaxTariValue: U32
    StepTariValue: U32


class C1G2UHFRFModeTable(Parameter, frozen=True):
    """LLRP 1.0.1 §15.2.1.1.2, §16.3.1.1.2."""

    TYPE: ClassVar[int] = 328

    C1G2UHFRFModeTableEntry: tuple[C1G2UHFRFModeTableEntry, ...]


class C1G2TagInventoryMask(Parameter, frozen=True):
    """LLRP 1.0.1 §15.2.1.2.1.1.1, §16.3.1.2.1.1.1."""

    TYPE: ClassVar[int] = 332

    MB: Annotated[int, Bits(2, reserved=6)]
    Pointer: U16
    TagMask: BitString


class C1G2TagInventoryStateAwareFilterAction(Parameter, frozen=True):
    """LLRP 1.0.1 §15.2.1.2.1.1.2, §16.3.1.2.1.1.2."""

    TYPE: ClassVar[int] = 333

    Target: Annotated[C1G2StateAwareTarget, Unsigned(1)]
    Action: Annotated[C1G2StateAwareAction, Unsigned(1)]


class C1G2TagInventoryStateUnawareFilterAction(Parameter, frozen=True):
    """LLRP 1.0.1 §15.2.1.2.1.1.3, §16.3.1.2.1.1.3."""

    TYPE: ClassVar[int] = 334

    Action: Annotated[C1G2StateUnawareAction, Unsigned(1)]


class C1G2Filter(Parameter, frozen=True):
    """LLRP 1.0.1 §15.2.1.2.1.1, §16.3.1.2.1.1."""

    TYPE: ClassVar[int] = 331

    T: Annotated[C1G2TruncateAction, Bits(2, reserved=6)]
    C1G2TagInventoryMask: C1G2TagInventoryMask
    C1G2TagInventoryStateAwareFilterAction: C1G2TagInventoryStateAwareFilterAction | None = None
    C1G2TagInventoryStateUnawareFilterAction: C1G2TagInventoryStateUnawareFilterAction | None = None


class C1G2RFControl(Parameter, frozen=True):
    """LLRP 1.0.1 §15.2.1.2.1.2, §16.3.1.2.1.2."""

    TYPE: ClassVar[int] = 335

    ModeIndex: U16
    Tari: U16


class C1G2TagInventoryStateAwareSingulationAction(Parameter, frozen=True):
    """LLRP 1.0.1 §15.2.1.2.1.3.1, §16.3.1.2.1.3.1."""

    TYPE: ClassVar[int] = 337

    I: Annotated[C1G2TagInventoryStateAwareI, Bits(1)]  # noqa: E741  the standard's name
    S: Annotated[C1G2TagInventoryStateAwareS, Bits(1, reserved=6)]


class C1G2SingulationControl(Parameter, frozen=True):
    """LLRP 1.0.1 §15.2.1.2.1.3, §16.3.1.2.1.3."""

    TYPE: ClassVar[int] = 336

    Session: Annotated[int, Bits(2, reserved=6)]
    TagPopulation: U16
    TagTransitTime: U32
    C1G2TagInventoryStateAwareSingulationAction: C1G2TagInventoryStateAwareSingulationAction | None = None


class C1G2InventoryCommand(Parameter, frozen=True):
    """LLRP 1.0.1 §15.2.1.2.1, §16.3.1.2.1."""

    TYPE: ClassVar[int] = 330

    TagInventoryStateAware: Annotated[bool, Bits(1, reserved=7)]
    C1G2Filter: tuple[C1G2Filter, ...] = ()
    C1G2RFControl: C1G2RFControl | None = None
    C1G2SingulationControl: C1G2SingulationControl | None = None
    Custom: tuple[CustomParameter, ...] = ()


class C1G2TargetTag(Parameter, frozen=True):
    """LLRP 1.0.1 §15.2.1.3.1.1, §16.3.1.3.1.1."""

    TYPE: ClassVar[int] = 339

    MB: Annotated[int, Bits(2)]
    Match: Annotated[bool, Bits(1, reserved=5)]
    Pointer: U16
    TagMask: BitString
    TagData: BitString


class C1G2TagSpec(Parameter, frozen=True):
    """LLRP 1.0.1 §15.2.1.3.1, §16.3.1.3.1."""

    TYPE: ClassVar[int] = 338

    C1G2TargetTag: tuple[C1G2TargetTag, ...]


class C1G2Read(Parameter, frozen=True):
    """LLRP 1.0.1 §15.2.1.3.2.1, §16.3.1.3.2.1."""

    TYPE: ClassVar[int] = 341

    OpSpecID: U16
    AccessPassword: U32
    MB: Annotated[int, Bits(2, reserved=6)]
    WordPointer: U16
    WordCount: U16


class C1G2Write(Parameter, frozen=True):
    """LLRP 1.0.1 §15.2.1.3.2.2, §16.3.1.3.2.2."""

    TYPE: ClassVar[int] = 342

    OpSpecID: U16
    AccessPassword: U32
    MB: Annotated[int, Bits(2, reserved=6)]
    WordPointer: U16
    WriteData: U16s


class C1G2Kill(Parameter, frozen=True):
    """LLRP 1.0.1 §15.2.1.3.2.3, §16.3.1.3.2.3."""

    TYPE: ClassVar[int] = 343

    OpSpecID: U16
    KillPassword: U32


class C1G2LockPayload(Parameter, frozen=True):
    """LLRP 1.0.1 §15.2.1.3.2.4.1, §16.3.1.3.2.4.1."""

    TYPE: ClassVar[int] = 345

    Privilege: Annotated[C1G2LockPrivilege, Unsigned(1)]
    DataField: Annotated[C1G2LockDataField, Unsigned(1)]


class C1G2Lock(Parameter, frozen=True):
    """LLRP 1.0.1 §15.2.1.3.2.4, §16.3.1.3.2.4."""

    TYPE: ClassVar[int] = 344

    OpSpecID: U16
    AccessPassword: U32
    C1G2LockPayload: tuple[C1G2LockPayload, ...]


class C1G2BlockErase(Parameter, frozen=True):
    """LLRP 1.0.1 §15.2.1.3.2.5, §16.3.1.3.2.5."""

    TYPE: ClassVar[int] = 346

    OpSpecID: U16
    AccessPassword: U32
    MB: Annotated[int, Bits(2, reserved=6)]
    WordPointer: U16
    WordCount: U16


class C1G2BlockWrite(Parameter, frozen=True):
    """LLRP 1.0.1 §15.2.1.3.2.6, §16.3.1.3.2.6."""

    TYPE: ClassVar[int] = 347

    OpSpecID: U16
    AccessPassword: U32
    MB: Annotated[int, Bits(2, reserved=6)]
    WordPointer: U16
    WriteData: U16s


class C1G2EPCMemorySelector(Parameter, frozen=True):
    """LLRP 1.0.1 §15.2.1.5.1, §16.3.1.5.1. XPC: since 1.1, a reserved bit before."""

    TYPE: ClassVar[int] = 348

    EnableCRC: Bit
    EnablePCBits: Bit
    EnableXPCBits: Annotated[bool, Bits(1, reserved=5)] = False


class C1G2_PC(Parameter, frozen=True):
    """LLRP 1.0.1 §15.2.1.5.2, §16.3.1.5.2."""

    TYPE: ClassVar[int] = 12

    PC_Bits: U16


class C1G2_CRC(Parameter, frozen=True):
    """LLRP 1.0.1 §15.2.1.5.3, §16.3.1.5.3."""

    TYPE: ClassVar[int] = 11

    CRC: U16


class C1G2SingulationDetails(Parameter, frozen=True):
    """LLRP 1.0.1 §15.2.1.5.4, §16.3.1.5.4."""

    TYPE: ClassVar[int] = 18

    NumCollisionSlots: U16
    NumEmptySlots: U16


class C1G2ReadOpSpecResult(Parameter, frozen=True):
    """LLRP 1.0.1 §15.2.1.5.5.1, §16.3.1.5.5.1."""

    TYPE: ClassVar[int] = 349

    Result: Annotated[C1G2ReadResultType, Unsigned(1)]
    OpSpecID: U16
    ReadData: U16s


class C1G2WriteOpSpecResult(Parameter, frozen=True):
    """LLRP 1.0.1 §15.2.1.5.5.2, §16.3.1.5.5.2."""

    TYPE: ClassVar[int] = 350

    Result: Annotated[C1G2WriteResultType, Unsigned(1)]
    OpSpecID: U16
    NumWordsWritten: U16


class C1G2KillOpSpecResult(Parameter, frozen=True):
    """LLRP 1.0.1 §15.2.1.5.5.3, §16.3.1.5.5.3."""

    TYPE: ClassVar[int] = 351

    Result: Annotated[C1G2KillResultType, Unsigned(1)]
    OpSpecID: U16


class C1G2LockOpSpecResult(Parameter, frozen=True):
    """LLRP 1.0.1 §15.2.1.5.5.4, §16.3.1.5.5.4."""

    TYPE: ClassVar[int] = 352

    Result: Annotated[C1G2LockResultType, Unsigned(1)]
    OpSpecID: U16


class C1G2BlockEraseOpSpecResult(Parameter, frozen=True):
    """LLRP 1.0.1 §15.2.1.5.5.5, §16.3.1.5.5.5."""

    TYPE: ClassVar[int] = 353

    Result: Annotated[C1G2BlockEraseResultType, Unsigned(1)]
    OpSpecID: U16


class C1G2BlockWriteOpSpecResult(Parameter, frozen=True):
    """LLRP 1.0.1 §15.2.1.5.5.6, §16.3.1.5.5.6."""

    TYPE: ClassVar[int] = 354

    Result: Annotated[C1G2BlockWriteResultType, Unsigned(1)]
    OpSpecID: U16
    NumWordsWritten: U16


class C1G2_XPCW1(Parameter, frozen=True):
    """First XPC word. New in LLRP 1.1."""

    TYPE: ClassVar[int] = 19
    SINCE: ClassVar[int] = VERSION_1_1

    XPC_W1: U16


class C1G2_XPCW2(Parameter, frozen=True):
    """Second XPC word. New in LLRP 1.1."""

    TYPE: ClassVar[int] = 20
    SINCE: ClassVar[int] = VERSION_1_1

    XPC_W2: U16


class C1G2Recommission(Parameter, frozen=True):
    """New in LLRP 1.1. The three bits are those of the Gen2 recommissioning bits, 3SB first."""

    TYPE: ClassVar[int] = 357
    SINCE: ClassVar[int] = VERSION_1_1

    OpSpecID: U16
    KillPassword: U32
    SB3: Annotated[bool, Bits(1, reserved_before=5)]
    SB2: Bit
    LSB: Bit


class C1G2BlockPermalock(Parameter, frozen=True):
    """New in LLRP 1.1."""

    TYPE: ClassVar[int] = 358
    SINCE: ClassVar[int] = VERSION_1_1

    OpSpecID: U16
    AccessPassword: U32
    MB: Annotated[int, Bits(2, reserved=6)]
    BlockPointer: U16
    BlockMask: U16s


class C1G2GetBlockPermalockStatus(Parameter, frozen=True):
    """New in LLRP 1.1."""

    TYPE: ClassVar[int] = 359
    SINCE: ClassVar[int] = VERSION_1_1

    OpSpecID: U16
    AccessPassword: U32
    MB: Annotated[int, Bits(2, reserved=6)]
    BlockPointer: U16
    BlockRange: U16


class C1G2RecommissionOpSpecResult(Parameter, frozen=True):
    """New in LLRP 1.1."""

    TYPE: ClassVar[int] = 360
    SINCE: ClassVar[int] = VERSION_1_1

    Result: Annotated[C1G2RecommissionResultType, Unsigned(1)]
    OpSpecID: U16


class C1G2BlockPermalockOpSpecResult(Parameter, frozen=True):
    """New in LLRP 1.1."""

    TYPE: ClassVar[int] = 361
    SINCE: ClassVar[int] = VERSION_1_1

    Result: Annotated[C1G2BlockPermalockResultType, Unsigned(1)]
    OpSpecID: U16


class C1G2GetBlockPermalockStatusOpSpecResult(Parameter, frozen=True):
    """New in LLRP 1.1."""

    TYPE: ClassVar[int] = 362
    SINCE: ClassVar[int] = VERSION_1_1

    Result: Annotated[C1G2GetBlockPermalockStatusResultType, Unsigned(1)]
    OpSpecID: U16
    PermalockStatus: U16s
