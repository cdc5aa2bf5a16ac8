use super::geometry::{Geometry, MAX};

fn geometry(cylinders: u16, heads: u8, sectors: u8) -> Geometry {
    Geometry { cylinders, heads, sectors }
}

#[test]
fn the_rule_of_the_format() {
    // as the format's specification computes them, at each of its turns
    assert_eq!(Geometry::of(0), geometry(0, 4, 17));
    assert_eq!(Geometry::of(1), geometry(0, 4, 17));
    assert_eq!(Geometry::of(8192), geometry(120, 4, 17));
    assert_eq!(Geometry::of(262_144), geometry(963, 16, 17));
    assert_eq!(Geometry::of(1024 * 16 * 17 - 1), geometry(1023, 16, 17));
    assert_eq!(Geometry::of(1024 * 16 * 17), geometry(561, 16, 31));
    assert_eq!(Geometry::of(1024 * 16 * 31), geometry(503, 16, 63));
    assert_eq!(Geometry::of(65_535 * 16 * 63 - 1), geometry(65_534, 16, 63));
    assert_eq!(Geometry::of(65_535 * 16 * 63), geometry(16_191, 16, 255));
    assert_eq!(Geometry::of(u64::MAX), MAX);
}

#[test]
fn a_geometry_is_stated_only_when_it_is_the_size() {
    assert_eq!(Geometry::stating(4 * 17 * 100), geometry(100, 4, 17));
    assert_eq!(Geometry::stating(4 * 17 * 100 + 1), MAX);
    assert_eq!(Geometry::stating(0), MAX);
    assert_eq!(Geometry::stating(2048), MAX);
    assert_eq!(Geometry::stating(MAX.total() + 1), MAX);
}
