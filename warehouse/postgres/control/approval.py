"""What needs approval: rules by kind of document and for adjustments, from a quantity or a value on.

However a document is made (by a person, for an order, as the rest of another, by an import or another system) it asks
the same rule, and waits for somebody other than who made it, or changed it since it was last approved. A difference
that a count found and goods that a transfer lost or found are adjustments.

The value of a line is what it was agreed to cost, else what the item is worth on average in stock, else its standard
cost; an item without any is worth nothing here.
"""

from decimal import Decimal
from uuid import UUID

from warehouse.commands import Actor, Audit, RefusalCode, SetApprovalRule
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.handlers import Answer, Handlers
from warehouse.postgres.naming import Refuse

ADJUSTMENT = "adjustment"

_UNIT_VALUE = """coalesce((select sum(v.value) / nullif(sum(v.quantity), 0) from value_pool v
                           where v.item_id = i.item_id), i.standard_cost, 0)"""
_EXCEEDED = """(r.quantity_min is null and r.value_min is null
                or coalesce({quantity} >= r.quantity_min, false) or coalesce({value} >= r.value_min, false))"""


def hold(conn: Conn, document_id: int) -> str | None:
    """Make an open document wait for approval, if a rule says so or it was approved as something else; its status then.

    For a document that was just made, or changed by `changed`.
    """
    row = conn.execute(
        f"""update document d set status = 'approval', approved_by = null
           where d.document_id = %s and d.status = 'open' and (d.approved_by is not null or exists (
               select from approval_rule r, lateral (
                   select sum(l.quantity) as quantity, sum(l.quantity * coalesce(l.unit_cost, {_UNIT_VALUE})) as value
                   from document_line l join item i using (item_id) where l.document_id = d.document_id) t
               where r.subject = d.kind and {_EXCEEDED.format(quantity="t.quantity", value="t.value")}))
           returning d.status""".encode(),  # noqa: S608
        (document_id,),
    ).fetchone()
    return None if row is None else str(row[0])


def changed(conn: Conn, document_id: int, by: str) -> str | None:
    """Somebody made a document ask for something else: it waits for approval like one just made (see `hold`), and who
    changed it has asked for it as much as who made it. With it waits all that is open of its work order.
    """
    conn.execute(
        "update document set changed_by = changed_by || %s::text where document_id = %s and not %s = any(changed_by)",
        (by, document_id, by),
    )
    held = hold(conn, document_id)
    if held is not None:
        # What an order takes and what it makes were released together: neither goes on without the other.
        conn.execute(
            """update document d set status = 'approval', approved_by = null from document o
               where o.document_id = %s and d.work_order_id = o.work_order_id and d.status = 'open'""",
            (document_id,),
        )
    return held


def refuse_adjustment(conn: Conn, item_id: int, quantity: Decimal, field: str = "difference") -> None:
    """Raises Refuse when an adjustment by this much needs approval."""
    limits = adjustment_limits(conn, item_id, quantity)
    if limits is not None:
        raise Refuse(RefusalCode.NEEDS_APPROVAL, field, f"adjustments from {limits} on need approval")


def adjustment_limits(conn: Conn, item_id: int, quantity: Decimal) -> str | None:
    """From what on adjustments need approval, when one by this much does."""
    row = conn.execute(
        f"""select r.quantity_min, r.value_min from approval_rule r join item i on i.item_id = %(item)s
            where r.subject = %(subject)s
              and {_EXCEEDED.format(quantity="%(quantity)s", value=f"%(quantity)s * {_UNIT_VALUE}")}""".encode(),  # noqa: S608
        {"item": item_id, "subject": ADJUSTMENT, "quantity": quantity},
    ).fetchone()
    if row is None:
        return None
    limits = [f"quantity {row[0]:f}"] if row[0] is not None else []
    limits += [f"value {row[1]:f}"] if row[1] is not None else []
    return " or ".join(limits) or "anything"


def set_rule(conn: Conn, c: SetApprovalRule, actor: Actor, request_id: UUID) -> Answer:
    kinds = {kind for (kind,) in conn.execute("select kind from document_kind")}
    if c.subject != ADJUSTMENT and c.subject not in kinds:
        raise Refuse(RefusalCode.INVALID, "subject", f"{c.subject!r} is neither a kind of document nor {ADJUSTMENT!r}")
    for name, limit in (("quantity_min", c.quantity_min), ("value_min", c.value_min)):
        if limit is not None and limit < 0:
            raise Refuse(RefusalCode.INVALID, name, "cannot be negative")
    row = conn.execute(
        "select quantity_min::text, value_min::text from approval_rule where subject = %s for update", (c.subject,)
    ).fetchone()
    before = {"quantity_min": row[0], "value_min": row[1]} if row is not None else None
    if c.removed:
        conn.execute("delete from approval_rule where subject = %s", (c.subject,))
        return {"subject": c.subject, "removed": True}, Audit(before, {"removed": True})
    conn.execute(
        """insert into approval_rule (subject, quantity_min, value_min) values (%s, %s, %s)
           on conflict (subject) do update set quantity_min = excluded.quantity_min, value_min = excluded.value_min""",
        (c.subject, c.quantity_min, c.value_min),
    )
    return {"subject": c.subject, "removed": False}, Audit(before, {"removed": False})


HANDLERS: Handlers = {SetApprovalRule: set_rule}
