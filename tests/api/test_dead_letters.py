"""Dead letters: listed, looked at, given to the stream again or given up, each decision with who and why."""

import base64

import psycopg

from tests.api.conftest import Running
from tests.api.pages import walk
from tests.api.stream_rows import add_dead_letters


async def test_walking_pages_gives_every_letter_once_while_more_are_added(api: Running) -> None:
    with psycopg.connect(api.dsn, autocommit=True) as connection:
        before = {str(letter) for letter in add_dead_letters(connection, 40)}

        async def add(page: int) -> None:
            add_dead_letters(connection, 3, first=100 + 3 * page)

        walked = [letter["dead_letter_id"] for letter in await walk(api.client, "/v1/dead-letters", add, limit=6)]
    assert len(set(walked)) == len(walked)
    assert before <= set(walked)


async def test_the_bytes_as_they_came(api: Running) -> None:
    with psycopg.connect(api.dsn) as connection:
        [letter] = add_dead_letters(connection, 1)
    shown = (await api.client.get(f"/v1/dead-letters/{letter}")).json()
    assert base64.b64decode(shown["body"]) == b"\0\0\0"
    assert (shown["body_bytes"], shown["status"], shown["reason"]) == (3, "open", "not a batch")


async def test_a_replay_is_asked_for_once_and_by_name(api: Running) -> None:
    with psycopg.connect(api.dsn) as connection:
        [letter] = add_dead_letters(connection, 1)
    for note in ("edge updated", "clicked twice"):
        response = await api.client.post(f"/v1/dead-letters/{letter}/replay", json={"note": note})
        shown = response.json()
        assert (response.status_code, shown["status"], shown["actor"], shown["note"]) == (
            200,
            "replay",
            "admin",
            "edge updated",
        )
    assert [found["status"] for found in await walk(api.client, "/v1/dead-letters", status="replay")] == ["replay"]


async def test_a_decision_is_not_taken_back(api: Running) -> None:
    with psycopg.connect(api.dsn) as connection:
        [letter] = add_dead_letters(connection, 1)
    assert (await api.client.post(f"/v1/dead-letters/{letter}/drop", json={})).json()["status"] == "dropped"
    response = await api.client.post(f"/v1/dead-letters/{letter}/replay", json={})
    assert (response.status_code, response.json()["code"]) == (409, "already_decided")


async def test_an_unknown_letter(api: Running) -> None:
    unknown = "/v1/dead-letters/0e6c4c7e-3a53-5f8e-9f0c-2b8f5a7d1c11"
    assert (await api.client.get(unknown)).status_code == 404
    assert (await api.client.post(f"{unknown}/drop", json={})).status_code == 404
