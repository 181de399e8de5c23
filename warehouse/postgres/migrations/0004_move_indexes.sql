-- Pages of movements go by seq: each filter that can match many rows has an index that ends in it.
create index move_item_seq on move (item_id, seq);
create index move_from_seq on move (from_location_id, seq);
create index move_to_seq on move (to_location_id, seq);
create index move_effective_at on move (effective_at);

-- Location history as a hypertable where the extension is. It has no rows that a running trigger would refuse to move:
-- the trigger goes and comes back.
do $$
begin
    if exists (select from pg_extension where extname = 'timescaledb') then
        drop trigger location_history_no_change on location_history;
        drop trigger location_history_no_truncate on location_history;
        perform create_hypertable('location_history', by_range('at', interval '7 days'), migrate_data => true);
        create trigger location_history_no_change before update or delete on location_history
            for each row execute function refuse_change();
        create trigger location_history_no_truncate before truncate on location_history
            for each statement execute function refuse_change();
    end if;
end $$;
