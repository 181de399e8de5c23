-- A group of commands asks once for all it needs to know, and its readers are woken after it is committed.

-- Wait for twins; then the answers they left, what the names in the commands stand for, and what the rules need to know about
-- the stock that is named. Locks serials, then balances, each sorted. Quantities come as text: JSON numbers would be read as
-- floats. `stock` is every place of stock that a command names, by codes; what a code does not name is left out. The group's
-- caller wakes readers of the outbox.
create function group_facts(p jsonb) returns jsonb language plpgsql as $$
declare
    items text[] := array(select jsonb_array_elements_text(p -> 'items'));
    facts jsonb := '{}';
    answers jsonb;
    balances jsonb;
    wake text := set_config('tagledger.wake', 'later', true);
begin
    perform pg_advisory_xact_lock(k.key) from (
        select distinct hashtextextended(q.source || E'\n' || q.event, 1) as key
        from jsonb_to_recordset(p -> 'requests') as q (source text, event text) order by 1) k;
    -- A statement of its own: it sees what was committed while the locks were waited for.
    select jsonb_agg(jsonb_build_array(q.n, r.request_id, r.digest, r.accepted, r.response)) into answers
        from rows from (jsonb_to_recordset(p -> 'requests') as (source text, event text)) with ordinality
             as q (source, event, n)
        cross join lateral (  -- one by one by key: a join would be planned as if all requests ever made were asked for
            select a.request_id, a.digest, a.accepted, a.response from request a
            where a.source = q.source and a.client_event_id = q.event limit 1) r;
    if p ? 'units' then
        facts := facts || jsonb_build_object('units', (
            select jsonb_agg(jsonb_build_array(code, hu_id)) from handling_unit
            where code = any (array(select jsonb_array_elements_text(p -> 'units')))));
    end if;
    if p ? 'lots' then
        facts := facts || jsonb_build_object('lots', (
            select jsonb_agg(jsonb_build_array(l.item_id, l.code, l.lot_id, l.expires_on, l.blocked)) from lot l
            join item i using (item_id)
            where l.code = any (array(select jsonb_array_elements_text(p -> 'lots')))
              and (i.code = any (items) or i.gtin = any (items))));
    end if;
    if p ? 'serials' then
        facts := facts || jsonb_build_object('serials', (
            select jsonb_agg(jsonb_build_array(s.item_id, s.code, s.serial_id, s.lot_id)) from (
                select s.item_id, s.code, s.serial_id, s.lot_id from serial s join item i using (item_id)
                where s.code = any (array(select jsonb_array_elements_text(p -> 'serials')))
                  and (i.code = any (items) or i.gtin = any (items))
                order by s.serial_id for update of s) s));
        facts := facts || jsonb_build_object('standing', (
            select jsonb_agg(jsonb_build_array(b.item_id, b.lot_id, b.serial_id, b.location_id, b.hu_id, b.owner,
                                               b.status))
            from jsonb_array_elements(facts -> 'serials') s join balance b on b.serial_id = (s ->> 2)::bigint
            where b.on_hand > 0));
    end if;
    select jsonb_agg(jsonb_build_array(k.item_id, k.lot_id, k.serial_id, k.location_id, k.hu_id, k.owner, k.status,
                                       b.balance_id, b.on_hand::text, b.reserved::text, b.first_in_at,
                                       b.last_effective_at)) into balances
        from (
            select i.item_id, t.lot_id, s.serial_id, l.location_id, u.hu_id, q.owner, q.status
            from jsonb_to_recordset(p -> 'stock') as q (item text, lot text, serial text, location text, unit text,
                                                        owner text, status text)
            cross join lateral (
                select item_id from item where code = q.item or gtin = q.item order by code <> q.item limit 1) i
            join location l on l.code = q.location
            left join lot t on t.item_id = i.item_id and t.code = q.lot
            left join serial s on s.item_id = i.item_id and s.code = q.serial
            left join handling_unit u on u.code = q.unit
            order by i.item_id, coalesce(t.lot_id, 0), coalesce(s.serial_id, 0), l.location_id, coalesce(u.hu_id, 0),
                     q.owner collate "C", q.status collate "C") k
        cross join lateral (
            select f.balance_id, f.on_hand, f.reserved, f.first_in_at, f.last_effective_at from balance f
            where f.item_id = k.item_id and f.location_id = k.location_id and f.status = k.status
              and coalesce(f.lot_id, 0) = coalesce(k.lot_id, 0)
              and coalesce(f.serial_id, 0) = coalesce(k.serial_id, 0)
              and coalesce(f.hu_id, 0) = coalesce(k.hu_id, 0) and f.owner = k.owner
            for update) b;
    return facts || jsonb_build_object(
        'now', now(),
        'clock', clock_timestamp(),
        'answers', answers,
        'balances', balances,
        'closed_through', (select max(closed_through) from period_close),
        'items', (select jsonb_agg(jsonb_build_array(code, gtin, item_id, tracking, decimals, unit, active)) from item
                  where code = any (items) or gtin = any (items)),
        'locations', (select jsonb_agg(jsonb_build_array(code, location_id, kind, closed)) from location
                      where code = any (array(select jsonb_array_elements_text(p -> 'locations')))));
end $$;
alter function group_facts(jsonb) set enable_seqscan = off;
alter function group_facts(jsonb) set plan_cache_mode = force_generic_plan;
drop function group_begin(jsonb);

-- A transaction that notifies holds a lock of the whole database until it is on disk, so that such transactions commit one
-- after another. Groups of commands notify when they are committed; should that fail, readers look by themselves.
drop trigger outbox_wake on outbox;
create trigger outbox_wake after insert on outbox for each statement
    when (current_setting('tagledger.wake', true) is distinct from 'later') execute function outbox_wake();

-- What a posting writes: as before, and only a posting that leaves nothing of a balance looks for what to delete.
create or replace function posting_write(p jsonb, out seqs bigint[], out taken int) language plpgsql as $$
declare
    at timestamptz := (p ->> 'effective_at')::timestamptz;
    emptied bigint[];
begin
    if p -> 'moves' <> '[]' then
        with made as (
            insert into move (move_id, kind, line_id, item_id, lot_id, serial_id, quantity, from_location_id,
                              to_location_id, from_hu_id, to_hu_id, from_status, to_status, owner, reverses, line_role,
                              effective_at, actor, device, device_at, passage_id, request_id, reason)
                select m.move_id, m.kind, m.line_id, m.item_id, m.lot_id, m.serial_id, m.quantity, m.from_location,
                       m.to_location, m.from_hu, m.to_hu, m.from_status, m.to_status, m.owner, m.reverses, m.line_role,
                       at, m.actor, m.device, m.device_at, m.passage_id, m.request_id, m.reason
                from jsonb_to_recordset(p -> 'moves') as m (
                    move_id uuid, kind text, line_id bigint, item_id bigint, lot_id bigint, serial_id bigint,
                    quantity numeric, from_location int, to_location int, from_hu bigint, to_hu bigint,
                    from_status text, to_status text, owner text, reverses bigint, line_role text, actor text,
                    device text, device_at timestamptz, passage_id uuid, request_id uuid, reason text)
                returning seq)
        select array_agg(seq order by seq) into seqs from made;
    else
        seqs := '{}';
    end if;
    if p ? 'tags' then
        insert into move_tag (seq, epc, inferred, score)
            select seqs[t.move + 1], t.epc, t.inferred, t.score
            from jsonb_to_recordset(p -> 'tags') as t (move int, epc text, inferred boolean, score real);
    end if;
    -- What only reserves leaves a balance's last movement as it is: its `move` is null, and so is what comes of it.
    with changed as (
        update balance b set on_hand = b.on_hand + d.on_hand, reserved = b.reserved + d.reserved,
                             last_seq = greatest(b.last_seq, seqs[d.move + 1]),
                             last_effective_at = greatest(b.last_effective_at,
                                                          case when d.move is not null then at end),
                             first_in_at = d.first_in_at
            from jsonb_to_recordset(p -> 'held') as d (balance_id bigint, on_hand numeric, reserved numeric,
                                                       first_in_at timestamptz, move int)
            where b.balance_id = d.balance_id and b.on_hand + d.on_hand >= b.reserved + d.reserved
              and b.reserved + d.reserved >= 0
            returning b.balance_id, b.on_hand)
    select count(*), array_agg(balance_id) filter (where on_hand = 0) into taken, emptied from changed;
    if emptied is not null then
        -- An empty balance says nothing the ledger does not, and a serial would leave one wherever it was.
        delete from balance where balance_id = any (emptied) and on_hand = 0 and reserved = 0;
    end if;
    if p ? 'new' then  -- somebody else may have made one since
        insert into balance as b (item_id, lot_id, serial_id, location_id, hu_id, owner, status, on_hand, reserved,
                                  last_seq, last_effective_at, first_in_at)
            select d.item_id, d.lot_id, d.serial_id, d.location_id, d.hu_id, d.owner, d.status, d.on_hand, d.reserved,
                   seqs[d.move + 1], at, d.first_in_at
            from jsonb_to_recordset(p -> 'new') as d (
                item_id bigint, lot_id bigint, serial_id bigint, location_id int, hu_id bigint, owner text, status text,
                on_hand numeric, reserved numeric, first_in_at timestamptz, move int)
            on conflict (item_id, location_id, status, coalesce(lot_id, 0), coalesce(serial_id, 0), coalesce(hu_id, 0),
                         owner) do update set
                on_hand = b.on_hand + excluded.on_hand, reserved = b.reserved + excluded.reserved,
                last_seq = greatest(b.last_seq, excluded.last_seq),
                last_effective_at = greatest(b.last_effective_at, excluded.last_effective_at),
                first_in_at = least(b.first_in_at, excluded.first_in_at);
    end if;
    if p ? 'reservations' then
        insert into reservation (reservation_id, line_id, holder, item_id, lot_id, serial_id, location_id, hu_id, owner,
                                 status, quantity, expires_at, created_at)
            select r.reservation_id, r.line_id, r.holder, r.item_id, r.lot_id, r.serial_id, r.location_id, r.hu_id,
                   r.owner, r.status, r.quantity, r.expires_at, at
            from jsonb_to_recordset(p -> 'reservations') as r (
                reservation_id uuid, line_id bigint, holder text, item_id bigint, lot_id bigint, serial_id bigint,
                location_id int, hu_id bigint, owner text, status text, quantity numeric, expires_at timestamptz);
    end if;
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
