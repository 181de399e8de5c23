-- A posting asks the database twice: once for the facts, under lock, and once to write. What lies between, the rules,
-- stays in one place (warehouse/ledger.py); what used to be a dozen statements each way is one call each.

-- One balance a key, found by index whatever is null in the key: `nulls not distinct` is unique, but `is not distinct
-- from` cannot use its index, so an item's every balance was read to find one.
do $$
declare found text;
begin
    select conname into found from pg_constraint
        where conrelid = 'balance'::regclass and contype = 'u' and cardinality(conkey) = 7;
    execute format('alter table balance drop constraint %I', found);
end $$;
create unique index balance_key on balance
    (item_id, location_id, status, coalesce(lot_id, 0), coalesce(serial_id, 0), coalesce(hu_id, 0), owner);

-- Balances by key, locked in the order given, which is the caller's lock order: the nested loop goes through the keys
-- as they come, and a subquery that locks is not pulled up.
create function lock_balances(keys jsonb)
    returns table (n bigint, balance_id bigint, on_hand numeric, reserved numeric,
                   first_in_at timestamptz, last_effective_at timestamptz)
    language plpgsql as $$
begin
    return query
        select k.n, b.balance_id, b.on_hand, b.reserved, b.first_in_at, b.last_effective_at
        from rows from (jsonb_to_recordset(keys) as (item_id bigint, lot_id bigint, serial_id bigint, location_id int,
                                                     hu_id bigint, owner text, status text)) with ordinality
             as k (item_id, lot_id, serial_id, location_id, hu_id, owner, status, n)
        cross join lateral (
            select f.balance_id, f.on_hand, f.reserved, f.first_in_at, f.last_effective_at from balance f
            where f.item_id = k.item_id and f.location_id = k.location_id and f.status = k.status
              and coalesce(f.lot_id, 0) = coalesce(k.lot_id, 0)
              and coalesce(f.serial_id, 0) = coalesce(k.serial_id, 0)
              and coalesce(f.hu_id, 0) = coalesce(k.hu_id, 0) and f.owner = k.owner
            for update) b;
end $$;

-- What the rules need to know about a posting. Locks document lines, their pending reservations, serials and balances,
-- in this order, each sorted. Quantities come as text: JSON numbers would be read as floats.
create function posting_facts(p jsonb) returns jsonb language plpgsql as $$
declare
    line_ids bigint[] := array(select jsonb_array_elements_text(p -> 'lines')::bigint);
    serial_ids bigint[] := array(select jsonb_array_elements_text(p -> 'serials')::bigint);
    facts jsonb := '{}';
    part jsonb;
begin
    if cardinality(line_ids) > 0 then
        perform from document_line where line_id = any (line_ids) order by line_id for update;
        select jsonb_agg(to_jsonb(r)) into part from (
            select line_id, reservation_id, quantity::text, item_id, lot_id, serial_id, location_id, hu_id, owner, status
            from reservation where line_id = any (line_ids) and state = 'pending'
            order by created_at, reservation_id for update) r;
        facts := jsonb_build_object('reservations', part);
    end if;
    if cardinality(serial_ids) > 0 then
        select jsonb_agg(jsonb_build_array(s.serial_id, s.item_id, s.lot_id)) into part from (
            select serial_id, item_id, lot_id from serial where serial_id = any (serial_ids)
            order by serial_id for update) s;
        facts := facts || jsonb_build_object('serials', part, 'standing', (
            select jsonb_agg(jsonb_build_array(b.item_id, b.lot_id, b.serial_id, b.location_id, b.hu_id, b.owner,
                                               b.status))
            from balance b where b.serial_id = any (serial_ids) and b.on_hand > 0));
    end if;
    select jsonb_agg(jsonb_build_array(b.n, b.balance_id, b.on_hand::text, b.reserved::text, b.first_in_at,
                                       b.last_effective_at)) into part
        from lock_balances(p -> 'keys') b;
    return facts || jsonb_build_object(
        'balances', part,
        'items', (select jsonb_agg(jsonb_build_array(item_id, tracking, decimals)) from item
                  where item_id = any (array(select jsonb_array_elements_text(p -> 'items')::bigint))),
        'lots', (select jsonb_agg(jsonb_build_array(lot_id, item_id, expires_on, blocked)) from lot
                 where lot_id = any (array(select jsonb_array_elements_text(p -> 'lots')::bigint))),
        'locations', (select jsonb_agg(jsonb_build_array(location_id, kind, closed)) from location
                      where location_id = any (array(select jsonb_array_elements_text(p -> 'locations')::int))),
        'reversed', (select jsonb_agg(reverses) from move
                     where reverses = any (array(select jsonb_array_elements_text(p -> 'reverses')::bigint))),
        'closed_through', (select max(closed_through) from period_close));
end $$;

-- Write a posting the rules allowed. The conditions are repeated in the UPDATE; `taken` tells how many balances gave.
-- Takings come before givings, so that a serial has left its place before it stands in the next.
create function posting_write(p jsonb, out seqs bigint[], out taken int) language plpgsql as $$
declare
    at timestamptz := (p ->> 'effective_at')::timestamptz;
begin
    seqs := array(select nextval(pg_get_serial_sequence('move', 'seq'))
                  from generate_series(1, jsonb_array_length(p -> 'moves')));
    insert into move (seq, move_id, kind, line_id, item_id, lot_id, serial_id, quantity, from_location_id,
                      to_location_id, from_hu_id, to_hu_id, from_status, to_status, owner, reverses, line_role,
                      effective_at, actor, device, device_at, passage_id, request_id, reason)
        overriding system value
        select seqs[m.n::int], m.move_id, m.kind, m.line_id, m.item_id, m.lot_id, m.serial_id, m.quantity, m.from_location,
               m.to_location, m.from_hu, m.to_hu, m.from_status, m.to_status, m.owner, m.reverses, m.line_role,
               at, p ->> 'actor', p ->> 'device', (p ->> 'device_at')::timestamptz, (p ->> 'passage_id')::uuid,
               (p ->> 'request_id')::uuid, p ->> 'reason'
        from rows from (jsonb_to_recordset(p -> 'moves') as (
                 move_id uuid, kind text, line_id bigint, item_id bigint, lot_id bigint, serial_id bigint,
                 quantity numeric, from_location int, to_location int, from_hu bigint, to_hu bigint, from_status text,
                 to_status text, owner text, reverses bigint, line_role text)) with ordinality
             as m (move_id, kind, line_id, item_id, lot_id, serial_id, quantity, from_location, to_location, from_hu,
                   to_hu, from_status, to_status, owner, reverses, line_role, n);
    if p ? 'tags' then
        insert into move_tag (seq, epc, inferred, score)
            select seqs[t.move + 1], t.epc, t.inferred, t.score
            from jsonb_to_recordset(p -> 'tags') as t (move int, epc text, inferred boolean, score real);
    end if;
    update balance b set on_hand = b.on_hand + d.on_hand, reserved = b.reserved + d.reserved,
                         last_seq = greatest(b.last_seq, seqs[d.move + 1]),
                         last_effective_at = greatest(b.last_effective_at, at)
        from jsonb_to_recordset(p -> 'takings') as d (balance_id bigint, on_hand numeric, reserved numeric, move int)
        where b.balance_id = d.balance_id and b.on_hand + d.on_hand >= b.reserved + d.reserved;
    get diagnostics taken = row_count;
    insert into balance as b (item_id, lot_id, serial_id, location_id, hu_id, owner, status, on_hand, reserved,
                              last_seq, last_effective_at, first_in_at)
        select d.item_id, d.lot_id, d.serial_id, d.location_id, d.hu_id, d.owner, d.status, d.on_hand, d.reserved,
               seqs[d.move + 1], at, d.first_in_at
        from jsonb_to_recordset(p -> 'givings') as d (
            item_id bigint, lot_id bigint, serial_id bigint, location_id int, hu_id bigint, owner text, status text,
            on_hand numeric, reserved numeric, first_in_at timestamptz, move int)
        on conflict (item_id, location_id, status, coalesce(lot_id, 0), coalesce(serial_id, 0), coalesce(hu_id, 0),
                     owner) do update set
            on_hand = b.on_hand + excluded.on_hand, reserved = b.reserved + excluded.reserved,
            last_seq = greatest(b.last_seq, excluded.last_seq),
            last_effective_at = greatest(b.last_effective_at, excluded.last_effective_at),
            first_in_at = least(b.first_in_at, excluded.first_in_at);
    -- An empty balance says nothing the ledger does not, and a serial would leave one wherever it was.
    delete from balance b using jsonb_to_recordset(p -> 'takings') as d (balance_id bigint)
        where b.balance_id = d.balance_id and b.on_hand = 0 and b.reserved = 0;
    if p ? 'lines' then
        update document_line l set fulfilled = l.fulfilled + d.fulfilled, shipped = l.shipped + d.shipped
            from jsonb_to_recordset(p -> 'lines') as d (line_id bigint, fulfilled numeric, shipped numeric)
            where l.line_id = d.line_id;
    end if;
    if p ? 'picked' then  -- a reservation used up is picked; one used in part stays pending with the rest
        update reservation r set
            quantity = case when r.quantity = u.quantity then r.quantity else r.quantity - u.quantity end,
            state = case when r.quantity = u.quantity then 'picked' else 'pending' end,
            ended_at = case when r.quantity = u.quantity then now() end
            from (select reservation_id, sum(quantity) as quantity
                  from jsonb_to_recordset(p -> 'picked') as u (reservation_id uuid, quantity numeric) group by 1) u
            where r.reservation_id = u.reservation_id;
    end if;
end $$;

-- A command begins by waiting for its twin, if there is one, and by looking for the answer its twin left.
create function request_begin(a_source text, an_event text)
    returns table (request_id uuid, digest text, accepted boolean, response jsonb) language plpgsql as $$
begin
    perform pg_advisory_xact_lock(hashtextextended(a_source || E'\n' || an_event, 1));
    return query select r.request_id, r.digest, r.accepted, r.response from request r
        where r.source = a_source and r.client_event_id = an_event;
end $$;
