//! Cutting what a caller can see into parts that do not overlap, each of which one index serves.

use imprint_model::{Filter, ImageQuery, MemberStatus, ProjectId, Status, Visibility};

/// Parts of one list at most: what would cut it finer is checked image by image instead.
const PARTS_MAX: usize = 24;

/// Some of the images that a list may hold: those that agree in everything named here.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) owner: Option<ProjectId>,
    pub(super) visibility: Visibility,
    pub(super) hidden: bool,
    /// Only images offered to this account, with this answer, by others.
    pub(super) offer: Option<(ProjectId, MemberStatus)>,
    pub(super) status: Option<Status>,
    pub(super) name: Option<String>,
}

/// The parts of a list, and the conditions that they do not express yet.
pub(super) struct Parts<'a> {
    pub(super) parts: Vec<Part>,
    pub(super) rest: Vec<&'a Filter>,
}

/// Cuts up what `query` can reach. `finely` also by status and name, where the index of images has them.
pub(super) fn cut(query: &ImageQuery, finely: bool) -> Parts<'_> {
    let mut parts = reached(query);
    let mut rest = Vec::new();
    let mut by_status: Option<&[Status]> = None;
    let mut by_name: Option<&[String]> = None;
    for filter in &query.filters {
        match filter {
            Filter::Visibility(visibility) => parts.retain(|part| part.visibility == *visibility),
            Filter::Hidden(hidden) => parts.retain(|part| part.hidden == *hidden),
            Filter::Owner(owner) => parts.retain_mut(|part| restrict(part, owner)),
            Filter::Statuses(statuses) if finely && by_status.is_none() => by_status = Some(statuses),
            Filter::Names(names) if finely && by_name.is_none() => by_name = Some(names),
            other => rest.push(other),
        }
    }
    if let Some(statuses) = by_status {
        let filter = query.filters.iter().find(|filter| matches!(filter, Filter::Statuses(_)));
        split(&mut parts, &mut rest, filter, statuses, |part, status| part.status = Some(*status));
    }
    if let Some(names) = by_name {
        let filter = query.filters.iter().find(|filter| matches!(filter, Filter::Names(_)));
        split(&mut parts, &mut rest, filter, names, |part, name| part.name = Some(name.clone()));
    }
    Parts { parts, rest }
}

/// The reach as parts, with and without the hidden images.
fn reached(query: &ImageQuery) -> Vec<Part> {
    let reach = &query.reach;
    let mut parts = Vec::new();
    let mut add = |owner: Option<&ProjectId>, visibility, offer: Option<(&ProjectId, MemberStatus)>| {
        for hidden in [false, true] {
            let owner = owner.cloned();
            let offer = offer.map(|(project, status)| (project.clone(), status));
            parts.push(Part { owner, visibility, hidden, offer, status: None, name: None });
        }
    };
    let whole = |visibility| match visibility {
        Visibility::Community => reach.community,
        Visibility::Public => reach.everything || reach.public,
        Visibility::Private | Visibility::Shared => reach.everything,
    };
    for &visibility in Visibility::ALL {
        if whole(visibility) {
            add(None, visibility, None);
        } else if let Some(own) = &reach.own {
            add(Some(own), visibility, None);
        }
    }
    if let Some(shared) = reach.shared.as_ref().filter(|_| !reach.everything) {
        let mut answers = shared.statuses.clone();
        answers.sort_unstable();
        answers.dedup();
        for answer in answers {
            add(None, Visibility::Shared, Some((&shared.project, answer)));
        }
    }
    parts
}

/// Narrows a part to one owner. False when nothing can be left of it.
fn restrict(part: &mut Part, owner: &ProjectId) -> bool {
    match &part.owner {
        Some(fixed) => fixed == owner,
        None => {
            part.owner = Some(owner.clone());
            true
        }
    }
}

/// Cuts every part by the values that a filter allows, or leaves the filter for later when that gives too many.
fn split<'a, T: PartialEq>(
    parts: &mut Vec<Part>,
    rest: &mut Vec<&'a Filter>,
    filter: Option<&'a Filter>,
    values: &[T],
    set: impl Fn(&mut Part, &T),
) {
    let mut distinct: Vec<&T> = Vec::new();
    for value in values.iter().take(PARTS_MAX + 1) {
        if !distinct.contains(&value) {
            distinct.push(value);
        }
    }
    if values.len() > PARTS_MAX || distinct.len() * parts.len() > PARTS_MAX {
        rest.extend(filter);
        return;
    }
    *parts = parts
        .iter()
        .flat_map(|part| {
            distinct.iter().map(|value| {
                let mut part = part.clone();
                set(&mut part, value);
                part
            })
        })
        .collect();
}
