"""A handheld's morning over the API: what is this, it is here, and the label that cannot be right."""

import psycopg

from tests.api.conftest import SITE, Running
from tests.api.plant import GTIN, make_plant


async def test_a_barcode_is_read_and_looked_up(shared: Running) -> None:
    scan = f"]d201{GTIN}17270300\u001d10L1"
    answer = await shared.client.get("/v1/barcodes", params={"text": scan})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["names"], found["known"]["item"], found["known"]["lot"]) == ("lot", "A", "L1")
    assert (found["said"]["symbology"], found["said"]["expires_on"]) == ("]d2", "2027-03-31")
    nobody = (await shared.client.get("/v1/barcodes", params={"text": "(00)106141412345678908"})).json()
    assert nobody["names"] == "nothing_known"
    assert nobody["differences"] == ["no handling unit 106141412345678908 is known"]
    place = (await shared.client.get("/v1/barcodes", params={"text": "hall"})).json()
    assert (place["names"], place["said"]["code"], place["known"]["location"]) == ("location", "hall", "hall")


async def test_a_label_that_cannot_be_right_says_where(shared: Running) -> None:
    answer = await shared.client.get("/v1/barcodes", params={"text": "]C10109506000134353"})
    assert answer.status_code == 422
    (wrong,) = answer.json()["errors"]
    assert wrong["detail"] == "AI (01), character 19: GTIN: check digit 3, not 2"
    assert wrong["parameter"] == "query:text"


async def test_a_handheld_says_what_it_sees_once(api: Running) -> None:
    with psycopg.connect(api.dsn, autocommit=True) as connection:
        make_plant(connection, SITE)
    body = {"location": "hall", "barcodes": [f"]C101{GTIN}21unknown\u001d10L1"], "epcs": ["E2801160"]}
    headers = {"Idempotency-Key": "pda-7-00017", "X-Device": "pda-7"}
    refused = await api.client.post("/v1/tags/seen", json=body, headers=headers)
    assert refused.status_code == 404, refused.text
    assert refused.json()["errors"][0]["pointer"] == "/barcodes/0"
    good = {**body, "barcodes": []}
    headers["Idempotency-Key"] = "pda-7-00018"
    first = (await api.client.post("/v1/tags/seen", json=good, headers=headers)).json()
    again = (await api.client.post("/v1/tags/seen", json=good, headers=headers)).json()
    assert (first["response"]["moved"], again["repeated"]) == (1, True)
    now = (await api.client.get("/v1/tags/E2801160")).json()["now"]
    assert (now["seen_at_location"], now["registered"]) == ("hall", False)
    assert now["seen_evidence"].endswith("with pda-7")
