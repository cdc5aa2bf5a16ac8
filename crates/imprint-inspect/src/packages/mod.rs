//! Installed packages, from the package manager's own database.
//!
//! What lives here: readers of dpkg's status files, of rpm's three databases (SQLite, ndb, Berkeley DB hash) with rpm's
//! headers, and of apk's list. What never does: package managers, SQL, anything that a package's files say.

mod apk;
mod dpkg;
mod rpm;
#[cfg(test)]
mod tests;

use crate::budget::Budget;
use crate::error::{Error, Result};
use crate::report::{Os, Package, PackageFormat};
use crate::text::clean_word;
use crate::tree::Tree;

/// The most packages that a report lists; no system has so many.
const PACKAGES_MAX: usize = 100_000;
/// Bytes of all their texts together. Systems have some hundred for each package; a report should be fit to be kept.
const TEXT_BYTES_MAX: u64 = 16 << 20;

/// What a package takes in memory besides its texts, as long as the list has room for more.
const PACKAGE_BYTES: u64 = 2 * size_of::<Package>() as u64;

/// What is installed.
#[derive(Debug, Default)]
pub struct Installed {
    /// The database that was found.
    pub format: Option<PackageFormat>,
    /// The packages, by name, version and architecture, each once.
    pub packages: Vec<Package>,
    /// Why there may be more, if there may: the database is damaged or the check's bounds are reached.
    pub trouble: Option<Error>,
}

/// All packages that the system's database calls installed.
///
/// The distribution says where to look first; then every kind of database is looked for. The first one that lists
/// packages is the system's: others are left-overs, or tools for building packages.
#[must_use]
pub fn list(tree: &Tree, os: &Os, budget: &Budget) -> Installed {
    let mut found = Installed::default();
    for format in formats_by_likelihood(&os.distribution) {
        let mut collected = Collected::new(budget);
        let outcome = match format {
            PackageFormat::Deb => dpkg::read(tree, &mut collected),
            PackageFormat::Rpm => rpm::read(tree, &mut collected),
            PackageFormat::Apk => apk::read(tree, &mut collected),
        };
        let (exists, trouble) = match outcome {
            Ok(exists) => (exists, None),
            Err(error) => (true, Some(error)),
        };
        let ends = trouble.as_ref().is_some_and(Error::ends_the_check);
        if !collected.packages.is_empty() || ends {
            return Installed { format: Some(format), packages: collected.finish(), trouble };
        }
        if exists && found.format.is_none() {
            found = Installed { format: Some(format), packages: Vec::new(), trouble };
        }
    }
    found
}

/// The package of that name.
#[must_use]
pub fn find<'a>(packages: &'a [Package], name: &str) -> Option<&'a Package> {
    packages.iter().find(|package| package.name == name)
}

/// All formats, the one that the distribution uses first.
fn formats_by_likelihood(distribution: &str) -> [PackageFormat; 3] {
    use PackageFormat::{Apk, Deb, Rpm};
    match distribution {
        "alpine" | "postmarketos" | "wolfi" => [Apk, Deb, Rpm],
        "rhel" | "centos" | "rocky" | "almalinux" | "fedora" | "ol" | "amzn" | "sles" | "sled" | "anolis"
        | "alinux" | "openeuler" | "tencentos" | "scientific" | "mageia" => [Rpm, Deb, Apk],
        name if name.starts_with("opensuse") => [Rpm, Deb, Apk],
        _ => [Deb, Rpm, Apk],
    }
}

/// Packages as they are found, bounded.
struct Collected<'a> {
    budget: &'a Budget,
    packages: Vec<Package>,
    text_bytes: u64,
}

impl<'a> Collected<'a> {
    fn new(budget: &'a Budget) -> Collected<'a> {
        Collected { budget, packages: Vec::new(), text_bytes: 0 }
    }

    /// One more package, whose texts are as the disk holds them. Names are what everything else hangs on: a record
    /// without one is no package.
    fn add(&mut self, package: Package) -> Result<()> {
        self.budget.step()?;
        if self.packages.len() >= PACKAGES_MAX {
            return Err(Error::Exhausted("too many packages"));
        }
        let package = Package {
            name: clean_word(package.name),
            version: clean_word(package.version),
            architecture: clean_word(package.architecture),
            licence: package.licence.map(clean_word).filter(|text| !text.is_empty()),
            source: package.source.map(clean_word).filter(|text| !text.is_empty()),
        };
        if !package.name.is_empty() {
            let texts = [&package.name, &package.version, &package.architecture].into_iter();
            let texts = texts.chain(&package.licence).chain(&package.source);
            let bytes = texts.map(|text| text.len() as u64).sum::<u64>();
            if self.text_bytes + bytes > TEXT_BYTES_MAX {
                return Err(Error::Exhausted("too many packages"));
            }
            self.budget.keep(PACKAGE_BYTES + bytes)?;
            self.text_bytes += bytes;
            self.packages.push(package);
        }
        Ok(())
    }

    fn finish(mut self) -> Vec<Package> {
        self.packages.sort_by(|a, b| key(a).cmp(&key(b)));
        self.packages.dedup_by(|a, b| key(a) == key(b));
        self.packages
    }
}

fn key(package: &Package) -> (&str, &str, &str) {
    (&package.name, &package.version, &package.architecture)
}
