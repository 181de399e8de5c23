"""Every enumeration of the document has its words in both languages, and every field told to speak one exists."""

from typing import Any

from api.word_fields import FIELDS
from api.words import WORDS
from tests.api.conftest import Running
from tests.api.test_reading_within import World, operations, world, world_of_two  # noqa: F401 - fixtures
from warehouse.loads import WhyBarred

# Words that no page shows: a status of the probes.
PLAIN = {"alive", "ready", "not ready"}


def enumerations(schemas: dict[str, Any]) -> dict[str, set[str]]:
    """By the name of its schema, or where it stands inside one."""
    found: dict[str, set[str]] = {}
    for name, schema in schemas.items():
        if "enum" in schema:
            found[name] = set(schema["enum"])
        for field, described in schema.get("properties", {}).items():
            for form in (described, described.get("items", {}), *described.get("anyOf", ())):
                if isinstance(form, dict) and ("enum" in form or "const" in form):
                    found[f"{name}.{field}"] = set(form.get("enum", [form.get("const")]))
    return found


async def test_every_enumeration_has_its_words(shared: Running) -> None:
    document = (await shared.client.get("/openapi.json", timeout=60)).json()
    tables = [set(words) for words in WORDS.values()]
    reports = {report["name"] for report in (await shared.client.get("/v1/reports")).json()["items"]}
    for name, values in enumerations(document["components"]["schemas"]).items():
        if name in WORDS:
            assert values <= set(WORDS[name]), (name, values - set(WORDS[name]))
        else:  # without a name of its own: some table has all of them, or they say themselves
            known = any(values <= table for table in tables)
            assert known or values <= PLAIN or values <= reports, (name, values)
    assert set(WORDS["WhyBarred"]) == set(WhyBarred), "live events and signals say it in plain text"
    assert all(en and zh for words in WORDS.values() for en, zh in words.values())


async def test_every_field_exists_and_its_values_are_words(world: World) -> None:  # noqa: F811
    document = (await world.served.client.get("/openapi.json", timeout=60)).json()
    schemas = document["components"]["schemas"]
    rows: dict[str, set[str]] = {}
    for operation, _, described in await operations(world):
        answer = described["responses"]["200"].get("content", {}).get("application/json", {}).get("schema", {})
        page = schemas.get(answer.get("$ref", "").rpartition("/")[2], {})
        items = page.get("properties", {}).get("items", {}).get("items", {}).get("$ref", "").rpartition("/")[2]
        if items:
            rows[operation.removesuffix("_list")] = set(schemas[items]["properties"])
    for field, table in FIELDS.items():
        listed, _, column = field.partition(".")
        assert column in rows.get(listed, ()), field
        assert table in WORDS, field
    for path, listed in (("/v1/movements", "movements"), ("/v1/documents", "documents"), ("/v1/locations", "locations"),
                         ("/v1/document-kinds", "document_kinds"),
                         ("/v1/stock", "stock"),
                         ("/v1/tasks", "tasks"), ("/v1/alerts", "alerts")):  # fmt: skip
        for row in (await world.served.client.get(path)).json()["items"]:
            for column, value in row.items():
                table = FIELDS.get(f"{listed}.{column}", "")
                assert not table or value is None or value == "" or value in WORDS[table], (listed, column, value)


async def test_a_page_keeps_it_until_it_changes(shared: Running) -> None:
    answer = await shared.client.get("/v1/vocabulary")
    status = next(table for table in answer.json()["items"] if table["name"] == "StockStatus")
    assert {"value": "inspection", "en": "In inspection", "zh": "待检"} in status["words"]
    assert "stock.status" in status["fields"]
    again = await shared.client.get("/v1/vocabulary", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
