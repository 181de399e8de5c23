-- Transport tasks, the history of each, and what decides where goods are put.

-- A vehicle is a place: what it carries is there.
alter table location drop constraint location_level_check;
alter table location add constraint location_level_check
    check (level in ('site', 'warehouse', 'zone', 'bin', 'vehicle'));

-- Places that goods are put away into, with what they take. Null: no such limit.
create table storage_place (
    location_id     integer primary key references location,
    units_max       integer check (units_max > 0),         -- handling units
    capacity        numeric check (capacity > 0),          -- base units of whatever stands there
    weight_max_kg   numeric check (weight_max_kg > 0),
    volume_max_m3   numeric check (volume_max_m3 > 0),
    only_when_empty boolean not null default false,
    single_item     boolean not null default false
);

-- Which goods are put where. Null or empty: any. The rule of the smallest priority is tried first.
create table putaway_rule (
    name           text primary key check (name <> ''),
    priority       integer not null default 0,
    item_id        bigint references item,
    category       text not null default '',
    unit_kind      text not null default '' check (unit_kind in ('', 'pallet', 'carton', 'tote', 'other')),
    from_id        integer references location,            -- received there, or in a place inside it
    target_id      integer not null references location,   -- the storage places in it, itself included
    task_priority  integer not null default 0,             -- of the tasks it makes; greater is more urgent
    within_minutes integer check (within_minutes > 0),     -- deadline of the tasks it makes
    enabled        boolean not null default true
);
create index on putaway_rule (target_id);

-- How far it is over the site's roads from where goods are handed over (a portal or a location, by name) to a place.
-- Written from the site file at every start; nothing else depends on it.
create table road_distance (
    pickup      text not null,
    location_id integer not null references location,
    metres      double precision not null check (metres >= 0),
    primary key (pickup, location_id)
);

create table task (
    task_id      uuid primary key,
    seq          bigint generated always as identity unique,
    kind         text not null check (kind in ('putaway', 'move')),
    state        text not null default 'open'
                 check (state in ('open', 'assigned', 'in_progress', 'done', 'failed', 'cancelled')),
    priority     integer not null default 0,               -- greater is more urgent
    deadline     timestamptz,
    hu_id        bigint not null references handling_unit,
    pickup       text not null,                            -- where it is handed over: the portal, or the source's code
    source_id    integer not null references location,
    target_id    integer references location,              -- null: no place takes it
    rule         text not null default '',
    -- What it will take up at its target, which is kept for it until it ends.
    quantity     numeric not null default 0,
    weight_kg    numeric not null default 0,
    volume_m3    numeric not null default 0,
    items        bigint[] not null default '{}',
    owner        text not null default '',                 -- the person or vehicle that has it
    claimed_by   text not null default '',                 -- who asked for it: only they may report on it
    attempt      integer not null default 0,               -- claims so far
    failures     integer not null default 0,
    beat         integer not null default 0,               -- events so far
    step         text not null default '' check (step in ('', 'accepted', 'picked')),
    carrier_id   integer references location,              -- the vehicle the load is on
    lost         boolean not null default false,           -- claimed, and nobody knows where its load is
    reason       text not null default '',                 -- why it failed last, or was cancelled
    detail       text not null default '',
    lease_s      integer not null default 0 check (lease_s >= 0),
    lease_until  timestamptz,                              -- claimed and silent beyond that: it lapses
    passage_id   uuid,
    created_by   text not null,
    created_at   timestamptz not null default now(),
    ended_at     timestamptz,
    check (state not in ('assigned', 'in_progress') or (owner <> '' and attempt > 0)),
    check (state not in ('open', 'assigned', 'in_progress') or target_id is not null)
);
create unique index task_one_live_a_unit on task (hu_id) where state in ('open', 'assigned', 'in_progress');
create index task_queue on task (priority desc, deadline, seq) where state = 'open';
create index task_target on task (target_id) where state in ('open', 'assigned', 'in_progress');
create index task_lease on task (lease_until) where state in ('assigned', 'in_progress') and lease_until is not null;
create index task_state on task (state, seq);
create index task_unit on task (hu_id, seq);

create table task_event (
    task_id      uuid not null references task,
    beat         integer not null,
    event        text not null,
    state        text not null,
    attempt      integer not null,
    owner        text not null default '',
    at           timestamptz not null,                     -- when it happened
    recorded_at  timestamptz not null default clock_timestamp(),
    actor        text not null,
    device       text not null default '',
    reason       text not null default '',
    detail       text not null default '',
    request_id   uuid,
    primary key (task_id, beat)
);

create trigger task_event_no_change before update or delete on task_event
    for each row execute function refuse_change();
create trigger task_event_no_truncate before truncate on task_event
    for each statement execute function refuse_change();
