//! How the faces without state are called: ephemeral resource, action, data source.

use terraform_provider_session::framework::{Object, Value};
use terraform_provider_session::protocol::wire_types as wire;
use tokio_stream::StreamExt;
use wire::invoke_action::{Event, event::Type};

use super::world::{Of, Plugin, Told, World, can, told};

/// What an open gave.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) told: Vec<Told>,
    pub(crate) result: Option<Object>,
    pub(crate) handle: Vec<u8>,
}

impl Opened {
    /// One value of `last_run`; null if there was none.
    pub(crate) fn last_run(&self, name: &str) -> Value {
        let run = self.result.as_ref().and_then(|result| result["last_run"].as_object());
        run.map_or(Value::Null, |run| run[name].clone())
    }

    /// How many it saw; 0 if no list was had, which is null.
    pub(crate) fn sessions(&self) -> usize {
        self.listed().unwrap_or(0)
    }

    /// How many it saw; None if no list was had.
    pub(crate) fn listed(&self) -> Option<usize> {
        match &self.result.as_ref().unwrap()["sessions"] {
            Value::Null => None,
            list => Some(list.as_list().unwrap().len()),
        }
    }
}

/// The arguments of a block on the world's instance that means everybody.
pub(crate) fn everybody(world: &World, given: &[(&str, Value)]) -> Object {
    let target = (world.target().to_owned(), world.instance.id.as_str().into());
    let mut config: Object = [target, ("all".to_owned(), true.into())].into();
    config.extend(given.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    config
}

impl Plugin {
    pub(crate) async fn open(&mut self, world: &World, given: &[(&str, Value)]) -> Opened {
        let name = world.termination();
        let request = wire::open_ephemeral_resource::Request {
            type_name: name.clone(),
            config: self.write(Of::Ephemeral, &name, &everybody(world, given)),
            client_capabilities: can(false),
        };
        let answer = self.client.open_ephemeral_resource(request).await.unwrap().into_inner();
        Opened {
            told: told(&answer.diagnostics),
            result: self.read(Of::Ephemeral, &name, answer.result.as_ref()),
            handle: answer.private.unwrap_or_default(),
        }
    }

    pub(crate) async fn close(&mut self, world: &World, handle: &[u8]) -> Vec<Told> {
        let request = wire::close_ephemeral_resource::Request {
            type_name: world.termination(),
            private: Some(handle.to_vec()),
        };
        let answer = self.client.close_ephemeral_resource(request).await.unwrap();
        told(&answer.into_inner().diagnostics)
    }

    pub(crate) async fn plan_action(
        &mut self,
        world: &World,
        given: &[(&str, Value)],
    ) -> Vec<Told> {
        let name = world.termination();
        let config = self.write(Of::Action, &name, &everybody(world, given));
        let request = wire::validate_action_config::Request {
            type_name: name.clone(),
            config: config.clone(),
        };
        let answer = self.client.validate_action_config(request).await.unwrap().into_inner();
        let mut said = told(&answer.diagnostics);
        let request = wire::plan_action::Request {
            action_type: name,
            config,
            client_capabilities: can(false),
        };
        let answer = self.client.plan_action(request).await.unwrap().into_inner();
        said.extend(told(&answer.diagnostics));
        said
    }

    /// The stream of an invocation.
    pub(crate) async fn invoked(
        &mut self,
        world: &World,
        given: &[(&str, Value)],
    ) -> tonic::Streaming<Event> {
        let name = world.termination();
        let request = wire::invoke_action::Request {
            action_type: name.clone(),
            config: self.write(Of::Action, &name, &everybody(world, given)),
            client_capabilities: can(true),
        };
        self.client.invoke_action(request).await.unwrap().into_inner()
    }

    /// An invocation from its first line to its end.
    pub(crate) async fn invoke(
        &mut self,
        world: &World,
        given: &[(&str, Value)],
    ) -> (Vec<String>, Vec<Told>) {
        let stream = self.invoked(world, given).await;
        ended(stream).await
    }

    pub(crate) async fn list(
        &mut self,
        world: &World,
        given: &[(&str, Value)],
    ) -> (Option<Object>, Vec<Told>) {
        let name = format!("session_list_{}", world.spec().name);
        let mut config = everybody(world, given);
        config.remove("all");
        let config = self.write(Of::Data, &name, &config);
        let request = wire::validate_data_resource_config::Request {
            type_name: name.clone(),
            config: config.clone(),
        };
        let answer = self.client.validate_data_resource_config(request).await.unwrap();
        let mut said = told(&answer.into_inner().diagnostics);
        let request = wire::read_data_source::Request {
            type_name: name.clone(),
            config,
            client_capabilities: can(false),
        };
        let answer = self.client.read_data_source(request).await.unwrap().into_inner();
        said.extend(told(&answer.diagnostics));
        (self.read(Of::Data, &name, answer.state.as_ref()), said)
    }
}

/// Progress lines, and what the one `completed` at the end says.
pub(crate) async fn ended(mut stream: tonic::Streaming<Event>) -> (Vec<String>, Vec<Told>) {
    let mut lines = Vec::new();
    let mut end = None;
    while let Some(event) = stream.next().await {
        assert!(end.is_none(), "something comes after the end");
        match event.unwrap().r#type.unwrap() {
            Type::Progress(line) => lines.push(line.message),
            Type::Completed(completed) => end = Some(told(&completed.diagnostics)),
        }
    }
    (lines, end.expect("an invocation is completed"))
}
