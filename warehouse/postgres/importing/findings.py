"""What a run finds: problems by row and column, and what cleaning changed. Both are kept up to a bound."""

from collections import Counter
from dataclasses import dataclass, field
from uuid import UUID

from warehouse.postgres.books.balances import Conn

PROBLEMS_MAX = 10_000
CHANGES_MAX = 10_000
VALUE_LENGTH_MAX = 200


@dataclass(frozen=True, slots=True)
class Found:
    """One problem. Row 0 is the whole file."""

    row_no: int
    column: str
    code: str
    message: str
    fix: str = ""
    value: str = ""
    severity: str = "error"


@dataclass(frozen=True, slots=True)
class Change:
    row_no: int
    column: str
    kind: str
    before: str
    after: str


@dataclass(slots=True)
class Findings:
    """Errors are kept before warnings are: the first PROBLEMS_MAX of each."""

    errors: list[Found] = field(default_factory=list)
    warnings: list[Found] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    error_count: int = 0
    warning_count: int = 0
    change_counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    problem_counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, found: Found) -> None:
        self.problem_counts[found.column, found.code] += 1
        if found.severity == "error":
            self.error_count += 1
            kept = self.errors
        else:
            self.warning_count += 1
            kept = self.warnings
        if len(kept) < PROBLEMS_MAX:
            kept.append(found)

    def count_on(self, column: str, code: str, more: int, severity: str = "error") -> None:
        """So many more like those that were added, not kept."""
        self.problem_counts[column, code] += more
        if severity == "error":
            self.error_count += more
        else:
            self.warning_count += more

    def changed(self, change: Change) -> None:
        self.change_counts[change.column, change.kind] += 1
        if len(self.changes) < CHANGES_MAX:
            self.changes.append(change)

    def summary(self) -> dict[str, object]:
        """Counts by column and kind, for the run."""
        return {
            "problems": [
                {"column": column, "code": code, "count": count}
                for (column, code), count in sorted(self.problem_counts.items())
            ],
            "changes": [
                {"column": column, "kind": kind, "count": count}
                for (column, kind), count in sorted(self.change_counts.items())
            ],
        }

    def write(self, conn: Conn, run_id: UUID) -> None:
        """Replace what an earlier look at the same run found."""
        conn.execute("delete from import_problem where run_id = %s", (run_id,))
        conn.execute("delete from import_change where run_id = %s", (run_id,))
        kept = sorted(self.errors, key=lambda f: f.row_no) + sorted(self.warnings, key=lambda f: f.row_no)
        with conn.cursor() as cursor:
            with cursor.copy("copy import_problem from stdin") as copy:
                for n, f in enumerate(kept):
                    value = f.value[:VALUE_LENGTH_MAX]
                    copy.write_row((run_id, n, f.row_no, f.column, f.severity, f.code, value, f.message, f.fix))
            with cursor.copy("copy import_change from stdin") as copy:
                for n, c in enumerate(self.changes):
                    before, after = c.before[:VALUE_LENGTH_MAX], c.after[:VALUE_LENGTH_MAX]
                    copy.write_row((run_id, n, c.row_no, c.column, c.kind, before, after))
