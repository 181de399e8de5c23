-- Alerts beside those about stock, who is told of them how, and stable views for reporting tools.

-- Devices, doors and counts; one open alert a matter, as for stock (0008).
create table site_alert (
    alert_id     uuid primary key,
    kind         text not null check (kind in ('unexpected_exit', 'count_variance', 'device_down', 'data_gap')),
    subject      text not null,
    detail       text not null,
    departments  text[] not null,
    raised_at    timestamptz not null,
    cleared_at   timestamptz
);
create unique index site_alert_one_open on site_alert (kind, subject) where cleared_at is null;
create index on site_alert (raised_at);
insert into alert_route values
    ('unexpected_exit', '{security,warehouse}'), ('count_variance', '{finance,warehouse}'),
    ('device_down', '{it,warehouse}'), ('data_gap', '{it}')
    on conflict (kind) do nothing;

create view every_alert as
    select a.alert_id, a.kind, i.code || coalesce(' lot ' || lo.code, '') || coalesce(' at ' || l.code, '') as subject,
           a.detail, a.departments, a.raised_at, a.cleared_at
    from stock_alert a join item i using (item_id) left join lot lo on lo.lot_id = a.lot_id
    left join location l on l.location_id = a.location_id
    union all
    select alert_id, kind, subject, detail, departments, raised_at, cleared_at from site_alert;

create table alert_acknowledgement (
    alert_id     uuid primary key,
    acknowledged_by text not null,
    acknowledged_at timestamptz not null default now(),
    note         text not null default ''
);

-- A way to tell people: which alerts (empty: all), to whom, and when not. Kinds in `urgent` know no quiet hours.
create table alert_channel (
    name         text primary key check (name <> ''),
    departments  text[] not null default '{}',
    kinds        text[] not null default '{}',
    mail_to      text[] not null,
    quiet_from   time,
    quiet_to     time,
    timezone     text not null default 'UTC',
    urgent       text[] not null default '{}',
    active       boolean not null default true,
    check ((quiet_from is null) = (quiet_to is null))
);

-- One row an alert and channel, so that nobody is told twice.
create table alert_notice (
    alert_id     uuid not null,
    channel      text not null references alert_channel,
    state        text not null default 'pending' check (state in ('pending', 'sent', 'skipped', 'failed')),
    attempts     integer not null default 0,
    next_at      timestamptz not null default now(),
    error        text not null default '',
    ended_at     timestamptz,
    primary key (alert_id, channel)
);
create index on alert_notice (next_at) where state = 'pending';

-- Views for reporting tools: a star, its columns only ever added to. Dimensions have the key that facts name.
create schema bi;
create view bi.dim_item as
    select i.item_id, i.code as item, i.name, i.gtin, i.unit, i.tracking, i.category, k.name as category_name, i.active,
           i.weight_kg, i.volume_m3 from item i left join category k on k.code = i.category;
create view bi.dim_location as
    with recursive tree as (
        select location_id, code, code as path, null::text as parent, case when level = 'warehouse' then code end as house,
               case when level = 'zone' then code end as zone, 0 as depth
        from location where parent_id is null
        union all
        select l.location_id, l.code, t.path || '/' || l.code, t.code,
               case when l.level = 'warehouse' then l.code else t.house end,
               case when l.level = 'zone' then l.code else t.zone end, t.depth + 1
        from location l join tree t on l.parent_id = t.location_id where t.depth < 10)
    select t.location_id, l.code as location, l.name, l.kind, l.level, t.parent, t.house as warehouse, t.zone, t.path,
           l.closed from tree t join location l using (location_id);
create view bi.dim_lot as
    select lot_id, item_id, code as lot, supplier_lot, expires_on, blocked from lot;
create view bi.dim_partner as select code as partner, name, kind, active from partner;
create view bi.dim_document as
    select d.document_id, d.kind, k.direction, d.number, d.partner, d.status, d.expected_at, d.created_by, d.created_at,
           d.closed_at from document d join document_kind k using (kind);
create view bi.dim_day as
    select d::date as day, extract(isoyear from d)::int as iso_year, extract(week from d)::int as iso_week,
           extract(year from d)::int as year, extract(quarter from d)::int as quarter, extract(month from d)::int as month,
           extract(isodow from d)::int as weekday
    from generate_series((select coalesce(min(effective_at), now()) from move)::date, now()::date + 1, interval '1 day') d;
-- One row a movement; value where it crossed the edge of our stock and is valued.
create view bi.fact_movement as
    select m.seq, m.move_id, m.effective_at, m.effective_at::date as day, m.recorded_at, m.kind, m.item_id, m.lot_id,
           m.from_location_id, m.to_location_id, x.document_id, x.line_no, m.quantity, v.amount as value, m.owner,
           m.from_status, m.to_status, m.actor, m.device, m.passage_id, m.reverses is not null as is_reversal,
           exists (select from move r where r.reverses = m.seq) as is_reversed
    from move m left join document_line x on x.line_id = m.line_id left join value_entry v on v.seq = m.seq;
create view bi.fact_stock as
    select b.item_id, b.lot_id, b.location_id, b.owner, b.status, b.on_hand, b.reserved, b.on_hand - b.reserved as free,
           b.first_in_at from balance b;
-- Stock at the end of each closed day.
create view bi.fact_stock_day as
    select day, item_id, lot_id, location_id, owner, status, sum(on_hand) as on_hand from stock_snapshot
    group by 1, 2, 3, 4, 5, 6;
create view bi.fact_count as
    select s.number as count, s.status as count_status, c.line_no, c.item_id, c.lot_id, c.location_id, c.expected,
           c.first_counted, c.counted, c.difference, c.unit_cost, c.value_difference, c.method, c.counted_by, c.counted_at,
           s.posted_at from count_line c join count_sheet s using (count_id);
create view bi.fact_passage as
    select p.passage_id, p.revision, p.portal, p.opened_at, p.closed_at, p.closed_at::date as day, p.direction,
           p.direction_score, p.belongs, p.unsure, p.strays from passage_latest p;
create view bi.fact_discrepancy as
    select seq, discrepancy_id, kind, portal, document_id, item_id, quantity, state, at, at::date as day, created_at,
           resolved_at, resolved_by from discrepancy;
create view bi.fact_alert as
    select e.alert_id, e.kind, e.subject, e.departments, e.raised_at, e.raised_at::date as day, e.cleared_at,
           k.acknowledged_at, k.acknowledged_by from every_alert e left join alert_acknowledgement k using (alert_id);

-- Reads these views and nothing else; a person or tool gets a login that is a member of it.
do $$
begin
    if not exists (select from pg_roles where rolname = 'tagledger_bi') then
        create role tagledger_bi nologin;
    end if;
exception
    when insufficient_privilege then raise notice 'no right to create role tagledger_bi';
    when duplicate_object or unique_violation then null;  -- another database of this server is migrated right now
end $$;
do $$
begin
    if exists (select from pg_roles where rolname = 'tagledger_bi') then
        grant usage on schema bi to tagledger_bi;
        grant select on all tables in schema bi to tagledger_bi;
    end if;
end $$;
