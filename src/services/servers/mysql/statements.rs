//! The statements. Nothing that came from outside stands in them but numbers.

/// Version, whether the performance schema is on, whether names of databases compare without case,
/// who we are, and the server's clock.
pub(super) const SERVER: &str = "SELECT @@version, @@performance_schema, @@lower_case_table_names, \
    SUBSTRING_INDEX(USER(), '@', 1), UNIX_TIMESTAMP()";

/// For how long it has been up, in seconds: also with the performance schema off.
pub(super) const UPTIME: &str = "SHOW GLOBAL STATUS LIKE 'Uptime'";

/// MySQL's own id of the server.
pub(super) const NAME_MYSQL: &str = "SELECT @@server_uuid";

/// What comes nearest to it in MariaDB.
pub(super) const NAME_MARIADB: &str = "SELECT CONCAT(@@hostname, ':', @@port)";

/// Fails without the right to see everybody, whichever role gives it: a list would not. It counts the
/// transactions, of which only who has the right is told.
pub(super) const MAY_SEE: &str = "SELECT COUNT(*) FROM information_schema.INNODB_TRX";

/// Everybody who is connected, and which of them we are.
pub(super) const LIST_SCHEMA: &str = "SELECT ID, USER, HOST, DB, COMMAND, TIME, CONNECTION_ID() \
    FROM performance_schema.processlist";

/// The same where the performance schema does not tell.
pub(super) const LIST_PLAIN: &str = "SELECT ID, USER, HOST, DB, COMMAND, TIME, CONNECTION_ID() \
    FROM information_schema.PROCESSLIST";

/// Threads that are rolling back: `information_schema.PROCESSLIST` of MySQL lacks them already.
pub(super) const ROLLING_BACK: &str = "SELECT trx_mysql_thread_id FROM information_schema.INNODB_TRX \
    WHERE trx_mysql_thread_id > 0";

/// Who holds or waits for metadata locks: schema and thread.
pub(super) const LOCKS: &str = "SELECT DISTINCT m.OBJECT_SCHEMA, t.PROCESSLIST_ID \
    FROM performance_schema.metadata_locks m \
    JOIN performance_schema.threads t ON t.THREAD_ID = m.OWNER_THREAD_ID \
    WHERE m.OBJECT_SCHEMA IS NOT NULL AND t.PROCESSLIST_ID IS NOT NULL";

/// The databases that we are shown.
pub(super) const DATABASES: &str = "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA";

/// What we may do, as the server words it.
pub(super) const GRANTS: &str = "SHOW GRANTS";

/// Whether Amazon's procedure is there.
pub(super) const RDS_KILL: &str = "SELECT COUNT(*) FROM information_schema.ROUTINES \
    WHERE ROUTINE_SCHEMA = 'mysql' AND ROUTINE_NAME = 'rds_kill'";
