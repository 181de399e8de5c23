"""LLRP 1.0.1 and 1.1: the standard as data, what is derived from it, and the client.

    wire, enums*, messages*, params*             the standard: one class a message or parameter, named as there
    fields, layout, codec                        encoding and decoding, compiled from those classes
    framing                                      messages out of a byte stream
    record_layout, bulk, one_tag, row_batch      tag reports to columns, behind a layout guard
    walker, carry, tag_memory                    tag reports of any layout; values carried over; memory read
    events, report                               ReportDecoder: live or recorded messages to reads and events
    text                                         messages as JSON and as text
    session, rospec, facts, quirks, clock, backoff   the client's side without I/O
    client, delivery                             the asyncio driver around it

A new parameter or message is a class beside its like, and its name in `params`; nothing else changes.
"""
