-- A balance is changed in place (heap-only tuples) as long as no index of it names what a posting changes. The index of stock
-- that may not be used (0049) named on_hand, so every posting wrote all of a balance's indexes anew; empty balances are deleted
-- by the posting that empties them, so that it need not.
drop index balance_not_available;
create index balance_not_available on balance (item_id) where status <> 'available';

-- What each posting writes and nobody asks for: a place in an index for undoing nothing, and two for being removed in weeks,
-- which rows that come in the order of time need no tree for.
alter table move drop constraint move_reverses_key;
create unique index move_reverses_key on move (reverses) where reverses is not null;
drop index request_created_at_idx;
create index request_created_at_idx on request using brin (created_at) with (autosummarize = on);
drop index outbox_created_at_idx;
create index outbox_created_at_idx on outbox using brin (created_at) with (autosummarize = on);

-- The functions of a posting are planned once a connection. Where they read a list whose length PostgreSQL guessed too long,
-- it found planning anew each time the better bargain, by its estimates and not by the clock.
alter function lock_balances(jsonb) set plan_cache_mode = force_generic_plan;
alter function posting_facts(jsonb) set plan_cache_mode = force_generic_plan;
alter function posting_write(jsonb) set plan_cache_mode = force_generic_plan;
alter function group_begin(jsonb) set plan_cache_mode = force_generic_plan;

-- The answers to commands, their audit rows, and what others are told, in the order of the commands: read from the parameter
-- once. What is told of a command that was done is what it was answered, and by whom it was asked.
create or replace function answers_write(p jsonb) returns void language plpgsql as $$
begin
    with answer as materialized (
        select * from jsonb_to_recordset(p) as a (
            source text, client_event_id text, request_id uuid, digest text, actor text, device text, command text,
            accepted boolean, outcome text, response jsonb, before jsonb, after jsonb)),
    kept as (
        insert into request (source, client_event_id, request_id, digest, actor, accepted, response)
        select source, client_event_id, request_id, digest, actor, accepted, response from answer),
    audited as (
        insert into audit_log (actor, device, command, request_id, outcome, before, after)
        select actor, device, command, request_id, outcome, before, after from answer)
    insert into outbox (topic, key, payload)
        select 'command', request_id::text,
               jsonb_build_object('command', command, 'actor', actor, 'response', response)
        from answer where accepted;
end $$;
alter function answers_write(jsonb) set plan_cache_mode = force_generic_plan;
