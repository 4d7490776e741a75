//! The configuration that engines are put through: every face on a node of its own.

use terraform_provider_session::demo::Engine;

use super::{has_actions, has_ephemerals};

/// What can end sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Face {
    /// The managed resource, `when = "both"`.
    Resource,
    /// An ephemeral that acts on open and that nothing refers to.
    Open,
    /// An ephemeral that acts on close, and that `terraform_data.user` refers to.
    Close,
    /// An action that `terraform_data.changed` triggers.
    Action,
}

impl Face {
    pub(crate) const ALL: [Face; 4] = [Face::Resource, Face::Open, Face::Close, Face::Action];

    /// For the table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Face::Resource => "resource, when = \"both\"",
            Face::Open => "ephemeral, unreferenced",
            Face::Close => "ephemeral, when = \"close\"",
            Face::Action => "action",
        }
    }

    /// The node whose sessions it ends.
    pub(crate) fn node(self) -> &'static str {
        match self {
            Face::Resource => "dd500000000000000000000000000101no02",
            Face::Open => "dd500000000000000000000000000201no02",
            Face::Close => "dd500000000000000000000000000203no02",
            Face::Action => "dd500000000000000000000000000202no02",
        }
    }
}

/// Where the resource moves to when it is replaced.
pub(crate) const OTHER_NODE: &str = "dd500000000000000000000000000102no02";
/// A node that there is not.
pub(crate) const NO_NODE: &str = "dd500000000000000000000000000999no02";

/// How the configuration differs from the plain one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct World {
    /// Whether what is replaced is created first.
    pub(crate) create_first: bool,
    /// Where every face takes its node from.
    pub(crate) nodes: Nodes,
    /// Whether the action runs before updates only, and refuses because two are too many.
    pub(crate) refusing: bool,
}

/// Where the faces take their nodes from.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Nodes {
    /// They are written down.
    #[default]
    Known,
    /// From a resource that does not exist before the apply.
    Unknown,
    /// All but the resource name one that there is not.
    Absent,
}

impl World {
    fn node(self, face: Face) -> String {
        match (self.nodes, face) {
            (Nodes::Known, Face::Resource) => "var.node".to_owned(),
            (Nodes::Known, face) => format!("\"{}\"", face.node()),
            (Nodes::Unknown, face) => format!("terraform_data.nodes.output.{face:?}"),
            (Nodes::Absent, Face::Resource) => "var.node".to_owned(),
            (Nodes::Absent, _) => format!("\"{NO_NODE}\""),
        }
    }

    /// The configuration for an engine, without what it does not know.
    pub(crate) fn main(self, engine: &Engine) -> String {
        let mut text = self.always();
        if has_ephemerals(engine) {
            for (face, when) in [(Face::Open, "open"), (Face::Close, "close")] {
                text.push_str(&format!(
                    "ephemeral \"session_termination_huaweicloud_dds\" \"{when}\" {{\n  \
                     applying = terraform.applying\n  when = \"{when}\"\n  node_id = {}\n  \
                     all = true\n}}\n",
                    self.node(face)
                ));
            }
        }
        let trigger = if has_actions(engine) {
            let (events, guard) = if self.refusing {
                ("before_update", "max_sessions = 1")
            } else {
                ("after_create, before_update", "")
            };
            text.push_str(&format!(
                "action \"session_termination_huaweicloud_dds\" \"it\" {{\n  config {{\n    \
                 node_id = {}\n    all = true\n    {guard}\n  }}\n}}\n",
                self.node(Face::Action)
            ));
            format!(
                "action_trigger {{\n      events = [{events}]\n      \
                 actions = [action.session_termination_huaweicloud_dds.it]\n    }}"
            )
        } else {
            String::new()
        };
        text.push_str(&format!(
            "resource \"terraform_data\" \"changed\" {{\n  input = var.word\n  \
             triggers_replace = var.generation\n  lifecycle {{\n    \
             create_before_destroy = {}\n    {trigger}\n  }}\n}}\n",
            self.create_first
        ));
        let seen = if has_ephemerals(engine) {
            "ephemeral.session_termination_huaweicloud_dds.close.node_id"
        } else {
            "\"nobody\""
        };
        text.replace("SEEN", seen)
    }

    /// What every engine knows.
    fn always(self) -> String {
        let nodes = Face::ALL.map(|face| format!("    {face:?} = \"{}\"\n", face.node())).concat();
        format!(
            r#"
variable "word" {{ default = "1" }}
variable "generation" {{ default = "1" }}
variable "node" {{ default = "{}" }}
variable "job" {{ default = "true" }}
resource "terraform_data" "nodes" {{
  input = {{
{nodes}  }}
}}
resource "terraform_data" "other" {{}}
resource "session_termination_huaweicloud_dds" "it" {{
  node_id  = {}
  when     = "both"
  all      = true
  triggers = {{ word = var.word }}
  lifecycle {{ create_before_destroy = {} }}
}}
resource "terraform_data" "user" {{
  depends_on = [terraform_data.changed]
  provisioner "local-exec" {{
    command     = var.job
    environment = {{ SEEN = SEEN }}
  }}
}}
"#,
            Face::Resource.node(),
            self.node(Face::Resource),
            self.create_first,
        )
        .replace("SEEN = SEEN", "NODE = SEEN")
    }
}
