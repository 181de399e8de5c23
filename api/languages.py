"""Which language the caller reads: English, or Chinese where `Accept-Language` prefers it (RFC 9110, 12.5.4)."""

from collections.abc import Iterable
from typing import Literal

Language = Literal["en", "zh"]
# More than this of the header is not looked at.
RANGES_MAX = 32


def preferred(headers: Iterable[tuple[bytes, bytes]]) -> Language:
    """English unless Chinese is wanted more: an equal weight goes to the one named first."""
    weights: dict[str, float] = {}
    for name, value in headers:
        if name != b"accept-language":
            continue
        for part in value.decode("latin-1").split(",")[:RANGES_MAX]:
            tag, _, parameters = part.strip().partition(";")
            primary = tag.strip().lower().partition("-")[0]
            if primary in ("en", "zh") and primary not in weights:
                weights[primary] = _weight(parameters)
    english, chinese = weights.get("en", 0.0), weights.get("zh", 0.0)
    if chinese > english or (chinese == english and chinese > 0 and next(iter(weights)) == "zh"):
        return "zh"
    return "en"


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        return min(max(float(value), 0.0), 1.0)
    except ValueError:
        return 0.0
