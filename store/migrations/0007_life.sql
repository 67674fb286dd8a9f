-- What must not stay overnight, who is called when it does, what people decide against a plan, and
-- what of the work was proven.

CREATE TABLE matters (                      -- 事不过夜: one clock per episode or complaint and local day
    ref         text NOT NULL,              -- the episode, or channel/id of a complaint
    day         date NOT NULL,
    kind        text NOT NULL,              -- episode, complaint
    place       text,                       -- segment or site; null where no street is near
    level       smallint NOT NULL,          -- highest so far; 0 for a complaint
    since       timestamptz NOT NULL,       -- when it began, or was complained of
    opened_at   timestamptz NOT NULL,       -- when the clock began to run
    seen_at     timestamptz NOT NULL,       -- when dispatch first saw it
    due         timestamptz NOT NULL,       -- when work should have begun
    ends_at     timestamptz NOT NULL,       -- the end of the local day
    answered_at timestamptz,                -- first order, or stated reason
    answer      text,                       -- the newest: an order's id, or the code of a reason
    begun_at    timestamptz,
    ended_at    timestamptz,
    outcome     text,                       -- treated, subsided, reason, withdrawn, nowhere, not_made
    PRIMARY KEY (ref, day)
);
CREATE INDEX matters_open ON matters (ref) WHERE ended_at IS NULL;
CREATE INDEX matters_by_day ON matters (day);

CREATE TABLE concerns (                     -- trouble that somebody has to know of, while it stands
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind        text NOT NULL,              -- unanswered, obstacle, unmade, overnight, order, crew, unproven
    subject     text NOT NULL,
    crew        text,
    place       text,
    ref         text,                       -- the matter, if there is one
    why         text NOT NULL,              -- in the language of the settings
    also        text NOT NULL,              -- the same in the other language
    since       timestamptz NOT NULL,       -- what the limits count from
    opened_at   timestamptz NOT NULL,
    role        text,                       -- called last
    called_at   timestamptz,
    reminded_at timestamptz,
    taken_by    text,                       -- who has said that they see to it
    taken_at    timestamptz,
    resolved_at timestamptz
);
CREATE UNIQUE INDEX concerns_open ON concerns (kind, subject) WHERE resolved_at IS NULL;
CREATE INDEX concerns_by_time ON concerns (opened_at);

CREATE TABLE escalation_log (               -- append-only
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    concern     bigint NOT NULL REFERENCES concerns (id),
    at          timestamptz NOT NULL,
    actor       text NOT NULL,              -- dispatch, or a user's name
    event       text NOT NULL,              -- opened, called, reminded, taken, resolved
    role        text,
    detail      jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX escalation_log_by_concern ON escalation_log (concern, id);

CREATE TABLE calls (                        -- notices to people: written with what they tell of, sent until they arrive
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          timestamptz NOT NULL,
    recipient   text NOT NULL,              -- a role, or crew:ID
    crew        text,                       -- whose leader is meant
    concern     bigint REFERENCES concerns (id),
    title       text NOT NULL,
    body        text NOT NULL,
    attempts    integer NOT NULL DEFAULT 0,
    next_at     timestamptz NOT NULL,       -- when to try (again)
    done_at     timestamptz,
    outcome     text                        -- sent, nobody (no address for the recipient), given_up
);
CREATE INDEX calls_waiting ON calls (next_at) WHERE done_at IS NULL;
CREATE INDEX calls_by_time ON calls (at);

CREATE TABLE overrides (                    -- what people have decided; respected by every plan while it holds
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind             text NOT NULL CHECK (kind IN ('pin', 'forbid', 'assign', 'hold', 'add')),
    place            text,                  -- segment or site
    treatment        text,                  -- null with forbid: every one
    crew             text,
    order_id         text,                  -- that was pinned
    priority         smallint CHECK (priority BETWEEN 1 AND 3),
    due              timestamptz,
    why              text NOT NULL CHECK (why <> ''),
    given_by         text NOT NULL CHECK (given_by <> ''),
    given_at         timestamptz NOT NULL,
    until            timestamptz NOT NULL,
    ended_at         timestamptz,           -- withdrawn, or made
    ended_by         text,
    ended_why        text
);
CREATE INDEX overrides_open ON overrides (until) WHERE ended_at IS NULL;

CREATE TABLE services (                     -- how much of an order's work its vehicle's positions prove
    order_id    text PRIMARY KEY REFERENCES orders (id),
    judged_at   timestamptz NOT NULL,
    share       double precision,           -- of the segment's length, or of the minutes to stand; null: not seen
    worked_m    double precision,           -- driven at the speed of work with water going down
    driven_m    double precision,           -- driven at the speed of work
    water_l     double precision,           -- by the gauge
    positions   integer NOT NULL,
    proven      boolean,                    -- null: cannot be told
    spans       jsonb NOT NULL DEFAULT '[]' -- [[from, to], ...] in metres from the segment's drawn start
);

CREATE TABLE reviews (                      -- the day's and the week's figures
    kind        text NOT NULL,              -- day, week
    day         date NOT NULL,              -- the day, or the Monday
    made_at     timestamptz NOT NULL,
    body        jsonb NOT NULL,
    PRIMARY KEY (kind, day)
);

CREATE TABLE timetable (                    -- up to when each routine job has been run
    job         text PRIMARY KEY,
    upto        timestamptz NOT NULL
);

ALTER TABLE orders
    ADD COLUMN also text,                   -- the reason in the other language
    ADD COLUMN reminded_at timestamptz;
CREATE INDEX orders_by_site ON orders (site, ended_at) WHERE site IS NOT NULL;

-- What was said stays said.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: add a line instead of changing one', TG_TABLE_NAME;
END
$$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON order_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON escalation_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
