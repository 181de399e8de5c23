"""Refusals and the LLRPStatus that carries them (LLRP 1.0.1 §14.2.2: LLRPStatus, FieldError, ParameterError).

An error inside nested parameters is told from the outside in: LLRPStatus{ParameterError(ROSpec){ParameterError(AISpec)
{… FieldError}}}. Each ParameterError names its parameter type; the innermost carries the FieldError when one field is
at fault. Fields are numbered from 1 in their order in the message or parameter.
"""

from dataclasses import dataclass

from readers.llrp import params as p
from readers.llrp.enums import StatusCode
from readers.llrp.errors import DecodeError


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request was not carried out.

    `path` names the parameters around the fault, outermost first; empty when the fault is in the message itself.
    `code` is what is wrong there: of a field (A_…) when `field` is given, else of the parameter (P_…) or message (M_…).
    `status` overrides the code at the top, where the standard names one.
    """

    code: StatusCode
    why: str
    path: tuple[int, ...] = ()
    field: int = 0
    status: StatusCode | None = None

    def inside(self, *outer: int) -> "Refusal":
        """The same fault, seen from further out."""
        return Refusal(self.code, self.why, (*outer, *self.path), self.field, self.status)


def success() -> p.LLRPStatus:
    return p.LLRPStatus(StatusCode.M_Success, "")


def status_of(refusal: Refusal | None) -> p.LLRPStatus:
    """The LLRPStatus that tells a refusal, or success."""
    if refusal is None:
        return success()
    field_error = p.FieldError(refusal.field, refusal.code) if refusal.field else None
    if not refusal.path:
        top = StatusCode.M_FieldError if field_error is not None else refusal.code
        return p.LLRPStatus(refusal.status or top, refusal.why, FieldError=field_error)
    inner = p.ParameterError(
        refusal.path[-1],
        StatusCode.P_FieldError if field_error is not None else refusal.code,
        FieldError=field_error,
    )
    for parameter_type in reversed(refusal.path[:-1]):
        inner = p.ParameterError(parameter_type, StatusCode.P_ParameterError, ParameterError=inner)
    return p.LLRPStatus(refusal.status or StatusCode.M_ParameterError, refusal.why, ParameterError=inner)


def malformed(error: DecodeError) -> Refusal:
    """A message whose bytes do not make sense; the codec says where and why.

    What is wrong with a parameter directly inside the message is an M_ code of the message and, inside ParameterError,
    the P_ code of the same name (LLRP 1.0.1 §14.2.1: 102 to 108 and 202 to 208).
    """
    if not error.path:
        return Refusal(error.status, str(error), status=error.status)
    of_message = StatusCode.M_UnexpectedParameter <= error.status <= StatusCode.M_UnknownField
    code = StatusCode(error.status + 100) if of_message else error.status
    return Refusal(code, str(error), error.path, status=error.status if of_message else None)


def field_invalid(field: int, why: str, *, out_of_range: bool = False) -> Refusal:
    """A message field with a value that means nothing here."""
    return Refusal(StatusCode.A_OutOfRange if out_of_range else StatusCode.A_Invalid, why, field=field)
