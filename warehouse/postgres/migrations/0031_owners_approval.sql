-- Whose goods a line is about, empty: ours. What comes in on it is theirs, what goes out on it is taken from theirs.
alter table document_line add column owner text not null default '';

-- Everybody who counted a line: none of them approves its difference.
alter table count_line add column counters text[] not null default '{}';
update count_line set counters = array[counted_by] where counted_by is not null;
