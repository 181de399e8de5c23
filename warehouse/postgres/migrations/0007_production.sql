-- Receipts with their sources, lot numbers, inspection plans; bills of material and work orders; removal rules and
-- pick lists; conversions of stock (lots split and merged, goods repacked).

-- Documents and their sources ----------------------------------------------------------------------------------------
-- A `plan` is ordered and never posted itself: other documents' lines name its lines as their source.
alter table document_kind drop constraint document_kind_direction_check;
alter table document_kind add check (direction in ('in', 'out', 'internal', 'plan'));
insert into document_kind (kind, direction, counterpart) values
    ('purchase_order', 'plan', 'SUPPLIER'), ('stocktake_surplus', 'in', 'COUNT-LOSS');

alter table document add column backorder_of bigint references document;
alter table document add column removal text;              -- how stock is chosen for it; null: by rule
alter table document_line add column source_line_id bigint references document_line;
alter table document_line add column substitutes_line_id bigint references document_line;
alter table document_line add column supplier_lot text not null default '';
alter table document_line add column expires_on date;
create index on document_line (source_line_id) where source_line_id is not null;

-- What a line still takes: its own quantity with tolerance, and no more than its source has left. A source that is a
-- plan gives what was ordered with its tolerance; any other (a return names what went out) gives what was moved on it.
create function source_room(bigint) returns numeric language sql stable as $$
    select greatest(0, case k.direction when 'plan' then s.quantity * (1 + e.over_percent / 100) else s.fulfilled end
                       - (select coalesce(sum(x.fulfilled), 0) from document_line x where x.source_line_id = s.line_id))
    from document_line s join document e using (document_id) join document_kind k on k.kind = e.kind
    where s.line_id = $1
$$;
create function line_room(bigint) returns numeric language sql stable as $$
    select greatest(0, least(l.quantity * (1 + d.over_percent / 100) - l.fulfilled, source_room(l.source_line_id)))
    from document_line l join document d using (document_id) where l.line_id = $1
$$;

-- Lot numbers --------------------------------------------------------------------------------------------------------
alter table lot add column receipt_line_id bigint references document_line;

-- One row an item, a category, or (both null) everything else.
create table lot_pattern (
    item_id      bigint references item,
    category     text,
    pattern      text not null check (pattern <> ''),
    time_zone    text not null default 'UTC',
    check (item_id is null or category is null),
    unique nulls not distinct (item_id, category)
);
-- The last number given under what a pattern renders to without its sequence.
create table lot_sequence (
    prefix       text primary key,
    last         bigint not null
);

-- Inspection ---------------------------------------------------------------------------------------------------------
create table inspection_plan (
    item_id      bigint references item,
    category     text,
    mode         text not null check (mode in ('none', 'all', 'sample')),
    level        text not null default 'II' check (level in ('S-1', 'S-2', 'S-3', 'S-4', 'I', 'II', 'III')),
    aql          numeric not null default 1.0,
    characteristics jsonb not null default '[]',
    check ((item_id is null) <> (category is null)),
    unique nulls not distinct (item_id, category)
);
alter table inspection add column sampled numeric;
alter table inspection add column defects numeric;

-- Production ---------------------------------------------------------------------------------------------------------
create table bom (
    bom_id       bigint generated always as identity primary key,
    item_id      bigint not null references item,
    version      text not null check (version <> ''),
    phantom      boolean not null default false,  -- never stocked: an order takes its components instead
    output_quantity numeric not null default 1 check (output_quantity > 0),
    effective_from date,
    effective_to date check (effective_to >= effective_from),
    retired_at   timestamptz,
    created_by   text not null,
    created_at   timestamptz not null default now(),
    unique (item_id, version)
);
create table bom_line (
    bom_id       bigint not null references bom,
    line_no      integer not null check (line_no > 0),
    item_id      bigint not null references item,
    quantity     numeric not null check (quantity > 0),
    scrap_percent numeric not null default 0 check (scrap_percent >= 0),
    primary key (bom_id, line_no)
);
create index on bom_line (item_id);
create table bom_substitute (
    bom_id       bigint not null,
    line_no      integer not null,
    priority     integer not null check (priority > 0),
    item_id      bigint not null references item,
    ratio_num    bigint not null default 1 check (ratio_num > 0),  -- of it for one of the component: num / den
    ratio_den    bigint not null default 1 check (ratio_den > 0),
    primary key (bom_id, line_no, priority),
    foreign key (bom_id, line_no) references bom_line
);

-- A work order is two documents: its components go out on one, its output comes in on the other.
create table work_order (
    work_order_id bigint generated always as identity primary key,
    number       text not null unique check (number <> ''),
    item_id      bigint not null references item,
    bom_id       bigint not null references bom,
    quantity     numeric not null check (quantity > 0),
    issue_document_id bigint not null unique references document,
    output_document_id bigint not null unique references document,
    created_by   text not null,
    created_at   timestamptz not null default now()
);
-- Which component of the bill a line of its issue answers to.
alter table document_line add column bom_line_no integer;

-- Removal and picking ------------------------------------------------------------------------------------------------
-- The most particular rule counts: item before category before neither, and with its kind of document before without.
create table removal_rule (
    item_id      bigint references item,
    category     text,
    kind         text references document_kind,
    removal      text not null,
    remaining_days_min integer not null default 0 check (remaining_days_min >= 0),
    single_lot   boolean not null default false,
    check (item_id is null or category is null),
    unique nulls not distinct (item_id, category, kind)
);

create table pick_list (
    pick_list_id bigint generated always as identity primary key,
    number       text not null unique check (number <> ''),
    assignee     text not null default '',
    stage_id     integer references location,  -- where picked goods are put; null: they are issued at once
    cancelled_at timestamptz,
    created_by   text not null,
    created_at   timestamptz not null default now()
);
-- What a line has picked and what is open follow from its reservation, whoever used it: a handheld or a portal.
create table pick_line (
    pick_list_id bigint not null references pick_list,
    line_no      integer not null check (line_no > 0),
    reservation_id uuid not null unique references reservation,
    quantity     numeric not null check (quantity > 0),
    short        numeric not null default 0 check (short >= 0),
    reason       text not null default '',
    primary key (pick_list_id, line_no)
);

-- Conversions --------------------------------------------------------------------------------------------------------
-- Lots split or merged, goods repacked: out of stock into this place and back, all in one request.
insert into location (code, name, kind) values ('CONVERSION', 'Split, merged and repacked', 'production');
create index move_conversion on move (request_id) where kind = 'conversion';

-- Whether receipts of an item go to inspection: by its own plan, its category's, or else as the item says.
create function inspected(bigint) returns boolean language sql stable as $$
    select coalesce((select p.mode <> 'none' from inspection_plan p
                     where p.item_id = i.item_id or p.category = i.category order by p.item_id nulls last limit 1),
                    i.inspect)
    from item i where i.item_id = $1
$$;
