-- The functions of a posting find what they are about by key. A list read from JSON is taken for a hundred rows, however few it
-- has: so PostgreSQL joined a few movements to all balances, and a few names to all places, by reading these whole, as long as
-- there were not more than some thousands. Row by row, each is one look into an index.
alter function group_facts(jsonb) set enable_hashjoin = off;
alter function group_facts(jsonb) set enable_mergejoin = off;
alter function posting_write(jsonb) set enable_hashjoin = off;
alter function posting_write(jsonb) set enable_mergejoin = off;

-- What 0043 and 0060 had set, and 0062 lost: a function that is replaced keeps no setting that is not said again.
alter function posting_write(jsonb) set enable_seqscan = off;
alter function posting_write(jsonb) set plan_cache_mode = force_generic_plan;
