//! The conformance suite: every service, in every case that its limits allow, against the sandbox.
//!
//! A service's client is joined to the sandbox in process, with the cloud's real signer. Which
//! cases there are follows from the service's spec, so a new service is tested by being listed.

#![allow(clippy::unwrap_used, reason = "a test stops at what it does not expect")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use terraform_provider_session::access::{self, Client, Given, SettingValue, Signer};
use terraform_provider_session::sandbox::{Sandbox, Setup, Switch, Trouble};
use terraform_provider_session::services::simulator::{
    Clients, Fault, Gone, Instance, SteppedClock,
};
use terraform_provider_session::services::{
    Batch, Error, Everyone, Field, Kind, Node, Progress, Role, Service, Session, SessionId,
    Sessions, Sight, Spec, Submission, Target, Ticket, Unit, Which, simulated,
};
use terraform_provider_session::wire::{Clock, Entropy, Environment, HttpError, HttpSend, Outside};

/// The sandbox, its clock, and the way there.
struct World {
    sandbox: Arc<Sandbox>,
    clock: Arc<SteppedClock>,
    way: Arc<Way>,
    nothing: Arc<Nothing>,
}

/// Sends to the sandbox, or answers good requests with something canned.
struct Way {
    sandbox: Arc<Sandbox>,
    canned: Mutex<Option<&'static [u8]>>,
}

#[async_trait]
impl HttpSend for Way {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let iam = request.uri().host().is_some_and(|host| host.starts_with("iam."));
        let canned = *self.canned.lock().unwrap();
        match canned {
            Some(body) if !iam => Ok(Response::new(Bytes::from_static(body))),
            _ => self.sandbox.send(request).await,
        }
    }
}

impl World {
    fn new(setup: Setup) -> World {
        let noon = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let clock = Arc::new(SteppedClock::at(noon));
        let sandbox = Arc::new(Sandbox::new(setup, Arc::clone(&clock) as Arc<dyn Clock>));
        let way = Way { sandbox: Arc::clone(&sandbox), canned: Mutex::new(None) };
        World { sandbox, clock, way: Arc::new(way), nothing: Arc::default() }
    }

    fn sessions(&self, service: &Service, inputs: &[(&'static str, &str)]) -> Box<dyn Sessions> {
        let outside = Outside {
            http: Arc::clone(&self.way) as Arc<dyn HttpSend>,
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            entropy: Arc::clone(&self.nothing) as Arc<dyn Entropy>,
            environment: Arc::clone(&self.nothing) as Arc<dyn Environment>,
        };
        let signer = self.signer(service.spec.platform, outside.clone());
        let inputs = inputs.iter().map(|(name, value)| (*name, (*value).to_owned()));
        let target = Target(inputs.collect::<BTreeMap<_, _>>());
        service.over_http(Arc::new(Client::new(signer, outside)), target).unwrap()
    }

    fn signer(&self, cloud: &str, outside: Outside) -> Arc<dyn Signer> {
        let login = self.sandbox.login(cloud).expect("the sandbox plays every cloud");
        let given = [
            ("region", login.region),
            ("access_key", login.access_key),
            ("secret_key", login.secret_key.reveal()),
        ];
        let text = |(name, text): (&str, &str)| (name.to_owned(), SettingValue::Text(text.into()));
        let given = Given(given.into_iter().map(text).collect());
        let account = access::find(cloud).unwrap().account(&given, &outside).unwrap();
        account.signer(None).unwrap()
    }

    fn whole(&self, service: &Service, instance: &Instance) -> Box<dyn Sessions> {
        self.sessions(service, &[(service.spec.inputs[0].name, &instance.id)])
    }

    /// Waits for a job by stepping the clock. The sandbox's jobs take two seconds.
    async fn wait(&self, sessions: &dyn Sessions, ticket: Option<Ticket>) -> Result<(), Error> {
        let Some(ticket) = ticket else { return Ok(()) };
        for _ in 0..10 {
            if sessions.poll(&ticket).await? != Progress::Running {
                return Ok(());
            }
            self.clock.step(Duration::from_secs(1));
        }
        panic!("the job did not end");
    }

    /// The sessions of a node as they are now.
    async fn list(&self, sessions: &dyn Sessions, node: &Node) -> Result<Vec<Session>, Error> {
        let ticket = sessions.prepare(node).await?;
        self.wait(sessions, ticket).await?;
        let (mut found, mut after) = (Vec::<Session>::new(), None);
        for _ in 0..1000 {
            let page = sessions.list(node, None, after).await?;
            assert!(page.request_id.is_some(), "a page tells its request id");
            // Pages may overlap.
            let known: Vec<_> = found.iter().map(|one| one.id.clone()).collect();
            found.extend(page.sessions.into_iter().filter(|one| !known.contains(&one.id)));
            after = page.next;
            if after.is_none() {
                return Ok(found);
            }
        }
        panic!("the list does not end");
    }

    async fn terminate(
        &self,
        sessions: &dyn Sessions,
        batch: Batch<'_>,
    ) -> Result<Submission, Error> {
        let submission = sessions.terminate(batch).await?;
        assert!(submission.request_id.is_some(), "a kill tells its request id");
        self.wait(sessions, submission.ticket.clone()).await?;
        // Some clouds end later what they accept, without a job to ask for.
        self.clock.step(Duration::from_secs(2));
        self.sandbox.settle();
        Ok(submission)
    }

    fn fault(&self, trouble: Trouble) {
        self.sandbox.switch_on(Switch::new(trouble));
    }

    /// Node and client number of everybody who was really cut.
    fn killed(&self) -> BTreeSet<(String, String)> {
        let ledger = self.sandbox.ledger();
        ledger.killed().map(|one| (one.node.clone(), one.client.id.clone())).collect()
    }
}

/// No randomness that matters, and no environment.
#[derive(Default)]
struct Nothing(Mutex<u128>);

impl Entropy for Nothing {
    fn unit(&self) -> f64 {
        0.0
    }

    fn nonce(&self) -> String {
        let mut last = self.0.lock().unwrap();
        *last += 1;
        format!("{:032x}", *last)
    }
}

#[async_trait]
impl Environment for Nothing {
    fn var(&self, _name: &str) -> Option<String> {
        None
    }

    fn home(&self) -> Option<PathBuf> {
        None
    }

    fn read(&self, _path: &Path) -> std::io::Result<Vec<u8>> {
        Err(std::io::ErrorKind::NotFound.into())
    }

    async fn run(&self, _program: &str, _arguments: &[String]) -> std::io::Result<Vec<u8>> {
        Err(std::io::ErrorKind::NotFound.into())
    }
}

/// Every instance of every service, with its service.
fn instances() -> impl Iterator<Item = (&'static Service, Instance)> {
    simulated().flat_map(|service| {
        (service.scene().scenery)().into_iter().map(move |instance| (service, instance))
    })
}

/// Those whose sessions can be named in a kill.
fn selective() -> impl Iterator<Item = (&'static Service, Instance)> {
    instances().filter(|(service, _)| service.spec.limits.batch > 0)
}

fn ids(sessions: &[Session]) -> Vec<SessionId> {
    sessions.iter().map(|session| session.id.clone()).collect()
}

fn these<'a>(node: &'a Node, ids: &'a [SessionId]) -> Batch<'a> {
    Batch { node: Some(node), which: Which::These(ids) }
}

/// A batch of everyone, as large as the API can say it, and whether it needs a node.
fn everyone<'a>(spec: &Spec, node: &'a Node) -> Option<Batch<'a>> {
    match spec.limits.everyone {
        Everyone::Never => None,
        Everyone::Target => Some(Batch { node: None, which: Which::Everyone }),
        Everyone::NodeOrTarget => Some(Batch { node: Some(node), which: Which::Everyone }),
    }
}

/// A batch that ends sessions of a node in a way that this API knows.
fn some_batch<'a>(spec: &Spec, node: &'a Node, ids: &'a [SessionId]) -> Batch<'a> {
    let named =
        (spec.limits.batch > 0).then(|| these(node, &ids[..ids.len().min(spec.limits.batch)]));
    named.or_else(|| everyone(spec, node)).unwrap()
}

#[test]
fn a_spec_is_whole_and_agrees_with_itself() {
    let mut names = BTreeSet::new();
    for spec in simulated().map(|service| service.spec) {
        assert!(names.insert(spec.name), "{} twice", spec.name);
        assert!(spec.name.starts_with(&format!("{}_", spec.platform)), "{}", spec.name);
        assert!(spec.documentation.starts_with("https://"), "{}", spec.name);
        assert!(spec.limits.batch > 0 || spec.limits.everyone != Everyone::Never);
        let whom = [Role::Client, Role::User].map(|role| spec.column(role).is_some());
        assert!(whom.contains(&true), "{} shows nobody", spec.name);
        assert!(!spec.permissions.list.is_empty() && !spec.permissions.terminate.is_empty());
        for (index, (code, _)) in spec.codes.iter().enumerate() {
            let twice = spec.codes[index + 1..].iter().any(|(other, _)| other == code);
            assert!(!twice, "{}: {code} is in the table twice", spec.name);
        }
        for column in spec.columns {
            let seconds = matches!(column.role, Role::Idle | Role::Age);
            assert_eq!(seconds, column.unit == Unit::Seconds, "{}.{}", spec.name, column.name);
            assert!(column.description.ends_with('.'), "{}.{}", spec.name, column.name);
        }
        let required = spec.inputs.iter().filter(|input| input.required);
        for input in required {
            assert!(spec.example.inputs.iter().any(|(name, _)| *name == input.name));
        }
        for name in spec.one_of {
            let input = spec.inputs.iter().find(|input| input.name == *name);
            assert!(input.is_some_and(|input| !input.required), "{}.{name}", spec.name);
        }
        let given = |name: &&str| spec.example.inputs.iter().any(|(given, _)| given == name);
        assert!(spec.one_of.is_empty() || spec.one_of.iter().any(given), "{}", spec.name);
        for (criterion, _) in [spec.example.criterion, spec.example.protect] {
            assert!(spec.criteria().any(|one| one.name() == criterion), "{criterion}");
        }
        assert!(spec.session_id.ends_with('.') && spec.about.ends_with('.'));
    }
}

#[tokio::test(start_paused = true)]
async fn every_session_is_listed_once_and_as_the_spec_describes_it() {
    for (service, instance) in instances() {
        let world = World::new(Setup::default());
        let sessions = world.whole(service, &instance);
        let nodes = sessions.nodes().await.unwrap();
        assert!(!nodes.is_empty(), "{} has no node", instance.id);
        for node in &nodes {
            assert!(
                node.id.is_empty() || instance.has(&node.id),
                "{node:?} is not of {instance:?}"
            );
            let found = world.list(&*sessions, node).await.unwrap();
            assert!(!found.is_empty(), "{node:?}");
            let unique: BTreeSet<SessionId> = ids(&found).into_iter().collect();
            assert_eq!(unique.len(), found.len());
            for session in &found {
                assert_eq!(session.node, node.id);
                described(service.spec, session);
            }
        }
    }
}

/// Fields are columns of the spec, of their unit.
fn described(spec: &Spec, session: &Session) {
    for (name, field) in session.fields.iter() {
        let column = spec.columns.iter().find(|column| column.name == name);
        let unit = column.unwrap_or_else(|| panic!("{} has no column {name}", spec.name)).unit;
        let fits = match field {
            Field::Text(_) => unit == Unit::Text,
            Field::Integer(_) => matches!(unit, Unit::Integer | Unit::Seconds),
            Field::Bool(_) => unit == Unit::Bool,
        };
        assert!(fits, "{}.{name} is {field:?}", spec.name);
    }
    let whom = spec.column(Role::Client).or(spec.column(Role::User)).unwrap().name;
    assert!(session.fields.get(whom).is_some(), "{} does not tell {whom}", spec.name);
}

#[tokio::test(start_paused = true)]
async fn a_crowd_is_listed_whole_or_the_list_says_that_it_is_not() {
    for service in simulated() {
        let world = World::new(Setup { clients: 1234, ..Setup::default() });
        let instance = &(service.scene().scenery)()[0];
        let sessions = world.whole(service, instance);
        let node = &sessions.nodes().await.unwrap()[0];
        let found = world.list(&*sessions, node).await.unwrap();
        let ticket = sessions.prepare(node).await.unwrap();
        world.wait(&*sessions, ticket.clone()).await.unwrap();
        let first = sessions.list(node, ticket.as_ref(), None).await.unwrap();
        let unique: BTreeSet<SessionId> = ids(&found).into_iter().collect();
        if first.unsteady.is_some() && first.next.is_none() {
            assert!(found.len() < 1234, "{}", service.spec.name);
            continue;
        }
        assert_eq!((found.len(), unique.len()), (1234, 1234), "{}", service.spec.name);
    }
}

#[tokio::test(start_paused = true)]
async fn a_target_narrowed_to_a_node_is_that_node() {
    for (service, instance) in instances() {
        let input = service.spec.inputs.iter().any(|input| input.name == "node_id");
        let world = World::new(Setup::default());
        if !input {
            continue;
        }
        for node in world.whole(service, &instance).nodes().await.unwrap() {
            let target = [("instance_id", instance.id.as_str()), ("node_id", node.id.as_str())];
            let sessions = world.sessions(service, &target);
            let narrowed = sessions.nodes().await.unwrap();
            assert_eq!(ids_of(&narrowed), [node.id.as_str()]);
            if service.spec.limits.everyone == Everyone::NodeOrTarget {
                let batch = Batch { node: None, which: Which::Everyone };
                world.terminate(&*sessions, batch).await.unwrap();
                let elsewhere = world.killed().into_iter().find(|(on, _)| *on != node.id);
                assert_eq!(elsewhere, None, "narrowed to {}", node.id);
                world.sandbox.reset();
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_a_target_by_itself_is_listed_and_is_all_that_is_ended() {
    for (service, instance) in instances() {
        let spec = service.spec;
        if !spec.one_of.contains(&"node_id") {
            continue;
        }
        for (id, _) in &instance.nodes {
            let world = World::new(Setup::default());
            let sessions = world.sessions(service, &[("node_id", id)]);
            let nodes = sessions.nodes().await.unwrap();
            assert_eq!(ids_of(&nodes), [id]);
            let ids = ids(&world.list(&*sessions, &nodes[0]).await.unwrap());
            world.terminate(&*sessions, some_batch(spec, &nodes[0], &ids)).await.unwrap();
            assert_eq!(world.killed().len(), ids.len());
            assert!(world.killed().iter().all(|(node, _)| node == id));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_target_that_needs_one_of_several_arguments_is_nothing_without_them() {
    for service in simulated().filter(|service| !service.spec.one_of.is_empty()) {
        let world = World::new(Setup::default());
        let error = world.sessions(service, &[]).nodes().await.unwrap_err();
        assert_eq!(error.kind, Kind::Configuration, "{error}");
        assert!(world.sandbox.calls().is_empty());
    }
}

fn ids_of(nodes: &[Node]) -> Vec<&str> {
    nodes.iter().map(|node| node.id.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_node_of_another_instance_is_an_error_before_anything_is_ended() {
    for service in simulated().filter(|one| (one.scene().scenery)().len() > 1) {
        if !service.spec.inputs.iter().any(|input| input.name == "node_id") {
            continue;
        }
        let world = World::new(Setup::default());
        let scenery = (service.scene().scenery)();
        let (node, _) = &scenery[1].nodes[0];
        let target = [("instance_id", scenery[0].id.as_str()), ("node_id", node.as_str())];
        let error = world.sessions(service, &target).nodes().await.unwrap_err();
        assert!(matches!(error.kind, Kind::BadRequest | Kind::TargetGone), "{error}");
        assert!(error.message.contains(node.as_str()), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_named_session_is_ended_and_no_other() {
    for (service, instance) in selective() {
        let world = World::new(Setup::default());
        let sessions = world.whole(service, &instance);
        let node = &sessions.nodes().await.unwrap()[0];
        let before = world.list(&*sessions, node).await.unwrap();
        let victim = before.iter().find(|session| session.unkillable.is_none()).unwrap();
        let id = [victim.id.clone()];
        world.terminate(&*sessions, these(node, &id)).await.unwrap();
        assert_eq!(world.killed().len(), 1, "{}", service.spec.name);
        let after = world.list(&*sessions, node).await.unwrap();
        let mut expected = ids(&before);
        expected.retain(|one| *one != victim.id);
        assert_eq!(ids(&after), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_batch_is_ended_by_one_call() {
    for service in simulated().filter(|service| service.spec.limits.batch > 1) {
        let batch = service.spec.limits.batch;
        let world = World::new(Setup { clients: batch + 7, ..Setup::default() });
        let sessions = world.whole(service, &(service.scene().scenery)()[0]);
        let node = &sessions.nodes().await.unwrap()[0];
        let found = world.list(&*sessions, node).await.unwrap();
        let killable = found.into_iter().filter(|session| session.unkillable.is_none());
        let ids: Vec<SessionId> = killable.map(|session| session.id).take(batch).collect();
        let calls = world.sandbox.calls().len();
        sessions.terminate(these(node, &ids)).await.unwrap();
        assert_eq!(world.sandbox.calls().len(), calls + 1);
        assert_eq!(world.killed().len(), ids.len());
    }
}

#[tokio::test(start_paused = true)]
async fn ending_what_has_gone_is_no_failure_or_asks_for_another_look() {
    for gone in [Gone::Accepted, Gone::Refused] {
        for (service, instance) in selective() {
            let world = World::new(Setup { gone, ..Setup::default() });
            let sessions = world.whole(service, &instance);
            let node = &sessions.nodes().await.unwrap()[0];
            let found = world.list(&*sessions, node).await.unwrap();
            let killable = found.iter().find(|session| session.unkillable.is_none());
            let id = [killable.unwrap().id.clone()];
            world.terminate(&*sessions, these(node, &id)).await.unwrap();
            let again = world.terminate(&*sessions, these(node, &id)).await;
            let fine = match &again {
                Ok(_) => true,
                Err(error) => matches!(error.kind, Kind::Ambiguous | Kind::SessionGone),
            };
            assert!(fine, "{}: {again:?}", service.spec.name);
            assert_eq!(world.killed().len(), 1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn everyone_is_ended_and_nobody_elsewhere() {
    for (service, instance) in instances() {
        let spec = service.spec;
        if spec.limits.everyone == Everyone::Never {
            continue;
        }
        let world = World::new(Setup::default());
        let sessions = world.whole(service, &instance);
        let nodes = sessions.nodes().await.unwrap();
        let batch = Batch { node: None, which: Which::Everyone };
        world.terminate(&*sessions, batch).await.unwrap();
        for node in &nodes {
            assert!(world.list(&*sessions, node).await.unwrap().is_empty(), "{node:?}");
        }
        let killed = world.killed();
        assert!(!killed.is_empty());
        assert!(killed.iter().all(|(node, _)| instance.has(node)), "{killed:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn everyone_on_one_node_is_not_everyone() {
    for (service, instance) in instances() {
        if service.spec.limits.everyone != Everyone::NodeOrTarget {
            continue;
        }
        let world = World::new(Setup::default());
        let sessions = world.whole(service, &instance);
        let nodes = sessions.nodes().await.unwrap();
        let batch = Batch { node: nodes.last(), which: Which::Everyone };
        world.terminate(&*sessions, batch).await.unwrap();
        let last = nodes.last().unwrap();
        assert!(world.killed().iter().all(|(node, _)| *node == last.id), "{:?}", world.killed());
        assert!(world.list(&*sessions, last).await.unwrap().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_target_that_has_gone_is_told_from_an_empty_one() {
    for (service, instance) in instances() {
        let world = World::new(Setup { clients: 0, ..Setup::default() });
        let sessions = world.whole(service, &instance);
        world.fault(Trouble::Service(Fault::TargetGone));
        let outcome = async {
            let nodes = sessions.nodes().await?;
            world.list(&*sessions, &nodes[0]).await
        };
        match outcome.await {
            Err(error) => {
                assert_eq!(error.kind, Kind::TargetGone, "{}: {error}", service.spec.name)
            }
            // The one API that tells no difference must not be believed to have shown one.
            Ok(found) => {
                assert_eq!(service.spec.name, "aws_ssm");
                assert!(found.is_empty() && !sessions.looks_up_nodes(), "{found:?}");
                let sight = sessions.sight().await.unwrap();
                assert!(matches!(sight, Sight::Unproven(_)), "{}: {sight:?}", service.spec.name);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_gateway_refuses_comes_out_as_what_it_is() {
    for service in simulated() {
        for (trouble, kind) in [
            (Trouble::Throttle, Kind::Throttled),
            (Trouble::ServerError, Kind::Unavailable),
            (Trouble::Unavailable, Kind::Unavailable),
            (Trouble::ExpiredToken, Kind::Credentials),
            (Trouble::WrongSignature, Kind::Credentials),
            (Trouble::ResetBefore, Kind::Lost),
            (Trouble::ResetAfter, Kind::Lost),
            (Trouble::TruncatedBody, Kind::Lost),
            (Trouble::WrongContentType, Kind::Malformed),
        ] {
            let name = service.spec.name;
            let world = World::new(Setup::default());
            let sessions = world.whole(service, &(service.scene().scenery)()[0]);
            let node = &sessions.nodes().await.unwrap()[0];
            world.list(&*sessions, node).await.unwrap();
            world.fault(trouble);
            let error = sessions.list(node, None, None).await.unwrap_err();
            assert_eq!(error.kind, kind, "{name}, {trouble:?}: {error}");
            assert!(error.request.is_some(), "{name}, {trouble:?}");
            let answered = !matches!(kind, Kind::Lost);
            assert_eq!(error.request_id.is_some(), answered, "{name}, {trouble:?}");
            // AWS says "too fast" and not for how long.
            let waits = trouble == Trouble::Throttle && service.spec.platform != "aws";
            assert_eq!(error.retry_after, waits.then(|| Duration::from_secs(1)), "{name}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_secret_is_tried_once() {
    for service in simulated() {
        let world = World::new(Setup::default());
        world.fault(Trouble::WrongSignature);
        let sessions = world.whole(service, &(service.scene().scenery)()[0]);
        let error = sessions.nodes().await.err();
        let error = match error {
            Some(error) => error,
            None => world.list(&*sessions, &Node::whole()).await.unwrap_err(),
        };
        assert_eq!(error.kind, Kind::Credentials, "{error}");
        assert_eq!(world.sandbox.calls().len(), 1, "{}", service.spec.name);
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_misbehaves_is_not_believed() {
    for service in simulated() {
        let spec = service.spec;
        for fault in [Fault::Busy, Fault::PartialKill, Fault::Refuses] {
            let world = World::new(Setup::default());
            let sessions = world.whole(service, &(service.scene().scenery)()[0]);
            let node = &sessions.nodes().await.unwrap()[0];
            let found = world.list(&*sessions, node).await.unwrap();
            let killable = found.into_iter().filter(|session| session.unkillable.is_none());
            let ids: Vec<SessionId> = killable.map(|session| session.id).collect();
            world.fault(Trouble::Service(fault));
            let outcome = world.terminate(&*sessions, some_batch(spec, node, &ids)).await;
            match (fault, outcome) {
                (Fault::Busy, Err(error)) => {
                    // Not every cloud tells a busy target from a hasty caller.
                    assert!(matches!(error.kind, Kind::Busy | Kind::Throttled), "{error}");
                }
                (Fault::Refuses, Ok(_)) => {}
                // One API says of the session itself that it could not be ended.
                (Fault::Refuses, Err(error))
                    if error.code.as_deref() == Some("failed-to-terminate") =>
                {
                    assert_eq!(error.kind, Kind::Busy);
                }
                (Fault::PartialKill, Err(error)) => {
                    let open = error.kind.may_have_taken_effect() || error.kind == Kind::Ambiguous;
                    assert!(open, "{}: {error}", spec.name);
                }
                (_, outcome) => panic!("{}, {fault:?}: {outcome:?}", spec.name),
            }
            assert!(world.killed().len() < ids.len(), "{}, {fault:?}", spec.name);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_fails_or_never_ends_is_told() {
    let mut jobs = 0;
    for service in simulated() {
        let spec = service.spec;
        for (fault, expected) in
            [(Fault::JobFails, Err(Kind::JobFailed)), (Fault::JobHangs, Ok(Progress::Running))]
        {
            for kills in [false, true] {
                let world = World::new(Setup::default());
                let sessions = world.whole(service, &(service.scene().scenery)()[0]);
                let node = &sessions.nodes().await.unwrap()[0];
                world.fault(Trouble::Service(fault));
                let ticket = match everyone(spec, node).filter(|_| kills) {
                    Some(batch) => sessions.terminate(batch).await.unwrap().ticket,
                    None => sessions.prepare(node).await.unwrap(),
                };
                let Some(ticket) = ticket else { continue };
                jobs += 1;
                world.clock.step(Duration::from_secs(600));
                let progress = sessions.poll(&ticket).await.map_err(|error| error.kind);
                assert_eq!(progress, expected, "{}, kills: {kills}", spec.name);
                assert!(world.killed().is_empty(), "{}", spec.name);
            }
        }
    }
    assert!(jobs >= 4, "scans and kills are jobs somewhere");
}

#[tokio::test(start_paused = true)]
async fn a_kill_that_ends_half_says_so_or_not_as_the_fault_wants() {
    for service in simulated() {
        let spec = service.spec;
        for (fault, told) in [(Fault::PartialKill, true), (Fault::EndsHalf, false)] {
            let world = World::new(Setup { clients: 4, ..Setup::default() });
            let sessions = world.whole(service, &(service.scene().scenery)()[0]);
            let node = &sessions.nodes().await.unwrap()[0];
            let Some(batch) = everyone(spec, node) else { continue };
            world.fault(Trouble::Service(fault));
            let outcome = match sessions.terminate(batch).await {
                Ok(Submission { ticket: Some(ticket), .. }) => {
                    world.clock.step(Duration::from_secs(600));
                    sessions.poll(&ticket).await.map(|progress| progress != Progress::Running)
                }
                Ok(_) => Ok(true),
                Err(error) => Err(error),
            };
            assert_eq!(outcome.is_err(), told, "{}, {fault:?}: {outcome:?}", spec.name);
            assert_eq!(world.killed().len(), 2, "{}, {fault:?}", spec.name);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_no_answer_is_malformed_and_no_panic() {
    let deep: &'static [u8] = Vec::leak(b"[".repeat(100_000));
    let garbage: [&[u8]; 9] = [
        b"",
        b"null",
        b"[]",
        b"\"text\"",
        b"{",
        b"<html></html>",
        b"\xff\xfe\x00",
        b"{\"clients\":1,\"nodes\":1,\"sessions\":1,\"instances\":1,\"Sessions\":1,\"Data\":1,\"job_id\":1}",
        deep,
    ];
    for service in simulated() {
        for body in garbage {
            let world = World::new(Setup::default());
            let sessions = world.whole(service, &(service.scene().scenery)()[0]);
            let node = &sessions.nodes().await.unwrap()[0];
            let listed = world.list(&*sessions, node).await.unwrap();
            let ids = ids(&listed);
            *world.way.canned.lock().unwrap() = Some(body);
            let shown = String::from_utf8_lossy(&body[..body.len().min(40)]);
            let name = service.spec.name;
            let error = sessions.list(node, None, None).await.expect_err(name);
            assert_eq!(error.kind, Kind::Malformed, "{name}, {shown}: {error}");
            assert!(error.message.len() < 1000, "{name}");
            for outcome in [
                sessions.nodes().await.err(),
                sessions.prepare(node).await.err(),
                sessions.terminate(some_batch(service.spec, node, &ids)).await.err(),
                sessions.poll(&Ticket("1".into())).await.err(),
            ] {
                let kind = outcome.map(|error| error.kind);
                assert!(matches!(kind, None | Some(Kind::Malformed)), "{name}, {shown}: {kind:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_ended_by_looking() {
    for (service, instance) in instances() {
        let world = World::new(Setup::default());
        let sessions = world.whole(service, &instance);
        for node in sessions.nodes().await.unwrap() {
            world.list(&*sessions, &node).await.unwrap();
        }
        assert!(world.killed().is_empty());
        let nodes: Vec<&String> = instance.nodes.iter().map(|(id, _)| id).collect();
        let live: usize = nodes.iter().map(|node| world.sandbox.ledger().list(node).len()).sum();
        assert_eq!(live, 3 * nodes.len(), "{}", service.spec.name);
    }
}
