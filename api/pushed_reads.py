"""Reads that readers push over HTTP: Impinj's IoT device interface and Zebra's IoT Connector, as they document it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from api.documented import problems
from api.encoding import json_response
from api.problems import INVALID, UNAVAILABLE, FieldProblem, ProblemError, not_found
from api.readers import ReaderName
from readers.port import ReaderUnavailable
from readers.push.driver import PushDriver
from readers.push.pushed_tag import PushFormatError

_IMPINJ = {
    "timestamp": "2026-03-01T08:00:00.123456789Z",
    "eventType": "tagInventory",
    "tagInventoryEvent": {
        "epcHex": "3034257BF7194E4000001A85",
        "antennaPort": 1,
        "peakRssiCdbm": -5350,
        "phaseAngle": 33.75,
        "lastSeenTime": "2026-03-01T08:00:00.120Z",
    },
}
_ZEBRA = {
    "type": "SIMPLE",
    "timestamp": "2026-03-01T08:00:00.123+0000",
    "data": {"format": "epc", "idHex": "3034257bf7194e4000001a85", "antenna": 1, "peakRssi": -53, "reads": 3},
}
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"type": ["object", "array"], "description": "One event, or an array of them."},
                "examples": {
                    "impinj-iot": {"summary": "Impinj R700 webhook", "value": [_IMPINJ]},
                    "zebra-iotc": {"summary": "Zebra IoT Connector", "value": _ZEBRA},
                },
            }
        },
    }
}


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of a message."""

    reads: Annotated[int, Field(description="Tag reads taken.", examples=[1])]
    repeated: Annotated[bool, Field(description="The same message was taken before; nothing was taken now.")]


def router(pushing: Callable[[str], PushDriver | None]) -> APIRouter:
    """`pushing` finds the driver of a reader that pushes to this process."""
    routes = APIRouter(prefix="/v1/readers", tags=["readers"])

    @routes.post(
        "/{name}/reads",
        operation_id="readers_push",
        summary="Reads of a reader that pushes them",
        response_model=Taken,
        responses=problems(INVALID, UNAVAILABLE),
        openapi_extra=_BODY,
    )
    async def readers_push(request: Request, name: ReaderName) -> Response:
        """For readers whose driver is `impinj-iot` or `zebra-iotc`; all of a message or, with 422, nothing of it.

        What was refused with 422 is kept among the dead letters too, to be given again once what was wrong is mended.
        """
        driver = pushing(name)
        if driver is None:
            raise not_found("reader that pushes its reads to this process", name)
        try:
            taken = driver.take(await request.body())
        except PushFormatError as error:
            wrong = FieldProblem(error.what, "send what the reader's maker documents", pointer=error.field)
            raise ProblemError(INVALID, str(error), [wrong]) from None
        except ReaderUnavailable as error:
            raise ProblemError(UNAVAILABLE, str(error), headers={"Retry-After": "5"}) from None
        return json_response(Taken(taken.reads, taken.repeated))

    return routes
