-- The life of a tag: numbers from pools, labels printed and encoded, read back, bound. Work orders on their documents.

-- A work order's documents: what goes out for it, what comes back, what comes in from it, backorders of these too.
alter table document add column work_order_id bigint references work_order;
create index on document (work_order_id) where work_order_id is not null;
-- The bill whose line `bom_line_no` a component answers to: its own, or that of a phantom in it.
alter table document_line add column bom_id bigint references bom;

-- The version of an item's bill that counts on a day: of those in effect the one that came into effect last.
create function bom_in_effect(item bigint, on_day date) returns bigint language sql stable as $$
    select bom_id from bom
    where item_id = item and retired_at is null
      and (effective_from is null or effective_from <= on_day) and (effective_to is null or effective_to >= on_day)
    order by effective_from desc nulls last, bom_id desc limit 1
$$;

-- Numbers for new tags. A pool gives each once: SGTIN serials of a GTIN, or SSCC serial references of a company prefix
-- and extension digit.
create table number_pool (
    name         text primary key check (name <> ''),
    scheme       text not null check (scheme in ('sgtin', 'sscc')),
    body         text not null check (body ~ '^[0-9]+$'),  -- the GTIN-14, or extension digit and company prefix
    prefix_digits smallint not null check (prefix_digits between 6 and 12),
    next_number  bigint not null check (next_number >= 0),
    last_number  bigint not null,
    created_by   text not null,
    created_at   timestamptz not null default now(),
    check (next_number <= last_number + 1)
);
-- Pools of one GTIN or prefix share no number: checked when one is made, under a lock on these rows.
create index on number_pool (scheme, body);

create table printer (
    name         text primary key check (name <> ''),
    host         text not null check (host <> ''),
    port         integer not null default 9100 check (port between 1 and 65535),
    active       boolean not null default true
);

create table label_template (
    name         text primary key check (name <> ''),
    zpl          text not null
);

create table print_job (
    job_id       uuid primary key,
    seq          bigint generated always as identity unique,
    printer      text not null references printer,
    template     text not null references label_template,
    state        text not null default 'queued' check (state in ('queued', 'sent', 'failed', 'cancelled')),
    tries        integer not null default 0,
    error        text not null default '',
    next_try_at  timestamptz not null default now(),
    created_by   text not null,
    created_at   timestamptz not null default now(),
    sent_at      timestamptz
);
create index on print_job (next_try_at) where state = 'queued';

-- One label: the EPC it is to carry and what that will stand for once it was read back.
create table label (
    epc          text primary key check (epc ~ '^[0-9A-F]+$'),
    job_id       uuid not null references print_job,
    line_no      integer not null,
    item_id      bigint references item,
    lot_id       bigint,
    quantity     numeric not null default 1 check (quantity > 0),
    hu_code      text,
    hu_kind      text,
    fields       jsonb not null default '{}',
    state        text not null default 'printed' check (state in ('printed', 'verified', 'void')),
    verified_at  timestamptz,
    unique (job_id, line_no),
    check ((item_id is null) <> (hu_code is null)),
    foreign key (lot_id, item_id) references lot (lot_id, item_id)
);

-- What happened to a tag, insert-only.
create table tag_event (
    seq          bigint generated always as identity primary key,
    epc          text not null,
    event        text not null check (event in ('registered', 'printed', 'verified', 'void', 'rebound', 'retired')),
    at           timestamptz not null default clock_timestamp(),
    actor        text not null,
    device       text not null default '',
    request_id   uuid,
    detail       text not null default ''
);
create index on tag_event (epc, seq);
create trigger tag_event_no_change before update or delete on tag_event for each row execute function refuse_change();
create trigger tag_event_no_truncate before truncate on tag_event for each statement execute function refuse_change();
