"""EPCglobal Class-1 Generation-2 access operations and the tags they apply to."""

from __future__ import annotations

from typing import Annotated, ClassVar

from readers.llrp.enums_c1g2 import C1G2LockDataField, C1G2LockPrivilege
from readers.llrp.wire import U16, U32, VERSION_1_1, Bit, Bits, BitString, Parameter, U16s, Unsigned


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


class C1G2Recommission(Parameter, frozen=True):
    """New in LLRP 1.1. The three bits are those of the Gen2 recommissioning bits, 3SB first."""

    TYPE: ClassVar[int] = 357
    SINCE: ClassVar[int] = VERSION_1_1

    OpSpecID: U16
    KillPassword: U32
    SB3: Annotated[bool, Bits(1, reserved_before=5)]
    SB2: Bit
    LSB: Bit


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
