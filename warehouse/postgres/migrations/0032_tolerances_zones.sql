-- How far a count of a place, with those inside it, may differ where the count itself does not say. The nearest counts.
create table count_tolerance (
    location_id  integer primary key references location,
    percent      numeric not null default 0 check (percent >= 0),
    quantity     numeric not null default 0 check (quantity >= 0),
    value        numeric check (value >= 0)
);

-- A count that names no tolerance has those of its places; each line keeps what held when it was counted.
alter table count_sheet alter column tolerance_percent drop not null, alter column tolerance_percent drop default,
    alter column tolerance_quantity drop not null, alter column tolerance_quantity drop default;
alter table count_line add column tolerance_percent numeric, add column tolerance_quantity numeric,
    add column tolerance_value numeric;
update count_line l set tolerance_percent = s.tolerance_percent, tolerance_quantity = s.tolerance_quantity,
    tolerance_value = s.tolerance_value from count_sheet s where s.count_id = l.count_id and l.counted is not null;

-- Zones that a rule takes from, in order: [{"zone": id of the place, "taking": how, "package": size}, …]; empty: any.
alter table removal_rule add column zones jsonb not null default '[]';
