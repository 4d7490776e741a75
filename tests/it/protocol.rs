//! Every call of the protocol, as Terraform makes it, against a provider that has no sessions.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod toy;

use std::sync::Arc;
use std::time::Duration;

use terraform_provider_session::framework::{Number, Object, Type, Value};
use terraform_provider_session::protocol::wire_types::provider_client::ProviderClient;
use terraform_provider_session::protocol::wire_types::{self as wire, invoke_action::event};
use terraform_provider_session::protocol::{Shutdown, dynamic_value, serve};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_stream::StreamExt;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Endpoint, Server};
use wire::{
    apply_resource_change as apply, plan_resource_change as plan, read_resource as read,
    upgrade_resource_state as upgrade,
};

/// A served toy provider, and somebody who calls it.
struct Toys {
    client: ProviderClient<Channel>,
    shutdown: Shutdown,
    log: UnboundedReceiver<String>,
}

impl Toys {
    async fn start() -> Toys {
        let (tell, log) = unbounded_channel();
        let served = serve(Arc::new(toy::Toys::new(tell)), |text| text.replace("nailed", "n***"));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let server = Server::builder().add_routes(served.routes);
        tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        let channel = Endpoint::from_shared(address).unwrap().connect().await.unwrap();
        Toys { client: ProviderClient::new(channel), shutdown: served.shutdown, log }
    }

    async fn plan(&mut self, request: plan::Request) -> plan::Response {
        self.client.plan_resource_change(request).await.unwrap().into_inner()
    }

    async fn apply(&mut self, request: apply::Request) -> apply::Response {
        self.client.apply_resource_change(request).await.unwrap().into_inner()
    }

    async fn invoke(&mut self, name: &str) -> tonic::Streaming<wire::invoke_action::Event> {
        let request = wire::invoke_action::Request {
            action_type: "toy_ring".into(),
            config: config("toy_ring", name),
            client_capabilities: None,
        };
        self.client.invoke_action(request).await.unwrap().into_inner()
    }

    /// What the provider does next; a provider that does nothing fails the test, late.
    async fn next(&mut self) -> String {
        let wait = tokio::time::timeout(Duration::from_secs(20), self.log.recv());
        wait.await.expect("the provider does something").unwrap()
    }
}

/// An object of a face with every attribute: null, no blocks, or what is given.
fn object(face: &str, fields: &[(&str, Value)]) -> Object {
    let Type::Object(kinds) = toy::value_type(face) else { panic!("faces have object types") };
    let empty = |(name, kind)| {
        let blocks = matches!(kind, Type::List(_) | Type::Set(_));
        (name, if blocks { Value::List(Vec::new()) } else { Value::Null })
    };
    let given = fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
    kinds.into_iter().map(empty).chain(given).collect()
}

fn write(face: &str, object: Object) -> Option<wire::DynamicValue> {
    let kind = toy::value_type(face);
    Some(dynamic_value::encode(&Value::Object(object), &kind).unwrap())
}

fn a_box(fields: &[(&str, Value)]) -> Option<wire::DynamicValue> {
    write("toy_box", object("toy_box", fields))
}

fn config(face: &str, name: &str) -> Option<wire::DynamicValue> {
    write(face, object(face, &[("name", name.into())]))
}

fn decoded(face: &str, wire: Option<&wire::DynamicValue>) -> Value {
    dynamic_value::decode(wire, &toy::value_type(face)).unwrap()
}

fn fields(wire: Option<&wire::DynamicValue>) -> Object {
    let Value::Object(fields) = decoded("toy_box", wire) else { panic!("not an object") };
    fields
}

/// `E` or `W`, the summary, and the path if there is one.
fn told(diagnostics: &[wire::Diagnostic]) -> Vec<String> {
    let tell = |one: &wire::Diagnostic| {
        let mark = if one.severity == 1 { "E" } else { "W" };
        let place = if one.attribute.is_some() { " (placed)" } else { "" };
        format!("{mark} {}{place}", one.summary)
    };
    diagnostics.iter().map(tell).collect()
}

fn can(deferral_allowed: bool, write_only: bool) -> Option<wire::ClientCapabilities> {
    Some(wire::ClientCapabilities {
        deferral_allowed,
        write_only_attributes_allowed: write_only,
        ..Default::default()
    })
}

/// The plan of a creation by name.
fn creation(name: &str) -> plan::Request {
    plan::Request {
        type_name: "toy_box".into(),
        proposed_new_state: config("toy_box", name),
        config: config("toy_box", name),
        prior_private: b"kept".to_vec(),
        ..Default::default()
    }
}

/// The apply of a creation by name, with an unknown id as it was planned.
fn creating(name: &str) -> apply::Request {
    apply::Request {
        type_name: "toy_box".into(),
        planned_state: a_box(&[("name", name.into()), ("id", Value::Unknown)]),
        config: a_box(&[("name", name.into()), ("secret", "s3cret".into())]),
        planned_private: b"kept".to_vec(),
        ..Default::default()
    }
}

fn destroying(name: &str) -> apply::Request {
    apply::Request {
        type_name: "toy_box".into(),
        prior_state: config("toy_box", name),
        planned_private: b"kept".to_vec(),
        ..Default::default()
    }
}

#[tokio::test]
async fn schemas_carry_everything_that_a_face_declares() {
    let mut toys = Toys::start().await;
    let request = wire::get_provider_schema::Request {};
    let schema = toys.client.get_provider_schema(request).await.unwrap().into_inner();
    assert_eq!(told(&schema.diagnostics), [""; 0]);
    let can = schema.server_capabilities.unwrap();
    assert!(can.plan_destroy && can.get_provider_schema_optional && !can.move_resource_state);
    assert!(schema.provider.unwrap().block.is_some());
    assert!(schema.data_source_schemas.contains_key("toy_list"));
    assert!(schema.ephemeral_resource_schemas.contains_key("toy_key"));
    assert!(schema.action_schemas["toy_ring"].schema.is_some());
    let toy_box = &schema.resource_schemas["toy_box"];
    let block = toy_box.block.as_ref().unwrap();
    assert_eq!((toy_box.version, block.version), (2, 2));
    let attribute = |name: &str| block.attributes.iter().find(|one| one.name == name).unwrap();
    assert_eq!(attribute("any").r#type, b"\"dynamic\"");
    assert!(attribute("secret").write_only && attribute("id").computed);
    assert!(attribute("old").deprecated && attribute("old").sensitive);
    assert_eq!(attribute("old").deprecation_message, "Use `name`.");
    assert!(attribute("name").deprecation_message.is_empty());
    let lid = attribute("lid");
    assert!(lid.r#type.is_empty() && lid.nested_type.as_ref().unwrap().nesting == 1);
    let nestings = block.block_types.iter().map(|one| (one.type_name.as_str(), one.nesting));
    assert_eq!(nestings.collect::<Vec<_>>(), [("item", 2), ("lock", 1), ("tag", 3)]);
}

#[tokio::test]
async fn metadata_names_the_faces_and_functions_and_identities_are_none() {
    let mut toys = Toys::start().await;
    let names = toys.client.get_metadata(wire::get_metadata::Request {}).await.unwrap();
    let names = names.into_inner();
    assert_eq!(names.resources[0].type_name, "toy_box");
    assert_eq!(names.actions[0].type_name, "toy_ring");
    let client = &mut toys.client;
    client.get_functions(wire::get_functions::Request {}).await.unwrap();
    let request = wire::get_resource_identity_schemas::Request {};
    client.get_resource_identity_schemas(request).await.unwrap();
    let status = client.move_resource_state(wire::Unserved {}).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unimplemented);
}

#[tokio::test]
async fn the_provider_block_may_hold_unknowns_and_the_walk_is_told_by_deferral() {
    let mut toys = Toys::start().await;
    for (deferral, expected) in [(false, "Unsaid"), (true, "Apply")] {
        let request = wire::configure_provider::Request {
            terraform_version: "1.15.5".into(),
            config: write("provider", object("provider", &[("name", Value::Unknown)])),
            client_capabilities: can(deferral, true),
        };
        let answer = toys.client.configure_provider(request).await.unwrap().into_inner();
        assert_eq!(answer.diagnostics[0].detail, format!("1.15.5 {expected} known=false"));
    }
    let request =
        wire::validate_provider_config::Request { config: config("provider", "anything") };
    let answer = toys.client.validate_provider_config(request).await.unwrap().into_inner();
    assert_eq!(told(&answer.diagnostics), [""; 0]);
}

#[tokio::test]
async fn an_engine_that_allows_deferral_in_every_walk_tells_nothing_by_it() {
    let mut toys = Toys::start().await;
    for (version, expected) in [
        ("1.11.0", "Unsaid"),
        ("1.11.3", "Unsaid"),
        ("1.11.0-rc1", "Unsaid"),
        ("1.11.4", "Apply"),
        ("1.11.30", "Apply"),
        ("1.10.3", "Apply"),
        ("1.12.0", "Apply"),
        ("1.11", "Apply"),
        ("", "Apply"),
    ] {
        let request = wire::configure_provider::Request {
            terraform_version: version.into(),
            config: config("provider", "x"),
            client_capabilities: can(true, true),
        };
        let answer = toys.client.configure_provider(request).await.unwrap().into_inner();
        assert!(answer.diagnostics[0].detail.contains(expected), "{version}");
        let request = plan::Request { client_capabilities: can(true, true), ..creation("x") };
        let planned = toys.plan(request).await;
        assert_eq!(planned.diagnostics[0].detail, expected, "{version}");
        // What only an apply calls is certain all the same: the toy asserts it.
        assert_eq!(told(&toys.apply(creating("x")).await.diagnostics), [""; 0]);
    }
}

#[tokio::test]
async fn validation_points_at_attributes_and_guards_write_only_ones() {
    let mut toys = Toys::start().await;
    for (name, secret, write_only, expected) in [
        ("fine", "s", true, vec![]),
        ("bad", "s", true, vec!["E Bad name (placed)"]),
        (
            "fine",
            "s",
            false,
            vec!["E This attribute needs Terraform 1.11, OpenTofu 1.11 or newer (placed)"],
        ),
    ] {
        let request = wire::validate_resource_config::Request {
            type_name: "toy_box".into(),
            config: a_box(&[("name", name.into()), ("secret", secret.into())]),
            client_capabilities: can(false, write_only),
        };
        let answer = toys.client.validate_resource_config(request).await.unwrap().into_inner();
        assert_eq!(told(&answer.diagnostics), expected);
    }
}

#[tokio::test]
async fn what_cannot_be_read_or_found_is_said_and_never_a_status() {
    let mut toys = Toys::start().await;
    let mut request = creation("x");
    request.type_name = "toy_car".into();
    let answer = toys.plan(request).await;
    assert_eq!(told(&answer.diagnostics), ["E The provider has no managed resource `toy_car`"]);
    assert!(answer.diagnostics[0].detail.contains("toy_box"));

    let mut request = creation("x");
    request.config = Some(wire::DynamicValue { msgpack: vec![0xde, 0xff], json: Vec::new() });
    let answer = toys.plan(request).await;
    assert_eq!(told(&answer.diagnostics), ["E The provider cannot read the configuration"]);

    let request = plan::Request { type_name: "toy_box".into(), ..Default::default() };
    let answer = toys.plan(request).await;
    assert_eq!(told(&answer.diagnostics), ["E The provider was asked for a change that is none"]);
}

#[tokio::test]
async fn a_plan_is_a_creation_an_update_or_a_destroy_by_what_is_there() {
    let mut toys = Toys::start().await;
    let mut request = creation("x");
    let color =
        Value::Object([("color".into(), "red".into()), ("made".into(), Value::Null)].into());
    let any = Value::Dynamic(Box::new((Type::Bool, true.into())));
    let size = Value::Number(Number::parse("0.10").unwrap());
    let rich = [("name", "x".into()), ("lid", color), ("any", any), ("size", size)];
    let secret = [&rich[..], &[("secret", Value::Unknown)]].concat();
    request.config = a_box(&secret);
    // Terraform's proposal holds write-only values as well.
    request.proposed_new_state = a_box(&secret);
    let planned = toys.plan(request.clone()).await;
    assert_eq!(told(&planned.diagnostics), ["W create"]);
    let expected = [&rich[..], &[("id", Value::Unknown)]].concat();
    assert_eq!(fields(planned.planned_state.as_ref()), object("toy_box", &expected));
    assert_eq!(planned.planned_private, b"kept");
    assert_eq!(planned.requires_replace.len(), 1);

    request.prior_state = a_box(&[("name", "w".into()), ("id", "box-1".into())]);
    request.client_capabilities = can(true, true);
    let planned = toys.plan(request.clone()).await;
    assert_eq!(told(&planned.diagnostics), ["W update"]);
    assert_eq!(planned.diagnostics[0].detail, "Apply");

    request.config = None;
    request.proposed_new_state = None;
    let planned = toys.plan(request).await;
    assert_eq!(told(&planned.diagnostics), ["W delete"]);
    assert_eq!(decoded("toy_box", planned.planned_state.as_ref()), Value::Null);
    assert_eq!(planned.planned_private, b"kept");
}

#[tokio::test]
async fn an_apply_keeps_state_and_private_and_no_secret() {
    let mut toys = Toys::start().await;
    let applied = toys.apply(creating("x")).await;
    assert_eq!(told(&applied.diagnostics), [""; 0]);
    let state = fields(applied.new_state.as_ref());
    assert_eq!((&state["id"], &state["secret"]), (&"box-1".into(), &Value::Null));
    assert_eq!(applied.private, b"kept");

    let applied = toys.apply(destroying("x")).await;
    assert_eq!(told(&applied.diagnostics), [""; 0]);
    assert_eq!(decoded("toy_box", applied.new_state.as_ref()), Value::Null);
}

#[tokio::test]
async fn an_apply_with_errors_still_returns_what_is_there() {
    let mut toys = Toys::start().await;
    let applied = toys.apply(creating("partial")).await;
    assert_eq!(told(&applied.diagnostics), ["E Half done"]);
    let state = fields(applied.new_state.as_ref());
    assert_eq!((&state["name"], &state["id"]), (&"partial".into(), &Value::Null));

    let applied = toys.apply(destroying("stuck")).await;
    assert_eq!(told(&applied.diagnostics), ["E Stuck"]);
    assert_eq!(fields(applied.new_state.as_ref())["name"], "stuck".into());
    assert_eq!(applied.private, b"kept");
}

#[tokio::test]
async fn a_face_that_breaks_the_rules_is_told_so_with_the_place() {
    let mut toys = Toys::start().await;
    let planned = toys.plan(creation("lie in plan")).await;
    let refused = "E The provider made a plan that Terraform refuses (placed)";
    assert_eq!(told(&planned.diagnostics), ["W create", refused]);
    assert!(planned.diagnostics[1].detail.starts_with("`name`: the planned value"));

    let broken = "E The provider did not apply what it had planned (placed)";
    for (name, expected) in [
        ("break the promise", vec![broken]),
        ("forgetful", vec![broken]),
        ("misfit", vec!["E The provider made the new state wrongly (placed)"]),
    ] {
        let mut applied = toys.apply(creating(name)).await;
        let last = applied.diagnostics.split_off(applied.diagnostics.len() - 1);
        assert_eq!(told(&last), expected, "{name}");
    }
}

#[tokio::test]
async fn a_panic_is_a_diagnostic_of_its_call_and_keeps_the_prior_state() {
    let mut toys = Toys::start().await;
    let planned = toys.plan(creation("panic in plan")).await;
    assert_eq!(told(&planned.diagnostics), ["E The provider crashed in PlanResourceChange"]);
    assert!(planned.diagnostics[0].detail.contains("the lid is stuck"));
    for (request, message) in
        [(creating("panic"), "the box is on fire"), (destroying("panic"), "the box is n*** down")]
    {
        let applied = toys.apply(request).await;
        assert_eq!(told(&applied.diagnostics), ["E The provider crashed in ApplyResourceChange"]);
        assert!(applied.diagnostics[0].detail.contains(message));
        assert_eq!(applied.new_state, None);
    }
    assert_eq!(told(&toys.apply(creating("x")).await.diagnostics), [""; 0]);
}

#[tokio::test]
async fn a_read_echoes_what_stands_beside_the_state() {
    let mut toys = Toys::start().await;
    let identity = wire::ResourceIdentityData { identity_data: config("toy_box", "id") };
    for (name, there) in [("here", true), ("gone", false)] {
        let request = read::Request {
            type_name: "toy_box".into(),
            current_state: config("toy_box", name),
            private: b"kept".to_vec(),
            current_identity: Some(identity.clone()),
            ..Default::default()
        };
        let answer = toys.client.read_resource(request).await.unwrap().into_inner();
        assert_eq!(decoded("toy_box", answer.new_state.as_ref()) != Value::Null, there);
        assert_eq!(answer.private, b"kept");
        assert_eq!(answer.new_identity.as_ref(), Some(&identity));
    }
}

#[tokio::test]
async fn stored_state_is_completed_and_stripped_of_secrets_and_an_older_one_is_refused() {
    let mut toys = Toys::start().await;
    let older = "E The provider cannot read the stored state of a `toy_box`";
    for (version, json, expected) in [
        (2, r#"{"name": "n", "secret": "s", "extra": 1}"#, Ok(Value::Null)),
        (2, r#"{"name": "n", "lock": {}, "id": "i"}"#, Ok("i".into())),
        (1, r#"{"name": "n", "lock": {}}"#, Err(older)),
        (2, r#"{"name": 5}"#, Err("E The provider cannot read the stored state")),
        (2, "", Err("E The provider cannot read the stored state")),
    ] {
        let flatmap = if json.is_empty() { [("id".into(), "x".into())].into() } else { [].into() };
        let raw = wire::RawState { json: json.into(), flatmap };
        let type_name = "toy_box".into();
        let request = upgrade::Request { type_name, version, raw_state: Some(raw) };
        let answer = toys.client.upgrade_resource_state(request).await.unwrap().into_inner();
        match expected {
            Ok(id) => {
                let state = fields(answer.upgraded_state.as_ref());
                assert_eq!((&state["id"], &state["secret"]), (&id, &Value::Null));
                assert_eq!(state["item"], Value::List(Vec::new()));
            }
            Err(summary) => assert_eq!(told(&answer.diagnostics), [summary]),
        }
    }
}

#[tokio::test]
async fn an_import_is_the_faces_to_refuse() {
    let mut toys = Toys::start().await;
    let request = wire::import_resource_state::Request {
        type_name: "toy_box".into(),
        id: "box-9".into(),
        ..Default::default()
    };
    let answer = toys.client.import_resource_state(request).await.unwrap().into_inner();
    assert_eq!(told(&answer.diagnostics), ["E Not importable"]);
    assert!(answer.imported_resources.is_empty());
}

#[tokio::test]
async fn a_data_source_is_read() {
    let mut toys = Toys::start().await;
    let request = wire::read_data_source::Request {
        type_name: "toy_list".into(),
        config: config("toy_list", "x"),
        client_capabilities: None,
    };
    let answer = toys.client.read_data_source(request).await.unwrap().into_inner();
    let expected = object("toy_list", &[("name", "x".into()), ("found", 3.into())]);
    assert_eq!(decoded("toy_list", answer.state.as_ref()), Value::Object(expected));
}

#[tokio::test]
async fn an_ephemeral_resource_keeps_its_handle_from_open_to_close() {
    let mut toys = Toys::start().await;
    let request = |name| wire::open_ephemeral_resource::Request {
        type_name: "toy_key".into(),
        config: config("toy_key", name),
        client_capabilities: None,
    };
    let opened = toys.client.open_ephemeral_resource(request("x")).await.unwrap().into_inner();
    let expected = object("toy_key", &[("name", "x".into()), ("key", "k".into())]);
    assert_eq!(decoded("toy_key", opened.result.as_ref()), Value::Object(expected));

    let renewal = wire::renew_ephemeral_resource::Request {
        type_name: "toy_key".into(),
        private: opened.private,
    };
    let renewed = toys.client.renew_ephemeral_resource(renewal).await.unwrap().into_inner();
    // A stop ends what runs, not what comes after it.
    toys.client.stop_provider(wire::stop_provider::Request {}).await.unwrap();
    let closing = wire::close_ephemeral_resource::Request {
        type_name: "toy_key".into(),
        private: renewed.private,
    };
    let closed = toys.client.close_ephemeral_resource(closing).await.unwrap().into_inner();
    assert_eq!(closed.diagnostics[0].detail, "handle stopped=false");

    let lie = toys.client.open_ephemeral_resource(request("lie")).await.unwrap().into_inner();
    let expected = "E The provider gave an answer with unknown values (placed)";
    assert_eq!(told(&lie.diagnostics), [expected]);
}

#[tokio::test]
async fn an_action_ends_with_exactly_one_completed_event() {
    let mut toys = Toys::start().await;
    for (name, lines, end) in
        [("x", 2, vec![]), ("panic", 1, vec!["E The provider crashed in InvokeAction"])]
    {
        let events: Vec<_> = toys.invoke(name).await.map(|one| one.unwrap().r#type).collect().await;
        let (last, before) = events.split_last().unwrap();
        let progress = |one: &Option<event::Type>| matches!(one, Some(event::Type::Progress(_)));
        assert!(before.len() == lines && before.iter().all(progress), "{name}: {events:?}");
        let Some(event::Type::Completed(completed)) = last else { panic!("{last:?}") };
        assert_eq!(told(&completed.diagnostics), end);
    }
    // Lines may be lost, the end never.
    let events: Vec<_> = toys.invoke("flood").await.collect().await;
    let ends = |one: &&Result<wire::invoke_action::Event, _>| {
        matches!(one.as_ref().unwrap().r#type, Some(event::Type::Completed(_)))
    };
    assert_eq!(events.iter().filter(ends).count(), 1);
}

#[tokio::test]
async fn an_action_is_validated_and_planned() {
    let mut toys = Toys::start().await;
    let request = wire::validate_action_config::Request {
        type_name: "toy_ring".into(),
        config: config("toy_ring", "bad"),
    };
    let answer = toys.client.validate_action_config(request).await.unwrap().into_inner();
    assert_eq!(told(&answer.diagnostics), ["E Bad name (placed)"]);
    let request = wire::plan_action::Request {
        action_type: "toy_ring".into(),
        config: config("toy_ring", "x"),
        client_capabilities: None,
    };
    let answer = toys.client.plan_action(request).await.unwrap().into_inner();
    assert_eq!(told(&answer.diagnostics), [""; 0]);
}

#[tokio::test]
async fn a_stop_makes_running_calls_return_what_they_have() {
    let mut toys = Toys::start().await;
    let mut client = toys.client.clone();
    let applying =
        tokio::spawn(async move { client.apply_resource_change(creating("wait")).await });
    assert_eq!(toys.next().await, "waiting");
    let mut events = toys.invoke("wait").await;
    assert_eq!(toys.next().await, "waiting");
    toys.client.stop_provider(wire::stop_provider::Request {}).await.unwrap();

    let applied = applying.await.unwrap().unwrap().into_inner();
    assert_eq!(told(&applied.diagnostics), ["E Interrupted"]);
    assert_eq!(fields(applied.new_state.as_ref())["id"], "box-1".into());
    let mut last = None;
    while let Some(event) = events.next().await {
        last = event.unwrap().r#type;
        // Terraform crashes over lines that come after an interrupt.
        let line = |kind: &event::Type| matches!(kind, event::Type::Progress(line) if line.message == "too late");
        assert!(!last.as_ref().is_some_and(line));
    }
    let Some(event::Type::Completed(completed)) = last else { panic!("{last:?}") };
    assert_eq!(told(&completed.diagnostics), ["E Interrupted"]);
}

#[tokio::test]
async fn a_client_that_leaves_cancels_its_own_call_only_and_the_call_ends_by_itself() {
    let mut toys = Toys::start().await;
    let events = toys.invoke("wait").await;
    assert_eq!(toys.next().await, "waiting");
    let mut client = toys.client.clone();
    let applying =
        tokio::spawn(async move { client.apply_resource_change(creating("wait")).await });
    assert_eq!(toys.next().await, "waiting");
    drop(events);
    assert_eq!(toys.next().await, "cancelled");
    assert!(!applying.is_finished());
    applying.abort();
    assert_eq!(toys.next().await, "cancelled");
}

#[tokio::test]
async fn a_shutdown_ends_what_runs_before_the_provider_cleans_up() {
    let mut toys = Toys::start().await;
    let mut client = toys.client.clone();
    let applying =
        tokio::spawn(async move { client.apply_resource_change(creating("wait")).await });
    assert_eq!(toys.next().await, "waiting");
    toys.shutdown.run(&CancellationToken::new()).await;
    assert_eq!(toys.next().await, "cancelled");
    assert_eq!(toys.next().await, "shut down");
    let applied = applying.await.unwrap().unwrap().into_inner();
    assert_eq!(told(&applied.diagnostics), ["E Interrupted"]);
}
