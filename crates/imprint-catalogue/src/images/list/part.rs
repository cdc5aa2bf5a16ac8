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
    pub(super) region: Option<String>,
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
    let mut by_status: Option<&Filter> = None;
    let mut by_name: Option<&Filter> = None;
    let named = query.filters.iter().any(|filter| matches!(filter, Filter::Names(_)));
    let mut by_region: Option<&str> = None;
    for filter in &query.filters {
        // Where no status will do there is nothing to walk.
        parts.retain(|part| Status::ALL.into_iter().any(|status| allows(filter, status, part.hidden)));
        match filter {
            Filter::Visibility(visibility) => parts.retain(|part| part.visibility == *visibility),
            Filter::Visibilities(all) => parts.retain(|part| all.contains(&part.visibility)),
            Filter::Hidden(hidden) => parts.retain(|part| part.hidden == *hidden),
            Filter::Owner(owner) => parts.retain_mut(|part| restrict(part, owner)),
            Filter::NotOwner(other) => {
                parts.retain(|part| part.owner.as_ref() != Some(other));
                rest.push(filter);
            }
            Filter::Region(region) if by_region.is_none_or(|known| known == region) => by_region = Some(region),
            // Not both: names leave fewer.
            Filter::Statuses(_) | Filter::States(_) if finely && !named && by_status.is_none() => {
                by_status = Some(filter);
            }
            Filter::Names(_) if finely && by_name.is_none() => by_name = Some(filter),
            other => rest.push(other),
        }
    }
    if let Some(region) = by_region {
        parts.iter_mut().for_each(|part| part.region = Some(region.to_owned()));
    }
    if let Some(filter) = by_status {
        let fits = |part: &Part| -> Vec<Status> {
            Status::ALL.into_iter().filter(|&status| allows(filter, status, part.hidden)).collect()
        };
        split(&mut parts, &mut rest, filter, fits, |part, status| part.status = Some(status));
    }
    if let Some(filter @ Filter::Names(names)) = by_name {
        let mut distinct: Vec<&String> = Vec::new();
        for name in names.iter().take(PARTS_MAX + 1) {
            if !distinct.contains(&name) {
                distinct.push(name);
            }
        }
        if names.len() > PARTS_MAX {
            rest.push(filter);
        } else {
            split(&mut parts, &mut rest, filter, |_| distinct.clone(), |part, name| part.name = Some(name.clone()));
        }
    }
    Parts { parts, rest }
}

/// Whether a condition on statuses allows this one to an image that is hidden or not.
fn allows(filter: &Filter, status: Status, hidden: bool) -> bool {
    match filter {
        Filter::Statuses(statuses) => statuses.contains(&status),
        Filter::States(states) => {
            states.iter().any(|&(allowed, hiding)| allowed == status && hiding.is_none_or(|hiding| hiding == hidden))
        }
        _ => true,
    }
}

/// The reach as parts, with and without the hidden images.
fn reached(query: &ImageQuery) -> Vec<Part> {
    let reach = &query.reach;
    let mut parts = Vec::new();
    let mut add = |owner: Option<&ProjectId>, visibility, offer: Option<(&ProjectId, MemberStatus)>| {
        for hidden in [false, true] {
            let owner = owner.cloned();
            let offer = offer.map(|(project, status)| (project.clone(), status));
            parts.push(Part { owner, visibility, hidden, offer, region: None, status: None, name: None });
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

/// Cuts every part by the values that `allowed` finds for it, or leaves the filter for later when that gives too many.
fn split<'a, T>(
    parts: &mut Vec<Part>,
    rest: &mut Vec<&'a Filter>,
    filter: &'a Filter,
    allowed: impl Fn(&Part) -> Vec<T>,
    set: impl Fn(&mut Part, T),
) {
    let values: Vec<Vec<T>> = parts.iter().map(allowed).collect();
    if values.iter().map(Vec::len).sum::<usize>() > PARTS_MAX {
        rest.push(filter);
        return;
    }
    let whole = std::mem::take(parts);
    for (part, values) in whole.into_iter().zip(values) {
        for value in values {
            let mut part = part.clone();
            set(&mut part, value);
            parts.push(part);
        }
    }
}
