//! What was found out about bytes stays as long as something names them.

use imprint_catalogue::{content_facts, images};
use imprint_model::{MapId, Timestamp};

use crate::support::{content, image, on_each_engine, read, write};

#[test]
fn facts_are_kept_by_map_and_name_and_replaced() {
    on_each_engine(|catalogue| {
        let (one, other) = (MapId([1; 32]), MapId([2; 32]));
        write(catalogue, move |tx| {
            content_facts::put(tx, one, "a", b"first", Timestamp(1))?;
            content_facts::put(tx, one, "a", b"second", Timestamp(2))?;
            content_facts::put(tx, other, "a", b"\0\xff", Timestamp(3))?;
            content_facts::put(tx, other, "b", b"", Timestamp(3))
        })
        .expect("kept");
        let get = |map, name: &'static str| read(catalogue, |tx| content_facts::get(tx, map, name)).expect("asked");
        assert_eq!(get(one, "a").as_deref(), Some(&b"second"[..]));
        assert_eq!(get(one, "b"), None);
        assert_eq!(get(other, "b").as_deref(), Some(&b""[..]));
        let found = read(catalogue, |tx| content_facts::of_maps(tx, &[one, other, MapId([3; 32])], "a"));
        assert_eq!(found.expect("asked"), [(one, b"second".to_vec()), (other, b"\0\xff".to_vec())].into());
        assert_eq!(read(catalogue, |tx| content_facts::of_maps(tx, &[], "a")).expect("asked"), [].into());
        let many = vec![one; content_facts::MAPS_MAX + 1];
        assert!(read(catalogue, |tx| content_facts::of_maps(tx, &many, "a")).is_err());
    });
}

#[test]
fn facts_about_bytes_that_nothing_names_are_forgotten() {
    on_each_engine(|catalogue| {
        let (used, staged, unused) = (content(1, 10), content(2, 10), MapId([3; 32]));
        let (used_map, staged_map) = (used.map, staged.map);
        let mut one = image("me", 1);
        (one.content, one.staged) = (Some(used), Some(staged));
        let id = one.id;
        write(catalogue, move |tx| {
            images::insert(tx, &one)?;
            for map in [used_map, staged_map, unused] {
                content_facts::put(tx, map, "a", b"x", Timestamp(1))?;
            }
            Ok(())
        })
        .expect("kept");
        assert_eq!(write(catalogue, content_facts::remove_unused).expect("swept"), 1);
        assert_eq!(read(catalogue, |tx| content_facts::get(tx, unused, "a")).expect("asked"), None);
        write(catalogue, move |tx| images::delete(tx, id, Timestamp(2))).expect("deleted");
        assert_eq!(write(catalogue, content_facts::remove_unused).expect("swept"), 2);
    });
}
