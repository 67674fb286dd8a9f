-- What a decision would change, asked before it is made; which crew a user belongs to; what crews
-- say and photograph on their page.

CREATE TABLE previews (                     -- a question to the dispatcher; it plans for it and keeps nothing
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    asked_at    timestamptz NOT NULL,       -- by the platform's clock
    asked_by    text NOT NULL CHECK (asked_by <> ''),
    wish        jsonb NOT NULL,             -- the fields of an override
    answered_at timestamptz,                -- as of when the answer holds
    plan        text,                       -- in force when it was answered
    answer      jsonb,
    problem     text                        -- why there is no answer
);
CREATE INDEX previews_waiting ON previews (id) WHERE answered_at IS NULL;

ALTER TABLE users ADD COLUMN IF NOT EXISTS crew text; -- of a user with the role crew: which one

CREATE TABLE crew_words (                   -- what came from a crew's page: each is taken once
    key         uuid PRIMARY KEY,           -- made up by the phone when the button was pressed
    crew        text NOT NULL,
    said_by     text NOT NULL,
    kind        text NOT NULL,              -- progress, photo
    stored_at   timestamptz NOT NULL
);
CREATE INDEX crew_words_by_time ON crew_words (stored_at);

CREATE TABLE photos (                       -- taken by crews; drawn anew by the platform, never as they came
    id          uuid PRIMARY KEY,
    order_id    text NOT NULL REFERENCES orders (id),
    crew        text NOT NULL,
    taken_by    text NOT NULL,
    taken_at    timestamptz NOT NULL,
    width_px    integer NOT NULL,
    height_px   integer NOT NULL,
    jpeg        bytea NOT NULL
);
CREATE INDEX photos_by_order ON photos (order_id, taken_at);
CREATE INDEX photos_by_time ON photos (taken_at);
