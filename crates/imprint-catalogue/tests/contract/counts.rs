//! The numbers that are kept of images are what counting them gives, whatever happened to them, and whoever at once.

use std::sync::Barrier;

use imprint_catalogue::{Catalogue, ErrorKind, Value, images};
use imprint_model::{Image, ImageId, ProjectId, Timestamp};
use rand::prelude::*;

use crate::model::random_image;
use crate::support::{on_each_engine, read, write};

const CELL: &str = "owner, visibility, hidden, status, region, architecture, os_type, resource_group";

/// Every number by its cell, as text.
fn numbers(catalogue: &Catalogue, text: &str, label: &[Value]) -> Vec<String> {
    let rows = read(catalogue, |tx| tx.query(text, label)).expect("numbers");
    let mut numbers: Vec<String> = rows.iter().map(|row| format!("{row:?}")).collect();
    numbers.sort();
    numbers
}

fn assert_exact(catalogue: &Catalogue) {
    let none: [Value; 1] = [Value::Bytes(Vec::new())];
    let kept =
        numbers(catalogue, &format!("SELECT {CELL}, images FROM image_count WHERE label = ?1 AND images <> 0"), &none);
    let counted = numbers(catalogue, &format!("SELECT {CELL}, COUNT(*) FROM image GROUP BY {CELL}"), &[]);
    assert_eq!(kept, counted);
    let kept = numbers(catalogue, &format!("SELECT label, {CELL}, images FROM image_count WHERE label <> ?1"), &none);
    let cell = CELL.split(", ").map(|column| format!("i.{column}")).collect::<Vec<_>>().join(", ");
    let counted = numbers(
        catalogue,
        &format!(
            "SELECT l.label, {cell}, COUNT(*) FROM image_label l JOIN image i ON i.id = l.image_id \
             WHERE l.label IN (SELECT label FROM image_count WHERE label <> ?1) GROUP BY l.label, {cell}"
        ),
        &none,
    );
    assert_eq!(kept, counted, "no number of a label stays when nothing is left to count");
}

#[test]
fn kept_numbers_are_what_counting_gives() {
    on_each_engine(|catalogue| {
        let mut rng = StdRng::seed_from_u64(4);
        let mut all: Vec<Image> = Vec::new();
        for round in 0..300 {
            let image = random_image(&mut rng);
            match rng.random_range(0..10) {
                0..4 => {
                    all.push(image.clone());
                    write(catalogue, move |tx| images::insert(tx, &image)).expect("added");
                }
                4..8 if !all.is_empty() => {
                    let place = rng.random_range(0..all.len());
                    all[place] = Image { id: all[place].id, ..image };
                    let image = all[place].clone();
                    write(catalogue, move |tx| images::update(tx, &image)).expect("changed");
                }
                8 if !all.is_empty() => {
                    let id = all.swap_remove(rng.random_range(0..all.len())).id;
                    write(catalogue, move |tx| images::delete(tx, id, Timestamp(9))).expect("deleted");
                }
                _ => {
                    let refused = write(catalogue, move |tx| {
                        images::insert(tx, &image)?;
                        Err::<(), _>(imprint_catalogue::Error::new(ErrorKind::Other, "no"))
                    });
                    assert!(refused.is_err());
                }
            }
            if round % 20 == 0 {
                assert_exact(catalogue);
            }
        }
        assert_exact(catalogue);
        for image in std::mem::take(&mut all) {
            write(catalogue, move |tx| images::delete(tx, image.id, Timestamp(9))).expect("deleted");
        }
        assert_exact(catalogue);
    });
}

/// Several change the same few images at once, some of them for another owner.
#[test]
fn kept_numbers_survive_changes_at_the_same_moment() {
    const WRITERS: usize = 4;
    const CHANGES: usize = 25;
    on_each_engine(|catalogue| {
        let mut rng = StdRng::seed_from_u64(5);
        let ids: Vec<ImageId> = (0..3)
            .map(|_| {
                let image = random_image(&mut rng);
                let id = image.id;
                write(catalogue, move |tx| images::insert(tx, &image)).expect("added");
                id
            })
            .collect();
        let start = Barrier::new(WRITERS);
        std::thread::scope(|scope| {
            for writer in 0..WRITERS {
                let (ids, start) = (&ids, &start);
                scope.spawn(move || {
                    let mut rng = StdRng::seed_from_u64(writer as u64);
                    start.wait();
                    for _ in 0..CHANGES {
                        let id = *ids.choose(&mut rng).expect("there are some");
                        let changed = Image { id, ..random_image(&mut rng) };
                        let outcome = write(catalogue, move |tx| images::update(tx, &changed));
                        // Given up after many attempts is an honest answer, and changes nothing.
                        assert!(outcome.is_ok_and(|()| true) || catalogue.engine_name() == "postgres");
                    }
                });
            }
        });
        assert_exact(catalogue);
    });
}

#[test]
fn an_older_images_region_is_counted_once_it_has_one() {
    on_each_engine(|catalogue| {
        let mut rng = StdRng::seed_from_u64(6);
        for number in 0..40 {
            let region = if number % 2 == 0 { "" } else { "home" };
            let image = Image { region: region.to_owned(), ..random_image(&mut rng) };
            write(catalogue, move |tx| images::insert(tx, &image)).expect("added");
        }
        assert_eq!(write(catalogue, |tx| images::adopt_region(tx, "home")).expect("adopted"), 20);
        assert_exact(catalogue);
        let all: u64 = crate::model::PROJECTS
            .iter()
            .map(|owner| read(catalogue, |tx| images::region_count(tx, &ProjectId::from(*owner), "home")).expect("one"))
            .sum();
        assert_eq!(all, 40);
    });
}
