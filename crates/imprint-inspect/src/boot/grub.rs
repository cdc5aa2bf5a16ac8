//! GRUB's configuration: the entries of `grub.cfg`, and of the older `menu.lst`.
//!
//! What lives here: the part of GRUB's shell that says which kernel starts with which words. What never does: running
//! conditions. Both branches of an `if` are read; what stands last wins.

use std::collections::HashMap;

use super::entry::Entry;

/// How many entries are looked at.
const ENTRIES_MAX: usize = 256;
/// Bytes that a text with variables in it may become, about.
const EXPANDED_BYTES: usize = 64 << 10;
/// How deep blocks may lie in one another.
const DEPTH_MAX: usize = 16;

/// What a configuration says.
#[derive(Debug, Default)]
pub(super) struct Config {
    /// Its entries in order.
    pub(super) entries: Vec<Entry>,
    /// What it calls the default: an index, an id, a title, `1>2`; `${saved_entry}` unexpanded.
    pub(super) default: Option<String>,
    /// Whether entries stand in files of their own, too (`blscfg`).
    pub(super) uses_bls: bool,
    /// The configuration that this one goes on with.
    pub(super) goes_on_with: Option<String>,
    /// Whether it is damaged: a quote or a block without an end.
    pub(super) damage: Option<&'static str>,
}

/// A block that is open.
enum Block {
    Menu(usize),
    Submenu,
    Other,
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
    chain: Chain,
}

impl Reader<'_> {
    fn command(&mut self, words: &[Word]) {
        // Conditions are not run: what they lead to is read as if it stood there.
        let leads_in = |word: &Word| !word.quoted && ["then", "else", "do"].contains(&word.text.as_str());
        let mut words = words;
        while let Some(first) = words.first() {
            if first.is_brace('}') {
                self.close();
            } else if !leads_in(first) {
                break;
            }
            words = &words[1..];
        }
        let Some(first) = words.first() else { return };
        let opens = words.len() > 1 && words.last().is_some_and(|word| word.is_brace('{'));
        let arguments: Vec<String> = words[1..].iter().map(|word| word.text.clone()).collect();
        match first.text.as_str() {
            "menuentry" | "submenu" if opens => self.open_entry(&first.text, &arguments[..arguments.len() - 1]),
            _ if opens => self.open(Block::Other),
            "set" => self.set(&arguments),
            "blscfg" => self.config.uses_bls = true,
            "configfile" => self.config.goes_on_with = arguments.first().map(|path| self.expanded(path)),
            command => self.inside_entry(command, &arguments),
        }
    }

    fn open(&mut self, block: Block) {
        if self.blocks.len() < DEPTH_MAX {
            self.blocks.push(block);
        } else {
            self.config.damage.get_or_insert("blocks lie too deep");
        }
    }

    fn close(&mut self) {
        if let Some(Block::Submenu) = self.blocks.pop() {
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
            return self.open(Block::Submenu);
        }
        if self.config.entries.len() >= ENTRIES_MAX {
            return self.open(Block::Other);
        }
        let mut chain = self.chain.names.clone();
        chain.push(names);
        self.config.entries.push(Entry { title, chain, ..Entry::default() });
        let entry = self.config.entries.len() - 1;
        self.open(Block::Menu(entry));
    }

    fn set(&mut self, arguments: &[String]) {
        let Some((name, value)) = arguments.first().and_then(|word| word.split_once('=')) else { return };
        if name == "default" {
            // `next_entry` serves one start only; what a lasting start takes is what stands elsewhere.
            if !value.contains("next_entry") {
                self.config.default = Some(value.to_owned());
            }
            return;
        }
        let value = self.expanded(value);
        // What the environment block brings is what a start would see: in the file stand defaults for what it lacks.
        let room = self.variables.len() < ENTRIES_MAX || self.variables.contains_key(name);
        if room && !self.environment.contains_key(name) {
            self.variables.insert(name.to_owned(), value);
        }
    }

    fn inside_entry(&mut self, command: &str, arguments: &[String]) {
        let Some(&Block::Menu(entry)) = self.blocks.iter().rev().find(|block| matches!(block, Block::Menu(_))) else {
            return;
        };
        let words: Vec<String> = arguments
            .iter()
            .flat_map(|word| self.expanded(word).split_whitespace().map(str::to_owned).collect::<Vec<_>>())
            .collect();
        let entry = &mut self.config.entries[entry];
        match command {
            "linux" | "linux16" | "linuxefi" | "linux64" => {
                entry.kernel = words.first().map(|path| without_device(path).to_owned());
                entry.command_line = words.get(1..).unwrap_or_default().join(" ");
            }
            "initrd" | "initrd16" | "initrdefi" | "initrd64" => {
                entry.initrds = words.iter().map(|path| without_device(path).to_owned()).collect();
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

/// The variables of a GRUB environment block.
pub(super) fn environment(block: &str) -> HashMap<String, String> {
    let lines = block.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='));
    lines.take(ENTRIES_MAX).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEBIAN: &str = r#"
if [ -s $prefix/grubenv ]; then
  set have_grubenv=true
  load_env
fi
if [ "${next_entry}" ] ; then
   set default="${next_entry}"
   set next_entry=
else
   set default="0"
fi
function load_video {
  if [ x$feature_all_video_module = xy ]; then
    insmod all_video
  fi
}
menuentry 'Debian GNU/Linux' --class debian --class os $menuentry_id_option 'gnulinux-simple-1' {
	load_video
	echo	'Loading Linux ...'
	linux	/boot/vmlinuz-6.1.0-28-amd64 root=UUID=1 ro  quiet console=ttyS0
	initrd	/boot/initrd.img-6.1.0-28-amd64
}
submenu 'Advanced options' $menuentry_id_option 'gnulinux-advanced-1' {
	menuentry 'Debian, with Linux 5' --class debian $menuentry_id_option 'gnulinux-5-advanced-1' {
		linux	($root)/boot/vmlinuz-5 root=UUID=1
		initrd	/boot/initrd.img-5 /boot/extra
	}
}
menuentry 'UEFI Firmware Settings' { fwsetup; }
"#;

    #[test]
    fn a_generated_configuration_gives_its_entries() {
        let config = Config::parse(DEBIAN, &HashMap::new());
        assert_eq!((config.damage, config.default.as_deref(), config.uses_bls), (None, Some("0"), false));
        let titles: Vec<_> = config.entries.iter().map(|entry| entry.title.as_str()).collect();
        assert_eq!(titles, ["Debian GNU/Linux", "Debian, with Linux 5", "UEFI Firmware Settings"]);
        let first = &config.entries[0];
        assert_eq!(first.kernel.as_deref(), Some("/boot/vmlinuz-6.1.0-28-amd64"));
        assert_eq!(first.command_line, "root=UUID=1 ro quiet console=ttyS0");
        let inner = &config.entries[1];
        assert_eq!(inner.kernel.as_deref(), Some("/boot/vmlinuz-5"));
        assert_eq!(inner.initrds, ["/boot/initrd.img-5", "/boot/extra"]);
        for name in ["1>0", "gnulinux-advanced-1>gnulinux-5-advanced-1", "Advanced options>0"] {
            assert!(inner.is_called(name), "{name}");
        }
        assert!(!inner.is_called("0") && config.entries[2].is_called("2"));
    }

    #[test]
    fn variables_are_filled_in_and_the_environment_wins() {
        let environment = environment("# GRUB Environment Block\nsaved_entry=x\nkernelopts=root=/dev/rl/root ro\n####");
        let text = "set default=\"${saved_entry}\"\nset kernelopts=\"a\"\nset kv=5\nblscfg\nmenuentry x { linux /v-$kv $kernelopts ${unknown}\n}";
        let config = Config::parse(text, &environment);
        assert_eq!(config.default.as_deref(), Some("${saved_entry}"));
        assert!(config.uses_bls);
        assert_eq!(config.entries[0].kernel.as_deref(), Some("/v-5"));
        assert_eq!(config.entries[0].command_line, "root=/dev/rl/root ro");
        assert_eq!(expand("$default", &environment), "");
    }

    #[test]
    fn variables_that_double_with_each_line_stay_small() {
        let text = format!("set a=xxxxxxxxxxxxxxxx\n{}menuentry x {{ linux /v $a\n}}", "set a=$a$a\n".repeat(60));
        let config = Config::parse(&text, &HashMap::new());
        let length = config.entries[0].command_line.len();
        assert!((EXPANDED_BYTES..=2 * EXPANDED_BYTES).contains(&length), "{length}");
    }

    #[test]
    fn damage_is_told() {
        let damage = |text: &str| Config::parse(text, &HashMap::new()).damage;
        assert_eq!(damage("menuentry 'x' {\n linux /v\n"), Some("a block has no end"));
        assert_eq!(damage("menuentry 'x {\n"), Some("a quote has no end"));
        assert_eq!(damage(&"submenu x {\n".repeat(40)), Some("blocks lie too deep"));
        assert_eq!(damage("}\n}\n"), None);
    }

    #[test]
    fn the_older_form_is_read() {
        let config = Config::parse_legacy(
            "default=1\ntitle A\n\troot (hd0,0)\n\tkernel /vmlinuz-1 ro root=/dev/sda1\ntitle B\n kernel (hd0,0)/vmlinuz-2 root=LABEL=/\n initrd /initrd-2\n",
        );
        assert_eq!(config.default.as_deref(), Some("1"));
        assert_eq!(config.entries[1].kernel.as_deref(), Some("/vmlinuz-2"));
        assert_eq!(config.entries[1].initrds, ["/initrd-2"]);
        assert!(config.entries[1].is_called("1"));
    }
}
