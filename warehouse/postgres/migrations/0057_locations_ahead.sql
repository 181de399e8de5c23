-- Where a tag was seen by a clock that is ahead: dated when it was first told (`warehouse/postgres/loads/locations.py`).
-- What its clock said is kept; the same update told again, when that time has come, is the same update.
create table location_ahead (
    update_id    uuid primary key,
    at           timestamptz not null,
    said_at      timestamptz not null check (said_at > at)
);

-- By which clock the place of now was told, where that was ahead: of two dated the same, the one said to be later wins.
alter table tag_location add column said_at timestamptz;
-- Until now such a place stood against everything that was seen before its time.
update tag_location set said_at = at, at = now() where at > now();
