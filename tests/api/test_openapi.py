"""The OpenAPI document: valid, stable operation ids, an example and every problem at every operation."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator

from api.principal import is_own
from tests.api.conftest import Running
from warehouse.commands import Permission

# Changing or removing a line here breaks clients that were generated from the document; adding one is fine.
OPERATIONS = Path(__file__).with_name("operation_ids.txt")


@pytest.fixture
async def document(shared: Running) -> dict[str, Any]:
    found: dict[str, Any] = (await shared.client.get("/openapi.json")).json()
    return found


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(m.upper(), path, op) for path, methods in document["paths"].items() for m, op in methods.items()]


async def test_operation_ids_are_stable(document: dict[str, Any]) -> None:
    found = sorted(f"{op['operationId']} {method} {path}" for method, path, op in operations(document))
    assert found == OPERATIONS.read_text().splitlines()


async def test_every_operation_is_complete(document: dict[str, Any]) -> None:
    for method, path, op in operations(document):
        where = f"{method} {path}"
        assert op["summary"], where
        assert op["description"], where
        assert op["tags"], where
        assert "500" in op["responses"], where
        if op["security"]:
            assert op["x-required-permission"] in {*Permission, None}, where
            assert (op["x-required-permission"] is None) == is_own(path), where
            assert {"401", "403", "503"} <= set(op["responses"]), where
        for status, response in op["responses"].items():
            assert response["description"], where
            if int(status) >= 400 and path.startswith("/v1/token") and status in ("400", "429"):
                assert "application/json" in response["content"], where  # as RFC 6749, 5.2 wants them
            elif int(status) >= 400 and path != "/readyz":
                content = response["content"]["application/problem+json"]
                assert content["schema"] == {"$ref": "#/components/schemas/Problem"}, where
                for example in content["examples"].values():
                    assert example["value"]["status"] == int(status), where
        for parameter in op.get("parameters", ()):
            assert parameter["schema"], where
        if "requestBody" in op:
            assert "413" in op["responses"], where
            content = op["requestBody"]["content"]
            if "application/json" not in content:  # a file
                assert any("example" in form for form in content.values()), where
                continue
            schema = content["application/json"]["schema"]
            if "$ref" not in schema:  # somebody else's format, shown by examples
                assert content["application/json"]["examples"], where
                continue
            name = schema["$ref"].rpartition("/")[2]
            assert name == "Decision" or document["components"]["schemas"][name]["examples"], where


# What other systems exchange with us: people write programs for these from the document alone.
EXCHANGE = {"imports", "jobs", "reports", "alerts", "webhooks", "inbox"}


async def test_every_import_report_and_message_has_its_limits_and_examples(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]

    def whole(schema: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
        return found

    def unbounded(schema: dict[str, Any], at: str) -> list[str]:
        schema = whole(schema)
        parts = [(alternative, at) for alternative in schema.get("anyOf", ())]
        parts += [(member, f"{at}.{name}") for name, member in schema.get("properties", {}).items()]
        parts += [(schema["items"], f"{at}[]")] if "items" in schema else []
        found = [fault for part, where in parts for fault in unbounded(part, where)]
        open_text = schema.get("type") == "string" and not schema.keys() & {
            "maxLength",
            "enum",
            "const",
            "format",
            "pattern",
        }
        open_list = schema.get("type") == "array" and "maxItems" not in schema
        return [*found, at] if open_text or open_list else found

    seen = 0
    for method, path, op in operations(document):
        if not EXCHANGE & set(op["tags"]):
            continue
        seen += 1
        where = f"{method} {path}"
        for parameter in op.get("parameters", ()):
            schema, name = parameter["schema"], parameter["name"]
            shown = "examples" in schema or "enum" in schema or schema.get("type") == "boolean" or name == "cursor"
            assert shown, f"{where}: {name} has no example"
            assert unbounded(schema, name) == [], where
        for media_type, form in op.get("requestBody", {}).get("content", {}).items():
            if media_type == "application/json":
                assert unbounded(form["schema"], "body") == [], where
            else:
                assert "MiB" in op["requestBody"]["description"], where
        for status, response in op["responses"].items():
            for form in response.get("content", {}).values() if int(status) < 300 else ():
                members = whole(form["schema"]).get("properties", {}).values()
                binary = form["schema"].get("format") == "binary"
                assert binary or "example" in form or members, f"{where} {status}"
    assert seen >= 35


async def test_nothing_of_the_frameworks_own_error_shape_is_left(document: dict[str, Any]) -> None:
    assert "HTTPValidationError" not in json.dumps(document)


async def test_every_schema_is_json_schema_and_every_reference_resolves(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for name in schemas:
        Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas}})
    text = json.dumps(document)
    for part in text.split('"$ref": "')[1:]:
        reference = part.split('"', 1)[0]
        assert reference.startswith("#/components/schemas/")
        assert reference.rpartition("/")[2] in schemas


def with_what_it_names(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """The schema with those it refers to, and no others: a validator of all of them costs a second under load."""
    named: dict[str, Any] = {}
    waiting = [schema]
    while waiting:
        for part in json.dumps(waiting.pop()).split('"$ref": "#/components/schemas/')[1:]:
            name = part.split('"', 1)[0]
            if name not in named:
                named[name] = schemas[name]
                waiting.append(schemas[name])
    return {**schema, "components": {"schemas": named}}


async def test_every_example_is_one(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    tried = 0
    for name, schema in schemas.items():
        for field, described in schema.get("properties", {}).items():
            if "examples" not in described:
                continue
            validator = Draft202012Validator(with_what_it_names(described, schemas))
            for example in described["examples"]:
                assert validator.is_valid(example), f"{name}.{field}: {example!r}"
                tried += 1
    assert tried > 300


async def test_problems_satisfy_their_schema(shared: Running, document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    validator = Draft202012Validator({"$ref": "#/components/schemas/Problem", "components": {"schemas": schemas}})
    for path in ("/v1/passages?limit=0&x=1", "/v1/nothing", "/v1/passages?cursor=x", "/v1/readers/none"):
        validator.validate((await shared.client.get(path)).json())
