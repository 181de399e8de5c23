"""What a reader answers to a message it cannot read: LLRPStatus, from a DecodeError.

LLRP 1.0.1 §14.2: an error inside a parameter is reported from the message inwards. The message's own code says that a
parameter is wrong, and ParameterErrors nest from the outermost parameter to the one at fault.
"""

from readers.llrp import params as p
from readers.llrp.enums import StatusCode
from readers.llrp.errors import DecodeError


def status_of(error: DecodeError) -> p.LLRPStatus:
    """The LLRPStatus that says what is wrong and where; its description is the error's text."""
    in_parameter = StatusCode.P_ParameterError <= error.status <= StatusCode.P_UnsupportedParameter
    if not error.path:
        return p.LLRPStatus(error.status, str(error))
    inner: p.ParameterError | None = None
    code = error.status
    for parameter_type in reversed(error.path):
        inner = p.ParameterError(parameter_type, code, None, inner)
        code = StatusCode.P_ParameterError
    status = StatusCode.M_ParameterError if in_parameter else error.status
    return p.LLRPStatus(status, str(error), None, inner)
