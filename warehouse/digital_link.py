"""GS1 Digital Link URIs: `https://example.com/some/where/01/09506000134352/10/ABC?17=271231` as AIs and values.

Any host, any path before the first primary key, qualifiers in the path, attributes in the query; parameters that are
no AIs are somebody else's and left out. Names of old (`/gtin/`, `/lot/`) are taken too. GTINs of 8, 12 and 13 digits
are filled to 14. Compressed links hold no key that can be seen and are refused.

Source: GS1 Digital Link Standard: URI Syntax 1.2 and later, 4 (grammar).
"""

from urllib.parse import unquote

from warehouse.gs1_identifiers import digits_of

_PRIMARY = frozenset(
    {
        "00",
        "01",
        "253",
        "255",
        "401",
        "402",
        "414",
        "415",
        "417",
        "8003",
        "8004",
        "8006",
        "8010",
        "8013",
        "8017",
        "8018",
    }
)
_NAMES = {
    "sscc": "00",
    "gtin": "01",
    "lot": "10",
    "ser": "21",
    "cpv": "22",
    "exp": "17",
    "gln": "414",
    "grai": "8003",
    "giai": "8004",
}


class LinkError(ValueError):
    """Not a Digital Link, or not a whole one; `position` counts characters from 1."""

    def __init__(self, what: str, ai: str, position: int) -> None:
        super().__init__(what)
        self.what = what
        self.ai = ai
        self.position = position


def is_link(text: str) -> bool:
    """Whether it is a web address at all."""
    return text[:7].lower() == "http://" or text[:8].lower() == "https://"


def pairs_of(text: str) -> list[tuple[str, str, int]]:
    """AI, value and where the value begins. Raises LinkError."""
    address, _, _ = text.partition("#")
    path, _, query = address.partition("?")
    host_end = path.find("/", path.find("//") + 2)
    if host_end < 0:
        raise LinkError("a web address without a path: no GS1 key in it", "", len(path))
    segments: list[tuple[str, int]] = []
    at = host_end
    for segment in path[host_end:].split("/")[1:]:
        at += 1
        segments.append((segment, at + 1))
        at += len(segment)
    if segments and not segments[-1][0]:
        segments.pop()  # a slash at the end
    first = _first_key(segments)
    if first is None:
        raise LinkError("a web address without a GS1 key in its path", "", host_end + 1)
    pairs = []
    for (name, _), (value, where) in zip(segments[first::2], segments[first + 1 :: 2], strict=True):
        ai = _ai(name)
        assert ai is not None
        pairs.append((ai, _filled(ai, unquote(value)), where))
    return pairs + _attributes(query, len(path) + 2)


def _first_key(segments: list[tuple[str, int]]) -> int | None:
    """The segment of the primary key: from there on the path is AIs and values, and nothing else."""
    for n in range(len(segments) - 1):
        names = [_ai(name) for name, _ in segments[n::2]]
        if names[0] in _PRIMARY and (len(segments) - n) % 2 == 0 and None not in names:
            return n
    return None


def _attributes(query: str, at: int) -> list[tuple[str, str, int]]:
    pairs = []
    for part in query.replace(";", "&").split("&"):
        name, equals, value = part.partition("=")
        ai = _ai(name)
        if ai is not None and equals:
            pairs.append((ai, _filled(ai, unquote(value)), at + len(name) + 1))
        at += len(part) + 1
    return pairs


def _ai(name: str) -> str | None:
    if name in _NAMES:
        return _NAMES[name]
    return name if name.isascii() and name.isdigit() and digits_of(name[:2]) == len(name) else None


def _filled(ai: str, value: str) -> str:
    return value.zfill(14) if ai == "01" and len(value) in (8, 12, 13) and value.isdigit() else value
