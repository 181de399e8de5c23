-- Reading within warehouses (`control.reading`): which place lies in which, doors and zones of the site file as places.

-- Every place with the warehouses and sites it is in, itself included. Kept by the trigger below.
create table location_within (
    location_id  integer not null references location on delete cascade,
    warehouse_id integer not null references location on delete cascade,
    primary key (location_id, warehouse_id)
);
create index on location_within (warehouse_id);

create function location_within_kept() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' then  -- nothing is in it yet
        insert into location_within
        select new.location_id, warehouse_id from location_within where location_id = new.parent_id
        union select new.location_id, new.location_id where new.level in ('site', 'warehouse');
        return null;
    end if;
    delete from location_within where location_id in (
        with recursive down (location_id, depth) as (
            select new.location_id, 0
            union all select l.location_id, d.depth + 1 from location l join down d on l.parent_id = d.location_id
            where d.depth < 10)
        select location_id from down);
    insert into location_within
    with recursive down (location_id, depth) as (
        select new.location_id, 0
        union all select l.location_id, d.depth + 1 from location l join down d on l.parent_id = d.location_id
        where d.depth < 10),
    up (location_id, at_id, depth) as (
        select location_id, location_id, 0 from down
        union select u.location_id, l.parent_id, u.depth + 1 from up u join location l on l.location_id = u.at_id
        where l.parent_id is not null and u.depth < 10)
    select distinct u.location_id, u.at_id from up u join location l on l.location_id = u.at_id
    where l.level in ('site', 'warehouse');
    return null;
end $$;
create trigger location_within_made after insert on location for each row execute function location_within_kept();
create trigger location_within_changed after update of parent_id, level on location for each row
    when (old.parent_id is distinct from new.parent_id or old.level <> new.level)
    execute function location_within_kept();

insert into location_within
with recursive up (location_id, at_id, depth) as (
    select location_id, location_id, 0 from location
    union select u.location_id, l.parent_id, u.depth + 1 from up u join location l on l.location_id = u.at_id
    where l.parent_id is not null and u.depth < 10)
select distinct u.location_id, u.at_id from up u join location l on l.location_id = u.at_id
where l.level in ('site', 'warehouse');

-- Places that lists show. Whoever may read everything sees all of them.
create view location_shown as select location_id from location;

-- Where the site file says doors and zones are; written at every start.
alter table portal add column inside_id integer references location;
alter table portal add column outside_id integer references location;
create table zone (
    name         text primary key check (name <> ''),
    location_id  integer not null references location
);
