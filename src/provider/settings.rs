//! What the provider block and the environment come to.
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
use crate::framework::{Diagnostics, Number, Object, Value};
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
mod tests;
