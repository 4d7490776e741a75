//! Example configurations: complete, so that `terraform validate` passes on each.

use std::fmt::Write as _;

use super::page::Face;
use crate::access;
use crate::services::{self, Spec};

/// `examples/provider/provider.tf`.
pub(super) fn provider() -> String {
    let mut text = format!("{REQUIRED}\nprovider \"session\" {{\n");
    let width = access::ALL.iter().map(|platform| platform.name().len()).max().unwrap_or(0);
    for platform in access::ALL {
        let _ = writeln!(text, "  {:<width$} = {}", platform.name(), platform.example());
    }
    text.push_str("}\n");
    text
}

/// What the index shows: the provider block, and the job that most come for, of one service.
pub(super) fn whole() -> String {
    let mut text = provider();
    if let Some(spec) = services::ALL.last().map(|service| service.spec) {
        text.push_str("\n# The reference to the instance is the order: this is destroyed first.\n");
        let inputs = spec.example.inputs.iter();
        let mut arguments: Vec<_> = inputs.map(|(name, of)| (*name, (*of).to_owned())).collect();
        arguments.push(("when", "\"destroy\"".to_owned()));
        arguments.push(("all", "true".to_owned()));
        arguments.extend(protect(spec));
        block(&mut text, "resource", &Face::Resource.type_name(spec), "teardown", &arguments);
    }
    text
}

/// The example of one face of one service.
pub(super) fn of(face: Face, spec: &Spec) -> String {
    let mut text = format!("{REQUIRED}\n");
    let mut arguments = Vec::new();
    for (name, value) in spec.example.inputs {
        if value.starts_with('"') {
            arguments.push((*name, (*value).to_owned()));
        } else {
            let _ = write!(
                text,
                "variable \"{name}\" {{\n  type        = string\n  description = \"Such as {value}.\"\n}}\n\n"
            );
            arguments.push((*name, format!("var.{name}")));
        }
    }
    match face {
        Face::Resource => resource(&mut text, spec, &arguments),
        Face::DataSource => {
            let (criterion, value) = spec.example.criterion;
            let name = if criterion == "min_idle" { "idle" } else { "long" };
            arguments.push(("match", format!("{{ {criterion} = {value} }}")));
            let type_name = face.type_name(spec);
            block(&mut text, "data", &type_name, name, &arguments);
            let _ = write!(
                text,
                "\noutput \"{name}_sessions\" {{\n  value = data.{type_name}.{name}.sessions\n}}\n",
            );
        }
        Face::Ephemeral => {
            arguments.insert(0, ("applying", "terraform.applying".to_owned()));
            arguments.push(("all", "true".to_owned()));
            arguments.extend(protect(spec));
            block(&mut text, "ephemeral", &face.type_name(spec), "maintenance", &arguments);
        }
        Face::Action => action(&mut text, face, spec, &arguments),
    }
    text
}

fn resource(text: &mut String, spec: &Spec, target: &[(&str, String)]) {
    let name = Face::Resource.type_name(spec);
    let mut teardown = target.to_vec();
    teardown.push(("when", "\"destroy\"".to_owned()));
    teardown.push(("all", "true".to_owned()));
    let _ = writeln!(text, "# Before the instance is destroyed, its {}s are ended.", spec.session);
    if let Some((_, instance)) = spec.example.inputs.first() {
        let _ = writeln!(
            text,
            "# Refer to the instance itself, like {instance}: a variable makes no order."
        );
    }
    block(text, "resource", &name, "teardown", &teardown);
    let whose = match spec.example.old_login {
        Some(_) => format!("the {}s of its user are ended", spec.session),
        None => format!("all {}s are ended, since the list tells no user", spec.session),
    };
    let _ = writeln!(text, "\n# When a password changes, {whose}.");
    text.push_str("variable \"password_version\" {\n  type    = string\n  default = \"1\"\n}\n\n");
    let mut rotation = target.to_vec();
    rotation.push(("when", "\"apply\"".to_owned()));
    rotation.extend(old_logins(spec));
    rotation.push(("max_sessions", "50".to_owned()));
    rotation.push(("triggers", "{ password = var.password_version }".to_owned()));
    block(text, "resource", &name, "rotation", &rotation);
}

fn action(text: &mut String, face: Face, spec: &Spec, target: &[(&str, String)]) {
    let name = face.type_name(spec);
    let mut arguments = target.to_vec();
    arguments.extend(old_logins(spec));
    let _ = writeln!(text, "action \"{name}\" \"disconnect\" {{\n  config {{");
    assignments(text, "    ", &arguments);
    let _ = write!(
        text,
        "  }}\n}}\n\nvariable \"password_version\" {{\n  type    = string\n  default = \"1\"\n}}\n\nresource \"terraform_data\" \"password\" {{\n  input = var.password_version\n\n  lifecycle {{\n    action_trigger {{\n      events  = [after_update]\n      actions = [action.{name}.disconnect]\n    }}\n  }}\n}}\n"
    );
}

/// Whoever may have logged in with an old password. Not by age or idleness: who stole it may be
/// the one who has just come, and is busy.
fn old_logins(spec: &Spec) -> Vec<(&'static str, String)> {
    match spec.example.old_login {
        Some((name, value)) => vec![("match", format!("{{ {name} = {value} }}"))],
        None => std::iter::once(("all", "true".to_owned())).chain(protect(spec)).collect(),
    }
}

/// Who is spared, where the API can spare anybody.
fn protect(spec: &Spec) -> Option<(&'static str, String)> {
    let (name, value) = spec.example.protect;
    (spec.limits.batch > 0).then(|| ("protect", format!("{{ {name} = {value} }}")))
}

fn block(text: &mut String, kind: &str, type_name: &str, name: &str, arguments: &[(&str, String)]) {
    let _ = writeln!(text, "{kind} \"{type_name}\" \"{name}\" {{");
    assignments(text, "  ", arguments);
    text.push_str("}\n");
}

/// Aligned as `terraform fmt` does it.
fn assignments(text: &mut String, indent: &str, arguments: &[(&str, String)]) {
    let width = arguments.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, value) in arguments {
        let _ = writeln!(text, "{indent}{name:<width$} = {value}");
    }
}

const REQUIRED: &str = "\
terraform {
  required_providers {
    session = {
      source = \"sessionops/session\"
    }
  }
}
";
