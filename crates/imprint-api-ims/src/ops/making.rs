//! What all operations that make images, or files of them, read alike. Never here: any operation.

pub(super) mod body;
pub(super) mod place;
pub(super) mod start;
pub(super) mod tags;

use crate::fault::{Code, code};

/// How many codes some lists have together.
pub(super) const fn count(lists: &[&[Code]]) -> usize {
    let (mut all, mut list) = (0, 0);
    while list < lists.len() {
        all += lists[list].len();
        list += 1;
    }
    all
}

/// Lists of codes as one; `N` is what [`count`] says of them.
pub(super) const fn joined<const N: usize>(lists: &[&[Code]]) -> [Code; N] {
    let mut all = [code::BAD_BODY; N];
    let (mut place, mut list) = (0, 0);
    while list < lists.len() {
        let mut one = 0;
        while one < lists[list].len() {
            all[place] = lists[list][one];
            place += 1;
            one += 1;
        }
        list += 1;
    }
    all
}
