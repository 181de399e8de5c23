-- Snapshots of stock at closed days and what keeps them true; an index that pages an item's balances.

-- Removal rules (0007) say how much shelf life an issue needs: one place for it.
alter table item drop column usable_days_min;
alter table category drop column usable_days_min;

-- An item's balances in the order of pages.
create index balance_item_page on balance (item_id, balance_id);

-- Closed days whose stock is in stock_snapshot, complete.
create table snapshot_day (
    day          date primary key,
    balances     bigint not null,
    taken_at     timestamptz not null default now()
);
create trigger snapshot_day_no_change before update or delete on snapshot_day for each row execute function refuse_change();
create trigger snapshot_day_no_truncate before truncate on snapshot_day for each statement execute function refuse_change();

-- A posting reads which days are closed before it writes. One that was under way while a day was closed would still
-- write into it; it is told to start again, and then the rules refuse it. Closing waits for those that have written.
create function refuse_closed_day() returns trigger language plpgsql as $$
begin
    if exists (select from period_close where closed_through >= (new.effective_at at time zone 'utc')::date) then
        raise exception '% was closed meanwhile', (new.effective_at at time zone 'utc')::date
            using errcode = 'serialization_failure';
    end if;
    return new;
end $$;
create trigger move_not_in_closed_day before insert on move for each row
    when ((new.effective_at at time zone 'utc')::date < (clock_timestamp() at time zone 'utc')::date)
    execute function refuse_closed_day();
