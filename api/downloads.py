"""Lists as files: CSV that a spreadsheet opens safely (`warehouse.exports`), written while it is read."""

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

from starlette.responses import StreamingResponse

from warehouse.exports import csv_lines

CSV_MEDIA_TYPE = "text/csv"
XLSX_MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_BATCH = 500

# What the API document says of an answer that is a CSV file.
CSV_RESPONSE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "CSV, UTF-8 with byte order mark; text that a spreadsheet would take for a formula is quoted.",
        "content": {CSV_MEDIA_TYPE: {"schema": {"type": "string"}, "example": "row,column\r\n17,quantity\r\n"}},
    }
}


def csv_response(name: str, header: Sequence[str], rows: AsyncIterator[Sequence[object]]) -> StreamingResponse:
    """A download of that name."""

    async def pieces() -> AsyncIterator[bytes]:
        first = True
        async for batch in _batches(rows):
            text = b"".join(csv_lines(header, batch))
            # The header and its mark come once.
            yield text if first else text.split(b"\r\n", 1)[1]
            first = False

    return StreamingResponse(pieces(), media_type=CSV_MEDIA_TYPE, headers=attachment(name))


def attachment(name: str) -> dict[str, str]:
    """Headers that make a browser save the answer; `name` is plain ASCII."""
    return {"Content-Disposition": f'attachment; filename="{name}"'}


async def _batches(rows: AsyncIterator[Sequence[object]]) -> AsyncIterator[Iterable[Sequence[object]]]:
    batch: list[Sequence[object]] = []
    given = False
    async for row in rows:
        batch.append(row)
        if len(batch) == _BATCH:
            yield batch
            batch, given = [], True
    if batch or not given:
        yield batch
