//! What processes cost, read from `/proc`. Lives here: processor time, resident memory
//! and disk use. Never: starting or stopping anything.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Instant;

/// The kernel's unit of processor time in `/proc`: fixed at 1/100 s for programs.
const TICKS_PER_SECOND: f64 = 100.0;

/// One line of `/proc/PID/stat`, as far as it matters here.
struct Stat {
    parent: u32,
    /// Own time and that of children already gone, so that a sum over a living tree never falls.
    cpu_seconds: f64,
}

fn stat(pid: &str) -> Option<Stat> {
    let line = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // the command may hold blanks and brackets: fields count from the last bracket on
    let fields: Vec<&str> = line[line.rfind(')')? + 2..].split(' ').collect();
    let ticks: f64 = fields.get(11..15)?.iter().filter_map(|field| field.parse::<f64>().ok()).sum();
    Some(Stat { parent: fields.get(1)?.parse().ok()?, cpu_seconds: ticks / TICKS_PER_SECOND })
}

/// The processes under some roots, with the roots.
#[derive(Clone, Debug)]
pub(super) struct Tree(Vec<u32>);

impl Tree {
    pub(super) fn under(roots: &[u32]) -> Self {
        let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let name = entry.file_name();
            if let Some(pid) = name.to_str().and_then(|name| name.parse().ok())
                && let Some(stat) = stat(&pid_text(pid))
            {
                children.entry(stat.parent).or_default().push(pid);
            }
        }
        let mut found = Vec::new();
        let mut open = roots.to_vec();
        while let Some(pid) = open.pop() {
            found.push(pid);
            open.extend(children.remove(&pid).unwrap_or_default());
        }
        Self(found)
    }

    pub(super) fn cpu_seconds(&self) -> f64 {
        self.0.iter().filter_map(|pid| stat(&pid_text(*pid))).map(|stat| stat.cpu_seconds).sum()
    }

    pub(super) fn rss_mib(&self) -> f64 {
        self.status_mib("VmRSS:")
    }

    /// The sum of each process's own peak: an upper bound of the tree's.
    fn peak_rss_mib(&self) -> f64 {
        self.status_mib("VmHWM:")
    }

    fn reset_peaks(&self) {
        for pid in &self.0 {
            // refused for another user's process: its peak then counts from its start, which is against nobody's favour
            let _ = fs::write(format!("/proc/{pid}/clear_refs"), "5");
        }
    }

    fn status_mib(&self, field: &str) -> f64 {
        let kib = |pid: &u32| -> Option<f64> {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
            status.lines().find_map(|line| line.strip_prefix(field))?.trim().trim_end_matches(" kB").parse().ok()
        };
        self.0.iter().filter_map(kib).sum::<f64>() / 1024.0
    }
}

/// The most memory that a process has had; nothing once it is gone.
pub(super) fn peak_rss_mib(pid: u32) -> f64 {
    Tree(vec![pid]).peak_rss_mib()
}

fn pid_text(pid: u32) -> String {
    pid.to_string()
}

/// What a piece of work cost the server, the processes that help it, and the load generator.
pub(super) struct Spent {
    pub(super) wall_s: f64,
    pub(super) server_cpu_s: f64,
    pub(super) helper_cpu_s: f64,
    pub(super) client_cpu_s: f64,
    pub(super) rss_growth_mib: f64,
}

/// Watches a server from `start` to `stop`.
pub(super) struct Watch {
    server: Tree,
    helper_roots: Vec<u32>,
    rss_mib: f64,
    server_cpu_s: f64,
    helper_cpu_s: f64,
    client_cpu_s: f64,
    began: Instant,
}

impl Watch {
    pub(super) fn start(server_roots: &[u32], helper_roots: &[u32]) -> Self {
        let server = Tree::under(server_roots);
        server.reset_peaks();
        Self {
            rss_mib: server.rss_mib(),
            server_cpu_s: server.cpu_seconds(),
            helper_cpu_s: Tree::under(helper_roots).cpu_seconds(),
            client_cpu_s: own_cpu_seconds(),
            helper_roots: helper_roots.to_vec(),
            server,
            began: Instant::now(),
        }
    }

    pub(super) fn stop(self) -> Spent {
        Spent {
            wall_s: self.began.elapsed().as_secs_f64(),
            server_cpu_s: self.server.cpu_seconds() - self.server_cpu_s,
            // taken anew: a database may have started a process for a new connection
            helper_cpu_s: Tree::under(&self.helper_roots).cpu_seconds() - self.helper_cpu_s,
            client_cpu_s: own_cpu_seconds() - self.client_cpu_s,
            rss_growth_mib: (self.server.peak_rss_mib() - self.rss_mib).max(0.0),
        }
    }
}

/// Processor time of this process and of the children that it has waited for.
pub(super) fn own_cpu_seconds() -> f64 {
    stat("self").map_or(0.0, |stat| stat.cpu_seconds)
}

/// Bytes that a folder's files occupy on the disk: holes do not count.
pub(super) fn allocated_bytes(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| Some((entry.path(), entry.metadata().ok()?)))
        .map(|(path, meta)| if meta.is_dir() { allocated_bytes(&path) } else { meta.blocks() * 512 })
        .sum()
}

/// The machine in one line, without its name.
pub(super) fn machine() -> String {
    let file = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        text.lines()
            .find(|line| line.starts_with(name))
            .and_then(|line| line.split_once(':'))
            .map(|(_, value)| value.trim().to_owned())
            .unwrap_or_default()
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let memory_kib: f64 = field(&file("/proc/meminfo"), "MemTotal").trim_end_matches(" kB").parse().unwrap_or(0.0);
    let kernel = file("/proc/sys/kernel/osrelease");
    let kernel: Vec<&str> = kernel.trim().split(['.', '-']).take(2).collect();
    format!(
        "{cores} cores ({}), {:.0} GiB of memory, Linux {}",
        field(&file("/proc/cpuinfo"), "model name"),
        memory_kib / f64::from(1 << 20),
        kernel.join(".")
    )
}

/// The load average of the last minute: what else kept the machine busy.
pub(super) fn load() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or(0.0)
}
