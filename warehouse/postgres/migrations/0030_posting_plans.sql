-- The functions of a posting look rows up by key, a handful of thousands. A plan made while a table was small reads all of
-- it, and is kept by a connection that lives for days while the table grows: these never plan for a scan.
alter function lock_balances(jsonb) set enable_seqscan = off;
alter function posting_facts(jsonb) set enable_seqscan = off;
alter function posting_write(jsonb) set enable_seqscan = off;
