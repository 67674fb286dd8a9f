"""Reports: one set of figures, as a page, a PDF and a workbook.

`rows` asks the database, `figures` computes, `document` says what is shown in which order, and
`page`, `pdf` and `excel` only write that down.
"""
