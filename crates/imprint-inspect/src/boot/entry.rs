//! One thing that a boot loader offers to start.

/// An entry of a boot loader.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its title.
    pub(crate) title: String,
    /// Index, title and id, of the submenus it is in and of itself.
    pub(crate) chain: Vec<[String; 3]>,
    /// The kernel, as the loader names it, and later as the guest's tree does.
    pub(crate) kernel: Option<String>,
    /// What goes with it; the same.
    pub(crate) initrds: Vec<String>,
    /// The kernel's command line.
    pub(crate) command_line: String,
    /// The version that the entry claims.
    pub(crate) version: Option<String>,
    /// Whether it hands over to another loader.
    pub(crate) chain_loads: bool,
}

impl Entry {
    /// Whether a name such as `0`, `1>2`, a title or an id means this entry.
    pub(crate) fn is_called(&self, name: &str) -> bool {
        let names: Vec<&str> = name.split('>').map(str::trim).collect();
        let one = |(name, own): (&&str, &[String; 3])| !name.is_empty() && own.iter().any(|own| own == name);
        let whole = names.len() == self.chain.len() && names.iter().zip(&self.chain).all(one);
        // A title may hold the character itself.
        whole || (self.chain.len() == 1 && self.chain[0][1..].iter().any(|own| !own.is_empty() && own == name))
    }

    /// Whether it is there for emergencies only.
    pub(crate) fn is_rescue(&self) -> bool {
        let title = self.title.to_ascii_lowercase();
        let kernel = self.kernel.as_deref().unwrap_or_default();
        let last = self.chain.last().map_or("", |names| names[2].as_str());
        title.contains("rescue")
            || title.contains("recovery")
            || kernel.contains("rescue")
            || last.contains("-0-rescue")
            || self.arguments().any(|word| word == "single" || word == "memtest")
    }

    /// The words of its command line.
    pub(crate) fn arguments(&self) -> impl Iterator<Item = &str> {
        self.command_line.split_whitespace()
    }

    /// The last value of `name=value` on its command line.
    pub(crate) fn argument(&self, name: &str) -> Option<&str> {
        self.arguments().filter_map(|word| word.strip_prefix(name)?.strip_prefix('=')).last()
    }
}
