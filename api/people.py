"""Users, roles, keys and rules of approval, to read; they are changed by commands."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from api.documented import problems
from api.encoding import json_response
from api.paging import TEXT_PATTERN, Lister, Page, Paging
from api.postgres.pool import Pool
from api.problems import INVALID_CURSOR, not_found
from warehouse.postgres.queries import people
from warehouse.postgres.queries.people import ApiKey, ApprovalRule, Role, User, UserSession


@dataclass(frozen=True, slots=True)
class UserDetail:
    """A person with the sessions that are open."""

    user: User
    sessions: list[UserSession]


_USERS: Lister[User, tuple[str]] = Lister("users", tuple[str], User, "name")
_ROLES: Lister[Role, tuple[str]] = Lister("roles", tuple[str], Role, "name")
_KEYS: Lister[ApiKey, tuple[str]] = Lister("keys", tuple[str], ApiKey, "key_id")
_RULES: Lister[ApprovalRule, tuple[str]] = Lister("approval-rules", tuple[str], ApprovalRule, "subject")

UserName = Annotated[str, Path(max_length=128, pattern=TEXT_PATTERN, description="The user.", examples=["anna"])]


def router(pool: Pool) -> APIRouter:
    """Four lists and one user."""
    routes = APIRouter(prefix="/v1", tags=["people"])

    @routes.get(
        "/users",
        operation_id="users_list",
        summary="People who can sign in",
        response_model=Page[User],
        responses=problems(INVALID_CURSOR),
    )
    async def users_list(request: Request, query: Annotated[Paging, Query()]) -> Response:
        """By name, disabled ones too."""
        start = _USERS.start(query)
        async with pool.connection() as connection:
            rows = await people.users(connection, start[0] if start else None, _USERS.take(query))
        return _USERS.answer(request, query, rows)

    @routes.get(
        "/users/{name}", operation_id="users_get", summary="One user and their sessions", response_model=UserDetail
    )
    async def users_get(name: UserName) -> Response:
        """With the sessions that are open."""
        async with pool.connection() as connection:
            found = await people.user(connection, name)
            if found is None:
                raise not_found("user", name)
            sessions = await people.user_sessions(connection, name)
        return json_response(UserDetail(found, sessions))

    @routes.get(
        "/roles",
        operation_id="roles_list",
        summary="Roles and what they may do",
        response_model=Page[Role],
        responses=problems(INVALID_CURSOR),
    )
    async def roles_list(request: Request, query: Annotated[Paging, Query()]) -> Response:
        """By name. `*` is every permission, also those of later versions."""
        start = _ROLES.start(query)
        async with pool.connection() as connection:
            rows = await people.roles(connection, start[0] if start else None, _ROLES.take(query))
        return _ROLES.answer(request, query, rows)

    @routes.get(
        "/keys",
        operation_id="keys_list",
        summary="Keys of devices and systems",
        response_model=Page[ApiKey],
        responses=problems(INVALID_CURSOR),
    )
    async def keys_list(request: Request, query: Annotated[Paging, Query()]) -> Response:
        """By id, revoked and expired ones too; never the key itself."""
        start = _KEYS.start(query)
        async with pool.connection() as connection:
            rows = await people.keys(connection, start[0] if start else None, _KEYS.take(query))
        return _KEYS.answer(request, query, rows)

    @routes.get(
        "/approval-rules",
        operation_id="approval_rules_list",
        summary="What needs approval",
        response_model=Page[ApprovalRule],
        responses=problems(INVALID_CURSOR),
    )
    async def approval_rules_list(request: Request, query: Annotated[Paging, Query()]) -> Response:
        """By subject: a kind of document, or `adjustment`."""
        start = _RULES.start(query)
        async with pool.connection() as connection:
            rows = await people.approval_rules(connection, start[0] if start else None, _RULES.take(query))
        return _RULES.answer(request, query, rows)

    return routes
