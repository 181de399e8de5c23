"""What a load that passed a portal means for the books: a pure decision over what the warehouse knows.

The kinds of the two locations say the flow: into stock, out of it, or inside. Goods that come in or go out belong to a
document line; inside, they just move. Every tag that belongs to the load ends in exactly one place: in a line to post,
in a finding that holds its lines ready for a person, or in a finding without lines when nothing could be posted.

Handling units stand for their contents. Contents that were not read are `inferred` while their share of the tagged
contents is at most `Rules.inferred_share_max`; above it they are `short` and not posted. Contents that were read
without certainty belong, as their unit does. Contents without tags go with their unit.

A document is chosen in this order: it announced the EPC (or the unit's EPC); it has the item open at this door, then
without a door, then at another door (`wrong_door`: goods that came in are posted and reported, goods that go out are
held, they may be on the wrong lorry). Among equals: the one that announced most of this load, then the earlier. A
return takes only lots and serials that went on the line it answers to and are not back (`wrong_goods`).
"""

from warehouse.fulfilment.deciding import decide
from warehouse.fulfilment.facts import (
    ALIKE,
    Flow,
    Goods,
    ItemFacts,
    LineFacts,
    LoadFacts,
    LotFacts,
    ReadTag,
    Rules,
    TagFacts,
    WentKey,
    went_key,
)
from warehouse.fulfilment.outcome import ANSWERED_ELSEWHERE, Decision, Finding, FindingKind, PostLine

__all__ = [
    "ALIKE",
    "ANSWERED_ELSEWHERE",
    "Decision",
    "Finding",
    "FindingKind",
    "Flow",
    "Goods",
    "ItemFacts",
    "LineFacts",
    "LoadFacts",
    "LotFacts",
    "PostLine",
    "ReadTag",
    "Rules",
    "TagFacts",
    "WentKey",
    "decide",
    "went_key",
]
