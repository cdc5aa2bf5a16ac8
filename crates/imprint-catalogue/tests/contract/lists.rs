//! Lists give exactly what a model without a database gives: every filter, reach, order and page.

use imprint_catalogue::images::{self, VALUES_MAX};
use imprint_catalogue::{Catalogue, ErrorKind, instances, members};
use imprint_model::{
    Direction, Filter, Image, ImageId, ImageQuery, Page, ProjectId, Reach, SortKey, Timestamp, Visibility,
};
use rand::prelude::*;

use crate::model::{World, random_image, random_query};
use crate::support::{image, on_each_engine, read, write};

const EVERYTHING: Reach = Reach { everything: true, own: None, public: true, community: true, shared: None };

fn fill(catalogue: &Catalogue, world: &World) {
    let (all, rows, machines) = (world.images.clone(), world.members.clone(), world.instances.clone());
    write(catalogue, move |tx| {
        all.iter().try_for_each(|image| images::insert(tx, image))?;
        machines.iter().try_for_each(|instance| instances::insert(tx, instance))?;
        rows.iter().try_for_each(|member| members::insert(tx, member))
    })
    .expect("filled");
}

fn ids(listed: &[Image]) -> Vec<ImageId> {
    listed.iter().map(|image| image.id).collect()
}

/// Walks a whole list page by page.
fn walk(catalogue: &Catalogue, query: &ImageQuery, limit: u32) -> Vec<ImageId> {
    let mut walked: Vec<ImageId> = Vec::new();
    loop {
        let page = Page::After { after: walked.last().copied(), limit };
        let query = ImageQuery { page, ..query.clone() };
        let listing = read(catalogue, |tx| images::list(tx, &query)).expect("a page");
        assert_eq!(listing.total, None);
        walked.extend(ids(&listing.images));
        if listing.images.len() < limit as usize {
            return walked;
        }
    }
}

/// Changes some images in ways that move them within and between lists, and takes some away.
fn stir(catalogue: &Catalogue, world: &mut World, rng: &mut StdRng) {
    for place in 0..world.images.len() {
        if rng.random_bool(0.3) {
            let Image { id, created_at, .. } = world.images[place];
            world.images[place] = Image { id, created_at, ..random_image(rng) };
            let changed = world.images[place].clone();
            write(catalogue, move |tx| images::update(tx, &changed)).expect("changed");
        }
    }
    for _ in 0..world.images.len() / 10 {
        let gone = world.images.swap_remove(rng.random_range(0..world.images.len())).id;
        world.members.retain(|member| member.image != gone);
        write(catalogue, move |tx| images::delete(tx, gone, Timestamp(9))).expect("deleted");
    }
}

#[test]
fn lists_are_what_the_model_says() {
    const QUERIES: usize = 500;
    on_each_engine(|catalogue| {
        let mut rng = StdRng::seed_from_u64(20_261_122);
        let mut world = World::random(&mut rng, 150);
        fill(catalogue, &world);
        stir(catalogue, &mut world, &mut rng);
        let mut found = 0;
        for number in 0..QUERIES {
            let query = random_query(&mut rng, &world);
            let expected = world.list(&query);
            found += expected.len();
            let walked = walk(catalogue, &query, rng.random_range(1..40));
            assert_eq!(walked, expected, "query {number}: {query:#?}");
            let (page, size) = (rng.random_range(1..4_u32), rng.random_range(1..30_u32));
            let numbered = ImageQuery { page: Page::Numbered { number: page, size }, ..query };
            let listing = read(catalogue, |tx| images::list(tx, &numbered)).expect("a page");
            assert_eq!(listing.total, Some(expected.len() as u64), "query {number}: {numbered:#?}");
            let part: Vec<ImageId> =
                expected.into_iter().skip(((page - 1) * size) as usize).take(size as usize).collect();
            assert_eq!(ids(&listing.images), part, "query {number}: {numbered:#?}");
        }
        assert!(found > QUERIES, "the questions were too hard to mean anything: {found} images found");
    });
}

#[test]
fn a_page_after_an_image_out_of_reach_is_refused() {
    on_each_engine(|catalogue| {
        let (mine, theirs) = (image("me", 1), image("them", 2));
        let public = Image { visibility: Visibility::Public, ..image("them", 3) };
        for image in [&mine, &theirs, &public] {
            let image = image.clone();
            write(catalogue, move |tx| images::insert(tx, &image)).expect("added");
        }
        let reach =
            Reach { everything: false, own: Some(ProjectId::from("me")), public: true, community: false, shared: None };
        let after = |id| {
            let page = Page::After { after: Some(id), limit: 10 };
            let query = ImageQuery { reach: reach.clone(), filters: vec![Filter::Hidden(false)], sort: vec![], page };
            read(catalogue, |tx| images::list(tx, &query)).map(|listing| ids(&listing.images))
        };
        assert_eq!(after(public.id).expect("visible"), [mine.id]);
        assert_eq!(after(mine.id).expect("own"), []);
        for unknown in [theirs.id, ImageId::random()] {
            assert_eq!(after(unknown).expect_err("refused").kind(), ErrorKind::UnknownMarker);
        }
    });
}

#[test]
fn odd_questions_have_answers() {
    on_each_engine(|catalogue| {
        let one = Image { name: Some("x' OR 1=1 --".to_owned()), ..image("me", i64::MAX) };
        let row = one.clone();
        write(catalogue, move |tx| images::insert(tx, &row)).expect("added");
        let ask = |filters: Vec<Filter>, page| {
            let query =
                ImageQuery { reach: EVERYTHING, filters, sort: vec![(SortKey::Name, Direction::Ascending)], page };
            read(catalogue, |tx| images::list(tx, &query))
        };
        let first = Page::After { after: None, limit: 10 };
        let found = |filters| ask(filters, first.clone()).expect("a list").images.len();
        assert_eq!(found(vec![Filter::Names(vec!["x' OR 1=1 --".to_owned()])]), 1);
        assert_eq!(found(vec![Filter::Tag("' OR '1'='1".to_owned())]), 0);
        assert_eq!(found(vec![Filter::Visibility(Visibility::Public), Filter::Visibility(Visibility::Private)]), 0);
        assert_eq!(found(vec![Filter::Ids(vec![])]), 0);
        let many = vec![ImageId::random(); VALUES_MAX];
        assert_eq!(found(vec![Filter::Ids(many.clone())]), 0);
        let too_many = Filter::Ids([many, vec![one.id]].concat());
        assert_eq!(ask(vec![too_many], first.clone()).expect_err("too many").kind(), ErrorKind::Other);
        let none = ask(vec![], Page::After { after: None, limit: 0 }).expect("nothing");
        assert_eq!(none.images, []);
        let last = ask(vec![], Page::Numbered { number: u32::MAX, size: u32::MAX }).expect("far away");
        assert_eq!((last.images.len(), last.total), (0, Some(1)));
        let zeroth = ask(vec![], Page::Numbered { number: 0, size: 5 }).expect("as the first");
        assert_eq!((zeroth.images.len(), zeroth.total), (1, Some(1)));
        let all = ask(vec![], Page::After { after: None, limit: u32::MAX }).expect("all");
        assert_eq!(all.images, [one]);
    });
}

#[test]
fn a_total_is_that_of_the_moment_whose_images_are_shown() {
    const IMAGES: i64 = 60;
    on_each_engine(|catalogue| {
        std::thread::scope(|scope| {
            let adding = scope.spawn(|| {
                for at in 0..IMAGES {
                    let image = image("me", at);
                    write(catalogue, move |tx| images::insert(tx, &image)).expect("added");
                }
            });
            let own = Some(ProjectId::from("me"));
            let reach = Reach { everything: false, own, public: true, community: false, shared: None };
            let page = Page::Numbered { number: 1, size: 1000 };
            let query = ImageQuery { reach, filters: vec![], sort: vec![], page };
            loop {
                let ended = adding.is_finished();
                let listing = read(catalogue, |tx| images::list(tx, &query)).expect("a page");
                assert_eq!(listing.total, Some(listing.images.len() as u64));
                if ended {
                    assert_eq!(listing.images.len() as i64, IMAGES);
                    break;
                }
            }
        });
    });
}
