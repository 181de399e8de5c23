"""`tagledger keys`: keys of devices and systems."""

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.markup import escape

from tagledger.cli import JsonOption, SiteOption
from tagledger.people_desk import do, people_of
from tagledger.terminal import console, print_json
from warehouse.commands import CreateKey, Permission, RevokeKey

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, help="Keys of devices, systems.")


@app.command("list")
def list_command(site: SiteOption, json: JsonOption = False) -> None:
    """Which keys there are; never the keys themselves."""
    with people_of(site) as connection:
        rows = connection.execute(
            """select key_id, name, permissions, warehouses, device, expires_at, revoked_at from api_key
               order by created_at"""
        ).fetchall()
    if json:
        names = ("key_id", "name", "permissions", "warehouses", "device", "expires_at", "revoked_at")
        print_json([dict(zip(names, row, strict=True)) for row in rows])
        return
    for key_id, name, permissions, warehouses, device, expires_at, revoked_at in rows:
        state = "revoked" if revoked_at else f"until {expires_at:%Y-%m-%d}" if expires_at else "live"
        where = f" within {', '.join(warehouses)}" if warehouses else ""
        bound = f" on {device}" if device else ""
        console.print(
            escape(f"{key_id}  {name:<20} {state:<12} {', '.join(permissions)}{where}{bound}"), soft_wrap=True
        )


@app.command("add")
def add_command(
    site: SiteOption,
    name: Annotated[str, typer.Argument(help="What the books call its holder.")],
    permission: Annotated[list[Permission] | None, typer.Option("--permission", help="Again for each.")] = None,
    role: Annotated[str | None, typer.Option("--role", help="The permissions of a role, as it is now.")] = None,
    warehouse: Annotated[list[str] | None, typer.Option("--warehouse", help="Only within; again for each.")] = None,
    device: Annotated[str, typer.Option("--device", help="The device it is bound to.")] = "",
    expires: Annotated[datetime | None, typer.Option("--expires", help="In UTC.")] = None,
) -> None:
    """Create a key and print it, once."""
    until = expires.replace(tzinfo=UTC) if expires is not None else None
    with people_of(site) as connection:
        _, key = do(connection, CreateKey(name, tuple(permission or ()), role, tuple(warehouse or ()), device, until))
    console.print(f"{name}: [bold]{key}[/bold] (shown once)", soft_wrap=True)


@app.command("revoke")
def revoke_command(
    site: SiteOption,
    key_id: Annotated[str, typer.Argument(help="As `tagledger keys list` shows it.")],
    reason: Annotated[str, typer.Option("--reason")] = "",
) -> None:
    """End a key; it works 5 s longer at most."""
    with people_of(site) as connection:
        do(connection, RevokeKey(key_id, reason))
    console.print(f"{key_id} is revoked")
