//! What DescribeImages is asked: its parameters as a question to the engine. Never here: how the answer looks.

use imprint_model::{
    Direction, FactKey, Filter, ImageId, MemberStatus, OsType, Page, ProjectId, SnapshotId, SortKey, Status, TimeOp,
    Visibility,
};
use imprint_service::{ListImages, Seen};

use crate::fault::{Code, Fault, code};
use crate::ids::WireId;
use crate::instance_types::{self, InstanceType, Nvme};
use crate::params::{Object, Paging, Params, missing, read_time};
use crate::{validate, words};

pub(crate) const BAD_ALIAS: Code =
    Code::new(400, "InvalidImageOwnerAlias.ValueNotSupported", "The specified ImageOwnerAlias value is not supported.");
pub(crate) const PUBLIC_NOT_OTHERS: Code = Code::new(
    400,
    "InvalidImageOwnerAlias.PublicImageUnsupported",
    "When querying images, the parameter ImageOwnerAlias should be others while specified parameter IsPublic is true.",
);
pub(crate) const TAG_MISMATCH: Code =
    Code::new(400, "InvalidTag.Mismatch", "The specified Tag.n.Key and Tag.n.Value are not match.");
pub(crate) const TAG_COUNT: Code =
    Code::new(400, "InvalidTagCount", "The specified tags are beyond the permitted range.");
pub(crate) const BAD_INSTANCE_TYPE: Code = Code::new(
    400,
    "InvalidInstanceType.ValueNotSupported",
    "The specified InstanceType does not exist or beyond the permitted range.",
);
pub(crate) const BAD_NETWORK_TYPE: Code =
    Code::new(400, "InvalidFilterValue.NetworkType", "The specified Filter Value is not valid.");
pub(crate) const BAD_FILTER_KEY: Code =
    Code::new(404, "InvalidFilterKey.NotFound", "The specified Filter Key is not found.");
pub(crate) const BAD_FILTER_VALUE: Code =
    Code::new(404, "InvalidFilterValue", "The specified Filter Value is not valid.");
pub(crate) const BAD_USAGE: Code = Code::new(404, "InvalidUsage", "The specified Usage is not valid.");
pub(crate) const BAD_OS_TYPE: Code = Code::new(404, "InvalidOSType", "The specified OSType is not valid.");
pub(crate) const BAD_ARCHITECTURE: Code =
    Code::new(404, "InvalidArchitecture", "The specified Architecture is not valid.");

/// Images a page has when nobody says.
const PAGE_SIZE_DEFAULT: u32 = 10;
/// Most images a page has.
const PAGE_SIZE_MAX: u32 = 100;
/// Most ids in one question.
pub(crate) const IDS_MAX: usize = 100;
/// Most conditions in one question.
const FILTERS_MAX: usize = 20;
/// All statuses at once.
const ALL_STATUSES: &str = "ALL";

/// A question.
#[derive(Debug)]
pub(crate) struct Question {
    /// What the engine is asked; none when nothing can match.
    pub(crate) list: Option<ListImages>,
    /// Only images of the account with this number.
    pub(crate) owner_number: Option<u64>,
    /// Which page.
    pub(crate) paging: Paging,
}

/// Whose images are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Alias {
    /// Not said: everybody's, one's own, and what is shared with one.
    Any,
    /// The operator's, for everybody.
    System,
    /// One's own.
    Own,
    /// Shared with one, or given to everybody by others.
    Others,
    /// Sold by others; here nobody sells any.
    Marketplace,
}

/// Whose images are asked for.
pub(crate) fn alias(params: &Params) -> Result<Alias, Fault> {
    match params.text("ImageOwnerAlias") {
        None => Ok(Alias::Any),
        Some("system") => Ok(Alias::System),
        Some("self") => Ok(Alias::Own),
        Some("others") => Ok(Alias::Others),
        Some("marketplace") => Ok(Alias::Marketplace),
        Some(_) => Err(BAD_ALIAS.fault()),
    }
}

/// What was collected so far; everything must hold.
#[derive(Debug, Default)]
struct Conditions {
    filters: Vec<Filter>,
    /// A condition that no image meets.
    impossible: bool,
}

impl Conditions {
    fn add(&mut self, filter: Filter) {
        self.filters.push(filter);
    }

    fn require(&mut self, holds: bool) {
        self.impossible |= !holds;
    }
}

/// The question of a caller of the account `own` in `region`.
///
/// # Errors
/// The codes of DescribeImages.
pub(crate) fn read(params: &Params, region: &str, own: &ProjectId) -> Result<Question, Fault> {
    let paging = params.paging(PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX, code::INVALID_PARAMTER)?;
    let mut conditions = Conditions::default();
    conditions.add(Filter::Region(region.to_owned()));
    let alias = alias(params)?;
    let seen = whose(params, alias, own, &mut conditions)?;
    status(params, &mut conditions)?;
    what(params, &mut conditions)?;
    fitness(params, &mut conditions)?;
    tags(params, &mut conditions)?;
    for filter in bounded_filters(params)? {
        condition(filter, &mut conditions)?;
    }
    let owner_number = match params.number::<u64>("ImageOwnerId")? {
        // of no effect where it is said already whose images
        Some(number) if alias == Alias::Others => Some(number),
        _ => None,
    };
    let list = ListImages {
        seen,
        // this API knows no answer to an offer: what is shared is there, unless it was declined elsewhere
        member_statuses: vec![MemberStatus::Accepted, MemberStatus::Pending],
        filters: conditions.filters,
        sort: vec![(SortKey::CreatedAt, Direction::Descending), (SortKey::Id, Direction::Descending)],
        page: Page::Numbered { number: paging.number, size: paging.size },
    };
    Ok(Question { list: Some(list).filter(|_| !conditions.impossible), owner_number, paging })
}

fn whose(params: &Params, alias: Alias, own: &ProjectId, conditions: &mut Conditions) -> Result<Seen, Fault> {
    let community = params.flag("IsPublic")?;
    if community {
        if alias != Alias::Others {
            return Err(PUBLIC_NOT_OTHERS.fault());
        }
        conditions.add(Filter::NotOwner(own.clone()));
        return Ok(Seen::Only(Visibility::Community));
    }
    match alias {
        Alias::Any => {}
        Alias::System => return Ok(Seen::Only(Visibility::Public)),
        Alias::Own => {
            conditions.add(Filter::Owner(own.clone()));
            let own = [Visibility::Private, Visibility::Shared, Visibility::Community];
            conditions.add(Filter::Visibilities(own.to_vec()));
        }
        Alias::Others => {
            conditions.add(Filter::NotOwner(own.clone()));
            return Ok(Seen::Only(Visibility::Shared));
        }
        Alias::Marketplace => conditions.require(false),
    }
    Ok(Seen::Default)
}

/// Statuses as words, and of those the ones that can be used.
fn status(params: &Params, conditions: &mut Conditions) -> Result<(), Fault> {
    let words = params.comma_list("Status", FILTERS_MAX, code::INVALID_PARAMTER)?;
    let usable = params.truth("Usable")?;
    if usable.is_some() && words.is_none() {
        return Err(missing("Status"));
    }
    let words = words.unwrap_or_else(|| vec!["Available"]);
    let all = words.contains(&ALL_STATUSES);
    if all && words.len() > 1 {
        return Err(code::INVALID_PARAMTER.fault());
    }
    if all && usable.is_none() {
        return Ok(());
    }
    let words: &[&str] = if all { &words::STATUSES } else { &words };
    let mut states: Vec<(Status, Option<bool>)> =
        words.iter().flat_map(|word| words::states_named(word)).copied().collect();
    if let Some(usable) = usable {
        states.retain(|(status, _)| (*status == Status::Available) == usable);
    }
    states.sort_unstable();
    states.dedup();
    conditions.require(!states.is_empty());
    conditions.add(Filter::States(states));
    Ok(())
}

/// Which images, by what they are called and where they come from.
fn what(params: &Params, conditions: &mut Conditions) -> Result<(), Fault> {
    if let Some(ids) = params.comma_list("ImageId", IDS_MAX, code::INVALID_PARAMTER)? {
        let known: Vec<ImageId> = ids.into_iter().filter_map(ImageId::read).collect();
        conditions.require(!known.is_empty());
        conditions.add(Filter::Ids(known));
    }
    if let Some(id) = params.text("SnapshotId") {
        match SnapshotId::read(id) {
            Some(id) => conditions.add(Filter::Snapshot(id)),
            None => conditions.require(false),
        }
    }
    if let Some(name) = params.text("ImageName") {
        let name = name.to_owned();
        conditions.add(if name.contains('*') { Filter::NameLike(name) } else { Filter::Names(vec![name]) });
    }
    if let Some(family) = params.text("ImageFamily") {
        conditions.add(Filter::Fact(FactKey::Family, family.to_owned()));
    }
    if let Some(group) = params.text("ResourceGroupId") {
        // the default group's are listed whether or not a group is asked for
        conditions.add(Filter::ResourceGroups(vec![None, Some(group.to_owned())]));
    }
    match params.text("Usage") {
        None => {}
        Some("instance") => conditions.add(Filter::UsedByInstance(true)),
        Some("none") => conditions.add(Filter::UsedByInstance(false)),
        Some(_) => return Err(BAD_USAGE.fault()),
    }
    Ok(())
}

/// Which images, by what they can be used for.
fn fitness(params: &Params, conditions: &mut Conditions) -> Result<(), Fault> {
    params.flag("ShowExpired")?;
    for always in ["IsSupportIoOptimized", "IsSupportCloudinit"] {
        conditions.require(params.truth(always)?.unwrap_or(true));
    }
    if let Some(word) = params.text("OSType") {
        let wanted: OsType = word.parse().map_err(|_| BAD_OS_TYPE.fault())?;
        conditions.add(among(FactKey::OsType, &[wanted.as_str()], wanted == OsType::Linux));
    }
    if let Some(word) = params.text("Architecture") {
        let wanted = word.parse().map_err(|_| BAD_ARCHITECTURE.fault())?;
        conditions.add(architectures(&[wanted]));
    }
    if let Some(word) = params.text("InstanceType") {
        let wanted = instance_types::named(word).ok_or_else(|| BAD_INSTANCE_TYPE.fault())?;
        runs_on(wanted, conditions);
    }
    Ok(())
}

fn runs_on(wanted: &InstanceType, conditions: &mut Conditions) {
    conditions.add(architectures(wanted.architectures()));
    if wanted.family.nvme == Nvme::Required {
        conditions.add(among(FactKey::Nvme, &["true"], false));
    }
    if !wanted.boot_modes().contains(&"BIOS") {
        conditions.add(among(FactKey::BootMode, &["uefi", "uefi_preferred"], true));
    }
}

fn architectures(wanted: &[imprint_model::Architecture]) -> Filter {
    let words: Vec<&str> = wanted.iter().map(|architecture| architecture.as_str()).collect();
    among(FactKey::Architecture, &words, wanted.contains(&words::ARCHITECTURE_DEFAULT))
}

/// A fact that is one of these words, or is not known when that `or_unknown` means one of them.
fn among(key: FactKey, words: &[&str], or_unknown: bool) -> Filter {
    let mut values: Vec<Option<String>> = words.iter().map(|&word| Some(word.to_owned())).collect();
    values.extend(or_unknown.then_some(None));
    Filter::FactAmong(key, values)
}

fn tags(params: &Params, conditions: &mut Conditions) -> Result<(), Fault> {
    let pairs = params.tags();
    if pairs.len() > validate::TAGS_MAX {
        return Err(TAG_COUNT.fault());
    }
    for pair in pairs {
        let Some(key) = pair.key else { return Err(TAG_MISMATCH.fault()) };
        if key.contains('=') {
            // no tag has such a key, and the engine would take its second half for a value
            conditions.require(false);
            continue;
        }
        conditions.add(match pair.value {
            Some(value) => Filter::Tag(imprint_model::join_tag(key, value)),
            None => Filter::TagKey(key.to_owned()),
        });
    }
    Ok(())
}

fn bounded_filters(params: &Params) -> Result<Vec<Object<'_>>, Fault> {
    let filters = params.objects("Filter");
    if filters.len() > FILTERS_MAX { Err(code::INVALID_PARAMTER.fault()) } else { Ok(filters) }
}

fn condition(filter: Object<'_>, conditions: &mut Conditions) -> Result<(), Fault> {
    let (key, value) = match (filter.text("Key"), filter.text("Value")) {
        (None, None) => return Ok(()),
        (None, Some(_)) => return Err(BAD_FILTER_KEY.fault()),
        (Some(key), value) => (key, value),
    };
    let time = || value.and_then(read_time).ok_or_else(|| BAD_FILTER_VALUE.fault());
    match key {
        "CreationStartTime" => conditions.add(Filter::CreatedAt(TimeOp::Gt, time()?)),
        "CreationEndTime" => conditions.add(Filter::CreatedAt(TimeOp::Lt, time()?)),
        "NetworkType" => match value {
            Some("vpc" | "classic") => {}
            _ => return Err(BAD_NETWORK_TYPE.fault()),
        },
        "CpuOnlineUpgrade" | "CpuOnlineDowngrade" | "MemoryOnlineUpgrade" | "MemoryOnlineDowngrade" => {
            let wanted = value.and_then(words::supported_named).ok_or_else(|| BAD_FILTER_VALUE.fault())?;
            conditions.require(!wanted);
        }
        _ => return Err(BAD_FILTER_KEY.fault()),
    }
    Ok(())
}

#[cfg(test)]
mod tests;
