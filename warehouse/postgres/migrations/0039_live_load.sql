-- What is in a door right now, for APIs in processes of their own: the newest revision of its newest load, provisional or
-- final, as the feed shows it. Overwritten several times a second and worth nothing after a crash, hence unlogged; truth is
-- in `passage`.
create unlogged table live_load (
    portal text primary key,
    passage_id uuid not null,
    revision int not null,
    final boolean not null,
    body jsonb not null,
    updated_at timestamptz not null default now()
) with (fillfactor = 40);
