"""`GET /v1/feed`: what was committed, as server-sent events, resumable by id; and what portals show right now.

A client first catches up from the log, in pages, then joins the hub at a position that it has read up to; both steps
use the same positions, so nothing is lost or doubled between them. Comments keep proxies from cutting an idle stream;
they carry the id reached, so that a client with a narrow filter does not read the same stretch again after a reconnect.
A client that takes nothing for `SEND_TIMEOUT_S` is cut off, and may resume. Every `RECHECK_S` the caller has to
be still allowed: who was disabled, signed out or lost the right to read sees nothing of what happens after.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated, Any

import psycopg
from fastapi import APIRouter, Header, Query
from psycopg_pool import PoolTimeout
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from api.documented import problems
from api.encoding import json_response
from api.feed_hub import PAGE, FeedFilter, FeedHub, Subscription, live_chunk
from api.feed_log import FeedLog, FeedPosition, parse_position
from api.ports import Accounts, LiveSource
from api.principal import principal_of
from api.problems import EXPIRED_POSITION, INVALID_CURSOR, UNAVAILABLE, ProblemError
from warehouse.postgres.control.feed_tickets import HOLDS_S, TicketHolder

HEARTBEAT_S = 15.0
SEND_TIMEOUT_S = 30.0
RECHECK_S = 10.0
CLIENTS_MAX = 500
START_WAIT_S = 3.0
RECONNECT_MS = 1000

_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),  # nginx would collect events into blocks
]

_DESCRIPTION = """
Server-sent events (HTML Living Standard, 9.2). Each stored event has `id` (opaque), `event` (its type) and `data`
(JSON): types are `passage` and the topics of the outbox: `posting` (movements of one load, and how far its documents
are), `location` (`updates`: rows of EPC, location, event, time in microseconds since 1970), `discrepancy`,
`alarm`, `task` (a transport task and what became of it) and `command` (a command that was executed).

**Resume** with the `Last-Event-ID` header (a browser's EventSource sends it by itself) or `after`: events after that id
follow, each once, in commit order. Without an id the stream starts now; its first message names the position. An id
that reaches back too far, or comes from another database, is answered 410: read the lists, then start without one.

**Browsers**: an EventSource sends no `Authorization`. Ask `POST /v1/feed/tickets` as yourself and open
`/v1/feed?ticket=TICKET`, once, within 30 s. When the connection breaks, the browser tries the used ticket, is answered
401 and gives up (`readyState` 2): ask for the next ticket then, and open the feed with `after` at `lastEventId`.

**Delay**: an event waits until every transaction older than its own has ended, so that order never changes afterwards.

**Live events** show portals as they are, and are not stored: they have no `id` and cannot be resumed. Types:
`live.signal` (what the stack light shows: `missing`, `extra`, and `barred`: seen and not released, with `why` and
`lot`), `live.vehicle` (how a vehicle is) and `live.passage` (a load still in the
door, provisional, and the last word on it; `withdrawn` when it was no load after all). The current ones
come first.

**Within warehouses**: who may read only there hears of what names a portal or location there, a transfer at both ends,
and of updates of locations only those there.

At most 500 clients; above that 503.
"""

_EXAMPLE = (
    "retry: 1000\nid: 812-9-9223372036854775807\n: start\n\n"
    'id: 815-1-77\nevent: discrepancy\ndata: {"kind": "short"}\n\n'
)


class FeedQuery(BaseModel):
    """What to stream. Repeat a parameter for several values; different parameters must all match."""

    model_config = ConfigDict(extra="forbid")

    after: Annotated[
        str | None, Field(max_length=64, description="Like Last-Event-ID, for clients without headers.")
    ] = None
    type: Annotated[
        list[Annotated[str, Field(max_length=64)]], Field(max_length=20, description="Event types.", examples=[[]])
    ] = []
    portal: Annotated[
        list[Annotated[str, Field(max_length=64)]], Field(max_length=50, description="Portals.", examples=[[]])
    ] = []
    ticket: Annotated[
        str | None, Field(max_length=64, description="Of `/v1/feed/tickets`, instead of a key or token in a header.")
    ] = None
    location: Annotated[
        list[Annotated[str, Field(max_length=64)]],
        Field(max_length=50, description="Zones and bins, by location code.", examples=[[]]),
    ] = []


@dataclass(frozen=True, slots=True)
class FeedTicket:
    """What opens the feed once. `expires_in` in seconds."""

    ticket: Annotated[str, Field(examples=["mB1k…"])]
    expires_in: Annotated[int, Field(examples=[30])]
    server_time: datetime


class Feeds:
    """What the feed's endpoint needs, and the count of its clients."""

    def __init__(self, log: FeedLog, hub: FeedHub, live: LiveSource | None) -> None:
        self.log = log
        self.hub = hub
        self.live = live
        self.open_streams = 0

    def close(self) -> None:
        """End all streams, before the server stops."""
        self.hub.close()

    async def admit(self) -> None:
        """Let one more client in. Raises `ProblemError` when there are too many or the log cannot be read yet."""
        if self.open_streams >= CLIENTS_MAX:
            raise ProblemError(UNAVAILABLE, "the feed has as many clients as it takes", headers={"Retry-After": "30"})
        try:
            async with asyncio.timeout(START_WAIT_S):
                await self.hub.started.wait()
        except TimeoutError:
            reason = "the feed waits for the database"
            raise ProblemError(UNAVAILABLE, reason, headers={"Retry-After": "5"}) from None

    async def start_of(self, given: str | None, parameter: str) -> FeedPosition | None:
        """Where a client resumes; None for now. Raises `ProblemError`."""
        if given is None:
            return None
        position = parse_position(given, parameter)
        reach = await self.log.reach()
        if position < reach.start:
            raise ProblemError(EXPIRED_POSITION, "the events after that id are no longer kept")
        if position > reach.end:
            raise ProblemError(EXPIRED_POSITION, "that id is from another database, or from before a restore")
        return position


class EventStream(Response):
    """One client's answer, written straight to the server without a layer of iterators."""

    media_type = "text/event-stream"

    def __init__(self, feeds: Feeds, wanted: FeedFilter, start: FeedPosition | None) -> None:
        super().__init__()
        self._feeds = feeds
        self._filter = wanted
        self._start = start

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        feeds = self._feeds
        feeds.open_streams += 1
        stream = _Stream(feeds, self._filter, send)
        watcher = asyncio.create_task(stream.watch(receive))
        guard = asyncio.create_task(stream.guard(scope["state"]["still_may"]))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            await stream.run(self._start)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except TimeoutError:
            return  # the client takes nothing; the server cuts the connection because the answer is unfinished
        finally:
            feeds.open_streams -= 1
            stream.leave()
            watcher.cancel()
            guard.cancel()


class _Stream:
    """Catch up, join, follow; and again when the hub had to cut this client off."""

    def __init__(self, feeds: Feeds, wanted: FeedFilter, send: Any) -> None:
        self._feeds = feeds
        self._filter = wanted
        self._raw_send = send
        self._subscription: Subscription | None = None
        self._gone = False

    async def watch(self, receive: Any) -> None:
        """Notice the client leaving."""
        while (await receive())["type"] != "http.disconnect":
            pass
        self._end()

    async def guard(self, still_may: Callable[[], Awaitable[bool]]) -> None:
        """End the stream when the caller may not read any more, or elsewhere; a database that is away says nothing
        about that. Places that were made meanwhile are within the walls from then on.
        """
        allowed = True
        while allowed:
            await asyncio.sleep(RECHECK_S)
            with contextlib.suppress(psycopg.Error, PoolTimeout):
                allowed = await still_may()
                if self._filter.walls is not None:
                    self._filter = replace(self._filter, walls=await self._feeds.log.walls())
                    if self._subscription is not None:
                        self._subscription.filter = self._filter
        self._end()

    def _end(self) -> None:
        self._gone = True
        if self._subscription is not None:
            self._subscription.close()

    def leave(self) -> None:
        """End the subscription."""
        if self._subscription is not None:
            self._feeds.hub.unsubscribe(self._subscription)
            self._subscription = None

    async def run(self, start: FeedPosition | None) -> None:
        """Until the client leaves or the server closes. TimeoutError when the client takes nothing."""
        hub = self._feeds.hub
        head = b"retry: %d\n" % RECONNECT_MS
        if start is None:
            position = self._join(None).joined
            head += b"id: %s\n: start\n\n" % str(position).encode()
        else:
            position = start
            head += b": resumed\n\n"
        if self._feeds.live is not None:
            head += b"".join(
                live_chunk(event)
                for event in self._feeds.live.portals()
                if self._filter.wants(event.kind, event.portal, ())
            )
        await self._send(head)
        while not self._gone and not hub.closed:
            if self._subscription is None:
                position = await self._catch_up(position)
            if self._subscription is not None:
                position = await self._follow(self._subscription)

    def _join(self, seen: FeedPosition | None) -> Subscription:
        self._subscription = self._feeds.hub.subscribe(self._filter, seen)
        return self._subscription

    async def _catch_up(self, position: FeedPosition) -> FeedPosition:
        """One page from the log; joins the hub after the last one."""
        page = await self._feeds.log.read(position, None, PAGE)
        if len(page.events) < PAGE:
            joined = self._join(position).joined
            page = await self._feeds.log.read(position, joined, PAGE)
            if len(page.events) == PAGE:
                self.leave()
        chunks = [
            self._filter.chunk(event)
            for event in page.events
            if self._filter.wants(event.kind, event.portal, event.locations)
        ]
        if chunks:
            await self._send(b"".join(chunks))
        return page.events[-1].position if page.events else position

    async def _follow(self, subscription: Subscription) -> FeedPosition:
        """From the hub's buffer, until it overflowed and is drained."""
        while not subscription.closed:
            chunks = await subscription.take(HEARTBEAT_S)
            if chunks:
                await self._send(chunks)
            elif subscription.overflowed:
                break
            elif not subscription.closed:
                await self._send(b"id: %s\n: idle\n\n" % str(subscription.position).encode())
        self.leave()
        return subscription.position

    async def _send(self, chunk: bytes) -> None:
        async with asyncio.timeout(SEND_TIMEOUT_S):
            await self._raw_send({"type": "http.response.body", "body": chunk, "more_body": True})


def router(feeds: Feeds, accounts: Accounts) -> APIRouter:
    """The feed, and tickets for it."""
    routes = APIRouter(prefix="/v1", tags=["feed"])

    @routes.get(
        "/feed",
        operation_id="feed_stream",
        summary="What happens, as it happens",
        description=_DESCRIPTION,
        response_class=Response,
        responses={
            200: {"content": {"text/event-stream": {"schema": {"type": "string"}, "example": _EXAMPLE}}},
            **problems(INVALID_CURSOR, EXPIRED_POSITION, UNAVAILABLE),
        },
    )
    async def feed_stream(
        request: Request,
        query: Annotated[FeedQuery, Query()],
        last_event_id: Annotated[
            str | None, Header(max_length=64, description="The id of the last event received.", examples=["815-1-77"])
        ] = None,
    ) -> Response:
        await feeds.admit()
        if last_event_id is not None:
            start = await feeds.start_of(last_event_id, "header:Last-Event-ID")
        else:
            start = await feeds.start_of(query.after, "query:after")
        walls = await feeds.log.walls()
        wanted = FeedFilter(frozenset(query.type), frozenset(query.portal), frozenset(query.location), walls)
        return EventStream(feeds, wanted, start)

    @routes.post(
        "/feed/tickets",
        operation_id="feed_tickets",
        summary="A ticket for a browser's EventSource",
        status_code=201,
        response_model=FeedTicket,
    )
    async def feed_tickets(request: Request) -> Response:
        """An EventSource cannot send a header: open `/v1/feed?ticket=` with this, once, within its seconds. It stands
        for you as you are then; the stream ends when your key or session does."""
        who = principal_of(request.scope)
        holder = TicketHolder(None, who.session_id) if who.session_id is not None else TicketHolder(who.key_id, None)
        ticket = await asyncio.to_thread(accounts.make_ticket, holder)
        answer = FeedTicket(ticket, HOLDS_S, datetime.now(UTC))
        return json_response(answer, 201, {"Cache-Control": "no-store"})

    return routes
