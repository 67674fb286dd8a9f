-- Who leads: analytics, dispatch and the outbox each have one at a time.

-- name: take
-- The lead in something, for as long as the session lasts; false while another has it.
SELECT pg_try_advisory_lock(hashtextextended('roaddust ' || %(what)s, 0));
