"""The reports there are: what each says, exactly, and what its columns are. Pure; the queries are beside the database.

The definition of a report is its contract: it is in the API document, in `warehouse/REPORTS.md` and in every workbook,
and a test computes each by hand. A period is `since` (included) to `until` (not included), by effective time. A
movement that was reversed and its reversal count as never having been, except where the ledger's rows are listed.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Report:
    """`columns` are (name, meaning) in order; `takes` the parameters that change it."""

    name: str
    definition: str
    columns: tuple[tuple[str, str], ...]
    takes: tuple[str, ...] = ()


_PERIOD = ("since", "until")

_ALL = (
    Report(
        "stock",
        "What lies where now: one row a balance. free = on_hand - reserved.",
        (
            ("item", "The item's code."),
            ("name", "The item's name."),
            ("lot", "Its lot."),
            ("expires_on", "The lot's last day."),
            ("location", "Where it lies."),
            ("zone", "The zone that place is in."),
            ("status", "What may be done with it."),
            ("owner", "Whose it is; empty: ours."),
            ("on_hand", "How much."),
            ("reserved", "Of it promised."),
            ("free", "Of it not promised."),
            ("unit", "The item's own unit, which quantities are in."),
            ("first_in", "The oldest receipt of what may still be there."),
        ),
        (
            "item",
            "location",
        ),
    ),
    Report(
        "movements",
        "The ledger's rows that happened in the period, oldest first; reversals are rows of their own.",
        (
            ("at", "When it happened."),
            ("kind", "What it was."),
            ("item", "The item's code."),
            ("lot", "Its lot."),
            ("serial", "Its serial."),
            ("quantity", "How much."),
            ("unit", "The item's own unit, which quantities are in."),
            ("source", "From where."),
            ("target", "To where."),
            ("document", "Kind and number."),
            ("partner", "The document's partner."),
            ("actor", "Who."),
            ("device", "With what."),
            ("reason", "Why."),
            ("reversal", "Whether it takes back another."),
        ),
        (*_PERIOD, "item", "location"),
    ),
    Report(
        "turnover",
        "Per item, our own stock. issued: what went to customers and production in the period. average: stock"
        " on hand, weighted by how long it was that much. turnover = issued / average. days_of_stock = "
        "average / (issued / days).",
        (
            ("item", "The item's code."),
            ("name", "The item's name."),
            ("opening", "On hand at the beginning."),
            ("closing", "At the end."),
            ("average", "On average."),
            ("issued", "To customers and production."),
            ("turnover", "Times the average went out; empty when there was none."),
            ("days_of_stock", "How long the average lasts at that rate; empty when nothing went out."),
            ("unit", "The item's own unit, which quantities are in."),
        ),
        (*_PERIOD, "item"),
    ),
    Report(
        "dead-stock",
        "Per item with stock of our own. Dead is what lies there for dead_after_days or longer while nothing "
        "of the item went to customers or production: on_hand less what came in during those days, when "
        "nothing went out in them, else 0. dead_after_days is the item's, else its category's, else 365.",
        (
            ("item", "The item's code."),
            ("name", "The item's name."),
            ("category", "Its category."),
            ("on_hand", "How much there is."),
            ("dead", "Of it dead."),
            ("dead_after_days", "The limit."),
            ("last_used", "The last issue; empty: never."),
            ("value", "What all of it is carried at, where it is valued."),
            ("unit", "The item's own unit, which quantities are in."),
        ),
        ("item",),
    ),
    Report(
        "dead-stock-rate",
        "Per category, and for all (category empty): items with stock, items of which something is dead, and "
        "rate = dead_items / items. value_rate is the dead share of value: the value of each item by its dead"
        " share.",
        (
            ("category", "Empty: all."),
            ("items", "With stock."),
            ("dead_items", "With dead stock."),
            ("rate", "dead_items / items."),
            ("value", "Carried."),
            ("dead_value", "Of it dead."),
            ("value_rate", "dead_value / value; empty when nothing is valued."),
        ),
    ),
    Report(
        "frequency",
        "Items by how often they were moved in the period, most often first. ins: movements into our places "
        "from outside; outs: out of them. Moves between places do not count.",
        (
            ("rank", "1 is moved most often."),
            ("item", "The item's code."),
            ("name", "The item's name."),
            ("ins", "How often in."),
            ("outs", "How often out."),
            ("total", "ins + outs."),
            ("in_quantity", "How much in."),
            ("out_quantity", "How much out."),
            ("unit", "The item's own unit, which quantities are in."),
        ),
        (*_PERIOD, "item"),
    ),
    Report(
        "utilisation-bins",
        "Per bin: what stands there against what it takes. share is the largest of units / units_max, on_hand"
        " / capacity, weight / weight_max_kg and volume / volume_max_m3; a bin without limits is 1 when "
        "occupied and 0 when empty.",
        (
            ("zone", "The zone it is in."),
            ("bin", "Its code."),
            ("items", "Different items."),
            ("units", "Handling units."),
            ("on_hand", "Base units of whatever stands there."),
            ("weight_kg", "Booked weight."),
            ("volume_m3", "Booked volume."),
            ("share", "Used share; above 1: too full."),
            ("occupied", "Whether anything is."),
        ),
        ("location",),
    ),
    Report(
        "utilisation-zones",
        "Per zone: its open bins, how many are occupied, rate = occupied / bins, and the mean of the bins' "
        "share (utilisation-bins).",
        (
            ("zone", "Empty: bins in no zone."),
            ("bins", "Open ones."),
            ("occupied", "With stock."),
            ("rate", "occupied / bins."),
            ("mean_share", "Of what they take."),
        ),
        ("location",),
    ),
    Report(
        "accuracy",
        "Counts whose lines were counted in the period. A counted place is an item at a location, summed over"
        " its lines; it is within tolerance when |first counted - expected| <= tolerance_percent of expected."
        " accuracy = within / places. The first count decides, recounts do not improve it. Last row, count "
        "empty: all.",
        (
            ("count", "The sheet; empty: all."),
            ("places", "Item-locations counted."),
            ("within", "Within tolerance."),
            ("accuracy", "within / places."),
            ("over", "Quantity found beyond the book."),
            ("short", "Missing against it."),
        ),
        (*_PERIOD, "tolerance_percent"),
    ),
    Report(
        "picking",
        "Pick lists whose last line was picked in the period. minutes: from the list's making to its last "
        "pick. seconds_per_line = minutes x 60 / picked lines.",
        (
            ("list", "Its number."),
            ("assignee", "Whose."),
            ("lines", "On it."),
            ("picked", "Picked."),
            ("short", "Lines that came short."),
            ("made_at", "When it was made."),
            ("ended_at", "The last pick."),
            ("minutes", "From one to the other."),
            ("seconds_per_line", "A picked line."),
        ),
        _PERIOD,
    ),
    Report(
        "count-variance",
        "Differences that counts posted in the period, one row a line: difference = counted - expected at its"
        " posting, value = difference x unit_cost as it was then. Last row, item empty: the sum of values.",
        (
            ("count", "The sheet."),
            ("posted_at", "When."),
            ("item", "The item's code."),
            ("lot", "Its lot."),
            ("location", "Where."),
            ("difference", "Positive: found; negative: missing."),
            ("unit", "The item's own unit, which quantities are in."),
            ("unit_cost", "As it was carried."),
            ("value", "In money; empty when not valued."),
            ("reason", "Why."),
            ("counted_by", "Who counted."),
            ("approved_by", "Who approved it."),
        ),
        (*_PERIOD, "item"),
    ),
    Report(
        "portals",
        "Per portal, loads closed in the period, each by its last decision. unsure_loads: loads with a tag "
        "nobody could decide or an unknown direction. revised: decided again after late reads. overrides: "
        "times a person ordered the light otherwise. corrections: movements of its loads that were reversed. "
        "decided_by_people: discrepancies of its loads that a person posted or dismissed.",
        (
            ("portal", "Its name."),
            ("loads", "Closed in the period."),
            ("unsure_loads", "With anything unsure."),
            ("unsure_rate", "unsure_loads / loads."),
            ("tags", "Judged to belong."),
            ("unsure_tags", "Undecided."),
            ("stray_tags", "Judged to be strays."),
            ("revised", "Loads decided again."),
            ("overrides", "By people."),
            ("corrections", "Movements reversed."),
            ("discrepancies", "Raised."),
            ("decided_by_people", "Of them."),
        ),
        _PERIOD,
    ),
)
REPORTS = {report.name: report for report in _ALL}
