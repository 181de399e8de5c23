"""`/v1/me`: who the caller is and what they may do; a person's own password."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from api.documented import problems
from api.encoding import json_response
from api.oauth import Doorway, TokenAnswer, TokenMint
from api.ports import Accounts
from api.principal import may_call, principal_of
from api.problems import (
    FORBIDDEN,
    PASSWORD_REFUSED,
    TOO_MANY_ATTEMPTS,
    WRONG_PASSWORD,
    FieldProblem,
    ProblemError,
)
from warehouse.postgres.control.accounts import NotSignedIn, PasswordRefused
from warehouse.postgres.control.passwords import LENGTH_MAX, LENGTH_MIN


@dataclass(frozen=True, slots=True)
class WarehousePermissions:
    """What one may do within a warehouse."""

    warehouse: str
    permissions: list[str]


@dataclass(frozen=True, slots=True)
class Me:
    """Who is asking. `permissions` hold everywhere, `warehouses` beside them."""

    actor: Annotated[str, Field(description="As the books call you.", examples=["anna"])]
    kind: Literal["person", "key"]
    device: str
    permissions: Sequence[str]
    warehouses: list[WarehousePermissions]
    password_change_required: bool
    operations: Annotated[
        list[str],
        Field(
            description="Ids of operations of this document that you may call, in some warehouse at least.",
            examples=[["stock_list", "stock_move"]],
        ),
    ]
    server_time: Annotated[datetime, Field(description="Now, by the server's clock.")]


class PasswordChange(BaseModel):
    """The old password and a new one."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"old": "h3x7-…", "new": "correct horse battery staple"}]}
    )

    old: Annotated[str, Field(min_length=1, max_length=1024, pattern=r"^[^\u0000]*$")]
    new: Annotated[str, Field(min_length=LENGTH_MIN, max_length=LENGTH_MAX, pattern=r"^[^\u0000]*$")]


def router(
    accounts: Accounts, mint: TokenMint, doorway: Doorway, operations: Callable[[], Sequence[tuple[str, str, str]]]
) -> APIRouter:
    """Both routes. `operations` are those of the whole application: id, method, path."""
    routes = APIRouter(prefix="/v1/me", tags=["people"])

    @routes.get("", operation_id="me", summary="Who am I, and what may I do", response_model=Me)
    async def me(request: Request) -> Response:
        """Of the key or token of the request."""
        who = principal_of(request.scope)
        within = [WarehousePermissions(code, sorted(some)) for code, some in sorted(who.rights.within.items())]
        kind: Literal["person", "key"] = "key" if who.session_id is None else "person"
        may = [name for name, method, path in operations() if may_call(who, method, path)]
        now, everywhere = datetime.now(UTC), sorted(who.rights.everywhere)
        return json_response(Me(who.actor, kind, who.device, everywhere, within, who.must_change, may, now))

    @routes.post(
        "/password",
        operation_id="me_password",
        summary="Change my password",
        response_model=TokenAnswer,
        responses=problems(FORBIDDEN, WRONG_PASSWORD, PASSWORD_REFUSED, TOO_MANY_ATTEMPTS),
    )
    async def me_password(request: Request, body: PasswordChange) -> Response:
        """Ends all sessions of the person; the answer has the tokens of a new one."""
        who = principal_of(request.scope)
        if who.session_id is None:
            raise ProblemError(FORBIDDEN, "a key has no password: sign in as a person")
        async with doorway:
            outcome = await asyncio.to_thread(accounts.change_password, who.actor, who.device, body.old, body.new)
        if isinstance(outcome, PasswordRefused):
            problem = FieldProblem(outcome.reason, PASSWORD_REFUSED.fix, "/new")
            raise ProblemError(PASSWORD_REFUSED, outcome.reason, [problem])
        if isinstance(outcome, NotSignedIn):
            if outcome.retry_after_s is not None:
                retry = {"Retry-After": str(outcome.retry_after_s)}
                raise ProblemError(TOO_MANY_ATTEMPTS, f"wait {outcome.retry_after_s} s", headers=retry)
            raise ProblemError(WRONG_PASSWORD, "the old password is another", [
                FieldProblem("the old password is another", WRONG_PASSWORD.fix, "/old")
            ])  # fmt: skip
        return await mint.answer(outcome)

    return routes
