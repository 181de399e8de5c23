"""`GET /v1/vocabulary`: what every enumeration's words are called, for pages in English and Chinese.

One answer for all of it (some 12 kB), the same until the program changes: it has an ETag, and a page may keep it.
"""

import hashlib
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Header
from pydantic import Field
from starlette.responses import Response

from api.encoding import json_bytes
from api.word_fields import FIELDS
from api.words import WORDS


@dataclass(frozen=True, slots=True)
class Word:
    """One word of an enumeration, and what a page calls it."""

    value: Annotated[str, Field(examples=["inspection"])]
    en: Annotated[str, Field(examples=["In inspection"])]
    zh: Annotated[str, Field(examples=["待检"])]


@dataclass(frozen=True, slots=True)
class Enumeration:
    """The words of one enumeration, in the order a page offers them."""

    name: Annotated[str, Field(examples=["StockStatus"])]
    fields: Annotated[
        list[str], Field(description="Lists and their fields that speak it.", examples=[["stock.status"]])
    ]
    words: list[Word]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Every enumeration. A word that is in none (a site's own role) is shown as it is."""

    items: list[Enumeration]


def vocabulary() -> Vocabulary:
    """As one value."""
    return Vocabulary(
        [
            Enumeration(
                name,
                [field for field, spoken in FIELDS.items() if spoken == name],
                [Word(value, en, zh) for value, (en, zh) in words.items()],
            )
            for name, words in WORDS.items()
        ]
    )


def router() -> APIRouter:
    """The one route."""
    routes = APIRouter(prefix="/v1/vocabulary", tags=["service"])
    body = json_bytes(vocabulary())
    etag = f'"{hashlib.blake2s(body, digest_size=8).hexdigest()}"'
    headers: dict[str, Any] = {"ETag": etag, "Cache-Control": "private, max-age=300"}

    @routes.get(
        "",
        operation_id="vocabulary",
        summary="What words are called, in English and Chinese",
        response_model=Vocabulary,
        responses={304: {"description": "As the page has it already."}},
    )
    async def read(
        if_none_match: Annotated[
            str | None, Header(max_length=64, description="The `ETag` of the last answer.")
        ] = None,
    ) -> Response:
        """Every enumeration by the name it has in this document, and which fields of which lists speak it."""
        if if_none_match == etag:
            return Response(status_code=304, headers=headers)
        return Response(body, media_type="application/json", headers=headers)

    return routes
