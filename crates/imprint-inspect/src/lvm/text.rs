//! The grammar of LVM's metadata text: `name { … }`, `name = value`, comments from `#` to the end of the line.

use crate::budget::{Budget, Charged, Held};
use crate::error::{Error, Result};

/// How deep sections and lists may nest.
const DEPTH_MAX: usize = 16;
/// What a value takes in memory besides its text, as long as vectors have room for more.
const VALUE_BYTES: u64 = 2 * size_of::<(String, Value)>() as u64;

/// What stands after a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Number(u64),
    Text(String),
    List(Vec<Value>),
    Section(Section),
}

/// Names and their values, in the order of the text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Section(Vec<(String, Value)>);

impl Section {
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    pub(super) fn number(&self, name: &str) -> Result<u64> {
        match self.get(name) {
            Some(Value::Number(number)) => Ok(*number),
            _ => Err(Error::corrupt(format!("LVM metadata without the number {name}"))),
        }
    }

    pub(super) fn text(&self, name: &str) -> Result<&str> {
        match self.get(name) {
            Some(Value::Text(text)) => Ok(text),
            _ => Err(Error::corrupt(format!("LVM metadata without the text {name}"))),
        }
    }

    pub(super) fn list(&self, name: &str) -> &[Value] {
        match self.get(name) {
            Some(Value::List(values)) => values,
            _ => &[],
        }
    }

    /// The sections inside, by name.
    pub(super) fn sections(&self) -> impl Iterator<Item = (&str, &Section)> {
        self.0.iter().filter_map(|(name, value)| match value {
            Value::Section(section) => Some((name.as_str(), section)),
            _ => None,
        })
    }

    pub(super) fn section(&self, name: &str) -> Option<&Section> {
        match self.get(name) {
            Some(Value::Section(section)) => Some(section),
            _ => None,
        }
    }
}

/// Parses a whole text. What comes of it is charged for as long as it is there.
///
/// # Errors
/// [`Error::Corrupt`] where it is none, [`Error::Exhausted`].
pub(super) fn parse<'b>(text: &[u8], budget: &'b Budget) -> Result<Charged<Section, &'b Budget>> {
    let mut parser = Parser { text, at: 0, budget, held: budget.hold(0)? };
    let section = parser.section(0)?;
    if parser.peek().is_some() { Err(parser.wrong("a bracket too many")) } else { Ok(parser.held.with(section)) }
}

struct Parser<'a, 'b> {
    text: &'a [u8],
    at: usize,
    budget: &'b Budget,
    held: Held<&'b Budget>,
}

impl Parser<'_, '_> {
    /// Names and values until the section or the text ends.
    fn section(&mut self, depth: usize) -> Result<Section> {
        if depth > DEPTH_MAX {
            return Err(self.wrong("sections too deep"));
        }
        let mut section = Section::default();
        loop {
            self.budget.step()?;
            match self.peek() {
                None | Some(b'}') => return Ok(section),
                Some(_) => self.held.grow(VALUE_BYTES)?,
            }
            let name = self.name()?;
            let value = match self.peek() {
                Some(b'{') => {
                    self.at += 1;
                    let inner = self.section(depth + 1)?;
                    self.expect(b'}')?;
                    Value::Section(inner)
                }
                Some(b'=') => {
                    self.at += 1;
                    self.value(depth + 1)?
                }
                _ => return Err(self.wrong("a name without a value")),
            };
            section.0.push((name, value));
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value> {
        self.budget.step()?;
        match self.peek() {
            Some(b'"') => self.quoted().map(Value::Text),
            Some(b'[') if depth <= DEPTH_MAX => {
                self.at += 1;
                let mut values = Vec::new();
                while self.peek() != Some(b']') {
                    self.held.grow(VALUE_BYTES)?;
                    values.push(self.value(depth + 1)?);
                    if self.peek() == Some(b',') {
                        self.at += 1;
                    }
                }
                self.at += 1;
                Ok(Value::List(values))
            }
            Some(b'0'..=b'9' | b'-' | b'+') => self.number(),
            _ => Err(self.wrong("no value")),
        }
    }

    /// Numbers; those with a sign or a fraction mean nothing here and are texts.
    fn number(&mut self) -> Result<Value> {
        let word = self.take_while(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
        match word.parse() {
            Ok(number) => Ok(Value::Number(number)),
            Err(_) if word.len() <= 64 => Ok(Value::Text(word)),
            Err(_) => Err(self.wrong("no number")),
        }
    }

    fn quoted(&mut self) -> Result<String> {
        self.at += 1;
        let mut text = Vec::new();
        loop {
            let byte = *self.text.get(self.at).ok_or_else(|| self.wrong("a text that does not end"))?;
            self.at += 1;
            match byte {
                b'"' => {
                    // What is no UTF-8 may take three times its place.
                    self.held.grow(text.len() as u64 * 3)?;
                    return Ok(String::from_utf8_lossy(&text).into_owned());
                }
                b'\\' => {
                    text.push(*self.text.get(self.at).ok_or_else(|| self.wrong("a text that does not end"))?);
                    self.at += 1;
                }
                _ => text.push(byte),
            }
        }
    }

    fn name(&mut self) -> Result<String> {
        if self.peek() == Some(b'"') {
            return self.quoted();
        }
        let name = self.take_while(|byte| byte.is_ascii_alphanumeric() || b"_-.+/@".contains(&byte));
        self.held.grow(name.len() as u64)?;
        if name.is_empty() { Err(self.wrong("no name")) } else { Ok(name) }
    }

    fn take_while(&mut self, is_part: impl Fn(u8) -> bool) -> String {
        let rest = &self.text[self.at..];
        let len = rest.iter().position(|&byte| !is_part(byte)).unwrap_or(rest.len());
        self.at += len;
        String::from_utf8_lossy(&rest[..len]).into_owned()
    }

    /// The next byte that means something. The text ends with a NUL, where it is padded.
    fn peek(&mut self) -> Option<u8> {
        loop {
            match *self.text.get(self.at)? {
                0 => return None,
                b'#' => {
                    let rest = &self.text[self.at..];
                    self.at += rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
                }
                byte if byte.is_ascii_whitespace() => self.at += 1,
                byte => return Some(byte),
            }
        }
    }

    fn expect(&mut self, wanted: u8) -> Result<()> {
        if self.peek() == Some(wanted) {
            self.at += 1;
            Ok(())
        } else {
            Err(self.wrong("a section that does not end"))
        }
    }

    fn wrong(&self, what: &str) -> Error {
        Error::corrupt(format!("LVM metadata, byte {}: {what}", self.at))
    }
}
