//! How a connection is encrypted, and what is checked: what the block says, what the environment
//! says, and what is right without either.
//!
//! Certificate and name are checked, unless the connection stays on this machine. The provider
//! block may say anything else. The environment may only ask for more: a variable that was set for
//! another program must not take a check away.

use crate::wire::dial::Reached;
use crate::wire::tls::Check;

/// How a connection is encrypted, the weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Encryption {
    /// Not at all.
    None,
    /// With a certificate that is checked this far.
    Checked(Check),
}

/// What was said of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// What the provider block says; it is obeyed.
    pub block: Option<Encryption>,
    /// What the environment, or a file that it names, says, and as what for people, like
    /// `PGSSLMODE=require`.
    pub environment: Option<(Encryption, String)>,
}

/// What is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// How it is encrypted.
    pub encryption: Encryption,
    /// What in the environment was not followed because it is weaker, for a warning.
    pub ignored: Option<String>,
}

impl Wish {
    /// What is done on a connection that leads there.
    pub fn choose(&self, reached: &Reached) -> Chosen {
        if let Some(said) = self.block {
            return Chosen { encryption: said, ignored: None };
        }
        let default = match reached.is_local() {
            true => Encryption::None,
            false => Encryption::Checked(Check::Full),
        };
        match &self.environment {
            Some((wanted, _)) if *wanted >= default => {
                Chosen { encryption: *wanted, ignored: None }
            }
            Some((_, what)) => Chosen { encryption: default, ignored: Some(what.clone()) },
            None => Chosen { encryption: default, ignored: None },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn the_environment_may_ask_for_more_and_only_the_block_for_less() {
        const OFF: Encryption = Encryption::None;
        const LOOSE: Encryption = Encryption::Checked(Check::Nothing);
        const CHAIN: Encryption = Encryption::Checked(Check::Chain);
        const FULL: Encryption = Encryption::Checked(Check::Full);
        let far = Reached::Address("10.0.0.1:5432".parse().unwrap());
        let near = Reached::Address("[::1]:5432".parse().unwrap());
        let socket = Reached::Socket(PathBuf::from("/run/s"));
        for (reached, block, environment, done, ignored) in [
            (&far, None, None, FULL, false),
            (&near, None, None, OFF, false),
            (&socket, None, None, OFF, false),
            (&far, Some(OFF), None, OFF, false),
            (&far, Some(LOOSE), Some(FULL), LOOSE, false),
            (&near, Some(FULL), Some(OFF), FULL, false),
            (&far, None, Some(OFF), FULL, true),
            (&far, None, Some(LOOSE), FULL, true),
            (&far, None, Some(CHAIN), FULL, true),
            (&far, None, Some(FULL), FULL, false),
            (&near, None, Some(OFF), OFF, false),
            (&near, None, Some(LOOSE), LOOSE, false),
            (&near, None, Some(FULL), FULL, false),
        ] {
            let environment = environment.map(|one| (one, "X=y".to_owned()));
            let chosen = Wish { block, environment: environment.clone() }.choose(reached);
            assert_eq!(chosen.encryption, done, "{reached} {block:?} {environment:?}");
            assert_eq!(chosen.ignored.is_some(), ignored, "{reached} {block:?} {environment:?}");
        }
    }
}
