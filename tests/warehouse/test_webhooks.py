"""Signatures as the specification's own library makes and checks them; where messages may go; when they are tried."""

import base64
from datetime import UTC, datetime

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from warehouse.webhooks import (
    RETRY_AFTER_S,
    TOLERANCE_S,
    is_signed,
    may_connect,
    retry_after_s,
    show_secret,
    sign,
)

KEY, OTHER = b"k" * 32, b"o" * 32
BODY = '{"type":"stock.moved","数量":"1"}'.encode()


def headers(keys: list[bytes], message_id: str, at_s: int, body: bytes = BODY) -> dict[str, str]:
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at_s),
        "webhook-signature": sign(keys, message_id, at_s, body),
    }


def test_the_specifications_library_takes_our_signatures_and_we_take_its() -> None:
    now = datetime.now(UTC)
    at_s = int(now.timestamp())
    peer = Webhook(show_secret(KEY))
    assert peer.verify(BODY, headers([OTHER, KEY], "msg_1", at_s))  # while a secret is replaced
    with pytest.raises(WebhookVerificationError):
        peer.verify(BODY + b" ", headers([KEY], "msg_1", at_s))
    theirs = peer.sign("msg_2", now, BODY.decode())
    assert is_signed([OTHER, KEY], "msg_2", at_s, BODY, f"v1a,zzz {theirs}", at_s)
    assert not is_signed([OTHER], "msg_2", at_s, BODY, theirs, at_s)
    assert not is_signed([KEY], "msg_3", at_s, BODY, theirs, at_s)
    assert not is_signed([KEY], "msg_2", at_s, BODY, theirs, at_s + TOLERANCE_S + 1)
    assert base64.b64decode(show_secret(KEY).removeprefix("whsec_")) == KEY


@pytest.mark.parametrize(
    ("address", "allowed", "may"),
    [
        ("8.8.8.8", [], True),
        ("2606:4700::1111", [], True),
        ("127.0.0.1", [], False),
        ("10.1.2.3", [], False),
        ("169.254.169.254", [], False),  # a cloud's metadata
        ("::1", [], False),
        ("::ffff:127.0.0.1", [], False),
        ("fe80::1", [], False),
        ("0.0.0.0", [], False),
        ("224.0.0.1", [], False),
        ("100.64.0.1", [], False),
        ("10.1.2.3", ["10.1.0.0/16"], True),
        ("10.2.2.3", ["10.1.0.0/16"], False),
        ("64:ff9b::7f00:1", [], False),  # 127.0.0.1 behind a NAT64
        ("2002:c0a8:0101::1", [], False),  # 192.168.1.1 by 6to4
        ("64:ff9b::808:808", [], True),
    ],
)
def test_messages_stay_out_of_the_plants_own_network(address: str, allowed: list[str], may: bool) -> None:
    assert may_connect(address, allowed) is may


def test_tries_are_spaced_ever_wider_and_end() -> None:
    waits = [retry_after_s(attempts, "msg_1") for attempts in range(1, len(RETRY_AFTER_S) + 2)]
    assert waits[-1] is None
    for wait, least in zip(waits, RETRY_AFTER_S, strict=False):
        assert wait is not None
        assert least <= wait <= least * 1.1
