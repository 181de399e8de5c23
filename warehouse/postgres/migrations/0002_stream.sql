-- What the stream stores: its log, what it decided, and where it stood. One transaction per processed chunk writes all
-- of it together with the warehouse's part, so the log and its results never differ.
--
-- `at` columns are reader time unless said otherwise. `seq` of the log is its order; `tx` with a table's own `seq`
-- makes the feed cursor (readers stay below pg_snapshot_xmin, because seq is not commit order).

-- The log: every input in the order it was processed. Sightings are packed, one row a batch (`stream.batch_codec`).
-- kind: 1 edge batch, 2 source left out, 3 expectation, 4 dead letter given again (`stream.log`).
create table stream_log (
    at          timestamptz not null,                 -- the batch's watermark; the time of the entry for other kinds
    consumer    text        not null,
    seq         bigint      not null,
    kind        smallint    not null,
    agent       text        not null default '',
    epoch       text        not null default '',
    counter     bigint      not null default 0,
    sightings   integer     not null default 0,
    late        boolean     not null default false,
    recorded_at timestamptz not null default clock_timestamp(),
    body        bytea       not null
);
create index stream_log_seq on stream_log (consumer, seq);
alter table stream_log alter column body set storage external;  -- columns of floats: compressing them costs more than it saves

-- Where a consumer stands: `seq` is the last log entry processed, and fences a second host of the same name.
create table stream_head (
    consumer     text primary key,
    seq          bigint      not null default 0,
    snapshot_seq bigint      not null default 0,
    updated_at   timestamptz not null default now()
);

-- Inputs already posted: one high-water mark per agent and epoch; `lost` are the ranges below it that never came.
create table stream_inbox (
    consumer     text        not null,
    agent        text        not null,
    epoch        text        not null,
    counter      bigint      not null,
    lost         int8multirange not null default '{}',
    watermark_us bigint      not null,
    updated_at   timestamptz not null default now(),
    primary key (consumer, agent, epoch)
);

-- Kafka positions, advanced in the transaction of their outputs; the row lock fences a worker that lost its partition.
create table stream_position (
    consumer_group text   not null,
    topic          text   not null,
    topic_epoch    text   not null,
    partition      integer not null,
    next_offset    bigint not null,
    updated_at     timestamptz not null default now(),
    primary key (consumer_group, topic, topic_epoch, partition)
);

-- Operator state as of log entry `seq`, one row a key; only what changed is written again.
create table operator_state (
    consumer text   not null,
    node     text   not null,
    key      text   not null,
    seq      bigint not null,
    body     bytea  not null,
    primary key (consumer, node, key)
);

create table passage (
    passage_id      uuid        not null,
    revision        integer     not null,
    portal          text        not null,
    opened_at       timestamptz not null,
    closed_at       timestamptz not null,
    direction       text        not null check (direction in ('in', 'out', 'unsure')),
    direction_score double precision not null,
    belongs         integer     not null,
    unsure          integer     not null,
    strays          integer     not null,
    evidence        bytea,                            -- packed sightings (`stream.batch_codec.decode_sightings`)
    recorded_at     timestamptz not null default now(),
    seq             bigint generated always as identity,
    tx              xid8        not null default pg_current_xact_id(),
    primary key (passage_id, revision)
);
create index passage_portal_closed on passage (portal, closed_at desc);
create index passage_closed on passage (closed_at desc);
create index passage_feed on passage (tx, seq);

create table passage_tag (
    passage_id uuid     not null,
    revision   integer  not null,
    epc        text     not null,
    verdict    text     not null check (verdict in ('belongs', 'stray', 'unsure')),
    score      double precision not null,
    first_at   timestamptz not null,
    last_at    timestamptz not null,
    reads      integer  not null,
    features   jsonb    not null default '{}',
    primary key (passage_id, revision, epc),
    foreign key (passage_id, revision) references passage (passage_id, revision) on delete cascade
);
create index passage_tag_epc on passage_tag (epc, first_at desc);

create view passage_latest as
select distinct on (passage_id) * from passage order by passage_id, revision desc;

create table signal (
    at          timestamptz not null,
    portal      text        not null,
    colour      text        not null check (colour in ('off', 'green', 'amber', 'red')),
    reason      text        not null,
    valid_until timestamptz not null,
    passage_id  uuid,
    expected    integer     not null,
    seen        integer     not null,
    missing     text[]      not null,
    extra       text[]      not null,
    recorded_at timestamptz not null default now(),
    seq         bigint generated always as identity,
    tx          xid8        not null default pg_current_xact_id()
);
create index signal_portal_at on signal (portal, at desc);
create index signal_feed on signal (tx, seq);

create table device_event (
    at          timestamptz not null,
    agent       text        not null,
    device      text        not null,
    kind        text        not null,
    port        integer,
    state       boolean,
    value       double precision,
    detail      text        not null default '',
    recorded_at timestamptz not null default now()
);
create index device_event_device_at on device_event (device, at desc);

create table data_gap (
    gap_id      uuid primary key,
    agent       text        not null,
    epoch       text        not null,
    first       bigint      not null,
    last        bigint      not null,
    filled      bigint      not null default 0,        -- how many of them came after all
    recorded_at timestamptz not null default now()
);
create index data_gap_agent on data_gap (agent, recorded_at desc);

-- What the stream could not process, kept exactly as it came.
-- kind: batch_bytes, place_slice, tag_report, operator_state, posting, location.
create table dead_letter (
    dead_letter_id uuid primary key,
    kind           text        not null,
    source         text        not null,               -- where it came from: topic, or agent/epoch/counter
    key            text        not null default '',    -- the place, tag or passage it was for
    reason         text        not null,
    body           bytea       not null,
    status         text        not null default 'open' check (status in ('open', 'replay', 'replayed', 'dropped')),
    note           text        not null default '',
    actor          text        not null default '',
    recorded_at    timestamptz not null default now(),
    decided_at     timestamptz
);
create index dead_letter_status on dead_letter (status, recorded_at);

-- Decisions of the stream about its own input, for people: sources left out, antennas nobody configured.
create table stream_note (
    at          timestamptz not null,
    kind        text        not null,                  -- source_left_out, unknown_antenna, epoch_begun
    agent       text        not null,
    detail      text        not null,
    count       bigint      not null default 1,
    recorded_at timestamptz not null default now()
);
create index stream_note_recorded on stream_note (recorded_at desc);

-- Hypertables where the extension is; the same tables otherwise. An extension that is installed on the machine but not
-- loaded by the server cannot be created: then the tables stay plain.
do $$
begin
    if exists (select from pg_available_extensions where name = 'timescaledb') then
        begin
            create extension if not exists timescaledb;
        exception when others then
            raise notice 'timescaledb is not usable here: %', sqlerrm;
        end;
    end if;
    if exists (select from pg_extension where extname = 'timescaledb') then
        perform create_hypertable('stream_log', by_range('at', interval '1 day'));
        perform create_hypertable('signal', by_range('at', interval '30 days'));
        perform create_hypertable('device_event', by_range('at', interval '7 days'));
    end if;
end
$$;
