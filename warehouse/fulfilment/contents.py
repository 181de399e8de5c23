"""Which goods are in a load: its item tags, and the contents of its handling units, read or not."""

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal

from warehouse.fulfilment.draft import Draft, Moved
from warehouse.fulfilment.facts import LoadFacts, ReadTag, Rules
from warehouse.fulfilment.outcome import Finding, FindingKind


def moved_goods(facts: LoadFacts, tags: Sequence[ReadTag], rules: Rules, draft: Draft) -> list[Moved]:
    """The goods of the load: its item tags, and the contents of its handling units."""
    read = {tag.epc: tag for tag in tags}
    unknown = tuple(sorted(tag.epc for tag in tags if tag.sure and tag.epc not in facts.tags))
    if unknown:
        draft.findings.append(Finding(FindingKind.UNKNOWN_TAG, f"{len(unknown)} tags nobody registered", unknown))
    known = {epc: facts.tags[epc] for epc in read if epc in facts.tags}
    retired = tuple(sorted(epc for epc, tag in known.items() if tag.retired and read[epc].sure))
    if retired:
        draft.findings.append(Finding(FindingKind.RETIRED_TAG, f"{len(retired)} retired tags", retired))
    live = {epc: tag for epc, tag in known.items() if not tag.retired}
    units: list[Moved] = []
    covered: set[str] = set()
    for epc, tag in sorted(live.items()):
        if tag.hu_id is None or not read[epc].sure:
            continue
        units += _contents(tag.hu_id, epc, facts, read, rules, covered, draft)
    for epc, tag in live.items():
        if tag.goods is not None and epc not in covered:
            # What is read late goes into the unit that it came with.
            unit = tag.in_hu if tag.in_hu in facts.units_in else None
            units.append(Moved(tag.goods, read[epc].sure, False, read[epc].score, unit))
    doubted = {epc for epc, tag in live.items() if tag.hu_id is not None and not read[epc].sure}
    doubtful = tuple(sorted(doubted - facts.elsewhere))
    if doubtful:
        draft.findings.append(Finding(FindingKind.UNSURE, "handling units that may belong to the load", doubtful))
    return units


def _contents(
    hu_id: int,
    hu_epc: str,
    facts: LoadFacts,
    read: Mapping[str, ReadTag],
    rules: Rules,
    covered: set[str],
    draft: Draft,
) -> list[Moved]:
    contents = facts.contents.get(hu_id, ())
    tagged = [goods for goods in contents if goods.epc is not None]
    seen = read.keys() & {goods.epc for goods in tagged}
    unseen = [goods for goods in tagged if goods.epc not in seen]
    infer = len(unseen) <= rules.inferred_share_max * len(tagged)
    units = []
    for goods in contents:
        own = goods.hu_id or hu_id
        if goods.epc is None:
            units.append(Moved(goods, True, True, None, own, hu_id))
        elif goods.epc in seen:
            covered.add(goods.epc)
            units.append(Moved(goods, True, not read[goods.epc].sure, read[goods.epc].score, own, hu_id))
        elif infer:
            covered.add(goods.epc)
            units.append(Moved(goods, True, True, None, own, hu_id))
    if unseen and not infer:
        by_item = Counter(goods.item_id for goods in unseen)
        for item_id, count in sorted(by_item.items()):
            epcs = tuple(sorted(g.epc for g in unseen if g.item_id == item_id and g.epc is not None))
            quantity = sum((g.quantity for g in unseen if g.item_id == item_id), Decimal(0))
            detail = f"{count} of {len(tagged)} tagged contents of unit {hu_epc} were not read"
            draft.findings.append(Finding(FindingKind.SHORT, detail, epcs, None, None, item_id, quantity))
    return units
