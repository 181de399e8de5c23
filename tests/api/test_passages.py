"""Passages as the API shows them: newest revision, filters, stable pages, tags and evidence."""

import psycopg

from tests.api.conftest import Running
from tests.api.pages import walk
from tests.api.stream_rows import add_passage

EPC_A, EPC_B = "3034257BF7194E4000001A85", "E2801160600002084D1F9999"


async def test_a_passage_at_its_newest_revision(api: Running) -> None:
    with psycopg.connect(api.dsn) as connection:
        passage_id = add_passage(connection, 1, tags={EPC_A: "unsure"})
        add_passage(connection, 1, revision=1, tags={EPC_A: "belongs", EPC_B: "stray"})
    [shown] = await walk(api.client, "/v1/passages")
    assert (shown["revision"], shown["belongs"], shown["unsure"], shown["strays"]) == (1, 1, 0, 1)
    assert (await api.client.get(f"/v1/passages/{passage_id}")).json() == shown
    assert shown["closed_at"] == "2026-03-01T12:00:01Z"
    assert not shown["has_evidence"]


async def test_filters(api: Running) -> None:
    with psycopg.connect(api.dsn) as connection:
        for n in range(12):
            add_passage(
                connection,
                n,
                portal=f"door-{n % 2 + 1}",
                direction=("in", "out", "unsure")[n % 3],
                tags={EPC_A: "belongs"} if n % 4 == 0 else {},
            )
    seconds = [p["closed_at"][17:19] for p in await walk(api.client, "/v1/passages", portal="door-2", direction="out")]
    assert seconds == ["07", "01"]
    for epc in (EPC_A, EPC_A.lower()):
        assert len(await walk(api.client, "/v1/passages", epc=epc)) == 3
    window = {"since": "2026-03-01T12:00:03Z", "until": "2026-03-01T20:00:05+08:00"}
    assert [p["closed_at"][17:19] for p in await walk(api.client, "/v1/passages", **window)] == ["04", "03"]


async def test_walking_pages_gives_every_passage_once_while_more_are_added(api: Running) -> None:
    with psycopg.connect(api.dsn, autocommit=True) as connection:
        before = [str(add_passage(connection, n, closed_s=n // 5)) for n in range(50)]

        async def add_newer(page: int) -> None:
            add_passage(connection, 1000 + page, closed_s=1000)
            add_passage(connection, 2000 + page, closed_s=page % 10)

        walked = [p["passage_id"] for p in await walk(api.client, "/v1/passages", add_newer, limit=7)]
    assert len(set(walked)) == len(walked)
    assert set(before) <= set(walked)


async def test_tags_of_a_passage(api: Running) -> None:
    tags = {f"{n:024X}": ("belongs", "stray", "unsure")[n % 3] for n in range(30)}
    with psycopg.connect(api.dsn) as connection:
        passage_id = add_passage(connection, 1, tags={"AA": "belongs"})
        add_passage(connection, 1, revision=1, tags=tags)
    shown = await walk(api.client, f"/v1/passages/{passage_id}/tags", limit=4)
    assert {tag["epc"]: tag["verdict"] for tag in shown} == tags
    assert shown[0]["features"] == {"peak_dbm": -50.5}
    strays = await walk(api.client, f"/v1/passages/{passage_id}/tags", limit=4, verdict="stray")
    assert {tag["epc"] for tag in strays} == {epc for epc, verdict in tags.items() if verdict == "stray"}
    assert [tag["epc"] for tag in await walk(api.client, f"/v1/passages/{passage_id}/tags", revision=0)] == ["AA"]


async def test_evidence_is_unpacked_by_the_stream_for_one_tag_or_all(api: Running) -> None:
    with psycopg.connect(api.dsn) as connection:
        kept = add_passage(connection, 1, evidence=b"packed")
        bare = add_passage(connection, 2)
    response = await api.client.get(f"/v1/passages/{kept}/evidence", params={"epc": EPC_A.lower()})
    assert (response.status_code, response.json()["tags"], response.json()["peak_dbm"]) == (200, [EPC_A], [-50.0, None])
    assert (await api.client.get(f"/v1/passages/{bare}/evidence")).status_code == 404


async def test_what_is_not_there(api: Running) -> None:
    with psycopg.connect(api.dsn) as connection:
        passage_id = add_passage(connection, 1)
    for path in (
        "/v1/passages/0e6c4c7e-3a53-5f8e-9f0c-2b8f5a7d1c11",
        f"/v1/passages/{passage_id}/tags?revision=1",
    ):
        response = await api.client.get(path)
        assert (response.status_code, response.json()["code"]) == (404, "not_found")
    assert (await api.client.get("/v1/passages/nonsense")).status_code == 422
