//! Secrets are blotted out of every text that a server sends: an error may echo what it was given.

use crate::access::Secret;

/// In the place of a secret.
const BLOT: &str = "•••";

/// The text without any of the secrets. One that is too short to be told from other words is left:
/// to blot out every `a` would say more than it hides.
pub fn blot<'a>(text: &str, secrets: impl IntoIterator<Item = &'a Secret>) -> String {
    let mut text = text.to_owned();
    for secret in secrets {
        let secret = secret.reveal();
        if secret.len() >= 4 && text.contains(secret) {
            text = text.replace(secret, BLOT);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_blotted_out_wherever_it_stands() {
        let secrets = [Secret::new("hush-hush"), Secret::new("a")];
        assert_eq!(blot("a hush-hush, hush-hush!", &secrets), "a •••, •••!");
    }
}
