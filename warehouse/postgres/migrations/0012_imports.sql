-- Tables from outside: files, the jobs that work on them, what an import found, changed and made.

-- Files people sent or asked for, in parts so that no statement carries a whole one.
create table stored_file (
    file_id      uuid primary key,
    name         text not null,
    media_type   text not null,
    bytes        bigint not null default 0,
    digest       text not null default '',        -- SHA-256 of the whole; empty while it is still arriving
    created_by   text not null,
    created_at   timestamptz not null default now(),
    expires_at   timestamptz not null
);
create index on stored_file (expires_at);

create table stored_file_part (
    file_id      uuid not null references stored_file on delete cascade,
    part_no      integer not null,
    body         bytea not null,
    primary key (file_id, part_no)
);
alter table stored_file_part alter column body set storage external;

-- Long work, done by whoever runs the housekeeping. Its effects and its end are one transaction; a job whose worker died
-- is taken again, `attempts` times at most.
create table job (
    job_id       uuid primary key,
    kind         text not null,
    subject      text not null default '',
    request      jsonb not null default '{}',
    actor        text not null,
    state        text not null default 'queued' check (state in ('queued', 'running', 'done', 'failed')),
    step         text not null default '',
    done         bigint not null default 0,
    total        bigint not null default 0,        -- 0: not known yet
    attempts     integer not null default 0,
    error        text not null default '',
    result       jsonb not null default '{}',
    created_at   timestamptz not null default now(),
    started_at   timestamptz,
    ended_at     timestamptz
);
create index on job (created_at) where state in ('queued', 'running');
create index on job (created_at desc, job_id desc);

create table import_run (
    run_id       uuid primary key,
    template     text not null,
    file_id      uuid,                             -- null once the file was removed
    file_name    text not null,
    digest       text not null,                    -- SHA-256 of the file
    options      jsonb not null default '{}',
    actor        text not null,
    state        text not null default 'received' check (state in
                 ('received', 'checked', 'refused', 'applied', 'undone', 'signed_off')),
    job_id       uuid references job,              -- its last job
    rows         bigint not null default 0,
    problems     bigint not null default 0,
    warnings     bigint not null default 0,
    summary      jsonb not null default '{}',
    created_at   timestamptz not null default now(),
    applied_at   timestamptz,
    undone_at    timestamptz,
    undone_by    text,
    signed_off_at timestamptz,
    signed_off_by text
);
create index on import_run (created_at desc, run_id desc);
-- The same file is in the books once.
create unique index import_run_applied_once on import_run (template, digest) where state in ('applied', 'signed_off');

create table import_problem (
    run_id       uuid not null references import_run on delete cascade,
    n            integer not null,
    row_no       bigint not null,                  -- as a spreadsheet shows it; 0: the whole file
    column_name  text not null default '',
    severity     text not null check (severity in ('error', 'warning')),
    code         text not null,
    value        text not null default '',
    message      text not null,
    fix          text not null default '',
    primary key (run_id, n)
);

create table import_change (
    run_id       uuid not null references import_run on delete cascade,
    n            integer not null,
    row_no       bigint not null,
    column_name  text not null,
    kind         text not null,
    before       text not null,
    after        text not null,
    primary key (run_id, n)
);

-- What a run made, for its undoing: the key of each thing, or the range of movements (`from-to` of seq).
create table import_effect (
    run_id       uuid not null references import_run on delete cascade,
    entity       text not null,
    key          text not null,
    row_no       bigint not null default 0,
    primary key (run_id, entity, key)
);

-- Per item what the file says, in the item's unit: one side of the reconciliation, the ledger is the other.
create table import_total (
    run_id       uuid not null references import_run on delete cascade,
    item_id      bigint not null references item,
    rows         bigint not null,
    quantity     numeric not null,
    primary key (run_id, item_id)
);
