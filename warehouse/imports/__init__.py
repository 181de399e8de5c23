"""Tables from outside (CSV, workbooks) as checked values: templates, cleaning, reading. Knows no database.

    bytes → rows of cells (`table_csv`, `workbook`) → columns by header (`header`) → clean values (`cleaning`)

Nothing is guessed silently: whatever a cell is changed into is reported, and what could mean two things is a problem.
"""
