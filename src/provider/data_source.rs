//! `data "session_list_<service>"`: lists, and changes nothing anywhere.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;

use super::occasion::Occasion;
use super::settings::Shared;
use super::{diagnose, inputs, outcome, run, schema};
use crate::framework::{Context, DataSource, Diagnostics, Face, Object, Refreshed, Schema, Value};
use crate::services::{Service, Session};

#[derive(Debug)]
pub(super) struct List {
    service: &'static Service,
    shared: Arc<Shared>,
    type_name: String,
    /// Made when it is first asked for: most plugins that a core starts need one of all.
    schema: OnceLock<Schema>,
}

impl List {
    pub(super) fn new(service: &'static Service, shared: Arc<Shared>) -> List {
        let type_name = format!("session_list_{}", service.spec.name);
        List { service, shared, type_name, schema: OnceLock::new() }
    }

    async fn list(&self, cx: &Context, mut config: Object) -> Result<Refreshed, Diagnostics> {
        let spec = self.service.spec;
        let read = inputs::read_list(spec, &config);
        let inputs = read.complete()?;
        let failed = |error| {
            let summary = "Sessions could not be listed";
            diagnose::call_failed(summary, spec, Occasion::Plan, &error)
        };
        let connection = run::connect(&self.shared, self.service, &inputs).map_err(failed)?;
        let survey = connection.survey(&inputs, Duration::MAX, &cx.cancel).await.map_err(failed)?;
        let mut found: Vec<usize> = [survey.selected, survey.beyond].concat();
        found.sort_unstable();
        let found: Vec<&Session> =
            found.iter().filter_map(|index| Some(&**survey.sessions.get(*index)?)).collect();
        let total = i64::try_from(found.len()).unwrap_or(i64::MAX);
        let ids: std::collections::BTreeSet<&str> =
            found.iter().map(|one| one.id.0.as_str()).collect();
        if spec.regional {
            let region = connection.region.as_deref();
            config.insert("region".into(), region.map_or(Value::Null, Value::from));
        }
        config
            .insert("session_ids".into(), Value::List(ids.into_iter().map(Value::from).collect()));
        config.insert("total".into(), Value::from(total));
        config.insert("sessions".into(), outcome::sessions(spec, found.into_iter()));
        let diagnostics = connection.asides(&self.shared);
        Ok(Refreshed { state: Some(config), diagnostics })
    }
}

impl Face for List {
    fn type_name(&self) -> &str {
        &self.type_name
    }

    fn schema(&self) -> &Schema {
        self.schema.get_or_init(|| schema::data_source(self.service.spec))
    }

    fn validate(&self, config: &Object) -> Diagnostics {
        inputs::read_list(self.service.spec, config).diagnostics
    }
}

#[async_trait]
impl DataSource for List {
    async fn read(&self, cx: &Context, config: Object) -> Refreshed {
        self.list(cx, config)
            .await
            .unwrap_or_else(|diagnostics| Refreshed { state: None, diagnostics })
    }
}
