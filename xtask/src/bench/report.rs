//! From measurements to a page. Lives here: the raw file, one JSON object a line, and the
//! table made from it. Never: measuring.

use super::lines::{self, Better, Goal, Line};
use super::{Outcome, say};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

/// The values of one measurement, by name; the unit is the end of the name.
pub(super) type Metrics = BTreeMap<String, f64>;

const BEGIN: &str = "<!-- measured: begin (written by `cargo xtask bench`, do not edit) -->";
const END: &str = "<!-- measured: end -->";
/// A page that is not there yet: what stands outside the marks is written by hand from then on.
const NEW_PAGE: &str = "\
# Benchmarks

What Imprint costs beside Glance, both doing the same work in one run on one machine.

## Reading the numbers

- CPU seconds are what other work on the machine disturbs least. Rates and latencies of the two servers compare only
  within one run.
- Imprint answers an upload when its bytes are on the disk. Glance's file store never syncs: it answers while they
  are still in memory.
- Every measurement uploads bytes that no other one sent, so that finding equal content helps only the line that
  uploads the same bytes again.
- Glance runs as an operator would tune it (`bench/glance-up.sh`), its catalogue copied into its tables; Imprint's is
  filled through its API. Before anything is measured, both must give the same number of images to the same lists.

";

/// The same for a page of the suite over a large catalogue alone.
const NEW_MILLION_PAGE: &str = "\
# Benchmarks: a million images

What calls of the ECS and IMS dialects cost an account that owns a tenth of a large catalogue. Nothing else speaks these
APIs to compare with.

## Reading the numbers

- Every request is signed as the SDKs sign (ACS3-HMAC-SHA256, SDK-HMAC-SHA256), so checking that is part of it.
- The catalogue is filled through the image API. Before anything is measured, each question is asked once, and what it
  counts must be exact.
- No page is kept: each call reads its page, and DescribeImages counts its total, anew.

";

/// The same for a page about disk files alone.
const NEW_DISK_PAGE: &str = "\
# Benchmarks: disk files

What it costs to write a disk in another format, and to look into one.

## Reading the numbers

- Both programs read the same raw file, whose holes are holes, from the page cache, by turns. CPU is that of the whole
  process. GiB are those of the data: what is not a hole.
- `imprint disk convert` syncs the file before it gives it its name; `qemu-img convert` leaves that to the kernel.
- `imprint disk inspect` reads the compressed qcow2 itself: what it takes includes unpacking.

";

/// The raw file of a run.
pub(super) struct Raw(File);

impl Raw {
    /// Begins a run: its first line says what was run, and where.
    pub(super) fn begin(path: &Path, about: &Value) -> Outcome<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = File::create(path).map_err(|error| format!("{}: {error}", path.display()))?;
        writeln!(file, "{about}")?;
        Ok(Self(file))
    }

    /// Keeps one measurement, at once, so that an interrupted run is not lost.
    pub(super) fn add(
        &mut self,
        suite: &str,
        operation: &str,
        peer: &str,
        repeat: u64,
        metrics: &Metrics,
    ) -> Outcome<()> {
        let row = json!({
            "suite": suite, "operation": operation, "peer": peer, "repeat": repeat, "load": super::proc::load(),
            "metrics": metrics,
        });
        writeln!(self.0, "{row}")?;
        let shown: Vec<String> = metrics.iter().map(|(name, value)| format!("{name} {}", short(*value))).collect();
        say(&format!("  {operation:<13} {peer:<8} #{repeat}  {}", shown.join("  ")));
        Ok(())
    }
}

/// Writes the measured part of a page anew from a raw file; what stands outside the marks stays.
pub(super) fn write_page(raw: &Path, page: &Path) -> Outcome<()> {
    let text = fs::read_to_string(raw).map_err(|error| format!("{}: {error}", raw.display()))?;
    let lines = text.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>()?;
    let (about, rows) = lines.split_first().ok_or("the raw file is empty")?;
    let measured = format!("{BEGIN}\n{}\n{END}", render(about, rows));
    let all = |suites: &[&str]| rows.iter().all(|row| suites.iter().any(|suite| row["suite"] == *suite));
    let preface = match () {
        () if all(&["ecs", "ims"]) => NEW_MILLION_PAGE,
        () if all(&["disk"]) => NEW_DISK_PAGE,
        () => NEW_PAGE,
    };
    let old = if page.exists() { fs::read_to_string(page)? } else { format!("{preface}{BEGIN}{END}\n") };
    let (before, rest) = old.split_once(BEGIN).ok_or("the page has no begin mark")?;
    let (_, after) = rest.split_once(END).ok_or("the page has no end mark")?;
    fs::write(page, format!("{before}{measured}{after}"))?;
    say(&format!("written: {}", page.display()));
    Ok(())
}

fn render(about: &Value, rows: &[Value]) -> String {
    let word = |name: &str| about[name].as_str().unwrap_or("-");
    let number = |name: &str| about[name].as_u64().unwrap_or(0);
    let measured = |suite: &str| rows.iter().any(|row| row["suite"] == suite);
    let mut out = format!(
        "- Measured on {} with `{}`.\n- Machine: {}.\n- Peer: {}. Imprint: {}.\n- {} repeats, interleaved; each cell \
         is the median, with the range behind it.\n- Load average before the first measurement: {}.\n",
        word("date"),
        word("command"),
        word("machine"),
        word("peer"),
        word("imprint"),
        number("repeats"),
        about["load"],
    );
    if !measured("disk") {
        let asker = if measured("ecs") {
            "by an account that owns a tenth of them, a hundredth more being everybody's"
        } else {
            "as a plain member of a project that owns a fifth of them"
        };
        let failures: f64 = rows.iter().filter_map(|row| row["metrics"]["failures"].as_f64()).sum();
        out.push_str(&format!(
            "- CPU is that of the server and of all that it needs: database, cache, identity. The load generator shares \
             the machine.\n- Calls: {} connections in a closed loop for {} s over {} images, {asker}.\n\
             - Calls that failed: {failures}.\n",
            number("connections"),
            about["seconds"],
            number("images"),
        ));
    }
    for (suite, title) in [
        ("metadata", "Metadata"),
        ("transfer", "Transfers"),
        ("idle", "Start and rest"),
        ("ecs", "ECS"),
        ("ims", "IMS"),
        ("disk", "Disk files"),
    ] {
        if measured(suite) {
            let peer = peer_of(suite);
            out.push_str(&format!(
                "\n## {title}\n\n| work | measure | Imprint | {peer} | Imprint is better by | target | met |\n\
                 |---|---|--:|--:|--:|---|---|\n"
            ));
            for line in lines::of_suite(suite) {
                out.push_str(&render_line(&line, about, rows).unwrap_or_default());
            }
        }
    }
    out
}

/// Whom a suite is measured beside.
fn peer_of(suite: &str) -> &'static str {
    if suite == "disk" { "qemu-img" } else { "Glance" }
}

/// A line of the table, or nothing where nobody measured it.
fn render_line(line: &Line, about: &Value, rows: &[Value]) -> Option<String> {
    let values = |peer: &str| -> Vec<f64> {
        let is_it =
            |row: &&Value| row["suite"] == line.suite && row["operation"] == line.operation && row["peer"] == peer;
        rows.iter().filter(is_it).filter_map(|row| row["metrics"][line.metric].as_f64()).collect()
    };
    let (ours, theirs) = (values("Imprint"), values(peer_of(line.suite)));
    if ours.is_empty() && theirs.is_empty() {
        return None;
    }
    let ratio = median(&ours).zip(median(&theirs)).map(|(ours, theirs)| match line.better {
        Better::Higher => ours / theirs,
        Better::Lower => theirs / ours,
    });
    let (goals, met): (Vec<String>, Vec<Option<bool>>) = line
        .goals
        .iter()
        .map(|goal| match goal {
            Goal::Times(factor) => (format!("≥ {factor}×"), ratio.map(|ratio| ratio >= *factor)),
            Goal::AtMost(most) => (format!("≤ {most}"), median(&ours).map(|ours| ours <= *most)),
        })
        .unzip();
    let met = match met.into_iter().collect::<Option<Vec<bool>>>() {
        None => "",
        Some(met) if met.is_empty() => "",
        Some(met) if met.iter().all(|met| *met) => "yes",
        Some(_) => "**no**",
    };
    Some(format!(
        "| {} | {} | {} | {} | {} | {} | {met} |\n",
        title(line.operation, about),
        named(lines::METRICS, line.metric),
        cell(&ours),
        cell(&theirs),
        ratio.filter(|ratio| ratio.is_finite()).map(|ratio| format!("{}×", short(ratio))).unwrap_or_default(),
        goals.join(", "),
    ))
}

fn named(names: &[(&'static str, &'static str)], key: &str) -> &'static str {
    names.iter().find(|(have, _)| *have == key).map_or("?", |(_, name)| name)
}

fn title(operation: &str, about: &Value) -> String {
    let size = about["size_mib"].as_u64().unwrap_or(0);
    let sized = |mib: u64| {
        if mib.is_multiple_of(1024) { format!("{} GiB", mib / 1024) } else { format!("{mib} MiB") }
    };
    named(lines::TITLES, operation)
        .replace("{size}", &sized(size))
        .replace("{part}", &sized(size / 4))
        .replace("{half}", &sized(size / 2))
        .replace("{sparse}", &sized(size * 8))
        .replace("{images}", &about["images"].to_string())
}

fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        even if even.is_multiple_of(2) => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
        _ => Some(sorted[middle]),
    }
}

/// The median, and the range where there is one.
fn cell(values: &[f64]) -> String {
    let Some(median) = median(values) else { return "-".into() };
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if values.len() == 1 { short(median) } else { format!("{} ({}–{})", short(median), short(low), short(high)) }
}

/// Three significant digits.
fn short(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        size if size >= 0.1 => format!("{value:.3}"),
        _ => format!("{value:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{cell, render_line};
    use crate::bench::lines::of_suite;
    use serde_json::json;

    #[test]
    fn a_line_says_whether_all_its_goals_are_met() {
        let row = |peer: &str, cpu_ms: f64| json!({"suite": "metadata", "operation": "show", "peer": peer, "metrics": {"cpu_ms": cpu_ms}});
        let lines = of_suite("metadata");
        let line = lines.iter().find(|line| line.operation == "show" && line.metric == "cpu_ms").unwrap();
        let met = |ours: f64| {
            let text = render_line(line, &json!({}), &[row("Imprint", ours), row("Glance", 6.0)]).unwrap();
            text.trim_end().trim_end_matches(" |").ends_with("yes")
        };
        assert!(met(0.1));
        assert!(!met(0.11), "50 times better, but over the absolute bound");
        let alone = render_line(line, &json!({}), &[row("Glance", 6.0)]).unwrap();
        assert_eq!(alone, "| show one image | CPU per call, ms | - | 6.00 |  | ≥ 50×, ≤ 0.1 |  |\n");
    }

    #[test]
    fn cells_show_the_median_and_the_range() {
        assert_eq!(cell(&[3.0, 1.0, 2.0]), "2.00 (1.00–3.00)");
        assert_eq!(cell(&[0.05]), "0.0500");
    }
}
