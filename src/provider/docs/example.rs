//! Example configurations: complete, so that `terraform validate` passes on each.

use std::fmt::Write as _;

use super::page::Face;
use crate::cloud;
use crate::services::Spec;

/// `examples/provider/provider.tf`.
pub(super) fn provider() -> String {
    let mut text = format!("{REQUIRED}\nprovider \"session\" {{\n");
    let width = cloud::ALL.iter().map(|cloud| cloud.name().len()).max().unwrap_or(0);
    for cloud in cloud::ALL {
        let _ = writeln!(
            text,
            "  {:<width$} = {{ region = \"{}\" }}",
            cloud.name(),
            cloud.example_region()
        );
    }
    text.push_str("}\n");
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
            arguments.extend(criterion(spec, false));
            block(&mut text, "data", &face.type_name(spec), "idle", &arguments);
            let _ = write!(
                text,
                "\noutput \"idle_sessions\" {{\n  value = data.{}.idle.sessions\n}}\n",
                face.type_name(spec)
            );
        }
        Face::Ephemeral => {
            arguments.insert(0, ("applying", "terraform.applying".to_owned()));
            arguments.extend(selection(spec));
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
    text.push_str("# Before the instance is destroyed, everybody is disconnected.\n");
    block(text, "resource", &name, "teardown", &teardown);
    text.push_str("\n# Another run whenever the password changes.\n");
    text.push_str("variable \"password_version\" {\n  type    = string\n  default = \"1\"\n}\n\n");
    let mut rotation = target.to_vec();
    rotation.push(("when", "\"apply\"".to_owned()));
    rotation.extend(selection(spec));
    rotation.push(("max_sessions", "50".to_owned()));
    rotation.push(("triggers", "{ password = var.password_version }".to_owned()));
    block(text, "resource", &name, "rotation", &rotation);
}

fn action(text: &mut String, face: Face, spec: &Spec, target: &[(&str, String)]) {
    let name = face.type_name(spec);
    let mut arguments = target.to_vec();
    arguments.extend(selection(spec));
    let _ = writeln!(text, "action \"{name}\" \"disconnect\" {{\n  config {{");
    assignments(text, "    ", &arguments);
    let _ = write!(
        text,
        "  }}\n}}\n\nvariable \"password_version\" {{\n  type    = string\n  default = \"1\"\n}}\n\nresource \"terraform_data\" \"password\" {{\n  input = var.password_version\n\n  lifecycle {{\n    action_trigger {{\n      events  = [after_update]\n      actions = [action.{name}.disconnect]\n    }}\n  }}\n}}\n"
    );
}

/// A selection that the API can honour, and who is spared.
fn selection(spec: &Spec) -> Vec<(&'static str, String)> {
    if spec.limits.batch == 0 {
        return vec![("all", "true".to_owned())];
    }
    let mut arguments = criterion(spec, true);
    let (name, value) = spec.example.protect;
    arguments.push(("protect", format!("{{ {name} = {value} }}")));
    arguments
}

fn criterion(spec: &Spec, needed: bool) -> Vec<(&'static str, String)> {
    let (name, value) = spec.example.criterion;
    if name.is_empty() && !needed {
        return Vec::new();
    }
    vec![("match", format!("{{ {name} = {value} }}"))]
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
