-- What a load said of its tags, for loads at other doors at the same time. Those posted before say nothing.
alter table posting
    add column during tstzrange,
    add column sure text[] not null default '{}',       -- read, and they belong
    add column inferred text[] not null default '{}',   -- not read for sure; they come with their unit
    add column unsure text[] not null default '{}';     -- they may belong
create index on posting using gist (during);
-- The other of two loads that a question is about.
alter table discrepancy add column other_passage_id uuid;
create index on discrepancy (other_passage_id) where other_passage_id is not null;
