"""The auditor's score on a terminal."""

from rich.table import Table

from simulators.auditor import Score

SHOWN_MOST = 12


def score_table(score: Score) -> Table:
    """Label and value; then what differs, the first few."""
    table = Table(title="Ledger against truth", show_header=False, title_justify="left")
    table.add_column()
    table.add_column()
    for label, value in score.rows():
        table.add_row(label, value)
    for finding in score.findings[:SHOWN_MOST]:
        table.add_row(f"[dim]{finding.kind}[/dim]", f"[dim]{finding.about}: {finding.text}[/dim]")
    if len(score.findings) > SHOWN_MOST:
        table.add_row("", f"[dim]and {len(score.findings) - SHOWN_MOST} more[/dim]")
    return table
