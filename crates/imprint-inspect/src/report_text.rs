//! A report for people, at a terminal.

use std::fmt::{self, Write};

use crate::report::{Finding, Item, Os, PackageFormat, Report, Risk, Volume};

/// The longest value of an item that its column makes room for.
const VALUE_CHARS_MAX: usize = 24;

impl Report {
    /// The report as text of several lines: the verdict, the system, the volumes, the items with the worst first, left-over
    /// secrets. Packages are only counted: a bill of materials lists them.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        write_all(self, &mut text).expect("writing to a string does not fail");
        text
    }
}

fn write_all(report: &Report, out: &mut String) -> fmt::Result {
    writeln!(out, "{}", verdict(report))?;
    if let Some(reason) = &report.incomplete {
        writeln!(out, "The check is incomplete: {reason}")?;
    }
    if let Some(os) = &report.os {
        write_os(report, os, out)?;
    }
    write_volumes(report, out)?;
    write_items(&report.items, out)?;
    write_findings(&report.findings, out)
}

fn verdict(report: &Report) -> String {
    if report.os.is_none() {
        return "No operating system was found.".to_owned();
    }
    let errors = report.items.iter().filter(|item| item.risk == Some(Risk::Error)).count();
    let warnings = report.items.iter().filter(|item| matches!(item.risk, Some(Risk::High | Risk::Medium))).count();
    match (errors, warnings) {
        (0, 0) => "It should start and be reachable.".to_owned(),
        (0, 1) => "It should start; 1 item needs a look.".to_owned(),
        (0, count) => format!("It should start; {count} items need a look."),
        (1, _) => "It will not start: 1 error.".to_owned(),
        (count, _) => format!("It will not start: {count} errors."),
    }
}

fn write_os(report: &Report, os: &Os, out: &mut String) -> fmt::Result {
    writeln!(out)?;
    let unknown = || "unknown".to_owned();
    let name =
        if os.pretty_name.is_empty() { format!("{} {}", os.distribution, os.version) } else { os.pretty_name.clone() };
    let boot = match (os.boots_bios, os.boots_uefi) {
        (true, true) => "BIOS and UEFI",
        (true, false) => "BIOS",
        (false, true) => "UEFI",
        (false, false) => "neither BIOS nor UEFI",
    };
    let packages = match os.package_format {
        Some(PackageFormat::Deb) => format!("{} (deb)", report.packages.len()),
        Some(PackageFormat::Rpm) => format!("{} (rpm)", report.packages.len()),
        Some(PackageFormat::Apk) => format!("{} (apk)", report.packages.len()),
        None => "no database".to_owned(),
    };
    let rows = [
        ("System", format!("{name} [{} {}]", os.distribution, os.version)),
        ("Architecture", os.architecture.clone().unwrap_or_else(unknown)),
        ("Kernel", os.kernel.clone().unwrap_or_else(unknown)),
        ("Host name", os.host_name.clone().unwrap_or_else(|| "none".to_owned())),
        ("Starts with", boot.to_owned()),
        ("Root", os.root.clone()),
        ("Packages", packages),
    ];
    for (label, value) in rows {
        writeln!(out, "{label:<13} {value}")?;
    }
    Ok(())
}

fn write_volumes(report: &Report, out: &mut String) -> fmt::Result {
    let table = report.partition_table.as_deref().unwrap_or("no partition table");
    writeln!(out, "\nVolumes ({table})")?;
    let rows: Vec<[String; 6]> = report.volumes.iter().map(volume_row).collect();
    write_table(&rows, out)
}

fn volume_row(volume: &Volume) -> [String; 6] {
    let name = if volume.name.is_empty() { "(disk)" } else { &volume.name };
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let label = volume.label.as_ref().or(volume.partition_label.as_ref()).cloned();
    let unclean = if volume.clean == Some(false) { "not clean" } else { "" };
    [
        name.to_owned(),
        size(volume.size_bytes),
        text(&volume.content),
        text(&label),
        text(&volume.mount_point),
        unclean.to_owned(),
    ]
}

/// Rows with columns as wide as their longest field.
fn write_table<const N: usize>(rows: &[[String; N]], out: &mut String) -> fmt::Result {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    for row in rows {
        let mut line = String::from(" ");
        for (field, width) in row.iter().zip(widths) {
            write!(line, " {field:<width$} ")?;
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// The items: what is wrong first, by how bad it is; then what is well, in one line each without the reason.
fn write_items(items: &[Item], out: &mut String) -> fmt::Result {
    if items.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nItems")?;
    let mut items: Vec<&Item> = items.iter().collect();
    items.sort_by_key(|item| (std::cmp::Reverse(item.risk), item.name));
    let names = items.iter().map(|item| item.name.code().len()).max().unwrap_or(0);
    let values = items.iter().map(|item| item.value.chars().count()).max().unwrap_or(0).min(VALUE_CHARS_MAX);
    for item in items {
        let line = format!(
            "  {:<6}  {:<names$}  {:<values$}  {}",
            item.risk.map_or("ok", word),
            item.name.code(),
            item.value,
            item.detail
        );
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

fn write_findings(findings: &[Finding], out: &mut String) -> fmt::Result {
    if findings.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nLeft behind")?;
    let mut findings: Vec<&Finding> = findings.iter().collect();
    findings.sort_by(|a, b| b.risk.cmp(&a.risk).then_with(|| (&a.kind, &a.path).cmp(&(&b.kind, &b.path))));
    let kinds = findings.iter().map(|finding| finding.kind.chars().count()).max().unwrap_or(0);
    for finding in findings {
        writeln!(out, "  {:<6}  {:<kinds$}  {}", word(finding.risk), finding.kind, finding.path)?;
    }
    Ok(())
}

fn word(risk: Risk) -> &'static str {
    match risk {
        Risk::Info => "info",
        Risk::Low => "low",
        Risk::Medium => "medium",
        Risk::High => "high",
        Risk::Error => "error",
    }
}

/// A size with the largest unit that leaves at least one, and one digit after the point.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut unit = None;
    let mut tenths = u128::from(bytes) * 10;
    for name in UNITS {
        if tenths < 10_240 {
            break;
        }
        tenths /= 1024;
        unit = Some(name);
    }
    match unit {
        None => format!("{bytes} B"),
        Some(name) => format!("{}.{} {name}", tenths / 10, tenths % 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::ItemName;

    #[test]
    fn sizes_have_the_largest_unit() {
        let sizes = [0, 1023, 1024, 1536, 10 << 30, u64::MAX].map(size);
        assert_eq!(sizes, ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "10.0 GiB", "16383.9 PiB"]);
    }

    #[test]
    fn what_is_wrong_comes_first_and_the_verdict_counts_it() {
        let report = Report {
            partition_table: Some("gpt".to_owned()),
            volumes: vec![Volume {
                name: "1".to_owned(),
                size_bytes: 1 << 20,
                content: Some("ext4".to_owned()),
                mount_point: Some("/".to_owned()),
                clean: Some(false),
                ..Volume::default()
            }],
            os: Some(Os {
                distribution: "debian".to_owned(),
                version: "12.15".to_owned(),
                boots_bios: true,
                ..Os::default()
            }),
            items: vec![
                Item::fine(ItemName::Platform, "Linux", "Seen in os-release."),
                Item::problem(ItemName::Nvme, "NotSupported", Risk::Error, "NotInstalled", "No driver."),
                Item::problem(ItemName::CloudInit, "NotInstalled", Risk::Medium, "NotInstalled", "Not there."),
            ],
            findings: vec![Finding { kind: "ssh-host-key".to_owned(), path: "/etc/ssh/k".to_owned(), risk: Risk::Low }],
            ..Report::default()
        };
        let expected = "\
It will not start: 1 error.

System        debian 12.15 [debian 12.15]
Architecture  unknown
Kernel        unknown
Host name     none
Starts with   BIOS
Root          \n\
Packages      no database

Volumes (gpt)
  1  1.0 MiB  ext4  -  /  not clean

Items
  error   NVMe       NotSupported  No driver.
  medium  CloudInit  NotInstalled  Not there.
  ok      Platform   Linux         Seen in os-release.

Left behind
  low     ssh-host-key  /etc/ssh/k
";
        assert_eq!(report.to_text(), expected);
    }

    #[test]
    fn an_empty_report_says_that_nothing_was_found() {
        assert!(Report::default().to_text().starts_with("No operating system was found.\n"));
    }
}
