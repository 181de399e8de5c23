"""A `Site` as the text of a site file: what simulators and discovery write, and what a capture carries.

Only what differs from the defaults is written, so that the file reads like one a person wrote. Secrets stay out.
"""

import dataclasses
from enum import Enum
from typing import Any

import tomli_w

from tagledger.site_secrets import SECRETS
from warehouse.site import Site


def site_text(site: Site) -> str:
    """TOML that `tagledger.config.parse_site` reads back to the same site, but for its secrets."""
    return tomli_w.dumps(_plain(site))


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        table = {}
        for field in dataclasses.fields(value):
            inner = getattr(value, field.name)
            if field.name in SECRETS or inner is None or inner == field.default:
                continue
            table[field.name] = _plain(inner)
        return table
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple | list | frozenset):
        return [_plain(item) for item in value]
    return value
