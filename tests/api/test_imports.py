"""Files over the API: kept once, checked, applied by a command, told about as files.

The worker is `tagledger.jobs`, which the API knows nothing of; here its step is made by hand.
"""

from uuid import UUID

import psycopg

from tests.api.conftest import Running
from warehouse.commands import Actor
from warehouse.postgres.exchange import jobs
from warehouse.postgres.importing import decisions, work

CSV = {"Content-Type": "text/csv"}


def do_job(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as conn:
        job = jobs.claim(conn, [decisions.CHECK, decisions.APPLY])
        assert job is not None
        with conn.transaction():
            applying = job.kind == decisions.APPLY
            result = work.work_on_file(conn, UUID(job.subject), Actor(job.actor), lambda *_: None, applying=applying)
            jobs.finish(conn, job.job_id, result)


async def test_a_file_is_checked_corrected_and_applied(api: Running) -> None:
    wrong = b"code,name,decimals\n0017,=HYPERLINK(1),0\n0018,Oil,x\n"
    sent = await api.client.post("/v1/imports?template=items&file_name=i.csv", content=wrong, headers=CSV)
    assert sent.status_code == 202
    run = sent.headers["location"]
    do_job(api.dsn)
    shown = (await api.client.get(run)).json()
    assert (shown["state"], shown["job_state"], shown["problems"]) == ("refused", "done", 1)
    found = (await api.client.get(f"{run}/problems")).json()["items"]
    assert [(p["row"], p["column"], p["code"]) for p in found] == [(3, "decimals", "not_a_number")]
    file = (await api.client.get(f"{run}/problems.csv")).content.decode("utf-8-sig")
    assert file.startswith("row,column,severity,code,value,message,fix\r\n3,decimals,error,not_a_number,x,")

    right, keyed = wrong.replace(b",x\n", b",3\n"), {**CSV, "Idempotency-Key": "monday"}
    sent = await api.client.post("/v1/imports?template=items", content=right, headers=keyed)
    again = await api.client.post("/v1/imports?template=items", content=right, headers=keyed)
    other = await api.client.post("/v1/imports?template=items", content=wrong, headers=keyed)
    assert (sent.json()["repeated"], again.json()["repeated"], other.status_code) == (False, True, 409)
    assert sent.json()["run_id"] == again.json()["run_id"]
    do_job(api.dsn)
    applied = await api.client.post("/v1/imports/apply", json={"run_id": sent.json()["run_id"]})
    job = (await api.client.get(f"/v1/jobs/{applied.json()['response']['job_id']}")).json()
    assert job["state"] == "queued"
    do_job(api.dsn)
    listed = (await api.client.get("/v1/imports?state=applied")).json()["items"]
    assert [entry["run_id"] for entry in listed] == [sent.json()["run_id"]]
    listed = (await api.client.get("/v1/jobs")).json()["items"]
    assert [entry["kind"] for entry in listed] == ["import_apply", "import_check", "import_check"]


async def test_an_upload_without_a_file_or_with_a_strange_template_is_refused(api: Running) -> None:
    empty = await api.client.post("/v1/imports?template=items", content=b"", headers=CSV)
    strange = await api.client.post("/v1/imports?template=itms", content=b"x", headers=CSV)
    assert (empty.status_code, strange.status_code) == (422, 422)
    assert "opening-stock" in strange.json()["errors"][0]["fix"]


async def test_a_file_larger_than_any_command_is_taken(api: Running) -> None:
    content = b"code,name\n" + b"".join(b"%06d,%s\n" % (n, b"x" * 60) for n in range(30_000))
    assert len(content) > 2_000_000
    sent = await api.client.post("/v1/imports?template=items", content=content, headers=CSV)
    assert sent.status_code == 202
    with psycopg.connect(api.dsn) as conn:
        assert conn.execute("select count(*), sum(length(body)) from stored_file_part").fetchone() == (2, len(content))


async def test_templates_are_files_and_data(shared: Running) -> None:
    names = [entry["name"] for entry in (await shared.client.get("/v1/imports/templates")).json()["items"]]
    for name in names:
        csv = await shared.client.get(f"/v1/imports/templates/{name}.csv")
        book = await shared.client.get(f"/v1/imports/templates/{name}.xlsx")
        assert csv.content.startswith(b"\xef\xbb\xbf")
        assert book.content.startswith(b"PK")
    assert (await shared.client.get("/v1/imports/templates/x.csv")).status_code == 404
