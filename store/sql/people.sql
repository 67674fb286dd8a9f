-- Who may come in, what they hold, and what they did. Times by the wall clock.

-- name: audit
-- What a person or a program did.
INSERT INTO audit (at, actor, action, detail)
VALUES (%(at)s, %(actor)s, %(action)s, %(detail)s);

-- name: user
-- One user by name.
SELECT name, password_hash, role, crew, locked_until, disabled_at, must_change
FROM users WHERE name = %(name)s;

-- name: users
-- Every user, without the hash: when last here, and how many sessions are open.
SELECT u.name, u.role, u.crew, u.created_at, u.locked_until, u.disabled_at, u.must_change,
       max(s.seen_at) AS seen_at,
       count(*) FILTER (WHERE s.ended_at IS NULL AND s.ends_at > %(now)s) AS sessions
FROM users u LEFT JOIN sessions s ON s.user_name = u.name
GROUP BY u.name
ORDER BY u.disabled_at IS NOT NULL, u.name;

-- name: add_first_admin
-- The first administrator; no row when there is one already.
INSERT INTO users (name, password_hash, role, created_at, password_at)
SELECT %(name)s, %(password_hash)s, 'administrator', %(at)s, %(at)s
WHERE NOT EXISTS (SELECT FROM users WHERE role = 'administrator')
ON CONFLICT (name) DO NOTHING
RETURNING name;

-- name: add_user
-- A user; no row when the name is taken, in whatever case.
INSERT INTO users (name, password_hash, role, crew, created_at, password_at, must_change)
SELECT %(name)s, %(password_hash)s, %(role)s, %(crew)s, %(at)s, %(at)s, %(must_change)s
WHERE NOT EXISTS (SELECT FROM users WHERE lower(name) = lower(%(name)s))
ON CONFLICT (name) DO NOTHING
RETURNING name;

-- name: set_password
-- A new hash opens a lock.
UPDATE users
SET password_hash = %(password_hash)s, password_at = %(at)s, must_change = %(must_change)s,
    failures = 0, locked_until = NULL
WHERE name = %(name)s
RETURNING name;

-- name: user_for_update
-- One user, held until the change is committed.
SELECT name, role, crew, disabled_at, locked_until FROM users WHERE name = %(name)s FOR UPDATE;

-- name: administrators_for_update
-- Those who may come in and manage users, held so that two cannot lock each other out.
SELECT name FROM users WHERE role = 'administrator' AND disabled_at IS NULL ORDER BY name FOR UPDATE;

-- name: change_user
-- Role, crew, and whether they may come in.
UPDATE users
SET role = %(role)s, crew = %(crew)s, disabled_at = %(disabled_at)s,
    failures = CASE WHEN %(unlock)s THEN 0 ELSE failures END,
    locked_until = CASE WHEN %(unlock)s THEN NULL ELSE locked_until END
WHERE name = %(name)s;

-- name: count_failure
-- One more wrong password; the last one allowed locks the door and starts the count again.
UPDATE users
SET failures = CASE WHEN failures + 1 >= %(allowed)s THEN 0 ELSE failures + 1 END,
    locked_until = CASE WHEN failures + 1 >= %(allowed)s THEN %(until)s ELSE locked_until END
WHERE name = %(name)s
RETURNING locked_until;

-- name: forget_failures
-- The right password clears the count.
UPDATE users SET failures = 0, locked_until = NULL
WHERE name = %(name)s AND (failures > 0 OR locked_until IS NOT NULL);

-- name: open_session
-- Somebody has come in.
INSERT INTO sessions (digest, kind, user_name, opened_at, seen_at, ends_at, address, agent)
VALUES (%(digest)s, %(kind)s, %(user)s, %(now)s, %(now)s, %(ends_at)s, %(address)s, %(agent)s)
RETURNING id;

-- name: session
-- A session that holds, with its user as they are now.
SELECT s.id, s.kind, s.seen_at, u.name, u.role, u.crew, u.must_change
FROM sessions s JOIN users u ON u.name = s.user_name
WHERE s.digest = %(digest)s AND s.kind = ANY (%(kinds)s) AND s.ended_at IS NULL
  AND s.ends_at > %(now)s AND (s.kind <> 'desk' OR s.seen_at > %(idle_since)s)
  AND u.disabled_at IS NULL;

-- name: session_holds
-- Whether a session that was opened still holds, and its user may come in with the same role.
SELECT s.id
FROM sessions s JOIN users u ON u.name = s.user_name
WHERE s.id = %(id)s AND s.ended_at IS NULL AND s.ends_at > %(now)s
  AND (s.kind <> 'desk' OR s.seen_at > %(idle_since)s) AND u.disabled_at IS NULL;

-- name: use_session
-- It has been used.
UPDATE sessions SET seen_at = %(now)s WHERE id = %(id)s AND seen_at < %(now)s;

-- name: end_session
-- One session of a user ends; no row when there is none.
UPDATE sessions SET ended_at = %(now)s
WHERE id = %(id)s AND user_name = %(user)s AND ended_at IS NULL
RETURNING id;

-- name: end_sessions
-- All sessions of a user end, but for the one given.
UPDATE sessions SET ended_at = %(now)s
WHERE user_name = %(user)s AND ended_at IS NULL AND id IS DISTINCT FROM %(but)s
RETURNING id;

-- name: sessions
-- The sessions of a user that hold, the last used first.
SELECT id, kind, opened_at, seen_at, ends_at, address, agent
FROM sessions
WHERE user_name = %(user)s AND ended_at IS NULL AND ends_at > %(now)s
  AND (kind <> 'desk' OR seen_at > %(idle_since)s)
ORDER BY seen_at DESC, id DESC;

-- name: forget_sessions
-- What ended long ago.
DELETE FROM sessions WHERE ends_at < %(before)s;

-- name: add_token
-- A token of a program; no row when a valid one has the name.
INSERT INTO tokens (digest, name, ending, scopes, made_by, made_at, expires_at)
VALUES (%(digest)s, %(name)s, %(ending)s, %(scopes)s, %(by)s, %(now)s, %(expires_at)s)
ON CONFLICT (name) WHERE revoked_at IS NULL DO NOTHING
RETURNING id;

-- name: token
-- A token that holds.
SELECT id, name, scopes, used_at FROM tokens
WHERE digest = %(digest)s AND revoked_at IS NULL AND expires_at > %(now)s;

-- name: token_holds
-- Whether a token still holds.
SELECT id FROM tokens WHERE name = %(name)s AND revoked_at IS NULL AND expires_at > %(now)s;

-- name: use_token
-- It has been used.
UPDATE tokens SET used_at = %(now)s, used_from = %(address)s WHERE id = %(id)s;

-- name: tokens
-- Every token, those that hold first.
SELECT id, name, ending, scopes, made_by, made_at, expires_at, used_at, used_from, revoked_at,
       revoked_by
FROM tokens
ORDER BY revoked_at IS NOT NULL OR expires_at <= %(now)s, made_at DESC, id DESC
LIMIT 500;

-- name: revoke_token
-- It opens nothing any more; no row when there is none that does.
UPDATE tokens SET revoked_at = %(now)s, revoked_by = %(by)s
WHERE id = %(id)s AND revoked_at IS NULL
RETURNING name;

-- name: audit_page
-- What people did, newest first, filtered, before the line given.
SELECT id, at, actor, action, detail FROM audit
WHERE (%(actor)s::text IS NULL OR actor = %(actor)s)
  AND (%(actions)s::text[] IS NULL OR action = ANY (%(actions)s))
  AND (%(since)s::timestamptz IS NULL OR at >= %(since)s)
  AND (%(until)s::timestamptz IS NULL OR at < %(until)s)
  AND (%(before)s::bigint IS NULL OR id < %(before)s)
ORDER BY id DESC
LIMIT %(limit)s;

-- name: audit_words
-- Which actions there are, and who acted.
SELECT ARRAY(SELECT DISTINCT action FROM audit ORDER BY action) AS actions,
       ARRAY(SELECT DISTINCT actor FROM audit ORDER BY actor LIMIT 500) AS actors;
