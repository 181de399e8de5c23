-- The warehouse: master data, documents, the ledger, locations, inboxes and outboxes. Core SQL of PostgreSQL 15 only.
--
-- The ledger (move) is append-only and double entry: every row takes a quantity from one place and gives it to another.
-- balance is its sum per key over stocked locations, changed in the same transaction and guarded by CHECK; virtual
-- locations (supplier, customer, production ...) have no balance, theirs is computed from move.
-- seq is allocation order, not commit order: readers use the cursor (tx, seq) and stay below pg_snapshot_xmin.

-- Service role -------------------------------------------------------------------------------------------------------
-- The service runs as this role, which owns nothing and has no UPDATE or DELETE on what is append-only. A migrating user
-- without the right to create roles leaves it out; the triggers below hold anyway, and `tagledger doctor` tells.
do $$
begin
    if not exists (select from pg_roles where rolname = 'tagledger_service') then
        create role tagledger_service nologin;
    end if;
    execute format('grant tagledger_service to %I', current_user);
exception
    when insufficient_privilege then raise notice 'no right to create role tagledger_service';
    when duplicate_object or unique_violation then null;  -- another database of this server is migrated right now
end $$;

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only: post a reversal or a new row', tg_table_name using errcode = 'integrity_constraint_violation';
end $$;

-- Master data --------------------------------------------------------------------------------------------------------
create table item (
    item_id      bigint generated always as identity primary key,
    code         text not null unique check (code <> ''),
    name         text not null default '',
    gtin         text unique check (gtin ~ '^[0-9]{14}$'),
    tracking     text not null default 'none' check (tracking in ('none', 'lot', 'serial')),
    unit         text not null default 'pc',
    decimals     smallint not null default 0 check (decimals between 0 and 9),  -- scale of the base unit; 0: whole pieces
    category     text not null default '',
    weight_kg    numeric check (weight_kg >= 0),
    volume_m3    numeric check (volume_m3 >= 0),
    inspect      boolean not null default false,  -- receipts go to status inspection
    created_at   timestamptz not null default now()
);

create table lot (
    lot_id       bigint generated always as identity primary key,
    item_id      bigint not null references item,
    code         text not null check (code <> ''),
    supplier_lot text not null default '',
    expires_on   date,
    blocked      boolean not null default false,
    created_at   timestamptz not null default now(),
    unique (item_id, code),
    unique (lot_id, item_id)
);

create table serial (
    serial_id    bigint generated always as identity primary key,
    item_id      bigint not null references item,
    lot_id       bigint,
    code         text not null check (code <> ''),
    created_at   timestamptz not null default now(),
    unique (item_id, code),
    unique (serial_id, item_id),
    foreign key (lot_id, item_id) references lot (lot_id, item_id)
);
create index on serial (lot_id) where lot_id is not null;

create table location (
    location_id  integer generated always as identity primary key,
    code         text not null unique check (code <> ''),
    name         text not null default '',
    -- internal and transit hold stock; outside is a place we see but do not own stock in (a yard, a lorry)
    kind         text not null check (kind in ('internal', 'transit', 'outside', 'supplier', 'customer', 'production',
                                               'scrap', 'count_loss', 'adjustment')),
    level        text not null default 'zone' check (level in ('site', 'warehouse', 'zone', 'bin')),
    parent_id    integer references location,
    closed       boolean not null default false,
    created_at   timestamptz not null default now()
);
create index on location (parent_id);

insert into location (code, name, kind) values
    ('SUPPLIER', 'Suppliers', 'supplier'), ('CUSTOMER', 'Customers', 'customer'),
    ('PRODUCTION', 'Production', 'production'), ('SCRAP', 'Scrap', 'scrap'),
    ('COUNT-LOSS', 'Count differences', 'count_loss'), ('ADJUSTMENT', 'Adjustments', 'adjustment'),
    ('TRANSIT', 'In transit', 'transit');

-- A pallet, carton or tote. Its contents are its packing list: who is inside, before receipt and while in stock.
create table handling_unit (
    hu_id        bigint generated always as identity primary key,
    code         text not null unique check (code <> ''),  -- SSCC (18 digits), GRAI or GIAI
    kind         text not null default 'pallet' check (kind in ('pallet', 'carton', 'tote', 'other')),
    parent_id    bigint references handling_unit,
    created_at   timestamptz not null default now()
);
create index on handling_unit (parent_id) where parent_id is not null;

-- What an EPC stands for: a handling unit, or `quantity` of an item (of a lot; the very serial when serial-tracked).
create table tag (
    epc          text primary key check (epc ~ '^[0-9A-F]+$'),
    hu_id        bigint unique references handling_unit,
    item_id      bigint references item,
    lot_id       bigint,
    serial_id    bigint unique,
    quantity     numeric not null default 1 check (quantity > 0),
    retired_at   timestamptz,
    created_at   timestamptz not null default now(),
    check ((hu_id is null) <> (item_id is null)),
    check (serial_id is null or quantity = 1),
    foreign key (lot_id, item_id) references lot (lot_id, item_id),
    foreign key (serial_id, item_id) references serial (serial_id, item_id)
);
create index on tag (item_id);

create table hu_content (
    content_id   bigint generated always as identity primary key,
    hu_id        bigint not null references handling_unit,
    item_id      bigint not null references item,
    lot_id       bigint,
    serial_id    bigint unique,
    epc          text unique references tag,
    quantity     numeric not null check (quantity > 0),
    foreign key (lot_id, item_id) references lot (lot_id, item_id),
    foreign key (serial_id, item_id) references serial (serial_id, item_id)
);
create index on hu_content (hu_id);

-- Documents ----------------------------------------------------------------------------------------------------------
create table document_kind (
    kind         text primary key,
    direction    text not null check (direction in ('in', 'out', 'internal')),
    counterpart  text not null references location (code)  -- the other side of its movements
);
insert into document_kind values
    ('purchase_receipt', 'in', 'SUPPLIER'), ('production_receipt', 'in', 'PRODUCTION'),
    ('production_return', 'in', 'PRODUCTION'), ('change_return', 'in', 'PRODUCTION'),
    ('customer_return', 'in', 'CUSTOMER'), ('other_receipt', 'in', 'ADJUSTMENT'),
    ('delivery', 'out', 'CUSTOMER'), ('work_order_issue', 'out', 'PRODUCTION'), ('vendor_return', 'out', 'SUPPLIER'),
    ('scrap', 'out', 'SCRAP'), ('other_issue', 'out', 'ADJUSTMENT'), ('transfer', 'internal', 'TRANSIT');

create table document (
    document_id  bigint generated always as identity primary key,
    kind         text not null references document_kind,
    number       text not null check (number <> ''),
    partner      text not null default '',
    door         text not null default '',  -- the portal it is expected at; empty: any
    status       text not null default 'open' check (status in ('draft', 'approval', 'open', 'complete', 'closed', 'cancelled')),
    over_percent numeric not null default 0 check (over_percent >= 0),
    source_id    integer references location,  -- transfers: from
    target_id    integer references location,  -- transfers: to
    expected_at  timestamptz,
    created_by   text not null,
    created_at   timestamptz not null default now(),
    closed_at    timestamptz,
    unique (kind, number)
);
create index on document (status, door) where status = 'open';

create table document_line (
    line_id      bigint generated always as identity primary key,
    document_id  bigint not null references document,
    line_no      integer not null check (line_no > 0),
    item_id      bigint not null references item,
    lot_id       bigint,
    quantity     numeric not null check (quantity > 0),
    fulfilled    numeric not null default 0 check (fulfilled >= 0),  -- net of reversals, changed with the movements
    entered_unit text not null default '',
    entered_quantity numeric,
    factor_num   bigint not null default 1 check (factor_num > 0),  -- base = entered × num / den
    factor_den   bigint not null default 1 check (factor_den > 0),
    unique (document_id, line_no),
    foreign key (lot_id, item_id) references lot (lot_id, item_id)
);
create index on document_line (item_id);

-- EPCs a document announces: single tags (of a line) and handling units.
create table document_tag (
    document_id  bigint not null references document,
    epc          text not null references tag,
    line_id      bigint references document_line,
    primary key (document_id, epc)
);
create index on document_tag (epc);

-- The ledger ---------------------------------------------------------------------------------------------------------
create table move (
    seq          bigint generated always as identity primary key,
    tx           xid8 not null default pg_current_xact_id(),
    move_id      uuid not null unique,
    kind         text not null,
    line_id      bigint references document_line,
    item_id      bigint not null references item,
    lot_id       bigint,
    serial_id    bigint,
    quantity     numeric not null check (quantity > 0),
    from_location_id integer not null references location,
    to_location_id   integer not null references location,
    from_hu_id   bigint references handling_unit,
    to_hu_id     bigint references handling_unit,
    from_status  text not null default 'available',
    to_status    text not null default 'available',
    owner        text not null default '',
    effective_at timestamptz not null,                      -- when it happened
    recorded_at  timestamptz not null default clock_timestamp(),
    device_at    timestamptz,                               -- what the device's clock said; evidence only
    actor        text not null,
    device       text not null default '',
    reason       text not null default '',
    passage_id   uuid,
    request_id   uuid,                                      -- the command or posting that made it
    reverses     bigint unique references move (seq),       -- at most one reversal a row, of the whole row
    check (serial_id is null or quantity = 1),
    check ((from_location_id, coalesce(from_hu_id, 0), from_status) <> (to_location_id, coalesce(to_hu_id, 0), to_status)),
    check (from_status in ('available', 'inspection', 'blocked') and to_status in ('available', 'inspection', 'blocked')),
    foreign key (lot_id, item_id) references lot (lot_id, item_id),
    foreign key (serial_id, item_id) references serial (serial_id, item_id)
);
create index on move (item_id, effective_at);
create index on move (serial_id, seq) where serial_id is not null;
create index on move (lot_id, seq) where lot_id is not null;
create index on move (from_location_id, item_id, effective_at);
create index on move (to_location_id, item_id, effective_at);
create index on move (line_id) where line_id is not null;
create index on move (passage_id) where passage_id is not null;
create index on move (tx, seq);

-- Which tags a movement moved. inferred: not read itself, its handling unit was.
create table move_tag (
    seq          bigint not null references move,
    epc          text not null,
    inferred     boolean not null default false,
    score        real,
    primary key (seq, epc)
);
create index on move_tag (epc, seq);

create table balance (
    balance_id   bigint generated always as identity primary key,
    item_id      bigint not null references item,
    lot_id       bigint,
    serial_id    bigint,
    location_id  integer not null references location,
    hu_id        bigint references handling_unit,
    owner        text not null default '',
    status       text not null default 'available' check (status in ('available', 'inspection', 'blocked')),
    on_hand      numeric not null,
    reserved     numeric not null default 0,
    last_seq     bigint not null,
    last_effective_at timestamptz not null,
    first_in_at  timestamptz not null,  -- the oldest receipt of what may still be here: FIFO
    check (0 <= reserved and reserved <= on_hand),
    check (serial_id is null or on_hand in (0, 1)),
    unique nulls not distinct (item_id, lot_id, serial_id, location_id, hu_id, owner, status)
);
create unique index balance_serial_in_one_place on balance (serial_id) where serial_id is not null and on_hand > 0;
create index on balance (location_id, item_id);
create index on balance (hu_id) where hu_id is not null;
create index on balance (lot_id) where lot_id is not null;

create table reservation (
    reservation_id uuid primary key,
    line_id      bigint references document_line,
    holder       text not null,
    item_id      bigint not null references item,
    lot_id       bigint,
    serial_id    bigint,
    location_id  integer not null references location,
    hu_id        bigint references handling_unit,
    owner        text not null default '',
    status       text not null default 'available',
    quantity     numeric not null check (quantity > 0),
    state        text not null default 'pending' check (state in ('pending', 'picked', 'released', 'expired')),
    expires_at   timestamptz,
    created_at   timestamptz not null default now(),
    ended_at     timestamptz
);
create index on reservation (item_id) where state = 'pending';
create index on reservation (line_id) where state = 'pending';
create index on reservation (expires_at) where state = 'pending' and expires_at is not null;

-- Postings up to and on closed_through are closed. One row a close; the greatest counts.
create table period_close (
    closed_through date primary key,
    closed_by    text not null,
    closed_at    timestamptz not null default now()
);

-- Inboxes and outboxes -----------------------------------------------------------------------------------------------
create table request (
    source       text not null,
    client_event_id text not null,
    request_id   uuid not null unique,
    digest       text not null,
    actor        text not null,
    accepted     boolean not null,
    response     jsonb not null,
    created_at   timestamptz not null default now(),
    primary key (source, client_event_id)
);
create index on request (created_at);

-- Loads already posted: one row per passage and revision, with the outcome that a repeat gets again.
create table posting (
    passage_id   uuid not null,
    revision     integer not null check (revision >= 0),
    portal       text not null,
    direction    text not null,
    effect       text not null,
    at           timestamptz not null,
    digest       text not null,
    outcome      jsonb not null,
    created_at   timestamptz not null default now(),
    primary key (passage_id, revision)
);

create table discrepancy (
    discrepancy_id uuid primary key,
    seq          bigint generated always as identity unique,
    tx           xid8 not null default pg_current_xact_id(),
    kind         text not null,
    passage_id   uuid,
    revision     integer,
    portal       text not null default '',
    document_id  bigint references document,
    line_id      bigint references document_line,
    item_id      bigint references item,
    epcs         text[] not null default '{}',
    quantity     numeric,
    detail       text not null,
    held         jsonb,            -- the movements a person can still post
    state        text not null default 'open' check (state in ('open', 'posted', 'dismissed', 'superseded')),
    at           timestamptz not null,
    created_at   timestamptz not null default now(),
    resolved_by  text,
    resolved_at  timestamptz,
    note         text not null default ''
);
create index on discrepancy (state, seq);
create index on discrepancy (passage_id);
create index on discrepancy (document_id);

-- Messages to others and the live feed, insert-only; each reader keeps its own cursor.
create table outbox (
    seq          bigint generated always as identity primary key,
    tx           xid8 not null default pg_current_xact_id(),
    topic        text not null,
    key          text not null default '',
    payload      jsonb not null,
    created_at   timestamptz not null default now()
);
create index on outbox (tx, seq);
create index on outbox (created_at);

create table outbox_reader (
    name         text primary key,
    tx           xid8 not null,
    seq          bigint not null,
    attempts     integer not null default 0,
    last_error   text not null default '',
    updated_at   timestamptz not null default now()
);

create function outbox_wake() returns trigger language plpgsql as $$
begin
    notify tagledger_feed;  -- wakes readers, carries nothing; once a transaction
    return null;
end $$;
create trigger outbox_wake after insert on outbox for each statement execute function outbox_wake();

-- Where tags are -----------------------------------------------------------------------------------------------------
create table tag_location (
    epc          text primary key,
    location_id  integer not null references location,
    event        text not null check (event in ('arrived', 'moved', 'departed')),
    at           timestamptz not null,
    update_id    uuid not null,
    evidence     text not null default ''
);
create index on tag_location (location_id, at desc);

-- Unique only together with its time, so that it can be a hypertable.
create table location_history (
    at           timestamptz not null,
    update_id    uuid not null,
    epc          text not null,
    location_id  integer not null,
    event        text not null,
    evidence     text not null default '',
    recorded_at  timestamptz not null default now(),
    unique (update_id, at)
);
create index on location_history (epc, at desc);
create index on location_history (location_id, at desc);

-- People, devices, control -------------------------------------------------------------------------------------------
create table api_key (
    key_id       text primary key,
    digest       text not null,               -- SHA-256 of the secret part; the secret itself is never stored
    name         text not null,
    scopes       text[] not null default '{}',
    created_at   timestamptz not null default now(),
    created_by   text not null,
    expires_at   timestamptz,
    revoked_at   timestamptz
);

create table audit_log (
    seq          bigint generated always as identity primary key,
    at           timestamptz not null default clock_timestamp(),
    actor        text not null,
    device       text not null default '',
    command      text not null,
    request_id   uuid,
    outcome      text not null,
    before       jsonb,
    after        jsonb
);
create index on audit_log (at);

-- Append-only, for everybody -----------------------------------------------------------------------------------------
do $$
declare name text;
begin
    foreach name in array array['move', 'move_tag', 'audit_log', 'location_history', 'posting', 'period_close'] loop
        execute format('create trigger %I before update or delete on %I for each row execute function refuse_change()',
                       name || '_no_change', name);
        execute format('create trigger %I before truncate on %I for each statement execute function refuse_change()',
                       name || '_no_truncate', name);
    end loop;
    if exists (select from pg_roles where rolname = 'tagledger_service') then
        grant usage on schema public to tagledger_service;
        grant select, insert, update, delete on all tables in schema public to tagledger_service;
        grant usage on all sequences in schema public to tagledger_service;
        alter default privileges in schema public grant select, insert, update, delete on tables to tagledger_service;
        alter default privileges in schema public grant usage on sequences to tagledger_service;
        revoke update, delete on move, move_tag, audit_log, location_history, posting, period_close from tagledger_service;
        revoke insert, update, delete on migration, document_kind from tagledger_service;
    end if;
end $$;
