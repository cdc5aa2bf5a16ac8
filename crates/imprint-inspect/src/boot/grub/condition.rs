//! What `if [ … ]` asks, where variables alone decide it.

use std::collections::HashMap;

use super::{Word, expand};

/// Variables that GRUB itself sets, differently on each machine.
const OWN: [&str; 8] =
    ["root", "prefix", "cmdpath", "config_directory", "config_file", "chosen", "lockdown", "shim_lock"];
const OWN_STARTS: [&str; 4] = ["feature_", "grub_", "net_", "pxe_"];
/// How many words one condition may have.
const WORDS_MAX: usize = 64;

/// Whether a condition holds; none where variables do not decide it: files, devices, other commands.
pub(super) fn holds(words: &[Word], variables: &HashMap<String, String>) -> Option<bool> {
    let (first, rest) = words.split_first()?;
    match first.keyword() {
        "!" => holds(rest, variables).map(|holds| !holds),
        "true" => Some(true),
        "false" => Some(false),
        "[" => {
            let (last, rest) = rest.split_last()?;
            if last.keyword() == "]" { Test { words: rest, variables }.any() } else { None }
        }
        "test" => Test { words: rest, variables }.any(),
        _ => None,
    }
}

/// Whether both hold, as far as that is known.
fn both(left: Option<bool>, right: Option<bool>) -> Option<bool> {
    match (left, right) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

/// Whether one of them holds, as far as that is known.
fn either(left: Option<bool>, right: Option<bool>) -> Option<bool> {
    both(left.map(|holds| !holds), right.map(|holds| !holds)).map(|neither| !neither)
}

/// The words of a test.
struct Test<'t> {
    words: &'t [Word],
    variables: &'t HashMap<String, String>,
}

impl Test<'_> {
    /// Alternatives (`-o`), each of things that must all be (`-a`).
    fn any(&self) -> Option<bool> {
        if self.words.len() > WORDS_MAX {
            return None;
        }
        let all = |words: &[Word]| {
            words.split(|word| word.keyword() == "-a").map(|part| self.one(part)).reduce(both).flatten()
        };
        self.words.split(|word| word.keyword() == "-o").map(all).reduce(either).flatten()
    }

    fn one(&self, words: &[Word]) -> Option<bool> {
        if let [first, rest @ ..] = words
            && first.keyword() == "!"
            && !rest.is_empty()
        {
            return self.one(rest).map(|holds| !holds);
        }
        match words {
            [] => Some(false),
            [text] => Some(!self.value(text)?.is_empty()),
            [operator, text] => match operator.keyword() {
                "-n" => Some(!self.value(text)?.is_empty()),
                "-z" => Some(self.value(text)?.is_empty()),
                _ => None,
            },
            [left, operator, right] => {
                let (left, right) = (self.value(left)?, self.value(right)?);
                let numbers = || Some((left.trim().parse::<i64>().ok()?, right.trim().parse::<i64>().ok()?));
                match operator.keyword() {
                    "=" | "==" => Some(left == right),
                    "!=" => Some(left != right),
                    "-eq" => numbers().map(|(left, right)| left == right),
                    "-ne" => numbers().map(|(left, right)| left != right),
                    "-lt" => numbers().map(|(left, right)| left < right),
                    "-le" => numbers().map(|(left, right)| left <= right),
                    "-gt" => numbers().map(|(left, right)| left > right),
                    "-ge" => numbers().map(|(left, right)| left >= right),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// What a word becomes; none when that is GRUB's own matter.
    fn value(&self, word: &Word) -> Option<String> {
        let mut names = word.text.split('$').skip(1).map(|rest| match rest.strip_prefix('{') {
            Some(braced) => braced.split('}').next().unwrap_or_default(),
            None => {
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
                &rest[..end]
            }
        });
        let is_own = |name: &str| {
            let is_its = OWN.contains(&name) || OWN_STARTS.iter().any(|start| name.starts_with(start));
            let is_argument = name.bytes().all(|byte| byte.is_ascii_digit());
            (is_its || is_argument) && !self.variables.contains_key(name)
        };
        if names.any(is_own) { None } else { Some(expand(&word.text, self.variables)) }
    }
}
