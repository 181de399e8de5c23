"""What the OpenAPI document says about every operation: problems by status, security, and examples.

The problems any operation can answer with are added here, from the same rule that decides
(`principal.required_permission`), so the document cannot promise less or more than the gate does.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import TypeAdapter

from api.field_examples import FIELD_EXAMPLES, OWN_EXAMPLES
from api.paging import Page, sort_columns
from api.principal import is_open, permissions_by_field, required_permission
from api.problems import (
    FORBIDDEN,
    INTERNAL,
    INVALID,
    MALFORMED,
    NOT_FOUND,
    PROBLEM_MEDIA_TYPE,
    TOO_LARGE,
    UNAUTHENTICATED,
    UNAVAILABLE,
    Problem,
    ProblemKind,
)

_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}
_SCHEMA = {"$ref": "#/components/schemas/Problem"}


def problems(*kinds: ProblemKind) -> dict[int | str, dict[str, Any]]:
    """`responses` for an operation: one entry a status, one example a kind."""
    by_status: dict[int | str, list[ProblemKind]] = defaultdict(list)
    for kind in kinds:
        by_status[kind.status].append(kind)
    return {status: _response(found) for status, found in by_status.items()}


def _response(kinds: list[ProblemKind]) -> dict[str, Any]:
    examples = {
        kind.code: {
            "summary": kind.title,
            "value": {
                "type": f"/problems/{kind.code}",
                "title": kind.title,
                "status": kind.status,
                "code": kind.code,
                "detail": kind.title,
                "fix": kind.fix,
            },
        }
        for kind in kinds
    }
    description = "; ".join(f"`{kind.code}`: {kind.title}" for kind in kinds)
    return {"description": description, "content": {PROBLEM_MEDIA_TYPE: {"schema": _SCHEMA, "examples": examples}}}


def install(app: FastAPI, routes: Sequence[APIRoute]) -> None:
    """Replace the application's document maker by ours; the document is made once, at the first request for it."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app, routes)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _document(app: FastAPI, routes: Sequence[APIRoute]) -> dict[str, Any]:
    document = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=app.description,
        routes=list(routes),
        tags=app.openapi_tags,
        license_info=app.license_info,
    )
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    _add_problem_schema(schemas)
    components["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "description": "`Authorization: Bearer`, then a key or token"},
        "password": {
            "type": "oauth2",
            "description": "People: a token for a name and a password",
            "flows": {"password": {"tokenUrl": "/v1/token", "refreshUrl": "/v1/token", "scopes": {}}},
        },
        "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    }
    for owner, schema in schemas.items():
        for name, field in schema.get("properties", {}).items():
            example = OWN_EXAMPLES.get(f"{owner}.{name}", FIELD_EXAMPLES.get(name))
            if example is not None and "examples" not in field and _fits(example, field, schemas):
                field["examples"] = [example]
    _name_columns(document, routes)
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            _complete(operation, method.upper(), path)
    return document


def _name_columns(document: dict[str, Any], routes: Sequence[APIRoute]) -> None:
    """Which columns each list can be sorted by, as the words that `sort` takes."""
    for route in routes:
        model = route.response_model
        if isinstance(model, type) and issubclass(model, Page):
            (row_type,) = model.__pydantic_generic_metadata__["args"]
            words = [sign + column for column in sort_columns(row_type) for sign in ("", "-")]
            for parameter in document["paths"][route.path_format]["get"]["parameters"]:
                if parameter["name"] == "sort":
                    parameter["schema"] = {"title": "Sort", "type": "string", "enum": words}


def _fits(example: Any, schema: dict[str, Any], schemas: dict[str, Any]) -> bool:
    """Whether a schema takes it, by type and by the words it lists: one name can mean another thing elsewhere."""
    if "$ref" in schema:
        return _fits(example, schemas[schema["$ref"].rpartition("/")[2]], schemas)
    if "anyOf" in schema:
        return any(_fits(example, form, schemas) for form in schema["anyOf"])
    if "enum" in schema:
        return example in schema["enum"]
    json_type = schema.get("type")
    if json_type == "array" and isinstance(example, list):
        return all(_fits(inner, schema.get("items", {}), schemas) for inner in example)
    return json_type is None or type(example) in _PYTHON_TYPES.get(json_type, ())


def _add_problem_schema(schemas: dict[str, Any]) -> None:
    schema = TypeAdapter(Problem).json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(schema.pop("$defs", {}))
    schemas["Problem"] = schema
    # Absent members are left out of a problem, so none of these may be required or null.
    for name in ("pointer", "parameter"):
        schemas["FieldProblem"]["properties"][name] = {"type": "string"}
    schemas["Problem"]["properties"]["reference"] = {"type": "string"}


def _complete(operation: dict[str, Any], method: str, path: str) -> None:
    responses = operation["responses"]
    if "application/json" in responses.get("422", {}).get("content", {}):
        del responses["422"]  # FastAPI's own shape, which this application never sends
    kinds = [INTERNAL]
    if is_open(path):
        operation["security"] = []
    else:
        operation["security"] = [{"bearer": []}, {"header": []}, {"password": []}]
        needed = required_permission(method, path)
        operation["x-required-permission"] = needed.value if needed is not None else None
        by_field = permissions_by_field(method, path)
        if by_field:
            operation["x-required-permission-by-field"] = {name: also.value for name, also in by_field.items()}
        kinds += [UNAUTHENTICATED, FORBIDDEN, UNAVAILABLE]
    if operation.get("parameters") or "requestBody" in operation:
        kinds.append(INVALID)
    if "requestBody" in operation:
        kinds += [MALFORMED, TOO_LARGE]
    if "{" in path:
        kinds.append(NOT_FOUND)
    for status, response in problems(*kinds).items():
        present = responses.setdefault(str(status), response)
        if present is not response and PROBLEM_MEDIA_TYPE in present.get("content", {}):
            examples = present["content"][PROBLEM_MEDIA_TYPE]["examples"]
            for code, example in response["content"][PROBLEM_MEDIA_TYPE]["examples"].items():
                if code not in examples:
                    examples[code] = example
                    present["description"] += f"; `{code}`: {example['summary']}"
    operation["responses"] = dict(sorted(responses.items()))
