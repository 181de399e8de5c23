"""Transport tasks: lists, history, and waiting for work. What is done about them are commands."""

import asyncio
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from api.documented import problems
from api.encoding import json_response
from api.feed_hub import FeedFilter, FeedHub
from api.paging import Code, Lister, Page, Paging
from api.postgres.pool import Pool
from api.problems import INVALID_CURSOR, UNAVAILABLE, ProblemError, not_found
from warehouse.postgres.queries.tasks import Task, TaskEvent, open_tasks, task, task_events, tasks
from warehouse.tasks import TaskKind, TaskLoad, TaskState

WAIT_S_MAX = 55
WAITING_MAX = 200
OPEN_MAX = 500


class TaskQuery(Paging):
    """Which tasks."""

    state: Annotated[list[TaskState], Field(default_factory=list, max_length=6, description="Any of these.")]
    kind: TaskKind | None = None
    owner: Annotated[Code | None, Field(description="The person or vehicle that has it.", examples=["agv-7"])] = None
    unit: Annotated[Code | None, Field(description="Its handling unit.", examples=["006141410000000015"])] = None
    item: Annotated[Code | None, Field(description="Loose goods of this item.", examples=["A-100"])] = None
    load: Annotated[TaskLoad | None, Field(description="Handling units, or loose goods.")] = None
    place: Annotated[Code | None, Field(description="Its pickup, source or target.", examples=["RACK-1-03"])] = None


class OpenQuery(BaseModel):
    """How long to wait for work."""

    model_config = ConfigDict(extra="forbid")

    wait_s: Annotated[
        int,
        Field(ge=0, le=WAIT_S_MAX, description="Answer when there is an open task, at the latest after so long."),
    ] = 0
    limit: Annotated[int, Field(ge=1, le=OPEN_MAX)] = 100
    takes: Annotated[
        list[TaskLoad],
        Field(
            min_length=1,
            max_length=2,
            description="For what you can carry: handling units unless you say otherwise.",
            examples=[["unit", "goods"]],
        ),
    ] = [TaskLoad.UNIT]


@dataclass(frozen=True, slots=True)
class OpenTasks:
    """What can be claimed now, the most urgent first."""

    items: list[Task]


@dataclass(frozen=True, slots=True)
class TaskHistory:
    """One task and everything that happened to it."""

    task: Task
    events: list[TaskEvent]


_TASKS: Lister[Task, tuple[int]] = Lister("tasks", tuple[int], Task, "seq")
_WANTED = FeedFilter(frozenset({"task"}))


def router(pool: Pool, hub: FeedHub) -> APIRouter:
    """Tasks."""
    routes = APIRouter(prefix="/v1/tasks", tags=["tasks"])
    waiting = asyncio.Semaphore(WAITING_MAX)

    async def found(query: OpenQuery) -> list[Task]:
        async with pool.connection() as connection:
            return await open_tasks(connection, query.limit, query.takes)

    async def awaited(request: Request, query: OpenQuery) -> list[Task]:
        """Subscribed before the first look, so that nothing made in between is missed."""
        subscription = hub.subscribe(_WANTED)
        end_s = asyncio.get_running_loop().time() + query.wait_s
        try:
            while True:
                rows = await found(query)
                left_s = end_s - asyncio.get_running_loop().time()
                if rows or left_s <= 0 or hub.closed or await request.is_disconnected():
                    return rows
                await subscription.take(min(left_s, 5.0))
        finally:
            hub.unsubscribe(subscription)

    @routes.get(
        "",
        operation_id="tasks_list",
        summary="Transport tasks",
        response_model=Page[Task],
        responses=problems(INVALID_CURSOR),
    )
    async def tasks_list(request: Request, query: Annotated[TaskQuery, Query()]) -> Response:
        """Newest first. As they change: `/v1/feed?type=task`."""
        after = _TASKS.start(query)
        async with pool.connection() as connection:
            rows = await tasks(
                connection,
                after[0] if after else None,
                _TASKS.take(query),
                states=[str(state) for state in query.state] or None,
                kind=query.kind,
                owner=query.owner,
                unit=query.unit,
                item=query.item,
                load=query.load,
                place=query.place,
            )
        return _TASKS.answer(request, query, rows)

    @routes.get(
        "/open",
        operation_id="tasks_open",
        summary="What can be claimed, now or as soon as there is something",
        response_model=OpenTasks,
        responses=problems(UNAVAILABLE),
    )
    async def tasks_open(request: Request, query: Annotated[OpenQuery, Query()]) -> Response:
        """The most urgent first: by priority, deadline and age. With `wait_s` it is a long poll. Claiming decides who
        gets one: what is listed here may be taken a moment later."""
        if query.wait_s == 0:
            return json_response(OpenTasks(await found(query)))
        if waiting.locked():
            reason = f"{WAITING_MAX} clients wait already"
            raise ProblemError(UNAVAILABLE, reason, headers={"Retry-After": "5"})
        async with waiting:
            return json_response(OpenTasks(await awaited(request, query)))

    @routes.get("/{task_id}", operation_id="tasks_get", summary="One task with its history", response_model=TaskHistory)
    async def tasks_get(
        task_id: Annotated[UUID, Path(description="The task.", examples=["0e6c4c7e-3a53-5f8e-9f0c-2b8f5a7d1c11"])],
    ) -> Response:
        """Who had it when, how far it came, and why it failed."""
        async with pool.connection() as connection:
            row = await task(connection, task_id)
            if row is None:
                raise not_found("task", str(task_id))
            events = await task_events(connection, task_id)
        return json_response(TaskHistory(row, events))

    return routes
