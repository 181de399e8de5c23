"""The embedded host: the whole stream in one process, without a broker.

    submit → inputs (bounded) → Pipeline (a thread) → chunks (bounded) → Store.commit (a thread) → acks, live outputs

Computing runs ahead of storing by at most `CHUNKS_AHEAD` chunks; whatever came meanwhile is one chunk, so a backlog is
stored in large transactions and a trickle in small ones. An input is acknowledged, and its outputs are published, only
after its chunk is committed, in order. The process may die at any moment: `Store.standing` and the log rebuild it.

Once a second the host looks for sources that fell silent, dead letters given again and expectations that changed; what
it finds enters the log like any other input. What people ordered portals to show (overrides) it passes on and nothing
else: it decides nothing, and is not in the log. Time for waits and silence is the host's monotonic clock; operators see
reader time only.

`process_sync` is the same pipeline over a finished recording (`stream.recording`).

Bounds: `INPUTS_MAX` batches wait at the door, then `submit` waits; subscribers are bounded in
`stream.live`.
"""

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from uuid import UUID

from stream.chunk import Standing
from stream.live import Ack, Live, Posted, Subscription
from stream.log import Entry
from stream.model import BatchId, EdgeBatch
from stream.pipeline import CHUNK_BATCHES, Counts, Pipeline
from stream.places import FailureKind
from stream.recording import CHUNKS_AHEAD, run_recording
from stream.recovery import recovered
from stream.sequencer import Duplicate, Position, ResendWanted, Sequenced, Taken
from stream.store import LOG_KEEP_DAYS, TRIM_EVERY_S, Store
from stream.topology import Operators, operators_of
from stream.waited_chunk import WaitedChunk
from stream.watermark import Silence
from warehouse.loads import Expectation, Override
from warehouse.site import Site

INPUTS_MAX = 1024
LOOK_AROUND_S = 1.0
EXPECTATIONS_EVERY_S = 5.0


_Input = Callable[[Pipeline, WaitedChunk], None]


class HostEndedError(RuntimeError):
    """The host takes nothing any more; what it did not acknowledge is not stored."""


class EmbeddedHost:
    """One site's stream. `run` until cancelled or stopped; `submit` and `subscribe` from the same event loop."""

    def __init__(
        self,
        site: Site,
        store: Store,
        operators: Operators | None = None,
        *,
        now_s: Callable[[], float] = time.monotonic,
        look_around_s: float = LOOK_AROUND_S,
        rebuild: bool = False,
    ) -> None:
        self._site = site
        self._store = store
        self._operators = operators or operators_of(site)
        self._now_s = now_s
        self._look_around_s = look_around_s
        self._rebuild = rebuild
        self._inputs: asyncio.Queue[_Input] = asyncio.Queue(INPUTS_MAX)
        self._waiting: defaultdict[BatchId, list[asyncio.Future[Ack]]] = defaultdict(list)
        self._subscriptions: list[Subscription] = []
        self._committed: dict[tuple[str, str], int] = {}
        self._letters: set[UUID] = set()
        self._stale: set[str] = set()
        self._overrides: dict[str, Override] = {}
        agents = {reader.agent for reader in site.readers if reader.agent}
        self._silence = Silence(site.stream.source_silent_s, agents, now_s())
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pipeline: Pipeline | None = None
        self._stopping = asyncio.Event()
        self._ended = False
        self.turn = asyncio.Lock()
        """Held while a chunk is committed: who holds it sees, and may change, the books between two chunks."""
        self.ready = asyncio.Event()
        self.on_ack: list[Callable[[Ack], None]] = []
        self.on_resend: list[Callable[[ResendWanted], None]] = []

    @property
    def counts(self) -> Counts:
        """What went through since the start."""
        return self._pipeline.counts if self._pipeline else Counts()

    @property
    def site(self) -> Site:
        """The site as the last committed chunk knew it."""
        return self._site

    def positions(self) -> tuple[Position, ...]:
        """The newest epoch of every agent, and how far it is committed."""
        newest = {agent: Position(agent, epoch, counter) for (agent, epoch), counter in list(self._committed.items())}
        return tuple(newest.values())

    @property
    def inputs_waiting(self) -> int:
        """How many inputs wait at the door."""
        return self._inputs.qsize()

    async def submit(self, batch: EdgeBatch, held: Callable[[], object] | None = None) -> "asyncio.Future[Ack]":
        """Hand over a batch; waits for room. The future is done once the batch, or an earlier copy, is committed.

        `held` is called when the batch has to wait for one before it: that may take long, and is no reason to hold up
        what brings the missing one.
        Raises `HostEndedError` once `run` has ended; futures that were not done by then are cancelled.
        """
        waiter: asyncio.Future[Ack] = asyncio.get_running_loop().create_future()
        self._waiting[batch.id].append(waiter)
        await self._put(partial(self._offer, batch, held))
        return waiter

    async def submit_bytes_unreadable(self, source: str, body: bytes, error: Exception) -> "asyncio.Future[Ack]":
        """Hand over what is no batch, for the dead letters; the future is done once it is committed there."""
        waiter: asyncio.Future[Ack] = asyncio.get_running_loop().create_future()

        def take(pipeline: Pipeline, done: WaitedChunk) -> None:
            pipeline.unreadable(source, body, error)
            done.waiters.append(waiter)

        await self._put(take)
        return waiter

    def subscribe(self) -> Subscription:
        """Live outputs from now on; iterate it. `unsubscribe` ends it."""
        subscription = Subscription()
        self._subscriptions.append(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """End a subscription."""
        if subscription in self._subscriptions:
            self._subscriptions.remove(subscription)
            subscription.offer(None)

    def standing(self) -> tuple[Expectation | Override, ...]:
        """Expectations and overrides as last published: for edges that come now, and brokers that forgot."""
        expected = self._pipeline.expected if self._pipeline else ()
        return (*expected, *self._overrides.values())

    async def reload(self, site: Site) -> None:
        """The site is set up otherwise from now on, after what was submitted; returns once that is committed. What is
        under way goes on.

        Raises what an operator raises that cannot be made, and `HostEndedError`; then all is as before.
        """
        operators = operators_of(site)
        committed: asyncio.Future[Ack] = asyncio.get_running_loop().create_future()

        def take(pipeline: Pipeline, done: WaitedChunk) -> None:
            try:
                pipeline.reload(site, operators)
            except Exception as error:  # of this site file: the running one goes on
                done.failed.append((committed, error))
            else:
                done.site = site
                done.waiters.append(committed)

        await self._put(take)
        await committed

    async def refresh_overrides(self) -> None:
        """Ask what people ordered portals to show, and publish what is news."""
        twin = self._store.twin()
        try:
            self._publish_overrides(await asyncio.to_thread(twin.overrides))
        finally:
            twin.close()

    async def refresh_expectations(self, portal: str) -> None:
        """Ask the warehouse what it expects at a portal now, and tell the portal's signal if that is news."""
        twin = self._store.twin()
        try:
            expectation = await asyncio.to_thread(twin.expected_at, portal)
        finally:
            twin.close()
        await self._put(partial(_expect, expectation))

    def stop(self) -> None:
        """End `run` after what was submitted is committed, with a snapshot."""
        self._stopping.set()

    async def run(self) -> None:
        """Recover, then process until `stop` or cancellation. Raises `FencedError` when another host took over."""
        with ThreadPoolExecutor(2, thread_name_prefix="stream") as threads:
            loop = self._loop = asyncio.get_running_loop()
            try:
                self._pipeline = await loop.run_in_executor(threads, self._recover)
                self.ready.set()
                chunks: asyncio.Queue[WaitedChunk | None] = asyncio.Queue(CHUNKS_AHEAD)
                async with asyncio.TaskGroup() as tasks:
                    around = tasks.create_task(self._look_around())
                    tasks.create_task(self._compute(threads, chunks))
                    tasks.create_task(self._commit(threads, chunks)).add_done_callback(lambda _: around.cancel())
            except BaseExceptionGroup as group:
                # The first failure is the cause; the others are its cancellations.
                raise group.exceptions[0] from None
            finally:
                self._ended = True
                while not self._inputs.empty():
                    self._inputs.get_nowait()  # lets those in who wait for room, to hear that it is over
                self._store.close()
                for subscription in list(self._subscriptions):
                    self.unsubscribe(subscription)
                for waiters in self._waiting.values():
                    for waiter in waiters:
                        waiter.cancel()

    def process_sync(
        self,
        recorded: Iterable[EdgeBatch | Callable[[], object]],
        progress: Callable[[Counts], None] | None = None,
        posted: Callable[[object], None] | None = None,
        *,
        is_whole: bool = False,
    ) -> Counts:
        """Process a recording to its end (`stream.recording`). For a host that is not running."""
        return run_recording(
            self._recover(),
            self._store,
            recorded,
            self._site.stream.snapshot_every_s,
            self._now_s,
            progress=progress,
            posted=posted,
            is_whole=is_whole,
        )

    async def _put(self, taken: _Input) -> None:
        if not self._ended:
            await self._inputs.put(taken)
        if self._ended:
            raise HostEndedError("the stream's host has ended")

    def _recover(self) -> Pipeline:
        def build(standing: Standing, log: Iterable[Entry]) -> Pipeline:
            self._committed = {(at.agent, at.epoch): at.counter for at in standing.positions}
            return Pipeline(self._site, self._operators, standing, log)

        return recovered(self._store, build, rebuild=self._rebuild)

    def _offer(
        self, batch: EdgeBatch, held: Callable[[], object] | None, pipeline: Pipeline, done: WaitedChunk
    ) -> None:
        self._silence.heard(batch.id.agent, self._now_s())
        decided = pipeline.offer(batch, self._now_s())
        self._decided(decided, done)
        is_decided = any(isinstance(step, Taken | Duplicate) and step.batch.id == batch.id for step in decided)
        if held is not None and self._loop is not None and not is_decided:
            self._loop.call_soon_threadsafe(held)

    def _decided(self, decided: list[Sequenced], done: WaitedChunk) -> None:
        for step in decided:
            if isinstance(step, Taken | Duplicate):
                done.acks[step.batch.id.agent, step.batch.id.epoch] = 0
                done.waited_for.append(step.batch.id)
            elif isinstance(step, ResendWanted) and self._loop is not None:
                self._loop.call_soon_threadsafe(self._ask_again, step)

    def _ask_again(self, wanted: ResendWanted) -> None:
        for tell in self.on_resend:
            tell(wanted)

    async def _compute(self, threads: ThreadPoolExecutor, chunks: "asyncio.Queue[WaitedChunk | None]") -> None:
        """Inputs to chunks, until stopped and everything submitted is taken."""
        loop = asyncio.get_running_loop()
        waiting: deque[_Input] = deque()
        stopping = asyncio.ensure_future(self._stopping.wait())
        snapshot_at_s = self._now_s() + self._site.stream.snapshot_every_s
        try:
            while True:
                if not waiting and self._inputs.empty():
                    if self._stopping.is_set():
                        break
                    await self._input_or(stopping, waiting)
                while not self._inputs.empty() and len(waiting) < CHUNK_BATCHES:
                    waiting.append(self._inputs.get_nowait())
                due = self._now_s() >= snapshot_at_s
                done = await loop.run_in_executor(threads, self._process, waiting, due)
                if done is not None:
                    await chunks.put(done)
                    if due:
                        snapshot_at_s = self._now_s() + self._site.stream.snapshot_every_s
            assert self._pipeline is not None
            await chunks.put(WaitedChunk(self._pipeline.cut(snapshot=True)))
            await chunks.put(None)
        finally:
            stopping.cancel()

    async def _input_or(self, stopping: "asyncio.Future[Any]", waiting: "deque[_Input]") -> None:
        """Wait for one more input, or for the stop."""
        getting = asyncio.ensure_future(self._inputs.get())
        try:
            await asyncio.wait({getting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not getting.cancel():
                waiting.append(getting.result())

    def _process(self, waiting: "deque[_Input]", snapshot: bool) -> WaitedChunk | None:
        """In the compute thread: take what waits until the chunk is full, then cut it."""
        pipeline = self._pipeline
        assert pipeline is not None
        done = WaitedChunk()
        # What comes after another site file is another chunk: the store knows one site a chunk.
        while waiting and not pipeline.full and done.site is None:
            waiting.popleft()(pipeline, done)
        if pipeline.empty and not done.acks and not done.waiters and not done.failed:
            return None
        done.acks = {epoch: pipeline.position(*epoch) for epoch in done.acks}
        done.chunk = pipeline.cut(snapshot or done.site is not None)
        return done

    async def _commit(self, threads: ThreadPoolExecutor, chunks: "asyncio.Queue[WaitedChunk | None]") -> None:
        """Chunks to the database, in order; then acknowledge and publish."""
        loop = asyncio.get_running_loop()
        while (done := await chunks.get()) is not None:
            chunk = done.chunk
            async with self.turn:
                committed = await loop.run_in_executor(threads, self._store.commit, chunk)
                for (agent, epoch), counter in done.acks.items():
                    self._committed.pop((agent, epoch), None)  # the epoch written last is the newest
                    self._committed[agent, epoch] = counter
            self.counts.stored(committed)
            if done.site is not None:
                self._site = self._store.site = done.site
            done.answer(self._waiting)
            for (agent, epoch), counter in done.acks.items():
                for tell in self.on_ack:
                    tell(Ack(agent, epoch, counter))
            self._letters.difference_update(chunk.letters_replayed)
            self._stale.update(passage.portal for passage in chunk.out.passages if passage.final)
            live: list[Live] = [*chunk.out.passages, *chunk.out.signals, *chunk.out.locations]
            live += [Posted(posting) for posting in committed.postings]
            for item in (*live, *done.expectations):
                for subscription in self._subscriptions:
                    subscription.offer(item)

    async def _look_around(self) -> None:
        """Once in a while: silent sources, gaps, dead letters given again, expectations. Ends by cancellation."""
        self._stale.update(portal.name for portal in self._site.portals)
        twin = self._store.twin()
        ask_all_at_s = self._now_s() + EXPECTATIONS_EVERY_S
        trim_at_s = self._now_s() + TRIM_EVERY_S
        try:
            while True:
                await self._inputs.put(self._time_passes)
                for letter, kind, key, body in await asyncio.to_thread(twin.letters_to_replay):
                    if letter not in self._letters:
                        self._letters.add(letter)
                        await self._inputs.put(partial(self._redeliver, letter, kind, key, body))
                self._publish_overrides(await asyncio.to_thread(twin.overrides))
                if self._now_s() >= ask_all_at_s:
                    self._stale.update(portal.name for portal in self._site.portals)
                    ask_all_at_s = self._now_s() + EXPECTATIONS_EVERY_S
                while self._stale:
                    expectation = await asyncio.to_thread(twin.expected_at, self._stale.pop())
                    await self._inputs.put(partial(_expect, expectation))
                if self._now_s() >= trim_at_s:
                    await asyncio.to_thread(twin.trim, LOG_KEEP_DAYS)
                    trim_at_s = self._now_s() + TRIM_EVERY_S
                await asyncio.sleep(self._look_around_s)
        finally:
            twin.close()

    def _publish_overrides(self, found: Sequence[Override]) -> None:
        for override in found:
            if self._overrides.get(override.portal) != override:
                self._overrides[override.portal] = override
                for subscription in self._subscriptions:
                    subscription.offer(override)

    def _time_passes(self, pipeline: Pipeline, done: WaitedChunk) -> None:
        now_s = self._now_s()
        self._decided(pipeline.expire(now_s), done)
        for agent in self._silence.due(now_s):
            pipeline.leave_out(agent)

    def _redeliver(
        self, letter: UUID, kind: FailureKind, key: str, body: bytes, pipeline: Pipeline, done: WaitedChunk
    ) -> None:
        self._decided(pipeline.redeliver(letter, kind, key, body, self._now_s()), done)


def _expect(expectation: Expectation, pipeline: Pipeline, done: WaitedChunk) -> None:
    if pipeline.expect(expectation):
        done.expectations.append(expectation)
