-- Counting with a snapshot, transfers through the transit place, approval of documents.

-- What a movement does for its document line: fulfil it, or (transfers) ship it. A reversal takes back the same.
alter table move add column line_role text not null default 'fulfil' check (line_role in ('fulfil', 'ship'));
alter table document_line add column shipped numeric not null default 0 check (shipped >= 0);
alter table document add column approved_by text;
alter table document_kind add column needs_approval boolean not null default false;

create table count_sheet (
    count_id     bigint generated always as identity primary key,
    number       text not null unique check (number <> ''),
    status       text not null default 'counting' check (status in ('counting', 'counted', 'posted', 'cancelled')),
    blind        boolean not null default true,
    tolerance_percent numeric not null default 0 check (tolerance_percent >= 0),
    tolerance_quantity numeric not null default 0 check (tolerance_quantity >= 0),
    created_by   text not null,
    created_at   timestamptz not null default now(),
    posted_by    text,
    posted_at    timestamptz
);

-- expected and snapshot_seq are the book's at the moment the line was (re)counted; before that, when the sheet was made.
create table count_line (
    count_id     bigint not null references count_sheet,
    line_no      integer not null,
    item_id      bigint not null references item,
    lot_id       bigint,
    serial_id    bigint,
    location_id  integer not null references location,
    hu_id        bigint references handling_unit,
    owner        text not null default '',
    status       text not null default 'available',
    expected     numeric not null,
    snapshot_seq bigint not null,
    counted      numeric check (counted >= 0),
    counted_by   text,
    counted_at   timestamptz,
    counts       integer not null default 0,
    reason       text not null default '',
    difference   numeric,                        -- what was posted
    primary key (count_id, line_no),
    unique nulls not distinct (count_id, item_id, lot_id, serial_id, location_id, hu_id, owner, status)
);


