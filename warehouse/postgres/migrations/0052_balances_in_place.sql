-- A balance is changed in place (heap-only tuples): an index whose condition names on_hand made every posting write all of a
-- balance's indexes anew, serial or not. Empty balances are deleted by the posting that empties them, so that a serial has at
-- most one, and the condition is not needed; those of before that was so go now.
delete from balance where serial_id is not null and on_hand = 0 and reserved = 0;
drop index balance_serial_in_one_place;
create unique index balance_serial_in_one_place on balance (serial_id) where serial_id is not null;
-- Room in each page for the next version of its rows.
alter table balance set (fillfactor = 80);
