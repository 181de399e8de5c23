"""A final Passage as the warehouse's Load (which ledger locations it went between, and which tags it carried), and as
what it says of where those tags are now.

Tags judged `belongs` are sure, `unsure` ones go along as a question, strays stay out. A load whose direction is unsure
never posts by itself: whatever the portal's effect, a person confirms it (`suggest`), proposed as coming in.
"""

from uuid import uuid5

from stream.model import Passage, TagVerdict
from warehouse.loads import Load, LoadTag, LocationEvent, LocationUpdate
from warehouse.site import Direction, Effect, Site


class NotFinalError(ValueError):
    """A provisional passage was to be posted: a mistake of ours."""


def load_of(passage: Passage, site: Site) -> Load:
    """The load a final passage was. Raises `NotFinalError`; KeyError for a portal or zone the site does not have."""
    if not passage.final:
        raise NotFinalError(f"passage {passage.passage_id} revision {passage.revision} is provisional")
    portal = site.portal(passage.portal)
    outside, inside = _location(site, portal.outside), _location(site, portal.inside)
    leaving = passage.direction is Direction.OUT
    effect = portal.effect
    if passage.direction is Direction.UNSURE and effect is Effect.POST:
        effect = Effect.SUGGEST
    return Load(
        passage_id=passage.passage_id,
        revision=passage.revision,
        portal=passage.portal,
        direction=passage.direction,
        effect=effect,
        from_location=inside if leaving else outside,
        to_location=outside if leaving else inside,
        at_us=passage.closed_us,
        tags=tuple(
            LoadTag(tag.epc, tag.verdict is TagVerdict.BELONGS, tag.score)
            for tag in passage.tags
            if tag.verdict is not TagVerdict.STRAY
        ),
        inferred_share_max=portal.inferred_share_max,
        began_us=passage.opened_us,
    )


def locations_of(passage: Passage, site: Site) -> list[LocationUpdate]:
    """Where the tags that went through a final passage are now; nothing while its direction is unsure.

    An amendment says the same again for tags that were told already, under the same ids, and takes nothing back: where
    a tag is follows the newest evidence. Raises KeyError for a portal the site does not have.
    """
    if passage.direction is Direction.UNSURE:
        return []
    portal = site.portal(passage.portal)
    target = _location(site, portal.inside if passage.direction is Direction.IN else portal.outside)
    evidence = f"passage {passage.passage_id} {passage.direction} through {passage.portal}"
    return [
        LocationUpdate(
            uuid5(passage.passage_id, f"{tag.epc}/{passage.direction}"),
            tag.epc,
            LocationEvent.MOVED,
            target,
            tag.last_us,
            evidence,
        )
        for tag in passage.tags
        if tag.verdict is TagVerdict.BELONGS
    ]


def _location(site: Site, zone: str) -> str:
    """The ledger code of a portal's side; a side that is no zone of its own is a location by its name."""
    try:
        return site.zone(zone).location_code
    except KeyError:
        return zone
