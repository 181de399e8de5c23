"""Imports that were sent: apply, undo, sign off."""

from api.command_routes.route import DECIDED, CommandRoute
from warehouse import commands
from warehouse.commands import RefusalCode

_RUN = "0e6c4c7e-3a53-5f8e-9f0c-2b8f5a7d1c11"

ROUTES = (
    CommandRoute(
        commands.ApplyImport,
        "/v1/imports/apply",
        "imports_apply",
        "imports",
        "Put a checked file into the books",
        "Queues the job that does it, all rows or none; the same file is in the books once.",
        {"run_id": _RUN},
        DECIDED,
    ),
    CommandRoute(
        commands.UndoImport,
        "/v1/imports/undo",
        "imports_undo",
        "imports",
        "Take an import back",
        "Queues the job that reverses movements, cancels documents and removes unused master data, all or none.",
        {"run_id": _RUN, "reason": "wrong file"},
        DECIDED,
    ),
    CommandRoute(
        commands.SignOffImport,
        "/v1/imports/sign-off",
        "imports_sign_off",
        "imports",
        "Sign an import off",
        "By someone else than who imported, who states the old system's totals. It cannot be undone afterwards.",
        {"run_id": _RUN, "rows": 2, "quantity": "96"},
        (*DECIDED, RefusalCode.OWN_REQUEST),
    ),
)
