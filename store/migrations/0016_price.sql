-- What a second of a crew was worth to a plan: what is owed waits for hours in which it is worth less.
ALTER TABLE plans
    ADD COLUMN price double precision;      -- what the last wash asked for spares per second; null: none
