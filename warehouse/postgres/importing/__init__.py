"""Imports into the books: a run checks, applies or undoes one file in one transaction.

    opened file → clean rows (`reading`) → staged and checked by SQL (`opening_stock`), or as commands (`by_command`)

A row of master data or of a document becomes the command a person would have sent, and the command's own handler judges
it: an import can do nothing a command cannot. Opening stock, the mass of an old system, is staged by COPY, checked by
set-based SQL so that every row's problems are told at once, and posted through the ledger like everything else.
"""
