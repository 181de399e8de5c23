"""People, roles, keys and rules of approval, as administrators see them: no hash and no secret is read here."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from warehouse.postgres.queries.paging import AConn, Limit, one, rows


@dataclass(frozen=True, slots=True)
class User:
    """A person. `roles` have `role` and `warehouse`, null for everywhere; `password`: `none`, `one_time` or `own`."""

    name: str
    full_name: str
    disabled_at: datetime | None
    password: str
    roles: list[dict[str, Any]]
    sessions: int
    signed_in_at: datetime | None
    created_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class UserSession:
    """A session that is open."""

    session_id: UUID
    device: str
    started_at: datetime
    used_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Role:
    """What a role may do; `*` is everything. `edited`: a site changed it, it does not follow the program any more."""

    name: str
    permissions: list[str]
    edited: bool


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key of a device or system; without `warehouses` its permissions hold everywhere."""

    key_id: str
    name: str
    permissions: list[str]
    warehouses: list[str]
    device: str
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class ApprovalRule:
    """From which quantity or value on a subject needs approval; neither: always."""

    subject: str
    quantity_min: Decimal | None
    value_min: Decimal | None


_USERS = """
    select p.name, p.full_name, p.disabled_at,
           case when c.person is null then 'none' when c.one_time then 'one_time' else 'own' end as password,
           (select coalesce(json_agg(json_build_object('role', g.role, 'warehouse', l.code) order by g.role, l.code),
                            '[]')
            from person_role g left join location l using (location_id) where g.person = p.name) as roles,
           (select count(*) from session s
            where s.person = p.name and s.ended_at is null and s.expires_at > now()) as sessions,
           (select max(started_at) from session s where s.person = p.name) as signed_in_at, p.created_by, p.created_at
    from person p left join credential c on c.person = p.name"""


async def users(conn: AConn, after: str | None, limit: Limit) -> list[User]:
    """By name."""
    query = f"{_USERS} where %(after)s::text is null or p.name > %(after)s order by p.name limit %(limit)s"
    return await rows(conn, User, query, {"after": after, "limit": limit})


async def user(conn: AConn, name: str) -> User | None:
    return await one(conn, User, f"{_USERS} where p.name = %(name)s", {"name": name})


async def user_sessions(conn: AConn, name: str) -> list[UserSession]:
    """Those that are open, the last used first; `warehouse.postgres.control.sessions` bounds how many there are."""
    query = """select session_id, device, started_at, used_at, expires_at from session
        where person = %(name)s and ended_at is null and expires_at > now() order by used_at desc"""
    return await rows(conn, UserSession, query, {"name": name})


async def roles(conn: AConn, after: str | None, limit: Limit) -> list[Role]:
    """By name."""
    query = """select name, permissions, edited from role where %(after)s::text is null or name > %(after)s
        order by name limit %(limit)s"""
    return await rows(conn, Role, query, {"after": after, "limit": limit})


async def keys(conn: AConn, after: str | None, limit: Limit) -> list[ApiKey]:
    """By id, revoked ones too."""
    query = """select key_id, name, permissions, warehouses, device, created_by, created_at, expires_at, revoked_at
        from api_key where %(after)s::text is null or key_id > %(after)s order by key_id limit %(limit)s"""
    return await rows(conn, ApiKey, query, {"after": after, "limit": limit})


async def approval_rules(conn: AConn, after: str | None, limit: Limit) -> list[ApprovalRule]:
    """By subject."""
    query = """select subject, quantity_min, value_min from approval_rule
        where %(after)s::text is null or subject > %(after)s order by subject limit %(limit)s"""
    return await rows(conn, ApprovalRule, query, {"after": after, "limit": limit})
