//! rpm: where the database is and which of three kinds it is. Each kind yields the same headers.

mod bdb;
mod header;
mod ndb;
mod sqlite;
#[cfg(test)]
mod tests;
mod wal;

use super::Collected;
use crate::budget::{Budget, Charged};
use crate::error::{Error, Result};
use crate::guest_file::{Bytes, GuestFile};
use crate::tree::Tree;

/// Where databases are: the old place, and the one that newer systems link it to.
const DIRECTORIES: [&str; 2] = ["/var/lib/rpm", "/usr/lib/sysimage/rpm"];

/// The longest header that is read; the kernel's with all its files is about 1 MiB.
const HEADER_BYTES_MAX: usize = 32 << 20;

/// A header in memory, charged for as long as it is there.
type Whole<'b> = Charged<Vec<u8>, &'b Budget>;

/// The kinds of database.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Sqlite,
    Ndb,
    Bdb,
}

/// The file of each kind.
const FILES: [(&str, Kind); 3] = [("rpmdb.sqlite", Kind::Sqlite), ("Packages.db", Kind::Ndb), ("Packages", Kind::Bdb)];

/// Adds all installed packages, and says whether there is a database. The first that lists any is the one in use.
pub(super) fn read(tree: &Tree, found: &mut Collected<'_>) -> Result<bool> {
    let mut exists = false;
    let mut trouble = None;
    for directory in DIRECTORIES {
        for (name, kind) in FILES {
            let path = format!("{directory}/{name}");
            let Some(file) = GuestFile::open(tree, &path)? else { continue };
            exists = true;
            let outcome = match kind {
                Kind::Sqlite => {
                    let log = GuestFile::open(tree, &format!("{path}-wal"))?;
                    sqlite::read(&file, log.as_ref().map(|log| log as &dyn Bytes), found)
                }
                Kind::Ndb => ndb::read(&file, found),
                Kind::Bdb => bdb::read(&file, found),
            };
            match outcome {
                Ok(()) if found.packages.is_empty() => {}
                Ok(()) => return Ok(true),
                Err(error) if error.ends_the_check() || !found.packages.is_empty() => return Err(error),
                Err(error) => trouble = Some(error),
            }
        }
    }
    trouble.map_or(Ok(exists), Err)
}

/// Adds the package that a header describes. Public keys, which rpm keeps as if they were packages, are left out; a
/// header that cannot be read is the database's damage.
fn add(header: &[u8], found: &mut Collected<'_>) -> Result<()> {
    let package =
        header::package(header, found.budget)?.ok_or_else(|| Error::corrupt("a package header without a name"))?;
    if package.name == "gpg-pubkey" { Ok(()) } else { found.add(package) }
}
