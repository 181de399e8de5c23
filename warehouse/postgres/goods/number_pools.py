"""Pools of numbers for new tags: each number is given once, whatever happens and however many ask at once.

A range is taken by one UPDATE of the pool's row, which two askers do one after the other. Pools of one GTIN or company
prefix may not overlap. An EPC that is registered or printed already, because somebody encoded it elsewhere, is passed
over: it costs a number, not a doubled tag.
"""

from uuid import UUID

from warehouse.commands import Actor, Audit, CreateNumberPool, PoolScheme, RefusalCode
from warehouse.epc import EpcError, encode_sgtin96, encode_sscc96, with_check_digit
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.handlers import Answer, Handlers
from warehouse.postgres.naming import Refuse, find_item

# SGTIN-96 has 38 bits of serial; an SSCC has 17 digits before its check digit.
_SERIAL_MAX = (1 << 38) - 1
_SSCC_DIGITS = 17
_LOCK_KEY = 0x706F6F6C
# Numbers passed over for one label before the pool is called taken.
TAKEN_MAX = 10_000


def create_number_pool(conn: Conn, c: CreateNumberPool, actor: Actor, request_id: UUID) -> Answer:
    if not c.name:
        raise Refuse(RefusalCode.INVALID, "name", "a pool needs a name")
    if not 6 <= c.prefix_digits <= 12:
        raise Refuse(RefusalCode.INVALID, "prefix_digits", "a company prefix has 6 to 12 digits")
    body = _body(conn, c)
    most = _SERIAL_MAX if c.scheme is PoolScheme.SGTIN else 10 ** (_SSCC_DIGITS - len(body)) - 1
    for field, value in (("first", c.first), ("last", c.last)):
        if value != value.to_integral_value() or not 0 <= value <= most:
            raise Refuse(RefusalCode.INVALID, field, f"numbers of this pool are whole, 0 to {most}")
    if c.first > c.last:
        raise Refuse(RefusalCode.INVALID, "last", f"{c.last} is before {c.first}")
    conn.execute("select pg_advisory_xact_lock(%s)", (_LOCK_KEY,))
    other = conn.execute(
        """select name from number_pool where scheme = %s and body = %s and name <> %s and last_number >= %s
           order by last_number desc limit 1""",
        (c.scheme, body, c.name, int(c.first)),
    ).fetchone()
    if other is not None:
        raise Refuse(RefusalCode.EXISTS, "first", f"pool {other[0]} has these numbers: begin after its last one")
    made = conn.execute(
        """insert into number_pool (name, scheme, body, prefix_digits, next_number, last_number, created_by)
           values (%s, %s, %s, %s, %s, %s, %s) on conflict (name) do nothing returning name""",
        (c.name, c.scheme, body, c.prefix_digits, int(c.first), int(c.last), actor.name),
    ).fetchone()
    if made is None:
        raise Refuse(RefusalCode.EXISTS, "name", f"a pool {c.name!r} exists")
    return {"name": c.name, "free": int(c.last - c.first) + 1}, Audit(after={"name": c.name})


def _body(conn: Conn, c: CreateNumberPool) -> str:
    if c.scheme is PoolScheme.SSCC:
        prefix = c.prefix or ""
        if not (prefix.isascii() and prefix.isdigit()) or len(prefix) != c.prefix_digits + 1:
            message = f"the prefix is the extension digit and {c.prefix_digits} digits of the company prefix"
            raise Refuse(RefusalCode.INVALID, "prefix", message)
        return prefix
    if c.item is None:
        raise Refuse(RefusalCode.INVALID, "item", "a pool of SGTIN serials is for an item")
    item = find_item(conn, c.item)
    row = conn.execute("select gtin from item where item_id = %s", (item.item_id,)).fetchone()
    if row is None or row[0] is None:
        raise Refuse(RefusalCode.INVALID, "item", f"{item.code} has no GTIN")
    try:
        encode_sgtin96(row[0], 0, c.prefix_digits)
    except EpcError as error:
        raise Refuse(RefusalCode.INVALID, "prefix_digits", str(error)) from None
    return str(row[0])


def take_epcs(conn: Conn, pool: str, count: int, field: str) -> tuple[PoolScheme, str, list[tuple[str, str]]]:
    """The scheme, GTIN or prefix, and `count` new (EPC, key) pairs: the SSCC, or the serial of an SGTIN."""
    row = conn.execute(
        "select scheme, body, prefix_digits, next_number, last_number from number_pool where name = %s for update",
        (pool,),
    ).fetchone()
    if row is None:
        raise Refuse(RefusalCode.NOT_FOUND, f"{field}.pool", f"no pool {pool!r}")
    scheme = PoolScheme(row[0])
    body, digits, number, last = row[1:]
    given: list[tuple[str, str]] = []
    passed_over = 0
    while len(given) < count:
        wanted = range(number, min(last, number + count - len(given) - 1) + 1)
        if not wanted:
            message = f"pool {pool} has {len(given)} numbers left, not {count}"
            raise Refuse(RefusalCode.SHORT, f"{field}.count", message)
        number = wanted[-1] + 1
        made = [_epc(scheme, body, digits, n) for n in wanted]
        known = {
            epc
            for (epc,) in conn.execute(
                "select epc from tag where epc = any(%(epcs)s) union select epc from label where epc = any(%(epcs)s)",
                {"epcs": [epc for epc, _ in made]},
            )
        }
        passed_over += len(known)
        if passed_over > TAKEN_MAX:
            message = f"{passed_over} numbers of {pool} are in use already"
            raise Refuse(RefusalCode.EXISTS, f"{field}.pool", message)
        given += [pair for pair in made if pair[0] not in known]
    conn.execute("update number_pool set next_number = %s where name = %s", (number, pool))
    return scheme, body, given


def _epc(scheme: PoolScheme, body: str, digits: int, number: int) -> tuple[str, str]:
    if scheme is PoolScheme.SGTIN:
        return encode_sgtin96(body, number, digits), str(number)
    sscc = with_check_digit(f"{body}{number:0{_SSCC_DIGITS - len(body)}d}")
    return encode_sscc96(sscc, digits), sscc


HANDLERS: Handlers = {
    CreateNumberPool: create_number_pool,
}
