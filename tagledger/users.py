"""`tagledger users`: people who can sign in, and their roles."""

from typing import Annotated

import typer
from rich.markup import escape

from tagledger.cli import JsonOption, SiteOption
from tagledger.people_desk import do, people_of
from tagledger.terminal import console, print_json
from warehouse.commands import CreateUser, DisableUser, EndSessions, GiveRole, ResetPassword, TakeRole
from warehouse.postgres.control.passwords import ONE_TIME_DAYS

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, help="People and their roles.")

Name = Annotated[str, typer.Argument(help="What they sign in with.")]
Role = Annotated[str, typer.Argument(help="keeper, picker, inspector, manager, auditor, administrator, or your own.")]
Warehouse = Annotated[str | None, typer.Option("--warehouse", help="Only within this warehouse.")]


@app.command("list")
def list_command(site: SiteOption, json: JsonOption = False) -> None:
    """Who there is, with roles, sessions and whether they are disabled."""
    with people_of(site) as connection:
        rows = connection.execute(
            """select p.name, p.full_name, p.disabled_at is not null,
                      coalesce((select string_agg(g.role || coalesce('@' || l.code, ''), ', ' order by g.role, l.code)
                                from person_role g left join location l using (location_id)
                                where g.person = p.name), ''),
                      (select count(*) from session s
                       where s.person = p.name and s.ended_at is null and s.expires_at > now())
               from person p order by p.name"""
        ).fetchall()
    if json:
        names = ("name", "full_name", "disabled", "roles", "sessions")
        print_json([dict(zip(names, row, strict=True)) for row in rows])
        return
    for name, full_name, disabled, roles, sessions in rows:
        mark = " [red]disabled[/red]" if disabled else ""
        console.print(f"{name:<20} {escape(full_name):<24} {roles}, {sessions} sessions{mark}", soft_wrap=True)


@app.command("add")
def add_command(
    site: SiteOption,
    name: Name,
    role: Annotated[str | None, typer.Option("--role", help="A role to begin with.")] = None,
    full_name: Annotated[str, typer.Option("--full-name")] = "",
) -> None:
    """Create a user; prints a one-time password."""
    with people_of(site) as connection:
        _, password = do(connection, CreateUser(name, full_name, role))
    _tell(name, password)


@app.command("reset")
def reset_command(site: SiteOption, name: Name) -> None:
    """End a user's sessions and password; prints a one-time password."""
    with people_of(site) as connection:
        _, password = do(connection, ResetPassword(name))
    _tell(name, password)


@app.command("disable")
def disable_command(site: SiteOption, name: Name, reason: Annotated[str, typer.Option("--reason")] = "") -> None:
    """Let a user in no more, and end their sessions."""
    with people_of(site) as connection:
        answer, _ = do(connection, DisableUser(name, True, reason))
    console.print(f"{name} is disabled; {answer['sessions_ended']} sessions ended")


@app.command("enable")
def enable_command(site: SiteOption, name: Name) -> None:
    """Let a user in again."""
    with people_of(site) as connection:
        do(connection, DisableUser(name, False))
    console.print(f"{name} may sign in again")


@app.command("give")
def give_command(site: SiteOption, name: Name, role: Role, warehouse: Warehouse = None) -> None:
    """Give a role."""
    with people_of(site) as connection:
        answer, _ = do(connection, GiveRole(name, role, warehouse))
    _tell_roles(name, answer)


@app.command("take")
def take_command(site: SiteOption, name: Name, role: Role, warehouse: Warehouse = None) -> None:
    """Take a role away, as it was given."""
    with people_of(site) as connection:
        answer, _ = do(connection, TakeRole(name, role, warehouse))
    _tell_roles(name, answer)


@app.command("sign-out")
def sign_out_command(site: SiteOption, name: Name) -> None:
    """End all sessions of a user."""
    with people_of(site) as connection:
        answer, _ = do(connection, EndSessions(name))
    console.print(f"{answer['sessions_ended']} sessions of {name} ended")


def _tell(name: str, password: str | None) -> None:
    console.print(
        f"{name}: one-time password [bold]{password}[/bold] (holds {ONE_TIME_DAYS} days, to be changed at once)"
    )


def _tell_roles(name: str, answer: dict[str, object]) -> None:
    roles = answer["roles"]
    assert isinstance(roles, list)
    said = [f"{role['role']}{'@' + role['warehouse'] if role['warehouse'] else ''}" for role in roles]
    console.print(f"{name}: {', '.join(said) or 'no roles'}")
