"""The auditor: ledger rows against the plant's truth. Knows what happened, knows no rule.

Rows are plain values that somebody else fetched. A passage is held against the load it shares most tags with at the
same portal and about the same time; what matches no load is spurious. Cartons count one each:

- lost: truly moved and announced, but not posted for the passage of their load;
- doubled: posted for a load beyond what truly moved on it, unannounced cartons included;
- astray: posted for a passage that was no load, or for none at all.

Postings are netted within a load, so a posting and its reversal count as nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal

from simulators.auditor_bins import PutawayRows, PutawayScore, audit_bins
from simulators.auditor_scales import WeighingRow, WeightScore, audit_weights
from simulators.auditor_store import StoreScore, TransferRow, VarianceRow, audit_store
from simulators.plant_scales import PlantWeighing
from simulators.plant_truth import PlantLoad, PlantTruth
from warehouse.site import Direction

EARLY_US = 4_000_000
LATE_US = 6_000_000
"""How far a passage may lie outside the load's own window and still be its passage."""
FINDINGS_MOST = 100


@dataclass(frozen=True, slots=True)
class PassageRow:
    """A final passage, newest revision: the tags judged to belong, and those left unsure."""

    passage_id: str
    portal: str
    direction: Direction
    opened_us: int
    closed_us: int
    belongs: tuple[str, ...]
    unsure: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MovementRow:
    """A ledger posting caused by a passage (`passage_id` empty when by something else)."""

    movement_id: str
    passage_id: str
    item: str
    quantity: Decimal
    from_location: str
    to_location: str


@dataclass(frozen=True, slots=True)
class StockRow:
    """A balance."""

    item: str
    location: str
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference, in words: `about` is a load, passage or stock line."""

    kind: str
    about: str
    text: str


@dataclass(frozen=True, slots=True)
class Score:
    """What the audit found. Shares are properties; `findings` holds at most `FINDINGS_MOST`."""

    loads: int
    loads_exact: int
    loads_without_passage: int
    passages_spurious: int
    direction_right: int
    direction_unsure: int
    tags_right: int
    tags_wrong: int
    tags_missed: int
    tags_unsure: int
    stock_lines: int
    stock_lines_different: int
    cartons_moved: int
    cartons_lost: Decimal
    cartons_doubled: Decimal
    cartons_astray: Decimal
    findings: tuple[Finding, ...] = ()
    weights: WeightScore | None = None
    putaway: PutawayScore | None = None
    store: StoreScore | None = None

    @property
    def tag_precision(self) -> float:
        return _share(self.tags_right, self.tags_right + self.tags_wrong)

    @property
    def tag_recall(self) -> float:
        return _share(self.tags_right, self.tags_right + self.tags_missed)

    @property
    def exact_load_share(self) -> float:
        return _share(self.loads_exact, self.loads)

    @property
    def direction_share(self) -> float:
        return _share(self.direction_right, self.loads)

    @property
    def books_agree(self) -> bool:
        """Nothing lost, doubled or astray, every stock line as it truly is, every weight that of its pallet."""
        wrong = self.stock_lines_different or self.cartons_lost or self.cartons_doubled or self.cartons_astray
        parts = [part.agrees for part in (self.weights, self.putaway, self.store) if part is not None]
        return not wrong and all(parts)

    def as_json(self) -> dict[str, object]:
        """Everything, quantities as text, for one JSON object."""
        plain = {key: str(value) if isinstance(value, Decimal) else value for key, value in asdict(self).items()}
        shares = {
            "tag_precision": round(self.tag_precision, 5),
            "tag_recall": round(self.tag_recall, 5),
            "exact_load_share": round(self.exact_load_share, 5),
            "direction_share": round(self.direction_share, 5),
            "books_agree": self.books_agree,
        }
        return {**shares, **plain}

    def rows(self) -> tuple[tuple[str, str], ...]:
        """What a person reads at the end of a run: label and value."""
        return (
            ("tag precision", f"{self.tag_precision:.2%}  ({self.tags_wrong} wrong of {self._judged})"),
            ("tag recall", f"{self.tag_recall:.2%}  ({self.tags_missed} missed, {self.tags_unsure} of them unsure)"),
            ("exact loads", f"{self.loads_exact} of {self.loads}  ({self.exact_load_share:.1%})"),
            ("direction", f"{self.direction_right} of {self.loads}  ({self.direction_unsure} unsure)"),
            ("loads without a passage", str(self.loads_without_passage)),
            ("passages without a load", str(self.passages_spurious)),
            ("stock lines that differ", f"{self.stock_lines_different} of {self.stock_lines}"),
            ("cartons moved", str(self.cartons_moved)),
            ("movements lost", f"{self.cartons_lost} cartons"),
            ("movements doubled", f"{self.cartons_doubled} cartons"),
            ("movements astray", f"{self.cartons_astray} cartons"),
            *(self.weights.rows() if self.weights is not None else ()),
            *(self.putaway.rows() if self.putaway is not None else ()),
            *(self.store.rows() if self.store is not None else ()),
        )

    @property
    def _judged(self) -> int:
        return self.tags_right + self.tags_wrong


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 1.0


def matched(loads: Iterable[PlantLoad], passages: Iterable[PassageRow]) -> dict[str, PassageRow]:
    """Load id to its passage. Most shared tags first; each passage serves one load."""
    rows = list(passages)
    by_portal: dict[str, list[PassageRow]] = defaultdict(list)
    for row in rows:
        by_portal[row.portal].append(row)
    pairs = []
    for load in loads:
        truth = load.load
        tags = set(truth.epcs)
        for row in by_portal[truth.portal]:
            if row.opened_us <= truth.end_us + LATE_US and row.closed_us >= truth.start_us - EARLY_US:
                shared = len(tags & {*row.belongs, *row.unsure})
                if shared:
                    apart = abs(row.opened_us + row.closed_us - truth.start_us - truth.end_us)
                    pairs.append((-shared, apart, truth.load_id, row.passage_id, row))
    found: dict[str, PassageRow] = {}
    taken: set[str] = set()
    for _, _, load_id, passage_id, row in sorted(pairs, key=lambda pair: pair[:4]):
        if load_id not in found and passage_id not in taken:
            found[load_id] = row
            taken.add(passage_id)
    return found


def audit(
    truth: PlantTruth,
    passages: Iterable[PassageRow],
    movements: Iterable[MovementRow],
    stock: Iterable[StockRow],
    plan: Sequence[PlantWeighing] = (),
    weighings: Iterable[WeighingRow] = (),
    standing: Mapping[str, str] | None = None,
    books: PutawayRows | None = None,
    transfers: Iterable[TransferRow] = (),
    counted: Iterable[VarianceRow] = (),
) -> Score:
    """Compare. Passages without any belonging tag are no claim and count for nothing unless a load is theirs."""
    rows = list(passages)
    findings: list[Finding] = []
    found = matched(truth.loads, rows)
    of_load = {row.passage_id: load_id for load_id, row in found.items()}
    spurious = [row for row in rows if row.belongs and row.passage_id not in of_load]
    right = missed = unsure = exact = direction_right = direction_unsure = 0
    wrong = sum(len(row.belongs) for row in spurious)
    for row in spurious:
        findings.append(
            Finding("spurious passage", row.passage_id, f"{len(row.belongs)} tags at {row.portal}, no load")
        )
    for load in truth.loads:
        passed = load.load
        match = found.get(passed.load_id)
        if match is None:
            missed += len(passed.epcs)
            findings.append(Finding("no passage", passed.load_id, f"{len(passed.epcs)} tags at {passed.portal}"))
            continue
        true_tags, judged = set(passed.epcs), set(match.belongs)
        right += len(true_tags & judged)
        wrong += len(judged - true_tags)
        missed += len(true_tags - judged)
        unsure += len((true_tags - judged) & set(match.unsure))
        exact += true_tags == judged
        direction_right += match.direction == passed.direction
        direction_unsure += match.direction == Direction.UNSURE
        if true_tags != judged:
            text = f"{len(judged - true_tags)} wrong, {len(true_tags - judged)} missed of {len(true_tags)}"
            findings.append(Finding("tags", passed.load_id, text))
        if match.direction != passed.direction:
            text = f"{match.direction.value} instead of {passed.direction.value} at {passed.portal}"
            findings.append(Finding("direction", passed.load_id, text))
    lost, doubled, astray = _postings(truth, movements, of_load, findings)
    lines, different = _stock_lines(truth, stock, findings)
    short = {finding.about for finding in findings if finding.kind in ("lost", "tags", "no passage")}
    weights = audit_weights(plan, weighings, short) if plan else None
    findings += [Finding("weight", about, text) for about, text in (weights.findings if weights else ())]
    inside = next((line.location for line in truth.stock), "")
    putaway = audit_bins(standing, books, inside) if standing is not None and books is not None else None
    findings += [Finding("put-away", about, text) for about, text in (putaway.findings if putaway else ())]
    store = audit_store(truth.transfers, truth.count, transfers, counted) if truth.count is not None else None
    findings += [Finding("store", about, text) for about, text in (store.findings if store else ())]
    return Score(
        loads=len(truth.loads),
        loads_exact=exact,
        loads_without_passage=len(truth.loads) - len(found),
        passages_spurious=len(spurious),
        direction_right=direction_right,
        direction_unsure=direction_unsure,
        tags_right=right,
        tags_wrong=wrong,
        tags_missed=missed,
        tags_unsure=unsure,
        stock_lines=lines,
        stock_lines_different=different,
        cartons_moved=sum(len(load.announced) + len(load.unannounced) for load in truth.loads),
        cartons_lost=lost,
        cartons_doubled=doubled,
        cartons_astray=astray,
        findings=tuple(findings[:FINDINGS_MOST]),
        weights=weights,
        putaway=putaway,
        store=store,
    )


def _postings(
    truth: PlantTruth, movements: Iterable[MovementRow], of_load: dict[str, str], findings: list[Finding]
) -> tuple[Decimal, Decimal, Decimal]:
    """Cartons lost, doubled, astray."""
    places = {next((line.location for line in truth.stock), "")}  # behind the doors
    posted: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    elsewhere: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in movements:
        net = row.quantity * ((row.to_location in places) - (row.from_location in places))
        load_id = of_load.get(row.passage_id)
        if load_id is None:
            elsewhere[row.passage_id, row.item] += net
        else:
            posted[load_id, row.item] += net
    lost = doubled = Decimal(0)
    for load in truth.loads:
        sign = 1 if load.load.direction is Direction.IN else -1
        sure: dict[str, int] = defaultdict(int)
        maybe: dict[str, int] = defaultdict(int)
        sure[load.item] += len(load.announced)
        for _, item in load.unannounced:
            maybe[item] += 1
        items = {*sure, *maybe, *(item for load_id, item in posted if load_id == load.load.load_id)}
        for item in sorted(items):
            net = sign * posted.get((load.load.load_id, item), Decimal(0))
            short, over = sure[item] - net, net - sure[item] - maybe[item]
            if short > 0:
                lost += short
                findings.append(Finding("lost", load.load.load_id, f"{short} {item} not posted ({load.document})"))
            if over > 0:
                doubled += over
                findings.append(Finding("doubled", load.load.load_id, f"{over} {item} too many ({load.document})"))
    astray = Decimal(0)
    for (passage_id, item), net in elsewhere.items():
        if net:
            astray += abs(net)
            findings.append(Finding("astray", passage_id or "no passage", f"{net:+} {item}"))
    return lost, doubled, astray


def _stock_lines(truth: PlantTruth, stock: Iterable[StockRow], findings: list[Finding]) -> tuple[int, int]:
    """Lines compared, lines that differ: those truth knows, and those at the same locations it does not."""
    held: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in stock:
        held[row.item, row.location] += row.quantity
    places = {line.location for line in truth.stock}
    expected = {(line.item, line.location): (line.least, line.most) for line in truth.stock}
    keys = {*expected, *(key for key, quantity in held.items() if key[1] in places and quantity)}
    different = 0
    for key in sorted(keys):
        least, most = expected.get(key, (0, 0))
        quantity = held.get(key, Decimal(0))
        if not least <= quantity <= most:
            different += 1
            range_text = str(least) if least == most else f"{least} to {most}"
            findings.append(Finding("stock", f"{key[0]} at {key[1]}", f"{quantity} in the books, truly {range_text}"))
    return len(keys), different
