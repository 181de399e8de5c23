"""Access operation parameters: what is done to matching tags."""

from __future__ import annotations

from typing import Annotated, ClassVar

from readers.llrp.enums import AccessSpecState, AccessSpecStopTriggerType, AirProtocols
from readers.llrp.params_c1g2_access import (
    C1G2BlockErase,
    C1G2BlockPermalock,
    C1G2BlockWrite,
    C1G2GetBlockPermalockStatus,
    C1G2Kill,
    C1G2Lock,
    C1G2Read,
    C1G2Recommission,
    C1G2TagSpec,
    C1G2Write,
)
from readers.llrp.params_report import AccessReportSpec, EPCData
from readers.llrp.wire import U16, U32, Bits, CustomParameter, Parameter, Unsigned


class AccessSpecStopTrigger(Parameter, frozen=True):
    """LLRP 1.0.1 §11.2.1.1, §16.2.5.1.1."""

    TYPE: ClassVar[int] = 208

    AccessSpecStopTrigger: Annotated[AccessSpecStopTriggerType, Unsigned(1)]
    OperationCountValue: U16


class ClientRequestOpSpec(Parameter, frozen=True):
    """Asks the client, by CLIENT_REQUEST_OP, what to do with the tag."""

    TYPE: ClassVar[int] = 210

    OpSpecID: U16


class AccessCommand(Parameter, frozen=True):
    """LLRP 1.0.1 §11.2.1.2, §16.2.5.1.2."""

    TYPE: ClassVar[int] = 209

    AirProtocolTagSpec: C1G2TagSpec
    AccessCommandOpSpec: tuple[
        C1G2Read
        | C1G2Write
        | C1G2Kill
        | C1G2Recommission
        | C1G2Lock
        | C1G2BlockErase
        | C1G2BlockWrite
        | C1G2BlockPermalock
        | C1G2GetBlockPermalockStatus
        | ClientRequestOpSpec
        | CustomParameter,
        ...,
    ]
    Custom: tuple[CustomParameter, ...] = ()


class AccessSpec(Parameter, frozen=True):
    """LLRP 1.0.1 §11.2.1, §16.2.5.1."""

    TYPE: ClassVar[int] = 207

    AccessSpecID: U32
    AntennaID: U16
    ProtocolID: Annotated[AirProtocols, Unsigned(1)]
    CurrentState: Annotated[AccessSpecState, Bits(1, reserved=7)]
    ROSpecID: U32
    AccessSpecStopTrigger: AccessSpecStopTrigger
    AccessCommand: AccessCommand
    AccessReportSpec: AccessReportSpec | None = None
    Custom: tuple[CustomParameter, ...] = ()


class ClientRequestResponse(Parameter, frozen=True):
    """What the client answers to CLIENT_REQUEST_OP."""

    TYPE: ClassVar[int] = 211

    AccessSpecID: U32
    EPCData: EPCData
    AirProtocolOpSpec: tuple[
        C1G2Read
        | C1G2Write
        | C1G2Kill
        | C1G2Recommission
        | C1G2Lock
        | C1G2BlockErase
        | C1G2BlockWrite
        | C1G2BlockPermalock
        | C1G2GetBlockPermalockStatus
        | ClientRequestOpSpec
        | CustomParameter,
        ...,
    ] = ()
