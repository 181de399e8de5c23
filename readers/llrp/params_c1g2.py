"""EPCglobal Class-1 Generation-2 parameters: capabilities, inventory commands, tag data."""

from __future__ import annotations

from typing import Annotated, ClassVar

from readers.llrp.enums_c1g2 import (
    C1G2DRValue,
    C1G2ForwardLinkModulation,
    C1G2MValue,
    C1G2SpectralMaskIndicator,
    C1G2StateAwareAction,
    C1G2StateAwareTarget,
    C1G2StateUnawareAction,
    C1G2TagInventoryStateAwareI,
    C1G2TagInventoryStateAwareS,
    C1G2TruncateAction,
)
from readers.llrp.wire import U16, U32, VERSION_1_1, Bit, Bits, BitString, CustomParameter, Parameter, Unsigned


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
    """LLRP 1.0.1 §15.2.1.2.1.3.1, §16.3.1.2.1.3.1. S_All, whatever S says: since 1.1, a reserved bit before."""

    TYPE: ClassVar[int] = 337

    I: Annotated[C1G2TagInventoryStateAwareI, Bits(1)]  # noqa: E741  the standard's name
    S: Annotated[C1G2TagInventoryStateAwareS, Bits(1)]
    S_All: Annotated[bool, Bits(1, reserved=5)] = False


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
