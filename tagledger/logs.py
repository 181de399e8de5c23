"""Structured logs on standard error: readable on a terminal, one JSON object a line otherwise."""

import logging
import os
import sys

import structlog


def configure_logs() -> None:
    """Set logging up once per process; `TAGLEDGER_LOG` is the level, `TAGLEDGER_LOG_FORMAT` is `json` or `text`."""
    level = os.environ.get("TAGLEDGER_LOG", "info").upper()
    chosen = os.environ.get("TAGLEDGER_LOG_FORMAT", "text" if sys.stderr.isatty() else "json")
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info if chosen == "json" else structlog.processors.StackInfoRenderer(),
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if chosen == "json"
        # Not the rich traceback: it prints local variables, passwords among them.
        else structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=renderer, foreign_pre_chain=shared))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(getattr(logging, level, logging.INFO))
    # Their INFO is one line per request or connection attempt: the metrics already count those.
    for noisy in ("uvicorn.access", "uvicorn.error", "psycopg.pool", "asyncio", "faust", "aiokafka"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # What it could not connect to, our own connections say once; it would say so at every attempt.
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
