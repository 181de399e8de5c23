-- Messages to partners (webhooks), messages from them (canonical documents, signed callbacks), and what documents went
-- through, as messages.

-- Every change of a document's status is a message, whatever made it.
create function document_told() returns trigger language plpgsql as $$
begin
    insert into outbox (topic, key, payload) values ('document', new.kind || '/' || new.number, jsonb_build_object(
        'kind', new.kind, 'number', new.number, 'partner', new.partner, 'status', new.status,
        'before', case when tg_op = 'UPDATE' then old.status end));
    return null;
end $$;
create trigger document_made after insert on document for each row execute function document_told();
create trigger document_changed after update of status on document for each row
    when (old.status is distinct from new.status) execute function document_told();

create table webhook (
    webhook_id   uuid primary key,
    partner      text not null check (partner <> ''),
    url          text not null,
    types        text[] not null,                  -- event types, `*` is all
    format       text not null default 'tagledger' check (format in ('tagledger', 'epcis')),
    state        text not null default 'active' check (state in ('active', 'paused', 'gone')),
    note         text not null default '',
    created_by   text not null,
    created_at   timestamptz not null default now()
);

-- The key is kept, not its digest: signing needs it. At most two are live at a time.
create table webhook_secret (
    secret_id    uuid primary key,
    webhook_id   uuid not null references webhook on delete cascade,
    secret       bytea not null,
    created_at   timestamptz not null default now(),
    expires_at   timestamptz
);
create index on webhook_secret (webhook_id);

-- One row a message and partner. Those of one `line` (a document, an item, a tag) go out one after the other, by n.
create table webhook_message (
    n            bigint generated always as identity primary key,
    message_id   text not null unique,             -- the webhook-id header, the same at every try
    webhook_id   uuid not null references webhook on delete cascade,
    line         text not null,
    type         text not null,
    body         text not null,                    -- exactly what is signed and sent
    state        text not null default 'pending' check (state in ('pending', 'delivered', 'dead', 'dropped')),
    attempts     integer not null default 0,
    next_at      timestamptz not null default now(),
    leased_until timestamptz,
    status       integer,                          -- the last HTTP status
    error        text not null default '',
    created_at   timestamptz not null default now(),
    ended_at     timestamptz,
    decided_by   text
);
create index on webhook_message (webhook_id, line, n) where state in ('pending', 'dead');
create index on webhook_message (webhook_id, n);
create index on webhook_message (ended_at) where state in ('delivered', 'dropped');

-- Systems whose callbacks we take, and the key they sign with.
create table callback_partner (
    name         text primary key check (name <> ''),
    created_by   text not null,
    created_at   timestamptz not null default now()
);
create table callback_secret (
    secret_id    uuid primary key,
    name         text not null references callback_partner on delete cascade,
    secret       bytea not null,
    created_at   timestamptz not null default now(),
    expires_at   timestamptz
);
create index on callback_secret (name);

-- Documents as other systems sent them: the newest version of each, applied or waiting for a repair.
create table inbox_message (
    message_id   uuid primary key,
    source       text not null check (source <> ''),
    external_id  text not null check (external_id <> ''),
    version      bigint not null check (version >= 0),
    digest       text not null,
    body         jsonb not null,
    state        text not null check (state in ('applied', 'quarantined', 'superseded')),
    problems     jsonb not null default '[]',
    document_id  bigint references document,
    actor        text not null,
    received_at  timestamptz not null default now(),
    unique (source, external_id, version)
);
create index on inbox_message (state, received_at desc, message_id desc);
create index on inbox_message (document_id);

-- What a system calls our things: `theirs` becomes `ours` in everything it sends.
create table code_alias (
    source       text not null,
    field        text not null check (field in ('item', 'location', 'lot', 'partner', 'unit')),
    theirs       text not null,
    ours         text not null,
    created_by   text not null,
    created_at   timestamptz not null default now(),
    primary key (source, field, theirs)
);
