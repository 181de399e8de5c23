"""Refusals in the caller's language: which one is preferred, and that none of the kinds lacks its words."""

import pytest

from api import chinese, dead_letters, reports, stock, webhooks
from api.languages import preferred
from api.problems import KINDS
from api.refusals import REFUSALS
from tests.api.conftest import Running


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "en"),
        ("", "en"),
        ("de", "en"),
        ("*", "en"),
        ("zh", "zh"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("ZH-Hans-CN", "zh"),
        ("en-GB,en;q=0.9,zh;q=0.8", "en"),
        ("en;q=0.5, zh;q=0.7", "zh"),
        ("en, zh", "en"),
        ("zh;q=0", "en"),
        ("zh;q=much", "en"),
        ("de," * 40 + "zh", "en"),
    ],
)
def test_the_language_preferred(header: str | None, language: str) -> None:
    headers = [] if header is None else [(b"accept", b"*/*"), (b"accept-language", header.encode())]
    assert preferred(headers) == language


def test_every_kind_of_problem_has_its_chinese() -> None:
    kinds = (*KINDS, dead_letters.ALREADY_DECIDED, stock.NOTHING_NAMED, webhooks.NOT_DEAD, reports.EMPTY_PERIOD)
    assert {kind.code for kind in (*kinds, *REFUSALS.values())} == set(chinese.KINDS)


async def test_a_refusal_is_told_in_chinese(shared: Running) -> None:
    asked = {"Accept-Language": "zh-CN,en;q=0.5"}
    move = {"item": "NOTHING", "quantity": 1.5, "source": "hall-a"}
    answer = await shared.client.post("/v1/stock/move", json=move, headers=asked)
    told = answer.json()
    assert (answer.status_code, answer.headers["content-language"], told["code"]) == (422, "zh", "invalid")
    assert (told["title"], told["detail"]) == ("部分值不可接受", "2 个值不可接受")
    assert {(error["pointer"], error["fix"]) for error in told["errors"]} == {
        ("/quantity", '请使用以文本表示的小数，例如 "12.5"'),
        ("/target", "请补上"),
    }
    # One answered by the gate, before any route, and one by the warehouse.
    closed = await shared.client.get("/v1/stock", headers={**asked, "Authorization": "Bearer none"})
    assert (closed.status_code, closed.json()["title"]) == (401, "没有有效的 API 密钥或令牌")
    lost = await shared.client.post("/v1/stock/move", json={**move, "quantity": "1", "target": "yard"}, headers=asked)
    assert (lost.status_code, lost.json()["errors"][0]["fix"]) == (404, "请检查名称；列表会显示现有内容。")


async def test_english_is_said_to_everybody_else(shared: Running) -> None:
    answer = await shared.client.get("/v1/nothing", headers={"Accept-Language": "de"})
    assert (answer.json()["title"], answer.headers["content-language"]) == ("There is no such thing", "en")
    assert answer.headers["vary"] == "Accept-Language"
