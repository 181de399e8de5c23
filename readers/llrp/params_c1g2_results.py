"""Results of EPCglobal Class-1 Generation-2 access operations."""

from __future__ import annotations

from typing import Annotated, ClassVar

from readers.llrp.enums_c1g2 import (
    C1G2BlockEraseResultType,
    C1G2BlockPermalockResultType,
    C1G2BlockWriteResultType,
    C1G2GetBlockPermalockStatusResultType,
    C1G2KillResultType,
    C1G2LockResultType,
    C1G2ReadResultType,
    C1G2RecommissionResultType,
    C1G2WriteResultType,
)
from readers.llrp.wire import U16, VERSION_1_1, Parameter, U16s, Unsigned


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
