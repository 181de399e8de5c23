-- What may not pass a door: stock of partners, found without reading all of an item's stock.
create index balance_of_partner on balance (item_id) where owner <> '';
