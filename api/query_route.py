"""A route that only reads: what is in its path, and its query as one model, each read by pydantic at once.

FastAPI reads such a model field by field before pydantic does it again, and solves dependencies there are none of: a
fifth of what a question costs the server. The documentation, the errors and the models are the same; any other route
is left to FastAPI.
"""

import inspect
from collections.abc import Callable, Coroutine
from typing import Any, TypeGuard, get_args, get_origin

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response

Handle = Callable[[Request], Coroutine[Any, Any, Response]]


class QueryRoute(APIRoute):
    """For `APIRouter(route_class=QueryRoute)`. Its endpoints give a Response."""

    def get_route_handler(self) -> Handle:
        needs = self.dependant
        others = (needs.header_params, needs.cookie_params, needs.body_params, needs.dependencies)
        query = [
            (field.name, model)
            for field in needs.query_params
            if _of_single_values(model := field.field_info.annotation)
        ]
        read = len(query) == len(needs.query_params) <= 1 and not any(others)
        if not read or any(_injected(needs)) or not inspect.iscoroutinefunction(self.endpoint):
            return super().get_route_handler()
        endpoint, request_name, path = self.endpoint, needs.request_param_name, tuple(needs.path_params)

        async def handle(request: Request) -> Response:
            values: dict[str, Any] = {} if request_name is None else {request_name: request}
            wrong: list[Any] = []
            for field in path:
                values[field.name], found = field.validate(request.path_params[field.alias], loc=("path", field.alias))
                wrong += found
            for name, model in query:
                try:
                    values[name] = model.model_validate(dict(request.query_params))
                except ValidationError as error:
                    told = error.errors(include_url=False)
                    wrong += [{**each, "loc": ("query", *each["loc"])} for each in told]
            if wrong:
                raise RequestValidationError(wrong)
            answer: Response = await endpoint(**values)
            return answer

        return handle


def _injected(needs: Any) -> tuple[Any, ...]:
    """What else FastAPI would hand to the endpoint."""
    return (
        needs.response_param_name,
        needs.background_tasks_param_name,
        needs.http_connection_param_name,
        needs.security_scopes_param_name,
    )


def _of_single_values(model: Any) -> TypeGuard[type[BaseModel]]:
    """Whether it is a model none of whose fields may be given more than once, or under another name."""
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return False
    fields = model.model_fields.values()
    return not any(field.alias or field.validation_alias or _many(field.annotation) for field in fields)


def _many(annotation: Any) -> bool:
    return any(get_origin(part) in (list, tuple, set, frozenset) for part in (annotation, *get_args(annotation)))
