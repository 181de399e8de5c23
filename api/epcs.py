"""EPCs in requests: hexadecimal as readers report them, or a tag URI as people paste them (GS1 TDS 12.3)."""

import re
from typing import Annotated
from urllib.parse import unquote

from fastapi import Path
from pydantic import Field

from api.problems import NOT_FOUND, FieldProblem, ProblemError
from warehouse.epc import EpcError, encode

_TAG_URI = re.compile(r"urn:epc:tag:([a-z]+-[0-9]+):([0-7])\.([0-9]+)\.([^.]*)(?:\.(.*))?", re.ASCII)
_RAW_URI = re.compile(r"urn:epc:raw:[0-9]+\.x([0-9A-Fa-f]+)", re.ASCII)

Epc = Annotated[
    str,
    Field(
        pattern=r"^[0-9A-Fa-f]{1,128}$",
        description="An EPC in hexadecimal.",
        examples=["3034257BF7194E4000001A85"],
    ),
]
EpcOrUri = Annotated[
    str,
    Path(
        max_length=256,
        pattern=r"^([0-9A-Fa-f]{1,128}|urn:epc:(tag|raw):[!-~]+)$",
        description="An EPC: hexadecimal, or a tag URI such as urn:epc:tag:sgtin-96:3.0614141.812345.6789.",
        examples=["3034257BF7194E4000001A85"],
    ),
]


def epc_hex(text: str) -> str:
    """The EPC as the books write it, upper-case hexadecimal. Raises `ProblemError`: what is no EPC is not found."""
    if not text.startswith("urn:"):
        return text.upper()
    raw = _RAW_URI.fullmatch(text)
    if raw is not None:
        return raw[1].upper()
    tag = _TAG_URI.fullmatch(text)
    if tag is None:
        raise _no_epc("not an EPC tag URI", "write urn:epc:tag:CODING:FILTER.PREFIX.REFERENCE.SERIAL")
    coding, filter_value, prefix, reference, serial = tag.groups(default="")
    try:
        return encode(coding, int(filter_value), prefix, unquote(reference), unquote(serial))
    except EpcError as error:
        raise _no_epc(str(error), "correct that part, or give the EPC in hexadecimal") from None


def _no_epc(detail: str, fix: str) -> ProblemError:
    return ProblemError(NOT_FOUND, detail, [FieldProblem(detail, fix, None, "path:epc")])
