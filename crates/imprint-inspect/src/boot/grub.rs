//! GRUB's configuration: the entries of `grub.cfg`, and of the older `menu.lst`.
//!
//! What lives here: the part of GRUB's shell that says which kernel starts with which words. Conditions over variables are
//! decided as a start would decide them; where that takes more (a file, the machine), every branch is read, and what stands
//! last wins. What never does: running anything.

mod condition;

use std::collections::HashMap;

use super::entry::Entry;

/// How many entries are looked at.
const ENTRIES_MAX: usize = 256;
/// Bytes that a text with variables in it may become, about.
const EXPANDED_BYTES: usize = 16 << 10;
/// How many files one initramfs may have.
const INITRDS_MAX: usize = 64;
/// How deep blocks, and conditions, may lie in one another.
const DEPTH_MAX: usize = 16;
const CONDITIONS_MAX: usize = 64;

/// What a configuration says.
#[derive(Debug, Default)]
pub(super) struct Config {
    /// Its entries in order.
    pub(super) entries: Vec<Entry>,
    /// What it calls the default: an index, an id, a title, `1>2`.
    pub(super) default: Option<String>,
    /// Whether entries stand in files of their own, too (`blscfg`).
    pub(super) uses_bls: bool,
    /// The variables that those entries see.
    pub(super) variables: HashMap<String, String>,
    /// The configuration that this one goes on with.
    pub(super) goes_on_with: Option<String>,
    /// Whether it is damaged: a quote or a block without an end.
    pub(super) damage: Option<&'static str>,
}

/// A block that is open.
struct Block {
    kind: Kind,
    /// How many conditions were open before it: those inside end with it.
    conditions: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Menu(usize),
    Submenu,
    /// What is in it runs when it is called, which nothing that matters here does.
    Function,
    Other,
}

/// An `if` that is open.
struct Branch {
    /// Whether the commands here are run, or may be.
    runs: bool,
    /// Whether the commands of a branch are surely run, so that no later one is.
    is_settled: bool,
}

/// The place of an entry among its siblings, at every depth.
#[derive(Default)]
struct Chain {
    counts: Vec<usize>,
    names: Vec<[String; 3]>,
}

impl Config {
    /// Reads a `grub.cfg`; `environment` is what `load_env` would bring.
    pub(super) fn parse(text: &str, environment: &HashMap<String, String>) -> Config {
        let mut reader = Reader {
            config: Config::default(),
            environment,
            variables: environment.clone(),
            blocks: Vec::new(),
            branches: Vec::new(),
            chain: Chain { counts: vec![0], names: Vec::new() },
        };
        let (commands, damage) = commands(text);
        reader.config.damage = damage;
        for command in &commands {
            reader.command(command);
        }
        if !reader.blocks.is_empty() {
            reader.config.damage.get_or_insert("a block has no end");
        }
        reader.config
    }

    /// Reads the older `menu.lst` or `grub.conf`.
    pub(super) fn parse_legacy(text: &str) -> Config {
        let mut config = Config::default();
        for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
            let (word, rest) = line.split_once([' ', '\t', '=']).unwrap_or((line, ""));
            let rest = rest.trim().trim_start_matches('=').trim();
            let count = config.entries.len();
            match (word, config.entries.last_mut()) {
                ("default", None) => config.default = Some(rest.to_owned()),
                ("title", _) if count < ENTRIES_MAX => {
                    let names = vec![[count.to_string(), rest.to_owned(), String::new()]];
                    config.entries.push(Entry { title: rest.to_owned(), chain: names, ..Entry::default() });
                }
                ("kernel", Some(entry)) => {
                    let words: Vec<&str> = rest.split_whitespace().filter(|word| !word.starts_with("--")).collect();
                    entry.kernel = words.first().map(|path| without_device(path).to_owned());
                    entry.command_line = words.get(1..).unwrap_or_default().join(" ");
                }
                ("initrd", Some(entry)) => {
                    entry.initrds = rest.split_whitespace().map(without_device).map(str::to_owned).collect()
                }
                _ => {}
            }
        }
        config
    }
}

/// A configuration being read.
struct Reader<'e> {
    config: Config,
    environment: &'e HashMap<String, String>,
    variables: HashMap<String, String>,
    blocks: Vec<Block>,
    branches: Vec<Branch>,
    chain: Chain,
}

impl Reader<'_> {
    fn command(&mut self, words: &[Word]) {
        let mut words = words;
        while let Some(first) = words.first() {
            match first.keyword() {
                "}" => self.close(),
                "then" | "do" => {}
                "else" => self.otherwise(None),
                "fi" => drop(self.branches.pop()),
                "elif" => return self.otherwise(Some(&words[1..])),
                "if" => return self.begin(&words[1..]),
                _ => break,
            }
            words = &words[1..];
        }
        // A block may end on the line of its last command.
        let ends = words.iter().rev().take_while(|word| word.is_brace('}')).count().min(self.blocks.len());
        self.plain(&words[..words.len() - ends]);
        for _ in 0..ends {
            self.close();
        }
    }

    /// A command that is no keyword.
    fn plain(&mut self, words: &[Word]) {
        let Some(first) = words.first() else { return };
        let opens = words.len() > 1 && words.last().is_some_and(|word| word.is_brace('{'));
        let arguments: Vec<String> = words[1..].iter().map(|word| word.text.clone()).collect();
        match first.text.as_str() {
            _ if opens && self.is_skipped() => self.open(Kind::Other),
            _ if self.is_skipped() => {}
            "menuentry" | "submenu" if opens => self.open_entry(&first.text, &arguments[..arguments.len() - 1]),
            "function" if opens => self.open(Kind::Function),
            _ if opens => self.open(Kind::Other),
            "set" => self.set(arguments.first()),
            "blscfg" => {
                // entries are listed by the first; a file may say it as often as it has lines
                if !std::mem::replace(&mut self.config.uses_bls, true) {
                    self.config.variables = self.variables.clone();
                }
            }
            "configfile" => self.config.goes_on_with = arguments.first().map(|path| self.expanded(path)),
            _ if words.len() == 1 && is_assignment(&first.text) => self.set(Some(&first.text)),
            command => self.inside_entry(command, &arguments),
        }
    }

    /// Whether what comes is surely not run.
    fn is_skipped(&self) -> bool {
        self.branches.iter().any(|branch| !branch.runs) || self.blocks.iter().any(|block| block.kind == Kind::Function)
    }

    fn begin(&mut self, condition: &[Word]) {
        if self.branches.len() >= CONDITIONS_MAX {
            self.config.damage.get_or_insert("conditions lie too deep");
            return;
        }
        let holds = condition::holds(condition, &self.variables);
        self.branches.push(Branch { runs: holds != Some(false), is_settled: holds == Some(true) });
    }

    /// `elif` with its condition, or `else`.
    fn otherwise(&mut self, condition: Option<&[Word]>) {
        let holds = condition.map_or(Some(true), |condition| condition::holds(condition, &self.variables));
        let Some(branch) = self.branches.last_mut() else { return };
        branch.runs = !branch.is_settled && holds != Some(false);
        branch.is_settled |= holds == Some(true);
    }

    fn open(&mut self, kind: Kind) {
        if self.blocks.len() < DEPTH_MAX {
            self.blocks.push(Block { kind, conditions: self.branches.len() });
        } else {
            self.config.damage.get_or_insert("blocks lie too deep");
        }
    }

    fn close(&mut self) {
        let Some(block) = self.blocks.pop() else { return };
        self.branches.truncate(block.conditions);
        if block.kind == Kind::Submenu {
            self.chain.counts.pop();
            self.chain.names.pop();
        }
    }

    fn open_entry(&mut self, kind: &str, arguments: &[String]) {
        let mut id = String::new();
        let mut title = String::new();
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--id" | "$menuentry_id_option" | "${menuentry_id_option}" => {
                    id = words.next().cloned().unwrap_or_default();
                }
                "--class" | "--users" | "--hotkey" | "--source" => {
                    words.next();
                }
                word if word.starts_with("--") => {}
                word if title.is_empty() => title = word.to_owned(),
                _ => {}
            }
        }
        let index = self.chain.counts.last_mut().map_or(0, |count| {
            *count += 1;
            *count - 1
        });
        let names = [index.to_string(), title.clone(), id];
        if kind == "submenu" {
            if self.blocks.len() < DEPTH_MAX {
                self.chain.names.push(names);
                self.chain.counts.push(0);
            }
            return self.open(Kind::Submenu);
        }
        if self.config.entries.len() >= ENTRIES_MAX {
            return self.open(Kind::Other);
        }
        let mut chain = self.chain.names.clone();
        chain.push(names);
        self.config.entries.push(Entry { title, chain, ..Entry::default() });
        let entry = self.config.entries.len() - 1;
        self.open(Kind::Menu(entry));
    }

    /// `name=value`.
    fn set(&mut self, assignment: Option<&String>) {
        let Some((name, value)) = assignment.and_then(|word| word.split_once('=')) else { return };
        let expanded = self.expanded(value);
        // `next_entry` serves one start only; what a lasting start takes is what stands elsewhere.
        if name == "default" && !value.contains("next_entry") {
            self.config.default = Some(expanded.clone());
        }
        // What the environment block brings is what a start would see: in the file stand defaults for what it lacks.
        let room = self.variables.len() < ENTRIES_MAX || self.variables.contains_key(name);
        if room && !self.environment.contains_key(name) {
            self.variables.insert(name.to_owned(), expanded);
        }
    }

    fn inside_entry(&mut self, command: &str, arguments: &[String]) {
        let entry = self.blocks.iter().rev().find_map(|block| match block.kind {
            Kind::Menu(entry) => Some(entry),
            _ => None,
        });
        let Some(entry) = entry else { return };
        let text = expand_all(arguments.iter().map(String::as_str), &self.variables);
        let words: Vec<&str> = text.split_whitespace().collect();
        let entry = &mut self.config.entries[entry];
        match command {
            "linux" | "linux16" | "linuxefi" | "linux64" => {
                entry.kernel = words.first().map(|path| without_device(path).to_owned());
                entry.command_line = words.get(1..).unwrap_or_default().join(" ");
            }
            "initrd" | "initrd16" | "initrdefi" | "initrd64" => {
                entry.initrds = words.iter().take(INITRDS_MAX).map(|path| without_device(path).to_owned()).collect();
            }
            "chainloader" if entry.kernel.is_none() => entry.chain_loads = true,
            _ => {}
        }
    }

    /// Variables in a word, filled in; unknown ones are empty, as in GRUB.
    fn expanded(&self, word: &str) -> String {
        expand(word, &self.variables)
    }
}

/// Variables in text, filled in; unknown ones are empty. What would be longer than any command line ends there: variables
/// that hold others several times over double with each line.
pub(super) fn expand(text: &str, variables: &HashMap<String, String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        if out.len() >= EXPANDED_BYTES {
            return out;
        }
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let (name, after) = if let Some(braced) = rest.strip_prefix('{') {
            braced.split_once('}').unwrap_or((braced, ""))
        } else {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            rest.split_at(end)
        };
        let value = variables.get(name).map_or("", String::as_str);
        out.push_str(&value[..value.floor_char_boundary(EXPANDED_BYTES)]);
        rest = after;
    }
    out + rest
}

/// Several texts with variables in them, filled in, with blanks between; together no longer than one may be, about.
pub(super) fn expand_all<'t>(texts: impl Iterator<Item = &'t str>, variables: &HashMap<String, String>) -> String {
    let mut all = String::new();
    for text in texts {
        if all.len() >= EXPANDED_BYTES {
            break;
        }
        all.push_str(&expand(text, variables));
        all.push(' ');
    }
    all
}

/// Whether a word is `name=value`.
fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}

/// A path without the `(hd0,gpt2)` or `($root)` before it.
fn without_device(path: &str) -> &str {
    match path.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
        Some((_, path)) => path,
        None => path,
    }
}

/// A word of a command.
#[derive(Debug)]
struct Word {
    text: String,
    quoted: bool,
}

impl Word {
    /// Its text where it may be a keyword: those are not quoted.
    fn keyword(&self) -> &str {
        if self.quoted { "" } else { &self.text }
    }

    fn is_brace(&self, brace: char) -> bool {
        !self.quoted && self.text.len() == 1 && self.text.starts_with(brace)
    }
}

/// The commands of a text, each as its words; and what is wrong with the text, if anything is.
fn commands(text: &str) -> (Vec<Vec<Word>>, Option<&'static str>) {
    let mut commands = Vec::new();
    let mut words: Vec<Word> = Vec::new();
    let mut word: Option<Word> = None;
    let mut quote = None;
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match (quote, char) {
            (Some(open), char) if char == open => quote = None,
            (None, '\\') if chars.next_if_eq(&'\n').is_some() => {}
            (None, '\\') => letters(&mut word, false).extend(chars.next()),
            (Some('"'), '\\') if chars.peek().is_some_and(|next| "\"\\$".contains(*next)) => {
                letters(&mut word, true).extend(chars.next());
            }
            (None, '"' | '\'') => {
                quote = Some(char);
                letters(&mut word, true);
            }
            (None, '#') if word.is_none() => while chars.next_if(|next| *next != '\n').is_some() {},
            (None, ';' | '\n') => {
                words.extend(word.take());
                if !words.is_empty() {
                    commands.push(std::mem::take(&mut words));
                }
            }
            (None, char) if char.is_whitespace() => {
                words.extend(word.take());
                // A block's first command may stand on the line that opens it.
                if words.last().is_some_and(|word| word.is_brace('{')) {
                    commands.push(std::mem::take(&mut words));
                }
            }
            (_, char) => letters(&mut word, quote.is_some()).push(char),
        }
    }
    words.extend(word);
    if !words.is_empty() {
        commands.push(words);
    }
    (commands, quote.map(|_| "a quote has no end"))
}

fn letters(word: &mut Option<Word>, quoted: bool) -> &mut String {
    let word = word.get_or_insert_with(|| Word { text: String::new(), quoted: false });
    word.quoted |= quoted;
    &mut word.text
}

/// The variables of a GRUB environment block, as every start but the next one sees them: `next_entry` is for that one
/// only, and `prev_saved_entry` takes its place again after it.
pub(super) fn environment(block: &str) -> HashMap<String, String> {
    let lines = block.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='));
    let mut variables: HashMap<String, String> =
        lines.take(ENTRIES_MAX).map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    variables.remove("next_entry");
    if let Some(saved) = variables.remove("prev_saved_entry").filter(|saved| !saved.is_empty()) {
        variables.insert("saved_entry".to_owned(), saved);
    }
    variables
}

#[cfg(test)]
mod tests;
