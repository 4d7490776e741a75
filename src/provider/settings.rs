//! The provider block: its schema, and what it and the environment come to.
//!
//! Two steps: [`Shared::configure`] parses everything at once; a platform's account is made when the
//! first of its services is used, and never before.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::budget::Budget;
use super::fields::Fields;
use super::views::Views;
use crate::access::{self, Account, Error, Given, Kind, Setting, Shape};
use crate::engine::{Pace, Turns};
use crate::framework::{
    Attribute, Block, Diagnostics, Mode, Nesting, Number, Object, Schema, Type, Value,
};
use crate::wire::{Outside, at_home};

/// Calls at a time if nothing is said.
const CONCURRENCY: u64 = 8;

/// Names ids of blocks whose destroy may go on although it fails, separated by commas.
const LET_GO: &str = "SESSION_LET_GO";

/// What all faces of one provider share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) outside: Outside,
    /// Runs and readings of overlapping targets go one after another.
    pub(super) turns: Turns,
    /// What previews have read.
    pub(super) views: Views,
    /// What previews may cost a plan.
    pub(super) budget: Budget,
    configured: Mutex<Configured>,
    sandbox_seen: AtomicBool,
}

#[derive(Clone, Debug)]
enum Configured {
    /// Terraform has not configured us: the validate walk.
    NotYet,
    /// The block holds values that only the apply will know.
    Unknown,
    /// Everything is known.
    Ready(Arc<Ready>),
}

/// A provider block whose values are known.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) dry_run: bool,
    pub(super) pace: Pace,
    pub(super) audit_log: Option<PathBuf>,
    pub(super) plan_preview: bool,
    /// The `id`s of blocks whose destroy may go on although it fails.
    let_go: Vec<String>,
    outside: Outside,
    platforms: BTreeMap<&'static str, Access>,
}

/// What was given for a platform, and the account that came of it once it was needed.
#[derive(Debug, Default)]
struct Access {
    given: Given,
    account: OnceLock<Result<Account, Error>>,
}

impl Shared {
    pub(super) fn new(outside: Outside) -> Shared {
        let configured = Mutex::new(Configured::NotYet);
        Shared {
            outside,
            turns: Turns::default(),
            views: Views::default(),
            budget: Budget::default(),
            configured,
            sandbox_seen: AtomicBool::new(false),
        }
    }

    /// Takes the provider block.
    pub(super) fn configure(&self, config: &Object) -> Diagnostics {
        let mut diagnostics = validate(config);
        if diagnostics.has_errors() {
            return diagnostics;
        }
        let known = config.values().all(Value::is_wholly_known);
        let configured = if known {
            Configured::Ready(Arc::new(self.read(config, &mut diagnostics)))
        } else {
            Configured::Unknown
        };
        *self.configured.lock().unwrap_or_else(PoisonError::into_inner) = configured;
        diagnostics
    }

    fn read(&self, config: &Object, diagnostics: &mut Diagnostics) -> Ready {
        let mut fields = Fields::new(config);
        let concurrency = fields.whole_number("max_concurrency", 1).unwrap_or(CONCURRENCY);
        let concurrency = usize::try_from(concurrency).ok().and_then(NonZeroUsize::new);
        let entropy = self.outside.entropy.clone();
        let ready = Ready {
            dry_run: fields.bool("dry_run").unwrap_or(false),
            plan_preview: fields.bool("plan_preview").unwrap_or(true),
            audit_log: fields
                .text("audit_log")
                .map(|path| at_home(path, &*self.outside.environment)),
            pace: Pace::new(
                concurrency.unwrap_or(NonZeroUsize::MIN),
                Arc::new(move || entropy.unit()),
            ),
            let_go: let_go(&mut fields),
            outside: self.outside.clone(),
            platforms: access::ALL
                .iter()
                .map(|platform| {
                    let given = config.get(platform.name()).and_then(Value::as_object);
                    let given = given.map(|object| given_of(platform.settings(), object));
                    let given = given.unwrap_or_default();
                    (platform.name(), Access { given, ..Access::default() })
                })
                .collect(),
        };
        diagnostics.extend(fields.finish(|| Some(())).diagnostics);
        ready
    }

    /// The settings, once they are known.
    pub(super) fn ready(&self) -> Result<Arc<Ready>, Error> {
        let configured = self.configured.lock().unwrap_or_else(PoisonError::into_inner);
        match &*configured {
            Configured::Ready(ready) => Ok(ready.clone()),
            Configured::Unknown => Err(Error::new(
                Kind::Configuration,
                "Configure",
                "the provider block holds values that are not known yet",
            )),
            Configured::NotYet => Err(Error::new(
                Kind::Configuration,
                "Configure",
                "the provider was used before it was configured; please report this",
            )),
        }
    }

    /// The region that a platform's services are in if a block does not say, as far as known.
    pub(super) fn region(&self, platform: &str) -> Option<String> {
        self.ready().ok()?.account(platform).ok()?.region()
    }

    /// Whether the destroy of the block with this `id` may go on although it fails. A provider block
    /// that is not known names nobody; the environment does.
    pub(super) fn lets_go(&self, id: &str) -> bool {
        let named = self.outside.environment.var(LET_GO).unwrap_or_default();
        let named = named.split(',').any(|one| !id.is_empty() && one.trim() == id);
        named || self.ready().is_ok_and(|ready| ready.let_go.iter().any(|one| one == id))
    }

    /// True for the first caller only.
    pub(super) fn first_sandbox_answer(&self) -> bool {
        !self.sandbox_seen.swap(true, Ordering::Relaxed)
    }
}

/// The ids of `let_go`, which may be none.
fn let_go(fields: &mut Fields<'_>) -> Vec<String> {
    let some = fields.value("let_go").and_then(Value::as_list).is_some_and(|ids| !ids.is_empty());
    if some { fields.texts("let_go", "").unwrap_or_default() } else { Vec::new() }
}

impl Ready {
    /// The account of a platform, made on first use.
    pub(super) fn account(&self, platform: &str) -> Result<Account, Error> {
        let known = self.platforms.get(platform).zip(access::find(platform));
        let (access, platform) =
            known.expect("every service names a platform of `access::ALL`; a test checks it");
        access.account.get_or_init(|| platform.account(&access.given, &self.outside)).clone()
    }
}

/// The schema of the provider block.
pub(super) fn schema() -> Schema {
    let plain = |kind, text: &str| Attribute::plain(kind, Mode::Optional, text);
    let mut attributes: BTreeMap<String, Attribute> = [
        ("plan_preview", plain(Type::Bool, "Whether a plan lists the sessions that a pending run of a resource or action would terminate now. Default `true`.")),
        ("let_go", plain(Type::Set(Box::new(Type::String)), "The `id`s of managed blocks whose destroy may go on although it fails, for a block that is gone from the configuration or is being replaced, so that its arguments cannot be changed any more. The destroy is tried as always, with all its guards; its failure is then a warning. Ids in the environment's `SESSION_LET_GO`, separated by commas, are added. See [A destroy that is held back](guides/tearing-down.md#a-destroy-that-is-held-back).")),
        ("dry_run", plain(Type::Bool, "`true` makes every run a dry run, whatever the blocks say. Default `false`. It holds nothing back: a destroy goes on, and what a termination depends on is destroyed with everybody still connected.")),
        ("max_concurrency", plain(Type::Number, "Maximum number of concurrent API calls of the whole provider process. No target takes more than half of them while another waits. Default 8.")),
        ("audit_log", plain(Type::String, "A file to which every run and every terminated session is appended as a JSON line, before the result is reported. If it cannot be written, nothing is terminated. See [The audit log](guides/audit-log.md).")),
    ]
    .map(|(name, one)| (name.to_owned(), one))
    .into();
    for platform in access::ALL {
        let text = format!(
            "Access to {}. Only needed if one of its services is used; everything can come from the environment.",
            platform.title()
        );
        attributes.insert(
            platform.name().to_owned(),
            Attribute::object(nested(platform.settings()), Mode::Optional, text),
        );
    }
    let description =
        "Terminates live sessions through the clouds' own APIs, or the server's own protocol."
            .to_owned();
    Schema { version: 0, block: Block { description, attributes, blocks: BTreeMap::new() } }
}

fn nested(settings: &[Setting]) -> BTreeMap<String, Attribute> {
    settings.iter().map(|one| (one.name.to_owned(), attribute(one))).collect()
}

fn attribute(setting: &Setting) -> Attribute {
    let mut text = setting.description.to_owned();
    if !setting.env.is_empty() {
        let names: Vec<String> = setting.env.iter().map(|name| format!("`{name}`")).collect();
        text = format!("{text} Environment: {}.", names.join(", "));
    }
    let one = match setting.shape {
        Shape::Text => Attribute::plain(Type::String, Mode::Optional, text),
        Shape::Bool => Attribute::plain(Type::Bool, Mode::Optional, text),
        Shape::Integer => Attribute::plain(Type::Number, Mode::Optional, text),
        Shape::Texts => Attribute::plain(Type::List(Box::new(Type::String)), Mode::Optional, text),
        Shape::Labels => Attribute::plain(Type::Map(Box::new(Type::String)), Mode::Optional, text),
        Shape::Map(keys) => Attribute::object(
            keys.iter()
                .map(|key| {
                    let text = format!(
                        "Address of `{key}`, like `https://host`; `http://` only on this machine."
                    );
                    ((*key).to_owned(), Attribute::plain(Type::String, Mode::Optional, text))
                })
                .collect(),
            Mode::Optional,
            text,
        ),
        Shape::Object(inner) => Attribute::object(nested(inner), Mode::Optional, text),
        Shape::Objects(inner) => Attribute::new(
            crate::framework::Kind::Nested(Nesting::List, nested(inner)),
            Mode::Optional,
            text,
        ),
    };
    if setting.sensitive { one.sensitive() } else { one }
}

/// What is wrong with a provider block, unknowns left aside.
pub(super) fn validate(config: &Object) -> Diagnostics {
    let mut fields = Fields::new(config);
    fields.whole_number("max_concurrency", 1);
    fields.text("audit_log");
    let_go(&mut fields);
    for platform in access::ALL {
        fields.inside(platform.name(), |inner| {
            inner.inside("endpoints", |endpoints| {
                for key in platform.endpoints() {
                    if let Some(url) = endpoints.text(key)
                        && let Err(rule) = platform.check_endpoint(url)
                    {
                        let at = endpoints.path(key);
                        endpoints.wrong(&at, rule);
                    }
                }
                Some(())
            })
        });
    }
    fields.finish(|| Some(())).diagnostics
}

/// The arguments of a platform in its own words.
fn given_of(settings: &[Setting], object: &Object) -> Given {
    let values = settings.iter().filter_map(|setting| {
        let value = object.get(setting.name)?;
        Some((setting.name.to_owned(), value_of(setting.shape, value)?))
    });
    Given(values.collect())
}

fn value_of(shape: Shape, value: &Value) -> Option<access::SettingValue> {
    use access::SettingValue as Out;
    match (shape, value) {
        (Shape::Text, Value::String(text)) => Some(Out::Text(text.clone())),
        (Shape::Bool, Value::Bool(truth)) => Some(Out::Bool(*truth)),
        (Shape::Integer, Value::Number(number)) => Number::to_i64(number).map(Out::Integer),
        (Shape::Texts, value) => {
            let texts = value.as_list()?.iter().filter_map(Value::as_str).map(str::to_owned);
            Some(Out::Texts(texts.collect()))
        }
        (Shape::Labels | Shape::Map(_), value) => {
            let texts = value
                .as_object()?
                .iter()
                .filter_map(|(key, text)| Some((key.clone(), text.as_str()?.to_owned())));
            Some(Out::Map(texts.collect()))
        }
        (Shape::Object(inner), value) => Some(Out::Object(given_of(inner, value.as_object()?))),
        (Shape::Objects(inner), value) => {
            let objects = value.as_list()?.iter().filter_map(Value::as_object);
            Some(Out::Objects(objects.map(|object| given_of(inner, object)).collect()))
        }
        (Shape::Text | Shape::Bool | Shape::Integer, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::testing::World;

    #[test]
    fn the_audit_log_may_be_at_home() {
        let shared = Shared::new(Arc::new(World::new(Vec::new())).outside());
        let config = [("audit_log".to_owned(), "~/log.jsonl".into())].into();
        let ready = shared.read(&config, &mut Diagnostics::none());
        assert_eq!(ready.audit_log.as_deref(), Some(std::path::Path::new("/home/user/log.jsonl")));
    }

    #[test]
    fn ids_that_block_or_environment_name_are_let_go_and_nobody_without_an_id() {
        let block = |ids: &[&str]| {
            let ids = ids.iter().map(|id| Value::from(*id)).collect();
            [("let_go".to_owned(), Value::List(ids))].into()
        };
        for (named, ids, expected) in [
            ("", &[][..], [false, false, false]),
            ("", &["a#1"], [true, false, false]),
            ("b#2", &[], [false, true, false]),
            (" b#2 , c", &["a#1"], [true, true, false]),
            (",", &[], [false, false, false]),
        ] {
            let mut world = World::new(Vec::new());
            world.variables.insert(LET_GO, named);
            let shared = Shared::new(Arc::new(world).outside());
            assert!(!shared.configure(&block(ids)).has_errors());
            let let_go = ["a#1", "b#2", ""].map(|id| shared.lets_go(id));
            assert_eq!(let_go, expected, "{named:?} {ids:?}");
        }
    }

    #[test]
    fn a_wrong_provider_block_is_told_with_what_would_do() {
        let inside = |name: &str, value: Value| Value::Object([(name.to_owned(), value)].into());
        let endpoint = |url: &str| inside("endpoints", inside("dcs", url.into()));
        for (name, value, expected) in [
            (
                "max_concurrency",
                0.into(),
                "`max_concurrency` must be a whole number of at least 1, not 0.",
            ),
            ("audit_log", " ".into(), "`audit_log` must not be empty."),
            (
                "huaweicloud",
                endpoint("http://dcs.example.com"),
                "`huaweicloud.endpoints.dcs` must be an `https://` address, or an `http://` address \
                 on this machine such as \"http://127.0.0.1:8080\", not \"http://dcs.example.com\".",
            ),
        ] {
            let told = validate(&[(name.to_owned(), value)].into()).0;
            let told: Vec<_> = told.iter().map(|one| (&*one.summary, &*one.detail)).collect();
            assert_eq!(told, [("Invalid argument", expected)]);
        }
    }
}
