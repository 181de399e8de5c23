-- A task for loose goods may be about several serial numbers, and be done in parts: what is left is a task of its own.

alter table task add column serial_ids bigint[] not null default '{}';
update task set serial_ids = array[serial_id] where serial_id is not null;
alter table task drop column serial_id;
alter table task add column rest_of uuid references task;              -- the task that was done only in part
create index task_rest on task (rest_of) where rest_of is not null;
