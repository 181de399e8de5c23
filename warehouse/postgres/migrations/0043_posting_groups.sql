-- Commands that wait are posted together: one call for what is known about all of them, one to lock and read, one to write,
-- one for their answers. A posting alone is a group of one, and a load's thirty movements go the same way.

-- What a group of commands begins with. Each waits for its twin, if there is one (locked in one order, so that two groups
-- cannot wait for each other), then: the answers twins left, and what the names in the commands stand for.
create function group_begin(p jsonb) returns jsonb language plpgsql as $$
declare
    items text[] := array(select jsonb_array_elements_text(p -> 'items'));
    answers jsonb;
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
    return jsonb_build_object(
        'now', now(),
        'answers', answers,
        'items', (select jsonb_agg(jsonb_build_array(code, gtin, item_id, tracking, decimals, unit, active)) from item
                  where code = any (items) or gtin = any (items)),
        'locations', (select jsonb_agg(jsonb_build_array(code, location_id, kind)) from location
                      where code = any (array(select jsonb_array_elements_text(p -> 'locations')))),
        'units', case when p ? 'units' then (
                  select jsonb_agg(jsonb_build_array(code, hu_id)) from handling_unit
                  where code = any (array(select jsonb_array_elements_text(p -> 'units')))) end,
        'lots', case when p ? 'lots' then (
                  select jsonb_agg(jsonb_build_array(l.item_id, l.code, l.lot_id)) from lot l
                  join item i using (item_id)
                  where l.code = any (array(select jsonb_array_elements_text(p -> 'lots')))
                    and (i.code = any (items) or i.gtin = any (items))) end,
        'serials', case when p ? 'serials' then (
                  select jsonb_agg(jsonb_build_array(s.item_id, s.code, s.serial_id)) from serial s
                  join item i using (item_id)
                  where s.code = any (array(select jsonb_array_elements_text(p -> 'serials')))
                    and (i.code = any (items) or i.gtin = any (items))) end);
end $$;
alter function group_begin(jsonb) set enable_seqscan = off;

-- Write what the rules allowed: movements, reservations and what both do to balances, each of which is `held` under lock
-- or `new`. The conditions are repeated in the UPDATE; `taken` tells how many of those held took it.
drop function posting_write(jsonb);
create function posting_write(p jsonb, out seqs bigint[], out taken int) language plpgsql as $$
declare
    at timestamptz := (p ->> 'effective_at')::timestamptz;
begin
    seqs := array(select nextval('move_seq_seq') from generate_series(1, jsonb_array_length(p -> 'moves')));
    if cardinality(seqs) > 0 then
        insert into move (seq, move_id, kind, line_id, item_id, lot_id, serial_id, quantity, from_location_id,
                          to_location_id, from_hu_id, to_hu_id, from_status, to_status, owner, reverses, line_role,
                          effective_at, actor, device, device_at, passage_id, request_id, reason)
            overriding system value
            select seqs[m.n::int], m.move_id, m.kind, m.line_id, m.item_id, m.lot_id, m.serial_id, m.quantity,
                   m.from_location, m.to_location, m.from_hu, m.to_hu, m.from_status, m.to_status, m.owner, m.reverses,
                   m.line_role, at, m.actor, m.device, m.device_at, m.passage_id, m.request_id, m.reason
            from rows from (jsonb_to_recordset(p -> 'moves') as (
                     move_id uuid, kind text, line_id bigint, item_id bigint, lot_id bigint, serial_id bigint,
                     quantity numeric, from_location int, to_location int, from_hu bigint, to_hu bigint,
                     from_status text, to_status text, owner text, reverses bigint, line_role text, actor text,
                     device text, device_at timestamptz, passage_id uuid, request_id uuid, reason text)) with ordinality
                 as m (move_id, kind, line_id, item_id, lot_id, serial_id, quantity, from_location, to_location, from_hu,
                       to_hu, from_status, to_status, owner, reverses, line_role, actor, device, device_at, passage_id,
                       request_id, reason, n);
    end if;
    if p ? 'tags' then
        insert into move_tag (seq, epc, inferred, score)
            select seqs[t.move + 1], t.epc, t.inferred, t.score
            from jsonb_to_recordset(p -> 'tags') as t (move int, epc text, inferred boolean, score real);
    end if;
    -- What only reserves leaves a balance's last movement as it is: its `move` is null, and so is what comes of it.
    update balance b set on_hand = b.on_hand + d.on_hand, reserved = b.reserved + d.reserved,
                         last_seq = greatest(b.last_seq, seqs[d.move + 1]),
                         last_effective_at = greatest(b.last_effective_at, case when d.move is not null then at end),
                         first_in_at = d.first_in_at
        from jsonb_to_recordset(p -> 'held') as d (balance_id bigint, on_hand numeric, reserved numeric,
                                                   first_in_at timestamptz, move int)
        where b.balance_id = d.balance_id and b.on_hand + d.on_hand >= b.reserved + d.reserved
          and b.reserved + d.reserved >= 0;
    get diagnostics taken = row_count;
    -- An empty balance says nothing the ledger does not, and a serial would leave one wherever it was.
    delete from balance b using jsonb_to_recordset(p -> 'held') as d (balance_id bigint, on_hand numeric)
        where d.on_hand < 0 and b.balance_id = d.balance_id and b.on_hand = 0 and b.reserved = 0;
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
alter function posting_write(jsonb) set enable_seqscan = off;

-- The answers to commands, their audit rows, and what others are told: in the order of the commands.
create function answers_write(p jsonb) returns void language plpgsql as $$
begin
    insert into request (source, client_event_id, request_id, digest, actor, accepted, response)
        select source, client_event_id, request_id, digest, actor, accepted, response
        from jsonb_to_recordset(p) as a (source text, client_event_id text, request_id uuid, digest text, actor text,
                                         accepted boolean, response jsonb);
    insert into audit_log (actor, device, command, request_id, outcome, before, after)
        select actor, device, command, request_id, outcome, before, after
        from jsonb_to_recordset(p) as a (actor text, device text, command text, request_id uuid, outcome text,
                                         before jsonb, after jsonb);
    insert into outbox (topic, key, payload)
        select 'command', request_id::text, told
        from jsonb_to_recordset(p) as a (request_id uuid, accepted boolean, told jsonb) where accepted;
end $$;
