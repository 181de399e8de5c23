"""Standard Webhooks: how messages are signed and checked, when they are tried again, and where they may go. Pure.

A message has an id that is the same at every try, so a receiver that keeps the ids it has acted on acts once. The
signature is HMAC-SHA256 over `id.timestamp.body` under the key behind `whsec_`, base64, as `v1,…`; while a key is being
replaced there are two, separated by a space (Standard Webhooks specification 1.0, "Signature scheme").
"""

import base64
import hashlib
import hmac
import ipaddress
from collections.abc import Sequence

SECRET_PREFIX = "whsec_"
SECRET_BYTES = 32
# A timestamp further from now than this is refused: an old message sent again by somebody who overheard it.
TOLERANCE_S = 300

# Seconds to wait after the first, second … try that failed; after the last the message is a dead letter. Three days.
RETRY_AFTER_S = (5, 60, 300, 1_800, 7_200, 18_000, 36_000, 86_400, 86_400)

_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def show_secret(key: bytes) -> str:
    return SECRET_PREFIX + base64.b64encode(key).decode()


def sign(keys: Sequence[bytes], message_id: str, at_s: int, body: bytes) -> str:
    """The `webhook-signature` header: one signature a live key."""
    content = f"{message_id}.{at_s}.".encode() + body
    return " ".join("v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode() for key in keys)


def is_signed(keys: Sequence[bytes], message_id: str, at_s: int, body: bytes, signatures: str, now_s: int) -> bool:
    """Whether one of the signatures is one of the keys', and the time is now. Others' schemes are passed over."""
    if abs(now_s - at_s) > TOLERANCE_S:
        return False
    wanted = [sign([key], message_id, at_s, body) for key in keys]
    return any(hmac.compare_digest(given.encode(), ours.encode()) for given in signatures.split(" ") for ours in wanted)


def retry_after_s(attempts: int, message_id: str) -> float | None:
    """How long to wait after so many tries; None when there is no further one.

    Up to a tenth longer, by the message's id, so that what failed together does not come back together.
    """
    if attempts > len(RETRY_AFTER_S):
        return None
    spread = int.from_bytes(hashlib.sha256(message_id.encode()).digest()[:2]) / 0xFFFF
    return RETRY_AFTER_S[attempts - 1] * (1 + spread / 10)


def may_connect(address: str, allowed: Sequence[str]) -> bool:
    """Whether a message may be sent to this address: any public one, and what a site allows by network.

    Without this, whoever may register an address could have our server call into the plant's own network.
    """
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        # What goes to an IPv4 address in the end is judged as that: mapped, 6to4 (RFC 3056), NAT64 (RFC 6052).
        nat64 = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else None
        ip = ip.ipv4_mapped or ip.sixtofour or nat64 or ip
    if any(ip in ipaddress.ip_network(network) for network in allowed):
        return True
    return ip.is_global and not ip.is_multicast
