"""The named quantities of stock: what each word means, and the one query that counts them.

Counted per scope, an item and maybe a place with all those inside it, of one owner's goods (empty: our own). Every
balance is in exactly one of the first five, in this order, so that without a place they add up to what is on hand:

- **in transit**: shipped and not received. Without a place, what stands in transit places; with one, what open
  transfers have on the way to it.
- **blocked**: in status blocked, or of a blocked lot.
- **inspection**: waits for its decision.
- **expired**: of a lot past its last day.
- **usable**: the rest: accepted, good, in a place that is not closed. What stands in a closed place is on hand alone.

And from these:

- **on hand**: all that stands there, whatever its state.
- **reserved**: promised to a holder on a balance. **available** = usable less what is reserved of it.
- **expected**: what open documents still bring: receipts, orders as far as no receipt names them yet, and with a place,
  transfers to it, shipped or not. **promised**: what they still take beyond what is reserved for them: issues, and with
  a place, transfers from it that are not shipped.
- **projected** = available + expected - promised. Goods in inspection are not counted on before they are accepted.

A document counts for a place when its target (coming) or source (going) is that place or inside it; one that names none
counts where no place is asked for, and in the only top-level warehouse when there is just one.
"""

COLUMNS = """on_hand, usable, reserved, available, inspection, blocked, expired, in_transit, expected, promised,
    available + expected - promised as projected"""

# After a CTE `scope (item_id, root_id)`, root_id null for everywhere; takes %(owner)s. Gives `quantities`: a row a
# scope. Needs `with recursive`.
COUNTED = """
    tree (root_id, location_id, depth) as (
        select distinct root_id, root_id, 0 from scope where root_id is not null
        union all select t.root_id, l.location_id, t.depth + 1
        from location l join tree t on l.parent_id = t.location_id
        where t.depth < 10),
    only_root as (
        select min(location_id) as location_id from location
        where kind = 'internal' and parent_id is null and level in ('site', 'warehouse') having count(*) = 1),
    places as (
        select array(select location_id from location where kind = 'transit') as transit,
               array(select location_id from location where closed) as closed),
    bad_lot as materialized (
        select lot_id, blocked from lot where item_id in (select item_id from scope)
           and (blocked or expires_on < (now() at time zone 'utc')::date)),
    held as (
        select s.item_id, s.root_id, b.on_hand, b.reserved, case
                   when b.location_id = any((select transit from places)::int[]) then 'transit'
                   when b.status = 'blocked' or lo.blocked then 'blocked'
                   when b.status = 'inspection' then 'inspection'
                   when lo.lot_id is not null then 'expired'
                   when b.location_id = any((select closed from places)::int[]) then 'closed'
                   else 'usable' end as state
        from scope s cross join lateral (  -- item by item: how many balances a few items have, statistics do not say
            select * from balance where item_id = s.item_id and owner = %(owner)s offset 0) b
        left join bad_lot lo on lo.lot_id = b.lot_id
        where s.root_id is null
           or exists (select from tree t where t.root_id = s.root_id and t.location_id = b.location_id)),
    standing as (
        select item_id, root_id, sum(on_hand) as on_hand, sum(reserved) as reserved,
               sum(on_hand) filter (where state = 'usable') as usable,
               sum(on_hand - reserved) filter (where state = 'usable') as available,
               sum(on_hand) filter (where state = 'inspection') as inspection,
               sum(on_hand) filter (where state = 'blocked') as blocked,
               sum(on_hand) filter (where state = 'expired') as expired,
               sum(on_hand) filter (where state = 'transit') as in_transit
        from held group by 1, 2),
    open_line as (
        select s.item_id, s.root_id, case k.direction when 'plan' then 'in' else k.direction end as direction,
               x.quantity, x.shipped,
               case when k.direction <> 'plan' then x.fulfilled else (
                   select coalesce(sum(case when e.status in ('draft', 'approval', 'open')
                                            then greatest(y.quantity, y.fulfilled) else y.fulfilled end), 0)
                   from document_line y join document e on e.document_id = y.document_id
                   where y.source_line_id = x.line_id) end as fulfilled,
               case when k.direction in ('in', 'plan') then 0 else coalesce((
                   select sum(r.quantity) from reservation r
                   where r.line_id = x.line_id and r.state = 'pending'), 0) end as reserved,
               s.root_id is null
                   or k.direction <> 'out' and d.target_id in (
                       select t.location_id from tree t where t.root_id = s.root_id)
                   or k.direction in ('in', 'plan') and d.target_id is null
                       and s.root_id = (select location_id from only_root)
                   as comes,
               s.root_id is null
                   or k.direction in ('out', 'internal') and d.source_id in (
                       select t.location_id from tree t where t.root_id = s.root_id)
                   or k.direction = 'out' and d.source_id is null and s.root_id = (select location_id from only_root)
                   as goes
        from scope s join document_line x on x.item_id = s.item_id join document d using (document_id)
        join document_kind k on k.kind = d.kind
        where d.status = 'open' and x.owner = %(owner)s),
    planned as (
        select item_id, root_id,
               sum(greatest(quantity - fulfilled, 0)) filter (
                   where comes and (direction = 'in' or direction = 'internal' and root_id is not null and not goes))
                   as expected,
               sum(greatest(quantity - case direction when 'out' then fulfilled else shipped end - reserved, 0))
                   filter (where goes and (
                       direction = 'out' or direction = 'internal' and root_id is not null and not comes))
                   as promised,
               sum(shipped - fulfilled) filter (where comes and direction = 'internal' and root_id is not null)
                   as on_the_way
        from open_line group by 1, 2),
    quantities as (
        select s.item_id, s.root_id, coalesce(h.on_hand, 0) as on_hand, coalesce(h.usable, 0) as usable,
               coalesce(h.reserved, 0) as reserved, coalesce(h.available, 0) as available,
               coalesce(h.inspection, 0) as inspection, coalesce(h.blocked, 0) as blocked,
               coalesce(h.expired, 0) as expired,
               coalesce(case when s.root_id is null then h.in_transit else p.on_the_way end, 0) as in_transit,
               coalesce(p.expected, 0) as expected, coalesce(p.promised, 0) as promised
        from scope s
        left join standing h on h.item_id = s.item_id and h.root_id is not distinct from s.root_id
        left join planned p on p.item_id = s.item_id and p.root_id is not distinct from s.root_id)"""
