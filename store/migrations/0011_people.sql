-- Who may come in, since when and with what rights. Nothing that opens a door is stored: sessions
-- and tokens are kept as what they hash to.

ALTER TABLE users
    ADD COLUMN disabled_at timestamptz,     -- never deleted: the audit names them
    ADD COLUMN must_change boolean NOT NULL DEFAULT false, -- the password was given, not chosen
    ADD COLUMN password_at timestamptz;

CREATE TABLE sessions (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest      bytea NOT NULL UNIQUE,
    kind        text NOT NULL CHECK (kind IN ('desk', 'wall', 'program')),
    user_name   text NOT NULL REFERENCES users (name),
    opened_at   timestamptz NOT NULL,       -- all by the wall clock
    seen_at     timestamptz NOT NULL,
    ends_at     timestamptz NOT NULL,
    ended_at    timestamptz,
    address     text NOT NULL,
    agent       text NOT NULL               -- what the browser calls itself
);
CREATE INDEX sessions_open ON sessions (user_name) WHERE ended_at IS NULL;
CREATE INDEX sessions_by_end ON sessions (ends_at);

CREATE TABLE tokens (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest      bytea NOT NULL UNIQUE,
    name        text NOT NULL,
    ending      text NOT NULL,              -- the last characters, to tell one from another
    scopes      text[] NOT NULL,
    made_by     text NOT NULL,
    made_at     timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    used_at     timestamptz,
    used_from   text,
    revoked_at  timestamptz,
    revoked_by  text
);
CREATE UNIQUE INDEX tokens_by_name ON tokens (name) WHERE revoked_at IS NULL;

CREATE INDEX audit_by_actor ON audit (actor, id);
CREATE INDEX audit_by_action ON audit (action, id);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
