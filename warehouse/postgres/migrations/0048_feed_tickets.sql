-- What opens the live feed once, for a browser's EventSource, which cannot send a header. Of a key or of a session; only
-- the digest is here. Gone when used, and swept when the next is made.
create table feed_ticket (
    digest     bytea primary key,
    key_id     text,
    session_id uuid,
    expires_at timestamptz not null,
    check ((key_id is null) <> (session_id is null))
);
create index on feed_ticket (expires_at);
