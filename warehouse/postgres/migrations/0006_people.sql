-- People, their roles and sessions; keys within warehouses; what needs approval.

-- Secrets are never kept: passwords as Argon2id hashes, refresh tokens and keys as SHA-256 of random bits.
create table person (
    name         text primary key check (name ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
    full_name    text not null default '',
    disabled_at  timestamptz,
    created_by   text not null,
    created_at   timestamptz not null default now()
);

-- Apart from the person, so that who lists people never reads it. No row: nobody can sign in as this person.
create table credential (
    person       text primary key references person,
    hash         text not null,
    one_time     boolean not null,
    expires_at   timestamptz,
    set_at       timestamptz not null default now()
);

-- `*` is every permission, also those of later versions. Roles of the program follow it until somebody edits them.
create table role (
    name         text primary key check (name ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
    permissions  text[] not null,
    edited       boolean not null default false
);

-- A role, everywhere or within one warehouse.
create table person_role (
    person       text not null references person,
    role         text not null references role,
    location_id  integer references location,
    given_by     text not null,
    given_at     timestamptz not null default now(),
    unique nulls not distinct (person, role, location_id)
);

create table session (
    session_id   uuid primary key,
    person       text not null references person,
    device       text not null default '',
    started_at   timestamptz not null default now(),
    used_at      timestamptz not null default now(),
    expires_at   timestamptz not null,
    ended_at     timestamptz,
    ended_why    text not null default ''
);
create index on session (person) where ended_at is null;

-- Each is used once; used again later than a repeated request could be, it was stolen, and its session ends.
create table refresh_token (
    digest       text primary key,
    session_id   uuid not null references session on delete cascade,
    issued_at    timestamptz not null default now(),
    expires_at   timestamptz not null,
    used_at      timestamptz
);
create index on refresh_token (session_id);

-- Access tokens are signed with the newest and checked with any of these, named by `kid`.
create table signing_key (
    kid          text primary key,
    secret       bytea not null,
    created_at   timestamptz not null default now()
);

-- Attempts to sign in, by SHA-256 of the name as typed, known or not: typed names may be passwords. Bounded.
create table sign_in_attempt (
    name_digest  text primary key,
    attempts     integer not null,
    last_at      timestamptz not null,
    locked_until timestamptz not null
);

-- Keys name permissions, and can be limited to warehouses and bound to a device. A key that was not given its secret
-- yet has none, and opens nothing.
alter table api_key rename column scopes to permissions;
alter table api_key alter column digest set default '';
alter table api_key add column warehouses text[] not null default '{}';
alter table api_key add column device text not null default '';

-- A kind of document of this quantity (sum of lines) or value and more waits for approval; an `adjustment` of it is
-- refused, and goes by a document. Neither given: always.
create table approval_rule (
    subject      text primary key,
    quantity_min numeric check (quantity_min >= 0),
    value_min    numeric check (value_min >= 0)
);

-- Pages of the audit log go by seq.
create index on audit_log (actor, seq);
create index on audit_log (command, seq);
create index on audit_log (request_id) where request_id is not null;
