-- Where a person last saw a handling unit, by its label or its tag. Tags have `tag_location`; a unit may have no tag.
create table unit_seen (
    hu_id        bigint primary key references handling_unit,
    location_id  integer not null references location,
    at           timestamptz not null,
    actor        text not null,
    device       text not null default '',
    request_id   uuid not null
);
create index on unit_seen (location_id, at desc);
