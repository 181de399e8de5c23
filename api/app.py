"""Puts the API together. No application exists until `create_app` is called with its parts."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi_offline import FastAPIOffline
from prometheus_client import CollectorRegistry

from api import (
    alerts,
    audit,
    barcodes,
    callbacks,
    commands,
    counts,
    dead_letters,
    discrepancies,
    documented,
    documents,
    feed,
    handling_units,
    health,
    imports,
    inbox,
    jobs,
    landing,
    me,
    metrics,
    movements,
    oauth,
    passages,
    people,
    picking,
    places,
    portals,
    print_jobs,
    problem_handlers,
    production,
    promises,
    pushed_reads,
    readers,
    reports,
    settings,
    stock,
    stock_snapshot,
    stock_watch,
    tags,
    tasks,
    tracing,
    value,
    vehicles,
    vocabulary,
    webhooks,
    weighings,
)
from api.body_bound import BodyBound
from api.feed_hub import FeedHub
from api.gate import Gate
from api.other_origins import allow_pages_of
from api.outermost import Outermost
from api.ports import (
    Accounts,
    CommandBus,
    Dependencies,
    EvidenceReader,
    FleetHealth,
    KeyRing,
    LiveSource,
    ReaderHealth,
    StreamGauges,
)
from api.postgres.feed_log import PostgresFeedLog
from api.postgres.pool import Pool
from api.problems import KINDS
from api.refusals import REFUSALS
from api.route_index import RouteIndex
from readers.push.driver import PushDriver
from warehouse.postgres.database.files import FILE_BYTES_MAX
from warehouse.site import Site

BODY_LIMIT_BYTES = 1 << 20

_DESCRIPTION = """
From tag reads to a stock ledger: where things are, what moved, why, and what did not fit.

**Keys and tokens.** Every operation but the probes, this page and the index needs an API key, as
`Authorization: Bearer KEY` or `X-API-Key: KEY`, or a person's access token (`POST /v1/token`), as
`Authorization: Bearer TOKEN`. `x-required-permission` of an operation names the permission its key needs;
`x-required-permission-by-field` those that some fields of its body need beside it when they are set.

**Lists** come in pages: `items` and `next`, the link to the next page (null at the end). Links stay valid while
rows are added and name the list and filters they belong to. `limit` is 1 to 1000. `sort` takes a column of the rows,
`-` before it for the reverse. `total=true` also counts what matches: `total`, and `total_exact` false for more than
10,000, which is as many rows as are sorted by request; a list's own order has no bound. `q`, where a list takes it, is
what people type into a search box.

**Pages** ask `/v1/me` what the caller may do, and `/v1/vocabulary` what words are called in English and Chinese.

**Commands** take an `Idempotency-Key` header. The same key with the same body gets the stored answer again; with
another body it is refused (409). Refusals are answers too, and are stored: after the world changed, ask again under a
new key. Answers are kept 90 days. Without the header every request is a new command, so a repeated request acts twice.

**Errors** are RFC 9457 problems (`application/problem+json`) with a stable `code`, what is wrong where, and the fix; in
Chinese where `Accept-Language` prefers it (what the warehouse says of one case, `detail`, stays English).

Quantities are decimal text, times RFC 3339 in UTC, EPCs upper-case hexadecimal.
"""


_TAGS = [
    {"name": "tags", "description": "Where is it now, where was it, and why do we say so."},
    {"name": "places", "description": "Zones as antennas see them, locations as the books know them: what is here."},
    {
        "name": "stock",
        "description": "Balances and named quantities, now and at any past instant; items, lots, counts.",
    },
    {"name": "movements", "description": "The ledger, and the explanation of every row of it."},
    {"name": "passages", "description": "Loads through portals, with the evidence."},
    {"name": "tasks", "description": "What people and vehicles are to bring where; put-away rules; vehicles."},
    {"name": "documents", "description": "What is expected to come and go, and how far it is."},
    {"name": "production", "description": "What products are made of, and the orders to make them."},
    {"name": "discrepancies", "description": "What did not fit, for people to decide."},
    {"name": "imports", "description": "Files in: templates, checks, problems by row and column, undo, sign-off."},
    {"name": "reports", "description": "Figures with written definitions, as data or files."},
    {"name": "alerts", "description": "What wants attention, and who is told of it."},
    {"name": "inbox", "description": "Documents and approvals of other systems, by their own ids and versions."},
    {"name": "jobs", "description": "Work in the background."},
    {"name": "webhooks", "description": "Partners that are told what happens, signed, in order, each once."},
    {"name": "portals", "description": "What doors show the people in them."},
    {"name": "readers", "description": "Devices and their health."},
    {"name": "feed", "description": "What happens, as it happens."},
    {"name": "dead letters", "description": "Input that could not be processed."},
    {"name": "people", "description": "Who may do what: users, roles, keys, sessions, approval, the audit log."},
    {"name": "settings", "description": "What a site has set; each is changed by the command of the same address."},
    {"name": "service", "description": "Probes, numbers and the index."},
]


@dataclass(frozen=True, slots=True)
class ApiParts:
    """What the composition root gives. Absent optional parts leave their answers empty, never wrong.

    `site_now` is the site file as it holds now, where it can change while the process runs; `pushing` finds the driver
    of a reader that pushes its reads to this process.
    """

    site: Site
    version: str
    pool: Pool
    dsn: str
    keys: KeyRing
    commands: CommandBus
    accounts: Accounts
    dependencies: Dependencies
    readers: ReaderHealth | None = None
    live: LiveSource | None = None
    stream: StreamGauges | None = None
    evidence: EvidenceReader | None = None
    fleet: FleetHealth | None = None
    site_now: Callable[[], Site] | None = None
    pushing: Callable[[str], PushDriver | None] | None = None
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)


def issuer(site: str) -> str:
    """Who says so in access tokens."""
    return f"tagledger:{site}"


def create_app(parts: ApiParts) -> FastAPI:
    """The application; it serves once its lifespan has begun (`api.server.serving`)."""
    log = PostgresFeedLog(parts.pool, parts.dsn)
    hub = FeedHub(log, parts.live)
    feeds = feed.Feeds(log, hub, parts.live)

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        following = asyncio.create_task(hub.run(), name="feed-hub")
        try:
            yield
        finally:
            following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await following

    app = FastAPIOffline(
        docs_url="/docs",
        redoc_url=None,
        title="Tagledger",
        version=parts.version,
        summary="From tag reads to a stock ledger",
        description=_DESCRIPTION,
        openapi_tags=_TAGS,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        lifespan=lifespan,
        redirect_slashes=False,
        telemetry={
            "tracing": False,
            "metrics": False,
            "logs": False,
            "operation_spans": False,
            "auto_configure": False,
        },
        swagger_ui_parameters={
            "validatorUrl": None,
            "persistAuthorization": True,
            "displayRequestDuration": True,
            "tryItOutEnabled": True,
        },
    )
    app.state.feeds = feeds
    http_metrics = metrics.HttpMetrics(parts.registry)
    parts.registry.register(metrics.SiteCollector(parts.readers, parts.stream))
    problem_handlers.install(app)
    # The last added is the outermost.
    app.add_middleware(BodyBound, limit_bytes=BODY_LIMIT_BYTES, larger={"/v1/imports": FILE_BYTES_MAX})
    app.add_middleware(Gate, keys=parts.keys, redeem=parts.accounts.redeem_ticket)
    if parts.site.api.allow_origins:
        allow_pages_of(app, parts.site.api.allow_origins)
    app.add_middleware(Outermost, metrics=http_metrics)
    kinds = (
        *KINDS,
        dead_letters.ALREADY_DECIDED,
        stock.NOTHING_NAMED,
        webhooks.NOT_DEAD,
        reports.EMPTY_PERIOD,
        *REFUSALS.values(),
    )
    mint, doorway = oauth.TokenMint(parts.accounts, issuer(parts.site.name)), oauth.Doorway()
    site_now = parts.site_now or (lambda: parts.site)
    routers = (
        settings.router(parts.pool),  # its fixed words come before what names one of a list
        tags.router(parts.pool),
        stock.router(parts.pool),
        value.router(parts.pool),
        counts.router(parts.pool),
        stock_watch.router(parts.pool),
        promises.router(parts.pool),
        places.router(site_now, parts.pool),
        movements.router(parts.pool),
        passages.router(parts.pool, parts.evidence),
        tasks.router(parts.pool, hub),
        vehicles.router(parts.site, parts.pool, parts.fleet),
        documents.router(parts.pool),
        production.router(parts.pool),
        imports.router(parts.pool, parts.dsn),
        jobs.router(parts.pool),
        reports.router(parts.pool, parts.dsn),
        alerts.router(parts.pool),
        inbox.router(parts.pool),
        callbacks.router(parts.pool, parts.dsn, parts.commands),
        stock_snapshot.router(parts.pool),
        picking.router(parts.pool),
        handling_units.router(parts.pool),
        vocabulary.router(),
        webhooks.router(parts.pool, parts.dsn),
        tracing.router(parts.pool),
        print_jobs.router(parts.pool),
        discrepancies.router(parts.pool),
        portals.router(site_now, parts.pool, parts.live),
        readers.router(site_now, parts.pool, parts.readers),
        pushed_reads.router(parts.pushing or (lambda reader: None)),
        weighings.router(parts.pool),
        barcodes.router(parts.pool),
        feed.router(feeds, parts.accounts),
        commands.router(parts.commands, parts.accounts),
        oauth.router(parts.accounts, mint, doorway),
        me.router(parts.accounts, mint, doorway, lambda: operations),
        people.router(parts.pool),
        audit.router(parts.pool),
        dead_letters.router(parts.pool),
        landing.router(parts.site.name, parts.version, kinds),
        health.router(parts.dependencies),
        metrics.router(parts.registry),
    )
    routes = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]
    operations = sorted(
        (str(route.operation_id), method, route.path_format) for route in routes for method in route.methods or ()
    )
    app.router.routes.insert(0, RouteIndex(routes))
    documented.install(app, routes)
    return app
