"""Endpoints over the API: registered with a secret shown once, paused, tested, their messages decided."""

import psycopg

from tests.api.conftest import Running


async def test_an_endpoint_is_registered_rotated_paused_and_tested(api: Running) -> None:
    spec = {"partner": "erp", "url": "https://erp.example/hook", "types": ["stock.moved"]}
    made = await api.client.post("/v1/webhooks", json=spec)
    assert made.status_code == 201
    here = f"/v1/webhooks/{made.json()['webhook_id']}"
    rotated = await api.client.post(f"{here}/secret", json={"overlap_hours": 1})
    assert made.json()["secret"] != rotated.json()["secret"]
    paused = await api.client.post(f"{here}/state", json={"state": "paused"})
    assert (paused.json()["state"], paused.json()["secrets"]) == ("paused", 2)
    await api.client.post(f"{here}/test")
    (message,) = (await api.client.get(f"{here}/messages?state=pending")).json()["items"]
    assert message["type"] == "webhook.test"
    replay = f"/v1/webhooks/messages/{message['message_id']}/drop"
    assert (await api.client.post(replay)).json()["code"] == "not_dead"
    with psycopg.connect(api.dsn, autocommit=True) as conn:
        conn.execute("update webhook_message set state = 'dead'")
    assert (await api.client.post(replay)).json()["state"] == "dropped"
    assert "whsec_" not in (await api.client.get("/v1/webhooks")).text
    with psycopg.connect(api.dsn) as conn:
        audited = [name for (name,) in conn.execute("select command from audit_log order by seq")]
    assert audited == ["webhook.registered", "webhook.secret_rotated", "webhook.paused", "webhook.dropped"]
