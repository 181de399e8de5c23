"""Status and error parameters."""

from __future__ import annotations

from typing import Annotated, ClassVar

from readers.llrp.enums import StatusCode
from readers.llrp.wire import U16, Parameter, Text, Unsigned


class FieldError(Parameter, frozen=True):
    """LLRP 1.0.1 §14.2.2.1, §16.2.8.1.1."""

    TYPE: ClassVar[int] = 288

    FieldNum: U16
    ErrorCode: Annotated[StatusCode, Unsigned(2)]


class ParameterError(Parameter, frozen=True):
    """LLRP 1.0.1 §14.2.2.2, §16.2.8.1.2."""

    TYPE: ClassVar[int] = 289

    ParameterType: U16
    ErrorCode: Annotated[StatusCode, Unsigned(2)]
    FieldError: FieldError | None = None
    ParameterError: ParameterError | None = None


class LLRPStatus(Parameter, frozen=True):
    """LLRP 1.0.1 §14.2.2, §16.2.8.1."""

    TYPE: ClassVar[int] = 287

    StatusCode: Annotated[StatusCode, Unsigned(2)]
    ErrorDescription: Text
    FieldError: FieldError | None = None
    ParameterError: ParameterError | None = None
