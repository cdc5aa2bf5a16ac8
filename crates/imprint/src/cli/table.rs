//! Printing results: a table for people, JSON and YAML for programs.

use clap::ValueEnum;
use serde::Serialize;
use serde_json::Value;

use crate::failure::Failure;
use crate::output;

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Columns, for people
    Table,
    /// JSON, for programs
    Json,
    /// YAML
    Yaml,
}

/// Prints one thing.
pub(super) fn one(format: Format, thing: &impl Serialize) -> Result<(), Failure> {
    let value = to_value(thing)?;
    match (format, &value) {
        (Format::Table, Value::Object(members)) => {
            let rows: Vec<_> = members.iter().map(|(key, value)| vec![clean(key), cell(value)]).collect();
            print_columns(&[], &rows);
            Ok(())
        }
        _ => structured(format, &value),
    }
}

/// Prints a list; a table shows the members named by `columns`.
pub(super) fn list<T: Serialize>(format: Format, columns: &[&str], things: &[T]) -> Result<(), Failure> {
    let values = things.iter().map(to_value).collect::<Result<Vec<_>, _>>()?;
    if format != Format::Table {
        return structured(format, &Value::Array(values));
    }
    let row = |value: &Value| columns.iter().map(|column| value.get(column).map(cell).unwrap_or_default()).collect();
    let rows: Vec<Vec<String>> = values.iter().map(row).collect();
    let titles: Vec<String> = columns.iter().map(|column| column.replace('_', " ").to_uppercase()).collect();
    print_columns(&titles, &rows);
    Ok(())
}

fn structured(format: Format, value: &Value) -> Result<(), Failure> {
    let text = match format {
        Format::Yaml => serde_norway::to_string(value).map_err(|error| Failure::doing("cannot write YAML", error))?,
        Format::Table | Format::Json => {
            serde_json::to_string_pretty(value).map_err(|error| Failure::doing("cannot write JSON", error))?
        }
    };
    output::line(text.trim_end());
    Ok(())
}

fn to_value(thing: &impl Serialize) -> Result<Value, Failure> {
    serde_json::to_value(thing).map_err(|error| Failure::doing("cannot show the result", error))
}

fn print_columns(titles: &[String], rows: &[Vec<String>]) {
    let count = rows.first().map_or(titles.len(), Vec::len);
    let all = || rows.iter().map(Vec::as_slice).chain((!titles.is_empty()).then_some(titles));
    let width = |column: usize| all().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..count).map(width).collect();
    let print = |row: &[String]| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        output::line(cells.collect::<Vec<_>>().join("  ").trim_end());
    };
    if !titles.is_empty() {
        print(titles);
    }
    rows.iter().for_each(|row| print(row));
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => clean(text),
        Value::Array(values) => values.iter().map(cell).collect::<Vec<_>>().join(", "),
        other => clean(&other.to_string()),
    }
}

/// Names come from other people: nothing of theirs steers the terminal.
fn clean(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(cell(&Value::from("a\u{1b}[2Jb\nc")), "a\u{fffd}[2Jb\u{fffd}c");
        assert_eq!(cell(&serde_json::json!(["x", null, 3])), "x, -, 3");
    }
}
