-- Tasks for loose goods: a quantity of an item that stands in no handling unit.

alter table task alter column hu_id drop not null;
alter table task add column item_id bigint references item;
alter table task add column lot_id bigint references lot;
alter table task add column serial_id bigint references serial;
alter table task add column stock_owner text not null default '';
alter table task add column stock_status text not null default '';       -- what they are in; taken first
alter table task add column tags text[] not null default '{}';           -- on these goods, where that is known
alter table task add constraint task_load check (
    (hu_id is null) = (item_id is not null)
    and (item_id is null or (stock_status <> '' and quantity > 0)));
create index task_goods on task (item_id, source_id)
    where hu_id is null and state in ('open', 'assigned', 'in_progress');

-- `loose`: a rule about such goods. Rules about any kind of unit ('') stay about handling units alone.
alter table putaway_rule drop constraint putaway_rule_unit_kind_check;
alter table putaway_rule add constraint putaway_rule_unit_kind_check
    check (unit_kind in ('', 'pallet', 'carton', 'tote', 'other', 'loose'));
