//! The statements, each in one message: what one says holds at one moment, and a pooler in between
//! cannot give its parts to two servers.

/// Everybody who is connected, with what tells whether that is everybody. No text of a statement
/// leaves the server but its first word. `pg_has_role` with the number of a role that was dropped is
/// false, or null.
pub(super) const LIST: &str = "\
SELECT a.pid, a.backend_type::text AS kind, a.usesysid::bigint AS role, a.usename AS user, a.datname AS database, \
       (extract(epoch FROM a.backend_start) * 1000000)::bigint AS begun, \
       extract(epoch FROM clock_timestamp() - a.backend_start)::bigint AS age, \
       CASE WHEN a.state LIKE 'idle%' \
            THEN extract(epoch FROM clock_timestamp() - a.state_change)::bigint \
            WHEN a.state IS NOT NULL THEN 0::bigint END AS idle, \
       extract(epoch FROM clock_timestamp() - a.xact_start)::bigint AS transaction, \
       a.backend_xid IS NOT NULL AS has_written, a.state::text AS state, \
       a.application_name::text AS name, host(a.client_addr) AS address, a.client_port AS port, \
       substring(a.query FROM '^[[:space:]]*([A-Za-z]{1,16})') AS verb, \
       coalesce(r.rolsuper, true) AS super, \
       me.rolsuper OR coalesce(pg_has_role(me.oid, a.usesysid, 'USAGE'), false) \
         OR coalesce(pg_has_role(me.oid, s.oid, 'USAGE'), false) AS may_end, \
       me.rolsuper AS we_are_super, a.usesysid = me.oid AS ours, \
       pg_backend_pid() AS own, \
       (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint AS server, \
       EXISTS (SELECT FROM pg_database d WHERE d.datname = $1) AS exists \
FROM pg_stat_activity a \
CROSS JOIN (SELECT oid, rolsuper FROM pg_roles WHERE rolname = current_user) me \
LEFT JOIN pg_roles s ON s.rolname = 'pg_signal_backend' \
LEFT JOIN pg_roles r ON r.oid = a.usesysid \
WHERE a.backend_type IS NULL OR a.backend_type IN ('client backend', 'walsender')";

/// Asks for the end of those of these sessions that are still there, by process id **and** the
/// microsecond at which they began. The answer has a row for each of them.
pub(super) const TERMINATE: &str = "\
SELECT a.pid, (extract(epoch FROM a.backend_start) * 1000000)::bigint AS begun, \
       pg_terminate_backend(a.pid) AS sent \
FROM unnest($1::int[], $2::bigint[]) AS w (pid, begun) \
JOIN pg_stat_activity a \
  ON a.pid = w.pid AND (extract(epoch FROM a.backend_start) * 1000000)::bigint = w.begun \
WHERE a.backend_type = 'client backend' AND a.pid <> pg_backend_pid()";

/// Whether the database is there.
pub(super) const SIGHT: &str =
    "SELECT EXISTS (SELECT FROM pg_database d WHERE d.datname = $1) AS exists";

/// What holds a database in place beside its sessions, each as a few words and how many. What this
/// server has no such view of, or hides from this role, is asked for by itself.
pub(super) const OBSTACLES: &[(&str, &str)] = &[
    ("prepared transaction", "SELECT count(*) AS count FROM pg_prepared_xacts WHERE database = $1"),
    (
        "logical replication slot",
        "SELECT count(*) AS count FROM pg_replication_slots WHERE database = $1",
    ),
    (
        "subscription",
        "SELECT count(*) AS count FROM pg_subscription s \
         JOIN pg_database d ON d.oid = s.subdbid WHERE d.datname = $1",
    ),
    (
        "replication connection",
        "SELECT count(*) AS count FROM pg_stat_activity \
         WHERE datname = $1 AND backend_type = 'walsender'",
    ),
];
