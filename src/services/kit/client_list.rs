//! What `CLIENT LIST` tells of a connection, wherever a Redis stands behind a list
//! (<https://redis.io/docs/latest/commands/client-list/>).

use crate::services::{Column, Role, Unit};

/// `addr`.
pub(in crate::services) const CLIENT_ADDRESS: Column = Column {
    name: "client_address",
    unit: Unit::Text,
    role: Role::Client,
    description: "The client's address and port.",
};

/// `user`.
pub(in crate::services) const USER: Column = Column {
    name: "user",
    unit: Unit::Text,
    role: Role::User,
    description: "The ACL user who is logged in.",
};

/// `db`.
pub(in crate::services) const DATABASE: Column = Column {
    name: "database",
    unit: Unit::Text,
    role: Role::Database,
    description: "The number of the database in use, as text.",
};

/// `cmd`, as the list gives it.
pub(in crate::services) const COMMAND: Column = Column {
    name: "command",
    unit: Unit::Text,
    role: Role::Command,
    description: "The last command.",
};

/// `cmd`, which the service makes lower case.
pub(in crate::services) const COMMAND_IN_LOWER_CASE: Column = Column {
    name: "command",
    unit: Unit::Text,
    role: Role::Command,
    description: "The last command, in lower case.",
};

/// `name`.
pub(in crate::services) const NAME: Column = Column {
    name: "name",
    unit: Unit::Text,
    role: Role::Name,
    description: "The name that the client gave itself with `CLIENT SETNAME`.",
};

/// `age`.
pub(in crate::services) const AGE: Column = Column {
    name: "age_seconds",
    unit: Unit::Seconds,
    role: Role::Age,
    description: "Time since the client connected.",
};

/// `idle`.
pub(in crate::services) const IDLE: Column = Column {
    name: "idle_seconds",
    unit: Unit::Seconds,
    role: Role::Idle,
    description: "Time since its last command.",
};
