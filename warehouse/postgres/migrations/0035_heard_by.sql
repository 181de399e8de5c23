-- Which antennas (`reader:port`) heard a tag of a passage, strongest first, so that a trace says it without unpacking the
-- evidence of a thousand passages. Passages stored before have none: their evidence still has it.
alter table passage_tag add column antennas text[] not null default '{}';
-- What a device last said it is: maker, model, firmware.
create index device_event_identified on device_event (device, at desc) where kind = 'identified';
-- The few places that hold no stock of ours.
create index location_virtual on location (location_id) where kind not in ('internal', 'transit');
