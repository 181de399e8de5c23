"""Pages served from another origin, such as a dashboard's own host or a page under development (Fetch, 3.2: CORS).

Nothing is allowed unless the site file names it. Cookies play no part: a caller shows its key or token in a header.
"""

from collections.abc import Sequence

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

# What a browser may send beyond what it may always send.
ASKED_WITH = (
    "Authorization",
    "X-API-Key",
    "X-Device",
    "Idempotency-Key",
    "Content-Type",
    "Accept-Language",
    "Last-Event-ID",
)
# What a page's script may read beyond what it may always read.
ANSWERED_WITH = ("Retry-After", "WWW-Authenticate", "Content-Disposition", "Location")
PREFLIGHT_HOLDS_S = 600


def allow_pages_of(app: FastAPI, origins: Sequence[str]) -> None:
    """Add it after the gate, so that a preflight, which carries no key, is answered."""
    app.add_middleware(
        CORSMiddleware,
        allow_origins=list(origins),
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=list(ASKED_WITH),
        expose_headers=list(ANSWERED_WITH),
        max_age=PREFLIGHT_HOLDS_S,
    )
