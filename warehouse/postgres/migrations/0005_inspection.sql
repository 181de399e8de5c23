-- Decisions of quality inspection, with the result of each characteristic. Insert-only: a new decision is a new row.
create table inspection (
    inspection_id uuid primary key,
    item_id      bigint not null references item,
    lot_id       bigint,
    serial_id    bigint,
    quantity     numeric not null check (quantity > 0),
    decision     text not null check (decision in ('accept', 'deviation', 'reject')),
    results      jsonb not null default '[]',
    note         text not null default '',
    move_id      uuid not null references move (move_id),
    decided_by   text not null,
    decided_at   timestamptz not null default now(),
    foreign key (lot_id, item_id) references lot (lot_id, item_id)
);
create index on inspection (item_id, decided_at desc);
create index on inspection (lot_id) where lot_id is not null;

create trigger inspection_no_change before update or delete on inspection for each row execute function refuse_change();
create trigger inspection_no_truncate before truncate on inspection for each statement execute function refuse_change();
do $$
begin
    if exists (select from pg_roles where rolname = 'tagledger_service') then
        revoke update, delete on inspection from tagledger_service;
    end if;
end $$;
