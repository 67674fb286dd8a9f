-- The rule's sand-dust weather is dust that comes in; the notice lasts until it has gone again.
ALTER TABLE notices
    ADD COLUMN eased_at timestamptz;        -- when it no longer grew; null: it does, or it never eased
