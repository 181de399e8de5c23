"""Reports over the API: at once in three forms, in the background as a file, no formula in anybody's spreadsheet."""

import io
from decimal import Decimal

import psycopg
from openpyxl import load_workbook

from tests.api.conftest import Running
from tests.api.plant import do
from warehouse.commands import AdjustStock, CreateItem, CreateLocation
from warehouse.postgres.exchange import jobs, report_files


async def test_a_report_at_once_in_three_forms(api: Running) -> None:
    with psycopg.connect(api.dsn, autocommit=True) as conn:
        do(conn, CreateItem("007", "=HYPERLINK(1)"), "i")
        do(conn, CreateLocation("B-1", level="bin"), "l")
        do(conn, AdjustStock("007", Decimal("12"), "B-1", "x"), "s")
    shown = (await api.client.get("/v1/reports/stock")).json()
    assert (len(shown["rows"]), shown["rows"][0][:2], shown["truncated"]) == (1, ["007", "=HYPERLINK(1)"], False)
    csv = (await api.client.get("/v1/reports/stock?format=csv")).content.decode("utf-8-sig")
    assert csv.splitlines()[1].startswith("007,'=HYPERLINK(1),,,B-1,")
    book = load_workbook(io.BytesIO((await api.client.get("/v1/reports/stock?format=xlsx")).content))
    assert [cell.value for cell in book["stock"][2]][:2] == ["007", "=HYPERLINK(1)"]
    assert book["stock"]["B2"].data_type == "s"
    assert book["about"]["B3"].value.startswith("What lies where now")
    chinese = (await api.client.get("/v1/reports/stock?format=csv&language=zh")).content.decode("utf-8-sig")
    assert chinese.startswith("物料编码,名称,批号,")
    assert chinese.splitlines()[1] == csv.splitlines()[1]
    wrong = await api.client.get("/v1/reports/stock?since=2026-03-02T00:00:00Z&until=2026-03-01T00:00:00Z")
    assert (wrong.status_code, wrong.json()["code"]) == (400, "empty_period")


async def test_a_report_in_the_background_is_a_file_with_a_link(api: Running) -> None:
    ordered = await api.client.post(
        "/v1/reports/jobs", json={"report": "movements", "format": "xlsx", "language": "zh"}
    )
    assert ordered.status_code == 202
    with psycopg.connect(api.dsn, autocommit=True) as conn:
        job = jobs.claim(conn, [report_files.KIND])
        assert job is not None
        with conn.transaction():
            made = report_files.make(conn, job.job_id, job.request, job.actor, lambda *_: None)
            jobs.finish(conn, job.job_id, made)
    done = (await api.client.get(ordered.headers["location"])).json()
    file = await api.client.get(done["result"]["link"])
    assert file.headers["content-disposition"] == 'attachment; filename="movements.xlsx"'
    book = load_workbook(io.BytesIO(file.content))
    assert (book.sheetnames, book["出入库明细"]["A1"].value) == (["出入库明细", "about"], "发生时间")


async def test_an_upload_is_not_given_out_as_a_file(api: Running) -> None:
    await api.client.post("/v1/imports?template=items", content=b"code\nA\n", headers={"Content-Type": "text/csv"})
    with psycopg.connect(api.dsn) as conn:
        row = conn.execute("select file_id from stored_file").fetchone()
    assert row is not None
    assert (await api.client.get(f"/v1/files/{row[0]}")).status_code == 404
