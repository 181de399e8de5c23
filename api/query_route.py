"""A route whose one parameter is its query as a model: read by pydantic at once.

FastAPI reads such a model field by field before pydantic does it again, and solves dependencies there are none of: a
fifth of what a question for stock costs the server. The documentation, the errors and the model are the same; any
other route is left to FastAPI.
"""

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
        model = needs.query_params[0].field_info.annotation if len(needs.query_params) == 1 else None
        others = (needs.path_params, needs.header_params, needs.cookie_params, needs.body_params, needs.dependencies)
        if not _of_single_values(model) or any(others) or needs.request_param_name is None:
            return super().get_route_handler()
        endpoint, request_name, query_name = self.endpoint, needs.request_param_name, needs.query_params[0].name

        async def handle(request: Request) -> Response:
            try:
                query = model.model_validate(dict(request.query_params))
            except ValidationError as error:
                found = error.errors(include_url=False)
                raise RequestValidationError([{**each, "loc": ("query", *each["loc"])} for each in found]) from None
            answer: Response = await endpoint(**{request_name: request, query_name: query})
            return answer

        return handle


def _of_single_values(model: Any) -> TypeGuard[type[BaseModel]]:
    """Whether it is a model none of whose fields may be given more than once, or under another name."""
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return False
    fields = model.model_fields.values()
    return not any(field.alias or field.validation_alias or _many(field.annotation) for field in fields)


def _many(annotation: Any) -> bool:
    return any(get_origin(part) in (list, tuple, set, frozenset) for part in (annotation, *get_args(annotation)))
