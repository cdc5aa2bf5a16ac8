//! The lines of the result table: what each shows and what it must reach.
//! Never: numbers that were measured.

use Better::{Higher, Lower};
use Goal::{AtMost, Times};

/// One line of the table.
#[derive(Clone, Copy)]
pub(super) struct Line {
    pub(super) suite: &'static str,
    pub(super) operation: &'static str,
    pub(super) metric: &'static str,
    pub(super) better: Better,
    pub(super) goals: &'static [Goal],
}

/// Which way a metric improves.
#[derive(Clone, Copy)]
pub(super) enum Better {
    Higher,
    Lower,
}

/// What a line must reach; all of a line's goals count.
#[derive(Clone, Copy)]
pub(super) enum Goal {
    /// Better than the peer by this factor in the same run.
    Times(f64),
    /// At most this value on its own.
    AtMost(f64),
}

/// What the table calls an operation; `{images}`, `{size}` and the like are filled in by the report.
pub(super) const TITLES: &[(&str, &str)] = &[
    ("show", "show one image"),
    ("list", "list 20"),
    ("list-name", "list 20 by name"),
    ("list-tag", "list 20 by tag"),
    ("list-property", "list 20 by property"),
    ("list-sorted", "list 20 by property and status, sorted by name"),
    ("create", "create"),
    ("update", "update (JSON patch of a name and a property)"),
    ("delete", "delete"),
    ("put", "upload {size}"),
    ("put-again", "upload the same {size} again"),
    ("put-chunked", "upload {size} in 64 KiB chunks"),
    ("put-4", "upload 4 x {part} at once"),
    ("put-sparse", "upload {sparse} that holds {half}"),
    ("get", "download {size}"),
    ("get-4", "download 4 x {part} at once"),
    ("get-ranges", "60 random ranges of 1 MiB"),
    ("start", "start over {images} images"),
    ("disk-qcow2", "write qcow2"),
    ("disk-vhd", "write dynamic VHD"),
    ("disk-vhdx", "write VHDX"),
    ("disk-qcow2-c", "write qcow2, compressed (deflate)"),
    ("disk-qcow2-zstd", "write qcow2, compressed (zstd)"),
    ("disk-vmdk", "write VMDK, streamOptimized"),
    ("check-cold", "image check, file not in memory"),
    ("check-warm", "image check, file in memory"),
    ("ecs-list", "DescribeImages, the first page of 10"),
    ("ecs-id", "… by ImageId"),
    ("ecs-name", "… by ImageName"),
    ("ecs-name-like", "… by ImageName with a `*`"),
    ("ecs-family", "… by ImageFamily"),
    ("ecs-tag", "… by a tag"),
    ("ecs-filters", "… by a tag, Architecture, OSType and owner"),
    ("ecs-page", "… the first 100 pages of 100"),
    ("ims-list", "GET /v2/cloudimages, the first 20"),
    ("ims-name", "… by name"),
    ("ims-tag", "… by a tag"),
    ("ims-filters", "… by a tag, type, system, architecture and status"),
    ("ims-patch", "PATCH /v2/cloudimages/{id} (a description and min_ram)"),
];

/// What the table calls a metric.
pub(super) const METRICS: &[(&str, &str)] = &[
    ("per_second", "calls/s"),
    ("p50_ms", "p50, ms"),
    ("p99_ms", "p99, ms"),
    ("cpu_ms", "CPU per call, ms"),
    ("mb_per_second", "MB/s"),
    ("cpu_s_per_gib", "CPU-s per GiB"),
    ("rss_growth_mib", "memory growth, MiB"),
    ("stored_mib", "stored, MiB"),
    ("wall_s", "s"),
    ("cpu_s", "CPU-s"),
    ("file_mib", "written, MiB"),
    ("rss_peak_mib", "memory, MiB"),
    ("start_s", "s to the first list"),
    ("start_cpu_s", "CPU-s to start"),
    ("rss_mib", "resident idle, MiB"),
];

/// All lines of the table but those of the suites that have the same for each call.
const OTHER_LINES: &[Line] = &[
    line("transfer", "put", "mb_per_second", Higher, &[Times(1.8)]),
    line("transfer", "put", "cpu_s_per_gib", Lower, &[AtMost(4.8)]),
    line("transfer", "put", "rss_growth_mib", Lower, &[AtMost(64.0)]),
    line("transfer", "put", "stored_mib", Lower, &[]),
    line("transfer", "put-again", "mb_per_second", Higher, &[]),
    line("transfer", "put-again", "stored_mib", Lower, &[]),
    line("transfer", "put-chunked", "mb_per_second", Higher, &[Times(1.8)]),
    line("transfer", "put-chunked", "cpu_s_per_gib", Lower, &[AtMost(4.8)]),
    line("transfer", "put-4", "mb_per_second", Higher, &[Times(1.1)]),
    line("transfer", "put-4", "cpu_s_per_gib", Lower, &[AtMost(4.8)]),
    line("transfer", "put-4", "rss_growth_mib", Lower, &[AtMost(256.0)]),
    line("transfer", "put-sparse", "mb_per_second", Higher, &[Times(3.0)]),
    line("transfer", "put-sparse", "cpu_s_per_gib", Lower, &[]),
    line("transfer", "put-sparse", "stored_mib", Lower, &[AtMost(614.4)]),
    line("transfer", "get", "mb_per_second", Higher, &[Times(1.2)]),
    line("transfer", "get", "cpu_s_per_gib", Lower, &[Times(1.0)]),
    line("transfer", "get", "rss_growth_mib", Lower, &[]),
    line("transfer", "get-4", "mb_per_second", Higher, &[Times(1.2)]),
    line("transfer", "get-4", "cpu_s_per_gib", Lower, &[Times(1.0)]),
    line("transfer", "get-ranges", "per_second", Higher, &[]),
    line("transfer", "get-ranges", "p99_ms", Lower, &[]),
    line("transfer", "get-ranges", "cpu_ms", Lower, &[]),
    line("idle", "start", "start_s", Lower, &[AtMost(2.0)]),
    line("idle", "start", "start_cpu_s", Lower, &[]),
    line("idle", "start", "rss_mib", Lower, &[AtMost(100.0)]),
];

const fn line(
    suite: &'static str,
    operation: &'static str,
    metric: &'static str,
    better: Better,
    goals: &'static [Goal],
) -> Line {
    Line { suite, operation, metric, better, goals }
}

/// What is shown of a call of one of the dialects.
fn of_dialect(suite: &'static str, operation: &'static str) -> [Line; 4] {
    // a page of ten times the size is no look-up
    let p99: &[Goal] = if operation == "ecs-page" { &[] } else { &[AtMost(10.0)] };
    [
        line(suite, operation, "per_second", Higher, &[]),
        line(suite, operation, "p50_ms", Lower, &[]),
        line(suite, operation, "p99_ms", Lower, p99),
        line(suite, operation, "cpu_ms", Lower, &[]),
    ]
}

/// What is shown of writing a disk, or of looking into one.
fn of_disk(operation: &'static str) -> Vec<Line> {
    let memory = |goals| line("disk", operation, "rss_peak_mib", Lower, goals);
    match operation {
        "check-cold" | "check-warm" => vec![
            line("disk", operation, "wall_s", Lower, &[AtMost(1.0)]),
            line("disk", operation, "cpu_s", Lower, &[]),
            memory(&[AtMost(100.0)]),
        ],
        "disk-qcow2" | "disk-vhd" | "disk-vhdx" => vec![
            line("disk", operation, "wall_s", Lower, &[Times(1.0)]),
            // 1 GB of data per CPU second
            line("disk", operation, "cpu_s_per_gib", Lower, &[AtMost(1.074)]),
            line("disk", operation, "file_mib", Lower, &[]),
            memory(&[]),
        ],
        _ => vec![
            line("disk", operation, "wall_s", Lower, &[]),
            // zstd has no target
            line(
                "disk",
                operation,
                "cpu_s_per_gib",
                Lower,
                if operation == "disk-qcow2-zstd" { &[] } else { &[Times(4.0)] },
            ),
            // at most 5 % larger
            line("disk", operation, "file_mib", Lower, &[Times(0.952)]),
            memory(&[]),
        ],
    }
}

/// The lines of a suite in the table's order.
pub(super) fn of_suite(suite: &str) -> Vec<Line> {
    match suite {
        "disk" => return super::disk::operations().into_iter().flat_map(of_disk).collect(),
        "ecs" => return super::ecs::OPERATIONS.iter().flat_map(|operation| of_dialect("ecs", operation)).collect(),
        "ims" => return super::ims::OPERATIONS.iter().flat_map(|operation| of_dialect("ims", operation)).collect(),
        _ => {}
    }
    if suite != "metadata" {
        return OTHER_LINES.iter().filter(|line| line.suite == suite).copied().collect();
    }
    super::metadata::OPERATIONS
        .into_iter()
        .flat_map(|operation| {
            let cpu: &[Goal] = match operation {
                "show" => &[Times(50.0), AtMost(0.1)],
                "list" => &[Times(50.0), AtMost(0.5)],
                "create" | "update" | "delete" => &[Times(50.0), AtMost(0.5)],
                _ => &[Times(50.0)],
            };
            [
                line("metadata", operation, "per_second", Higher, &[Times(40.0)]),
                line("metadata", operation, "p50_ms", Lower, &[]),
                line("metadata", operation, "p99_ms", Lower, &[Times(50.0)]),
                line("metadata", operation, "cpu_ms", Lower, cpu),
            ]
        })
        .collect()
}
