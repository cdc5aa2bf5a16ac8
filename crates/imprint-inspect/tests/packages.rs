//! Packages and bills of materials of the corpus' guests, against what those systems' own tools say. Left out where the
//! corpus (unless `IMPRINT_TEST_CORPUS` names it) or the tool is not there.

mod corpus;

use std::fs::{self, File};
use std::process::Command;
use std::sync::Arc;

use imprint_disk::{FileBytes, Format, ReadAt};
use imprint_inspect::{Budget, Limits, PackageFormat, Report, Tree, inspect, sbom, volumes};

fn disk(name: &str) -> Option<Arc<dyn ReadAt>> {
    let file = File::open(corpus::place(&format!("guests/{name}.qcow2"))?).expect("the guest is there");
    let file: Arc<dyn ReadAt> = Arc::new(FileBytes::new(file).expect("an open file has a length"));
    Some(imprint_disk::open(file, Format::Qcow2).expect("the guests are qcow2").guest)
}

fn report(name: &str) -> Option<Report> {
    disk(name).map(|disk| inspect(&disk, Limits::default()))
}

/// Name and version of each package, a line each.
fn lines(report: &Report) -> String {
    report.packages.iter().map(|package| format!("{} {}\n", package.name, package.version)).collect()
}

/// A file of the guest, wherever it is.
fn file_of(name: &str, path: &str) -> Option<Vec<u8>> {
    let budget = Arc::new(Budget::new(Limits::default()));
    let found = volumes::find(&disk(name)?, &budget).found;
    let file_systems = found.into_iter().filter_map(|found| found.fs);
    file_systems
        .map(|fs| Tree::new(fs.clone(), fs.root(), budget.clone()))
        .find_map(|tree| tree.read(path, 64 << 20).expect("the guests can be read"))
}

#[test]
fn dpkg_agrees() {
    for name in ["deb12-ext4-ci", "deb12-mbr-sda", "deb12-xfs-nonvme", "deb12-lvm-gz"] {
        let Some(report) = report(name) else { return };
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("status"), file_of(name, "/var/lib/dpkg/status").unwrap()).unwrap();
        let mut query = Command::new("dpkg-query");
        query.arg("--admindir").arg(folder.path()).args(["-W", "-f", "${db:Status-Abbrev}${Package} ${Version}\n"]);
        let Ok(output) = query.output() else { return };
        let said = String::from_utf8(output.stdout).unwrap();
        let mut expected: Vec<_> = said.lines().filter_map(|line| line.strip_prefix("ii ")).collect();
        expected.sort_unstable();
        let mut listed: Vec<_> = report.packages.iter().map(|p| format!("{} {}", p.name, p.version)).collect();
        listed.sort_unstable();
        assert_eq!(listed, expected, "{name}");
        assert!(listed.len() > 100, "{name}: {}", listed.len());
    }
}

#[test]
fn rpm_agrees() {
    let Some(report) = report("rhel9-like") else { return };
    assert_eq!(report.os.as_ref().unwrap().package_format, Some(PackageFormat::Rpm));
    assert_eq!(report.packages.len(), 12);
    let cloud_init = report.packages.iter().find(|package| package.name == "cloud-init").unwrap();
    assert_eq!(cloud_init.version, "23.4-7.el9");
    assert_eq!(cloud_init.licence.as_deref(), Some("CC0-1.0"));

    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("rpmdb.sqlite"), file_of("rhel9-like", "/var/lib/rpm/rpmdb.sqlite").unwrap()).unwrap();
    let mut query = Command::new("rpm");
    query.arg("--dbpath").arg(folder.path()).args(["--define", "_db_backend sqlite", "-qa", "--qf"]);
    let Ok(output) = query.arg("%{NAME} %|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}\n").output() else { return };
    let said = String::from_utf8(output.stdout).unwrap();
    let mut expected: Vec<_> = said.lines().map(|line| format!("{line}\n")).collect();
    expected.sort();
    assert_eq!(lines(&report), expected.concat());
}

#[test]
fn the_newer_place_of_rpms_database_is_found() {
    let Some(report) = report("sles15-like") else { return };
    assert_eq!(report.os.as_ref().unwrap().package_format, Some(PackageFormat::Rpm));
    let names: Vec<_> = report.packages.iter().map(|package| package.name.as_str()).collect();
    assert!(names.contains(&"wicked") && names.contains(&"cloud-init") && names.len() == 8, "{names:?}");
}

#[test]
fn apk_is_listed() {
    let Some(report) = report("alpine-like") else { return };
    let expected = "alpine-base 3.19.1-r0\nbusybox 1.36.1-r15\nlinux-virt 6.6.14-r0\nopenssh-server 9.6_p1-r0\ntiny-cloud 3.0.5-r0\n";
    assert_eq!(lines(&report), expected);
}

/// A whole real system in both forms; that they are valid documents, the client test with the formats' own tools says.
#[test]
fn every_package_is_in_the_bills_of_materials() {
    let Some(report) = report("deb12-ext4-ci") else { return };
    for text in
        [sbom::spdx(&report, "a", "2026-11-22T01:28:36Z"), sbom::cyclonedx(&report, "a", "2026-11-22T01:28:36Z")]
    {
        for package in &report.packages {
            assert!(text.contains(&format!("\"name\":\"{}\"", package.name)), "{}", package.name);
        }
        assert_eq!(text.matches("pkg:deb/debian/").count(), report.packages.len());
    }
}
