-- Doors of the site file, what people ordered them to show, and weighings with what the books expected.

create table portal (
    name text primary key check (name <> '')
);

-- What a person ordered a portal to show; the newest row of a portal holds until `until_at`. Insert-only.
create table signal_override (
    override_id uuid primary key,               -- the command's
    seq         bigint generated always as identity unique,
    portal      text not null references portal,
    colour      text check (colour in ('green', 'amber', 'red')),  -- null ends what was ordered before
    reason      text not null check (reason <> ''),
    ordered_by  text not null,
    device      text not null default '',
    at          timestamptz not null,
    until_at    timestamptz not null,
    check (until_at >= at)
);
create index on signal_override (portal, seq desc);

create trigger signal_override_no_change before update or delete on signal_override
    for each row execute function refuse_change();
create trigger signal_override_no_truncate before truncate on signal_override
    for each statement execute function refuse_change();

alter table handling_unit add column tare_kg numeric check (tare_kg >= 0);  -- empty pallet or tote

-- A load at rest on a scale. `outcome`: agrees or mismatch with what the books have on it; unknown when that cannot be
-- computed (an item without weight); untied when it is not known what stood there.
create table weighing (
    weighing_id  uuid primary key,
    seq          bigint generated always as identity unique,
    tx           xid8 not null default pg_current_xact_id(),
    scale        text not null,
    place        text not null,
    at           timestamptz not null,
    on_since     timestamptz not null,
    weight_kg    numeric not null,
    passage_id   uuid,
    hu_id        bigint references handling_unit,
    expected_kg  numeric,
    tolerance_kg numeric,
    outcome      text not null check (outcome in ('agrees', 'mismatch', 'unknown', 'untied')),
    detail       text not null default '',
    recorded_at  timestamptz not null default now()
);
create index on weighing (scale, at desc, seq desc);
create index on weighing (hu_id, at desc) where hu_id is not null;
create index on weighing (passage_id) where passage_id is not null;

do $$
begin
    if exists (select from pg_roles where rolname = 'tagledger_service') then
        revoke update, delete on signal_override from tagledger_service;
    end if;
end $$;
