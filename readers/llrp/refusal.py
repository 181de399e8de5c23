"""What a reader's status says: whether a request succeeded, and the refusal in words people read."""

from typing import Any

from readers.llrp import params as p
from readers.llrp.enums import StatusCode
from readers.llrp.errors import LlrpError
from readers.llrp.wire import Message


class ReaderRefused(LlrpError):
    """The reader answered a request with an error."""

    def __init__(self, request: str, status: p.LLRPStatus) -> None:
        super().__init__(f"{request}: {explain(status)}")
        self.status = status


def explain(status: p.LLRPStatus) -> str:
    """An LLRPStatus in one line, nested errors included."""
    parts = [status.StatusCode.name]
    inner = status.ParameterError
    if status.FieldError is not None:
        parts.append(f"field {status.FieldError.FieldNum} {status.FieldError.ErrorCode.name}")
    while inner is not None:
        parts.append(f"parameter {inner.ParameterType} {inner.ErrorCode.name}")
        if inner.FieldError is not None:
            parts.append(f"field {inner.FieldError.FieldNum} {inner.FieldError.ErrorCode.name}")
        inner = inner.ParameterError
    text = " in ".join(reversed(parts)) if len(parts) > 1 else parts[0]
    return f"{text}: {status.ErrorDescription}" if status.ErrorDescription else text


def status_of(message: Message) -> p.LLRPStatus:
    """The status an answer carries; that it is no answer, of one without."""
    status: Any = getattr(message, "LLRPStatus", None)
    if isinstance(status, p.LLRPStatus):
        return status
    return p.LLRPStatus(StatusCode.M_UnexpectedMessage, f"{type(message).__name__} is no answer")


def succeeded(message: Message) -> bool:
    """Whether it is an answer that says M_Success."""
    return status_of(message).StatusCode == StatusCode.M_Success


def must_succeed(request: str, answer: Message) -> None:
    """Raises `ReaderRefused` when it is not."""
    if not succeeded(answer):
        raise ReaderRefused(request, status_of(answer))
