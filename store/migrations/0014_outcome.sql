-- What became of an order is told in both languages where the platform says it itself.
ALTER TABLE orders
    ADD COLUMN outcome_also text;           -- the outcome in the other language; null: a crew's own words
