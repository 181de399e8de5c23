-- What may not pass a door, in what the door showed, and indexes that find such goods without reading an item's stock.

-- [{"epc", "why", "lot"}]: seen, and not released for the documents that would take it.
alter table signal add column barred jsonb not null default '[]';

-- Stock that may not be used, by item; and the movements that brought it there, the newest first.
create index balance_not_available on balance (item_id) where status <> 'available' and on_hand > 0;
create index move_not_available on move (to_location_id, item_id, seq) where to_status <> 'available';
create index tag_lot on tag (lot_id) where lot_id is not null;
