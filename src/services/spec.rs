//! A service described as data: schema, docs, examples, permissions and README all come from here.

use super::{Target, Wrong};
use crate::access::{Action, Kind};

/// Everything about a service that is not a call.
#[derive(Debug)]
pub struct Spec {
    /// Part of all type names, like `huaweicloud_dcs`: the cloud's provider name and the product,
    /// or the server's name.
    pub name: &'static str,
    /// The platform: the attribute of the provider block that it is reached by.
    pub platform: &'static str,
    /// The endpoint's key in the cloud's `endpoints`, like `dcs`.
    pub product: &'static str,
    /// The product's name for people, like `Huawei Cloud DCS for Redis`.
    pub title: &'static str,
    /// What one session is called, singular, like `client connection`.
    pub session: &'static str,
    /// Markdown: what a session of it is, and which ones its list does not show. On every page.
    pub about: &'static str,
    /// Markdown: what ending one does, and what the API cannot end. On the pages of the faces that
    /// terminate.
    pub ending: &'static str,
    /// Markdown: what to be warned of on those pages, where "it cuts connections" is not the truth,
    /// or not all of it.
    pub warning: Option<&'static str>,
    /// Whether the target can be in another region than the provider block's.
    pub regional: bool,
    /// Whether the target is asked itself, so that it alone may be out of reach. A cloud answers for
    /// its targets.
    pub answers_itself: bool,
    /// The arguments that name the target, `region` not among them.
    pub inputs: &'static [Input],
    /// Inputs of which at least one must be given; empty where [`Input::required`] says it all.
    pub one_of: &'static [&'static str],
    /// Where a target can be wider than one instance or database: never by leaving something out.
    pub width: Option<Width>,
    /// A target in its one spelling: another that means the same gives an equal one.
    pub normal: fn(Target) -> Result<Target, Wrong>,
    /// What a session id looks like and where it comes from, Markdown that goes on after "An id is".
    pub session_id: &'static str,
    /// Whether a text has the shape of a session id: any other is a mistake, and no session that has
    /// gone.
    pub is_id: fn(&str) -> bool,
    /// Where another session can have the same id later: when that is, a Markdown sentence.
    pub ids_again: Option<&'static str>,
    /// What the list tells of a session beside `id` and `node_id`.
    pub columns: &'static [Column],
    /// What the API can do.
    pub limits: Limits,
    /// Permissions by the cloud's action names: to list, then to terminate.
    pub permissions: Permissions,
    /// What this API's error codes mean, where the cloud's common classification does not know.
    pub codes: &'static [(&'static str, Kind)],
    /// Values for examples.
    pub example: Example,
    /// The vendor's documentation of the kill call.
    pub documentation: &'static str,
}

/// What must be granted.
#[derive(Clone, Copy, Debug)]
pub struct Permissions {
    /// To look up nodes and list sessions.
    pub list: &'static [Action],
    /// To terminate.
    pub terminate: &'static [Action],
}

/// An argument that names the target.
#[derive(Clone, Copy, Debug)]
pub struct Input {
    /// Terraform's name, like `instance_id`.
    pub name: &'static str,
    /// What it holds.
    pub shape: Shape,
    /// Whether it must be given.
    pub required: bool,
    /// Markdown sentence.
    pub description: &'static str,
}

/// What an [`Input`] holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Text.
    Text,
    /// The number of a port.
    Port,
    /// `true`, or nothing.
    Flag,
}

/// Two inputs of which exactly one must be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Width {
    /// The flag for all, like `all_instances`.
    pub whole: &'static str,
    /// The input for one of them, like `instance_id`.
    pub part: &'static str,
}

/// A target whose inputs have one spelling each.
pub(super) fn as_written(target: Target) -> Result<Target, Wrong> {
    Ok(target)
}

/// A column of the session list.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Terraform's name, like `idle_seconds`.
    pub name: &'static str,
    /// What it holds.
    pub unit: Unit,
    /// What criteria may do with it.
    pub role: Role,
    /// Markdown sentence.
    pub description: &'static str,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Text.
    Text,
    /// A whole number.
    Integer,
    /// A number of seconds.
    Seconds,
    /// Yes or no.
    Bool,
}

/// What a column means for `match` and `protect`, and in tables for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The client's address, with or without port. Offers `client_cidrs`.
    Client,
    /// The user who is logged in. Offers `users`.
    User,
    /// The database. Offers `databases`.
    Database,
    /// The running or last command. Offers `commands`.
    Command,
    /// The name that the client gave itself. Offers `names`.
    Name,
    /// Seconds since the last command. Offers `min_idle`.
    Idle,
    /// Seconds since the session began. Offers `min_age`.
    Age,
    /// Only shown.
    Shown,
}

/// A criterion of `match` and `protect`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Criterion {
    /// `client_cidrs`
    ClientCidrs,
    /// `users`
    Users,
    /// `databases`
    Databases,
    /// `commands`
    Commands,
    /// `names`
    Names,
    /// `min_idle`
    MinIdle,
    /// `min_age`
    MinAge,
}

impl Criterion {
    /// All, in the order of documentation.
    pub const ALL: [Criterion; 7] = [
        Criterion::ClientCidrs,
        Criterion::Users,
        Criterion::Databases,
        Criterion::Commands,
        Criterion::Names,
        Criterion::MinIdle,
        Criterion::MinAge,
    ];

    /// The attribute's name.
    pub fn name(self) -> &'static str {
        match self {
            Criterion::ClientCidrs => "client_cidrs",
            Criterion::Users => "users",
            Criterion::Databases => "databases",
            Criterion::Commands => "commands",
            Criterion::Names => "names",
            Criterion::MinIdle => "min_idle",
            Criterion::MinAge => "min_age",
        }
    }

    /// The role of the column it looks at.
    pub fn role(self) -> Role {
        match self {
            Criterion::ClientCidrs => Role::Client,
            Criterion::Users => Role::User,
            Criterion::Databases => Role::Database,
            Criterion::Commands => Role::Command,
            Criterion::Names => Role::Name,
            Criterion::MinIdle => Role::Idle,
            Criterion::MinAge => Role::Age,
        }
    }
}

impl Spec {
    /// The column that plays a role.
    pub fn column(&self, role: Role) -> Option<&'static Column> {
        self.columns.iter().find(|column| column.role == role)
    }

    /// The criteria that the list has data for.
    pub fn criteria(&self) -> impl Iterator<Item = Criterion> + '_ {
        Criterion::ALL.into_iter().filter(|one| self.column(one.role()).is_some())
    }
}

/// What the API can do. Sizes that no vendor documents are chosen defensively; the service's file
/// says which.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most session ids in one terminating call; 0 if single sessions cannot be terminated.
    pub batch: usize,
    /// What one call can end without naming sessions.
    pub everyone: Everyone,
}

/// What one call can end without naming sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Everyone {
    /// Nothing: sessions must be named.
    Never,
    /// Everything on the whole target only.
    Target,
    /// Everything on one node, or on the whole target.
    NodeOrTarget,
}

/// Values for examples and documentation.
#[derive(Clone, Copy, Debug)]
pub struct Example {
    /// Value by input name, as HCL expressions, like `"huaweicloud_dcs_instance.cache.id"`.
    pub inputs: &'static [(&'static str, &'static str)],
    /// A criterion to look for sessions by: its name and value as HCL, like
    /// `("min_idle", "\"10m\"")`.
    pub criterion: (&'static str, &'static str),
    /// The criterion that finds whoever logged in with an old password; None where the list does
    /// not tell, so that all must go.
    pub old_login: Option<(&'static str, &'static str)>,
    /// A criterion for `protect`: one that no client can give itself.
    pub protect: (&'static str, &'static str),
}
