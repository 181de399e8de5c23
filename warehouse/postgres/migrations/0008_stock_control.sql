-- Stock control: units of measure, partners and categories, value, stock rules and their suggestions, alerts,
-- snapshots of stock at closed days.

-- Master data that can be retired: its code stays, history keeps its name, nothing new may use it.
alter table item add column active boolean not null default true;
alter table item add column valuation text not null default 'none'
    check (valuation in ('none', 'average', 'standard', 'fifo', 'lifo'));
alter table item add column standard_cost numeric check (standard_cost >= 0);
alter table item add column usable_days_min integer check (usable_days_min >= 0);
alter table item add column expiry_warn_days integer check (expiry_warn_days >= 0);
alter table item add column dead_after_days integer check (dead_after_days > 0);
alter table item add column slow_cover_days integer check (slow_cover_days > 0);

-- What items have in common; what an item does not say itself, its category says for it.
create table category (
    code         text primary key check (code <> ''),
    name         text not null default '',
    active       boolean not null default true,
    usable_days_min integer check (usable_days_min >= 0),
    expiry_warn_days integer check (expiry_warn_days >= 0),
    dead_after_days integer check (dead_after_days > 0),
    slow_cover_days integer check (slow_cover_days > 0),
    created_at   timestamptz not null default now()
);
insert into category (code) select distinct category from item where category <> '';

create table partner (
    code         text primary key check (code <> ''),
    name         text not null default '',
    kind         text not null default 'supplier' check (kind in ('supplier', 'customer', 'both', 'owner')),
    active       boolean not null default true,
    usable_days_min integer check (usable_days_min >= 0),  -- shelf life this customer insists on
    created_at   timestamptz not null default now()
);

-- Units of an item beside its own: base = entered × num / den. A document line keeps the factor it was made with.
create table item_unit (
    item_id      bigint not null references item,
    unit         text not null check (unit <> ''),
    factor_num   bigint not null check (factor_num > 0),
    factor_den   bigint not null default 1 check (factor_den > 0),
    active       boolean not null default true,
    primary key (item_id, unit)
);

-- Value ---------------------------------------------------------------------------------------------------------------
-- Cost of a unit of the line's item, as agreed with the partner; what a receipt on the line is worth.
alter table document_line add column unit_cost numeric check (unit_cost >= 0);

-- One pool an item, a lot of a lot-tracked item, a serial of a serial-tracked one: our own stock only. `layers` are
-- [quantity, unit cost] pairs, oldest first, for first in first out and last in first out.
create table value_pool (
    item_id      bigint not null references item,
    lot_id       bigint,
    serial_id    bigint,
    quantity     numeric not null default 0 check (quantity >= 0),
    value        numeric not null default 0 check (value >= 0),
    layers       jsonb not null default '[]',
    unique nulls not distinct (item_id, lot_id, serial_id),
    check (quantity > 0 or value = 0)
);

-- What each movement across the edge of our stock was worth; insert-only. `difference` is what a receipt cost beyond
-- what it is carried at (standard cost), or a reversal could not give back: it is not in the stock's value.
create table value_entry (
    entry_id     bigint generated always as identity primary key,
    seq          bigint unique references move,
    kind         text not null check (kind in ('receipt', 'issue', 'revaluation')),
    item_id      bigint not null references item,
    lot_id       bigint,
    serial_id    bigint,
    quantity     numeric not null,               -- signed: what the pool gained
    amount       numeric not null,               -- signed: what the pool gained, in cents
    difference   numeric not null default 0,
    basis        text not null,                  -- document, given, average, standard, layers, none, reversal
    effective_at timestamptz not null,
    recorded_at  timestamptz not null default clock_timestamp(),
    actor        text not null,
    note         text not null default '',
    check (amount = round(amount, 2) and difference = round(difference, 2))
);
create index on value_entry (item_id, entry_id);
create index on value_entry (effective_at);

-- Rules and what follows from them ------------------------------------------------------------------------------------
-- How much of an item a place (with those in it) should hold. `reorder_level` with `order_quantity`, or `minimum` with
-- `maximum`; below `safety` people are told.
create table stock_rule (
    item_id      bigint not null references item,
    location_id  integer not null references location,
    safety       numeric not null default 0,
    minimum      numeric,
    maximum      numeric,
    multiple     numeric,
    reorder_level numeric,
    order_quantity numeric,
    lead_time_days integer not null default 0 check (lead_time_days >= 0),
    active       boolean not null default true,
    primary key (item_id, location_id)
);

create table replenishment (
    replenishment_id uuid primary key,
    item_id      bigint not null references item,
    location_id  integer not null references location,
    quantity     numeric not null check (quantity > 0),
    projected    numeric not null,
    needed_by    date not null,
    state        text not null default 'open' check (state in ('open', 'accepted', 'dismissed', 'withdrawn')),
    reason       text not null,
    document_id  bigint references document,
    created_at   timestamptz not null,
    decided_by   text,
    decided_at   timestamptz,
    note         text not null default ''
);
create unique index replenishment_one_open on replenishment (item_id, location_id) where state = 'open';
create index on replenishment (state, created_at);

-- What people should know about stock. One open alert a matter; it clears when the matter is over.
create table stock_alert (
    alert_id     uuid primary key,
    kind         text not null check (kind in ('below_safety', 'dead', 'slow', 'near_expiry', 'expired', 'rule_broken')),
    item_id      bigint not null references item,
    lot_id       bigint,
    location_id  integer references location,
    quantity     numeric not null,
    detail       text not null,
    departments  text[] not null,
    raised_at    timestamptz not null,
    cleared_at   timestamptz
);
create unique index stock_alert_one_open on stock_alert (kind, item_id, lot_id, location_id) nulls not distinct
    where cleared_at is null;
create index on stock_alert (raised_at);

-- Which departments hear of what.
create table alert_route (
    kind         text primary key,
    departments  text[] not null
);
insert into alert_route values
    ('below_safety', '{purchasing,production}'), ('dead', '{purchasing,finance,sales}'), ('slow', '{purchasing,sales}'),
    ('near_expiry', '{sales,quality}'), ('expired', '{quality,warehouse}'), ('rule_broken', '{warehouse}');

-- Stock as it was at the end of a closed day. Nothing is posted into a closed day any more, so this never changes.
create table stock_snapshot (
    day          date not null,
    item_id      bigint not null,
    lot_id       bigint,
    serial_id    bigint,
    location_id  integer not null,
    hu_id        bigint,
    owner        text not null,
    status       text not null,
    on_hand      numeric not null
);
create index on stock_snapshot (item_id, day);
create index on stock_snapshot (location_id, day);

-- Counting: how the lines were chosen, when to count again, what a difference is worth, who approved it.
alter table count_sheet add column choice text not null default 'all' check (choice in ('all', 'cycle', 'random', 'zero'));
alter table count_sheet add column seed bigint;
alter table count_sheet add column tolerance_value numeric check (tolerance_value >= 0);
alter table count_sheet add column recounts integer not null default 1 check (recounts between 0 and 9);
alter table count_line add column method text not null default 'hand' check (method in ('hand', 'scan', 'rfid'));
alter table count_line add column first_counted numeric;
alter table count_line add column unit_cost numeric;
alter table count_line add column value_difference numeric;
alter table count_line add column approved_by text;
create index count_line_item on count_line (item_id, location_id);

-- Seals: the roots of the tree over all movements, one leaf a sealed stretch (`warehouse.merkle`).
create table ledger_seal (
    size         bigint primary key check (size > 0),  -- how many stretches, this one included
    first_seq    bigint not null,
    last_tx      xid8 not null,
    last_seq     bigint not null,
    moves        bigint not null check (moves > 0),
    root         bytea not null check (octet_length(root) = 32),   -- over the stretch's movements, in (tx, seq) order
    head         bytea not null check (octet_length(head) = 32),   -- over the roots of all stretches up to this one
    sealed_at    timestamptz not null default now()
);

do $$
declare name text;
begin
    foreach name in array array['value_entry', 'stock_snapshot', 'ledger_seal'] loop
        execute format('create trigger %I before update or delete on %I for each row execute function refuse_change()',
                       name || '_no_change', name);
        execute format('create trigger %I before truncate on %I for each statement execute function refuse_change()',
                       name || '_no_truncate', name);
        if exists (select from pg_roles where rolname = 'tagledger_service') then
            execute format('revoke update, delete on %I from tagledger_service', name);
        end if;
    end loop;
end $$;
