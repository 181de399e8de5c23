"""Memory over a long replay: the resident set of the process at each tenth of a capture, which should be a flat line.

A capture of `MEMORY_READS` reads (10 million unless told; issue H asks for 100 million) at 20 reads a sighting goes
through `open_source` and `EmbeddedHost.process_sync` into an embedded PostgreSQL, whose own memory is not counted.

What there is belongs to the doors, not to the recording: each keeps the rows of about a minute (at most `rows_max` of
`PassageParams`) in a space of up to twice that, once more in its state as last encoded, and once in the slices since.
"""

import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.capture_maker import make_capture
from bench.replay import fresh_database
from stream.embedded import EmbeddedHost
from stream.model import EdgeBatch
from stream.store import Store
from stream.topology import OperatorParams, operators_of
from tagledger.replay_source import CsvOptions, Source, open_source
from warehouse.postgres.database.server import EmbeddedServer

READS = int(os.environ.get("MEMORY_READS", "10000000"))
DENSITY = 20.0


def run() -> dict[str, object]:
    """MB at each tenth, how many more at the last than at the fifth, and reads/s on the way."""
    with tempfile.TemporaryDirectory(prefix="tagledger-bench-") as folder, EmbeddedServer(Path(folder)) as server:
        capture = Path(folder) / "capture"
        reads = make_capture(capture, READS, DENSITY)
        size_mb = sum(file.stat().st_size for file in capture.rglob("*") if file.is_file()) / 1e6
        source = open_source(capture, None, CsvOptions())
        operators = operators_of(source.site, OperatorParams(is_recording=True))
        host = EmbeddedHost(source.site, Store(fresh_database(server.dsn, "memory"), source.site), operators)
        resident_mb: list[float] = []
        began_s = time.perf_counter()
        host.process_sync(_watched(source, reads, resident_mb))
        spent_s = time.perf_counter() - began_s
    result: dict[str, object] = {
        "bench": "memory",
        "unit": "MB",
        "reads": reads,
        "capture_mb": round(size_mb),
        "resident_mb": resident_mb,
        "growth_mb": round(resident_mb[-1] - resident_mb[4], 1),
        "last_mb": resident_mb[-1],
        "x_half": round(resident_mb[-1] / resident_mb[4], 3),
        "per_million_mb": round((resident_mb[-1] - resident_mb[4]) / (0.5 * reads / 1e6), 2),
        "reads_s": round(reads / spent_s),
    }
    print(f"{reads:,} reads, a capture of {size_mb:,.0f} MB: {' '.join(f'{mb:.0f}' for mb in resident_mb)} MB")
    print(json.dumps(result))
    return result


def _watched(source: Source, reads: int, resident_mb: list[float]) -> Iterator[EdgeBatch]:
    """The source's batches; what is resident is noted whenever another tenth of the reads is through."""
    page_mb = os.sysconf("SC_PAGE_SIZE") / 1e6
    for item in source.items:
        if isinstance(item, EdgeBatch):
            yield item
        if source.outcome.count.reads >= (len(resident_mb) + 1) * reads // 10:
            resident_mb.append(round(int(Path("/proc/self/statm").read_text().split()[1]) * page_mb, 1))


if __name__ == "__main__":
    run()
