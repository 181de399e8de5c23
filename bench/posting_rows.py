"""The rows of postings written by hand, for `bench.ledger`: what PostgreSQL alone needs for them.

One call writes what a group of moves leaves in the books: movements in their indexes and under their foreign keys, both
balances locked and changed, answers, audit rows and messages. No command is read, no name looked up, no twin waited
for, no rule asked, nothing answered. No way of posting that keeps these books costs the server less.
"""

from typing import Any

import psycopg

# As many as a group of 16 callers has when two groups are under way.
GROUP = 8

_PLACES = """
create table by_hand as
    select n, item_id, f.location_id as source, t.location_id as target, b.balance_id as taken, c.balance_id as given
    from generate_series(0, %(items)s - 1) n
    join item i on i.code = 'I' || n
    join location f on f.code = 'FROM' || n join location t on t.code = 'TO' || n
    join balance b using (item_id) join balance c using (item_id)
    where b.location_id = f.location_id and c.location_id = t.location_id"""

_FUNCTION = """
create function write_rows(first int, size int) returns void language plpgsql as $$
declare
    made by_hand[] := array(select h from by_hand h where n >= first and n < first + size);
    touched bigint[] := array(select unnest(array[taken, given]) from unnest(made) order by 1);
begin
    perform from balance where balance_id = any (touched) order by balance_id for update;
    insert into move (move_id, kind, item_id, quantity, from_location_id, to_location_id, effective_at, actor, device,
                      request_id)
        select gen_random_uuid(), 'move', item_id, 1, source, target, now(), 'bench', 'bench', gen_random_uuid()
        from unnest(made);
    update balance set on_hand = on_hand - 1, last_seq = last_seq + 1, last_effective_at = now()
        where balance_id = any (array(select taken from unnest(made))) and on_hand - 1 >= reserved;
    update balance set on_hand = on_hand + 1, last_seq = last_seq + 1, last_effective_at = now()
        where balance_id = any (array(select given from unnest(made)));
    insert into request (source, client_event_id, request_id, digest, actor, accepted, response)
        select 'rows', gen_random_uuid(), gen_random_uuid(), repeat('0', 64), 'bench', true,
               jsonb_build_object('move_id', gen_random_uuid()) from unnest(made);
    insert into audit_log (actor, device, command, request_id, outcome, after)
        select 'bench', 'bench', 'MoveStock', gen_random_uuid(), 'done',
               jsonb_build_object('quantity', '1', 'command', to_jsonb(m)) from unnest(made) m;
    insert into outbox (topic, key, payload)
        select 'command', gen_random_uuid(),
               jsonb_build_object('command', 'MoveStock', 'actor', 'bench', 'response', 'done') from unnest(made);
end $$"""


def prepare(connection: psycopg.Connection[Any], items: int) -> None:
    """Of the bench's items 0 to `items` - 1, each of which was moved once."""
    connection.execute(_PLACES.encode(), {"items": items})
    connection.execute(_FUNCTION.encode())
    connection.execute("alter function write_rows(int, int) set plan_cache_mode = force_generic_plan")


def write(connection: psycopg.Connection[Any], first: int) -> None:
    """The rows of `GROUP` postings, of the items from `first` on: one call, one commit."""
    connection.execute("select write_rows(%s, %s)", (first, GROUP))
