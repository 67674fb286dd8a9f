-- Reports as they were made: a new version where data that came late, or a person, asked for one.

CREATE TABLE kept_reports (
    kind        text NOT NULL CHECK (kind IN ('day', 'week', 'month')),
    day         date NOT NULL,              -- the first day of the period
    version     integer NOT NULL,
    made_at     timestamptz NOT NULL,       -- by the platform's clock
    made_by     text NOT NULL,              -- schedule, or a user's name
    why         text NOT NULL,              -- schedule, late, asked
    digest      text NOT NULL,              -- of the figures: the same are not kept twice
    figures     jsonb NOT NULL,
    sent_at     timestamptz,                -- put on its way to people
    PRIMARY KEY (kind, day, version)
);

-- A call may have a file with it: a path on the machine that sends.
ALTER TABLE calls ADD COLUMN attachment text;
