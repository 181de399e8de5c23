-- Closing a day waits for postings that have written. The service's role may add to `move` and not lock it; this does
-- that one thing for it.
create function hold_movements() returns void language plpgsql security definer set search_path from current as $$
begin
    lock table move in share row exclusive mode;
end $$;
