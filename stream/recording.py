"""A finished recording through the pipeline and into the database, as fast as it goes.

Computing and storing take a thread each, at most `CHUNKS_AHEAD` chunks apart. There is no silence, nothing is expected
and nothing published, so nothing outside is driven.
"""

import queue
import threading
from collections.abc import Callable, Iterable

from stream.chunk import Chunk
from stream.model import EdgeBatch
from stream.pipeline import Counts, Pipeline
from stream.store import Store

CHUNKS_AHEAD = 2


def run_recording(
    pipeline: Pipeline,
    store: Store,
    recorded: Iterable[EdgeBatch | Callable[[], object]],
    snapshot_every_s: float,
    now_s: Callable[[], float],
    *,
    progress: Callable[[Counts], None] | None = None,
    posted: Callable[[object], None] | None = None,
    is_whole: bool = False,
) -> Counts:
    """Process a recording to its end and return the counts. Raises what storing raises.

    A callable between the batches is called when all before it is committed, and nothing after it: a recorded command
    finds the books as they were when it was given. `progress` is called per chunk, `posted` with each of the
    warehouse's postings (in the committing thread). With `is_whole` nothing follows the recording, so that loads still
    in a door are over with it.
    """
    chunks: queue.Queue[Chunk | Callable[[], object] | None] = queue.Queue(CHUNKS_AHEAD)
    failed: list[BaseException] = []

    def commit_all() -> None:
        while (chunk := chunks.get()) is not None:
            if failed:
                continue
            try:
                if callable(chunk):
                    chunk()
                    continue
                committed = store.commit(chunk)
                pipeline.counts.stored(committed)
                if posted is not None:
                    for posting in committed.postings:
                        posted(posting)
            except BaseException as error:
                failed.append(error)

    committer = threading.Thread(target=commit_all, name="stream-commit")
    committer.start()
    try:
        snapshot_at_s = now_s() + snapshot_every_s
        for item in recorded:
            if failed:
                break
            if callable(item):
                chunks.put(pipeline.cut(snapshot=False))
                chunks.put(item)
                continue
            pipeline.offer(item, 0.0)
            if pipeline.full:
                due = now_s() >= snapshot_at_s
                chunks.put(pipeline.cut(snapshot=due))
                if due:
                    snapshot_at_s = now_s() + snapshot_every_s
                if progress is not None:
                    progress(pipeline.counts)
        pipeline.end()
        if is_whole:
            pipeline.close()
        chunks.put(pipeline.cut(snapshot=True))
    finally:
        chunks.put(None)
        committer.join()
    if failed:
        raise failed[0]
    if progress is not None:
        progress(pipeline.counts)
    return pipeline.counts
