//! Documentation pages and examples in the registry's layout, rendered from schemas and services'
//! descriptions.
//!
//! Pure functions: a test compares what they render with what is stored, and writes it on request.
//! Layout and rules: <https://developer.hashicorp.com/terraform/registry/providers/docs>.

mod example;
mod index;
mod page;
mod reference;

use std::collections::BTreeMap;

use super::{block, schema};
use crate::services;

/// Every generated file: path below the repository's root, and content.
pub fn render() -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let provider = example::provider();
    files.insert("docs/index.md".to_owned(), index::page(&block::schema()));
    files.insert("examples/provider/provider.tf".to_owned(), provider);
    for service in services::ALL {
        let spec = service.spec;
        for face in page::Face::ALL {
            let example = example::of(face, spec);
            let type_name = face.type_name(spec);
            let name = type_name.trim_start_matches("session_");
            let folder = face.folder();
            let file = face.file();
            let page = page::page(face, spec, &schema_of(face, spec), &example);
            files.insert(format!("docs/{folder}/{name}.md"), page);
            files.insert(format!("examples/{folder}/{type_name}/{file}.tf"), example);
        }
    }
    files
}

/// The table of services for the README, from its first to its last row.
pub fn service_table() -> String {
    let mut text = String::from("| service | ends | of |\n|---|---|---|\n");
    for service in services::ALL {
        let spec = service.spec;
        let page = format!("docs/resources/termination_{}.md", spec.name);
        text.push_str(&format!(
            "| [`{}`]({page}) | {}s | {} |\n",
            spec.name, spec.session, spec.title
        ));
    }
    text
}

fn schema_of(face: page::Face, spec: &services::Spec) -> crate::framework::Schema {
    match face {
        page::Face::Resource => schema::resource(spec),
        page::Face::DataSource => schema::data_source(spec),
        page::Face::Ephemeral => schema::ephemeral_resource(spec),
        page::Face::Action => schema::action(spec),
    }
}
