//! The disk suite: a real disk written in other formats by `imprint disk convert` and by `qemu-img convert`, and looked
//! into by `imprint disk inspect`. Each is a process of its own that is measured whole. Never: a server.

use super::proc::{own_cpu_seconds, peak_rss_mib};
use super::report::{Metrics, Raw};
use super::{Args, Outcome, output_of, say, workspace};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How a disk is written: the operation, Imprint's options, `qemu-img`'s.
const CONVERSIONS: [(&str, &[&str], &[&str]); 6] = [
    ("disk-qcow2", &["--format", "qcow2"], &["-O", "qcow2"]),
    ("disk-vhd", &["--format", "vhd"], &["-O", "vpc", "-o", "force_size=on"]),
    ("disk-vhdx", &["--format", "vhdx"], &["-O", "vhdx"]),
    ("disk-qcow2-c", &["--format", "qcow2", "--compress"], &["-O", "qcow2", "-c"]),
    ("disk-qcow2-zstd", &["--format", "qcow2-zstd"], &["-O", "qcow2", "-c", "-o", "compression_type=zstd"]),
    ("disk-vmdk", &["--format", "vmdk"], &["-O", "vmdk", "-o", "subformat=streamOptimized"]),
];
const CHECKS: [&str; 2] = ["check-cold", "check-warm"];
/// How often a process's memory is looked at.
const LOOK: Duration = Duration::from_millis(2);
const GIB: f64 = (1_u64 << 30) as f64;

/// The names of all measurements, in order.
pub(super) fn operations() -> Vec<&'static str> {
    CONVERSIONS.iter().map(|(name, ..)| *name).chain(CHECKS).collect()
}

/// Measures everything by turns.
pub(super) fn run(args: &Args, image: &Path, raw: &mut Raw) -> Outcome<()> {
    let folder = workspace().join("target/bench/disk");
    fs::create_dir_all(&folder)?;
    let disk = folder.join("disk.raw");
    output_of("qemu-img", &["convert", "-O", "raw", text(image)?, text(&disk)?])?;
    let data_gib = (fs::metadata(&disk)?.blocks() * 512) as f64 / GIB;
    say(&format!("{}: {data_gib:.2} GiB of data", image.display()));
    let imprint = workspace().join(&args.imprint);
    let wanted = |name: &str| args.only.is_empty() || args.only.iter().any(|only| only == name);
    for repeat in 0..args.repeats {
        for (name, ours, theirs) in CONVERSIONS.into_iter().filter(|(name, ..)| wanted(name)) {
            let made = folder.join("made");
            let convert = |program: &Path, options: &[&str]| {
                remove(&made)?;
                let mut command = Command::new(program);
                if program == imprint {
                    command.arg("disk");
                }
                command.arg("convert").args(options).arg(&disk).arg(&made);
                let mut metrics = measured(&mut command)?;
                let cpu_s = metrics.remove("cpu_s").unwrap_or_default();
                metrics.insert("cpu_s_per_gib".into(), cpu_s / data_gib);
                metrics.insert("file_mib".into(), fs::metadata(&made)?.blocks() as f64 / 2048.0);
                Ok::<_, Box<dyn std::error::Error + Send + Sync>>(metrics)
            };
            let mut order = [("Imprint", imprint.as_path(), ours), ("qemu-img", Path::new("qemu-img"), theirs)];
            if repeat % 2 == 1 {
                order.reverse();
            }
            for (peer, program, options) in order {
                raw.add("disk", name, peer, repeat, &convert(program, options)?)?;
            }
            remove(&made)?;
        }
        for name in CHECKS.into_iter().filter(|name| wanted(name)) {
            if name == "check-cold" {
                forget(image)?;
            }
            let mut command = Command::new(&imprint);
            raw.add("disk", name, "Imprint", repeat, &measured(command.args(["disk", "inspect"]).arg(image))?)?;
        }
    }
    fs::remove_dir_all(&folder)?;
    Ok(())
}

/// Runs a process to its end.
fn measured(command: &mut Command) -> Outcome<Metrics> {
    let spent = own_cpu_seconds();
    let began = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
    let rss_mib = watch(&mut child)?;
    let wall_s = began.elapsed().as_secs_f64();
    let status = child.wait()?;
    if !status.success() {
        return Err(format!("{command:?}: {status}").into());
    }
    let cpu_s = own_cpu_seconds() - spent;
    Ok(Metrics::from([("wall_s".into(), wall_s), ("cpu_s".into(), cpu_s), ("rss_peak_mib".into(), rss_mib)]))
}

/// The most memory that a process had, looked at until it ends.
fn watch(child: &mut Child) -> Outcome<f64> {
    let mut most = 0.0_f64;
    while child.try_wait()?.is_none() {
        most = most.max(peak_rss_mib(child.id()));
        std::thread::sleep(LOOK);
    }
    Ok(most)
}

/// Has the kernel drop what it keeps of a file: `dd` that reads nothing asks for that.
fn forget(file: &Path) -> Outcome<()> {
    let from = format!("if={}", text(file)?);
    output_of("dd", &[&from, "of=/dev/null", "iflag=nocache", "count=0", "status=none"]).map(drop)
}

fn remove(file: &Path) -> Outcome<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

fn text(path: &Path) -> Outcome<&str> {
    path.to_str().ok_or_else(|| "a path that is not UTF-8".into())
}

/// The image to write and to look into.
pub(super) fn image(args: &Args) -> Outcome<PathBuf> {
    let image = args.disk.clone().ok_or("the suite disk needs --disk FILE: a qcow2 of a real system")?;
    Ok(fs::canonicalize(image)?)
}
