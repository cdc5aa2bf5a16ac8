//! The index of chunks keeps the content store's own contract.

use std::cell::RefCell;

use imprint_catalogue::Catalogue;
use imprint_store::contract::run_index_contract;

use crate::support::on_each_address;

#[test]
fn the_index_of_chunks_is_one() {
    // One database for each part of the suite; the folders live until the end.
    let kept: RefCell<Vec<Catalogue>> = RefCell::new(Vec::new());
    on_each_address(|settings| {
        let counter = RefCell::new(0);
        run_index_contract(|| {
            *counter.borrow_mut() += 1;
            let catalogue = fresh(settings, *counter.borrow());
            let index = catalogue.index();
            index.clear().expect("empty");
            for lease in index.leases(imprint_model::Timestamp(i64::MIN)).expect("leases") {
                index.lease_release(lease.id).expect("no lease is left");
            }
            kept.borrow_mut().push(catalogue);
            index
        });
        kept.borrow_mut().clear();
    });
}

/// On SQLite a file of its own; on PostgreSQL the one database, emptied.
fn fresh(settings: &imprint_catalogue::Settings, number: u32) -> Catalogue {
    let mut settings = settings.clone();
    if settings.url.starts_with("sqlite:") {
        settings.url = settings.url.replace("/imprint.db", &format!("/{number}/imprint.db"));
    }
    Catalogue::open(&settings).expect("opens")
}
