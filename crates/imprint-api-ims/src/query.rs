//! The parameters of a list of images as a question to the engine. Whatever a parameter compares with is what an image
//! shows under that name: where the catalogue cannot tell that from what it stores, it leaves out what it can, and the
//! rest is looked at here. Never here: how a page is written.

mod derived;
mod page;

use imprint_model::{
    Architecture, ContainerFormat, Direction, DiskFormat, FactKey, Filter, ImageId, MemberStatus, Number, ProjectId,
    SortKey, Status, TimeOp, Timestamp, Visibility,
};

use crate::attributes::{self, Absent, Named, Place};
use crate::fault::{Code, Fault, code, img};
use crate::words;
use derived::Check;

pub(crate) use page::write_images;

/// Images on a page of this API's own list when the client does not say.
pub(crate) const LIMIT_DEFAULT: u32 = 500;
/// Most images on a page.
pub(crate) const LIMIT_MAX: u32 = 1_000;
/// Most conditions of one question: each costs the database work.
const CONDITIONS_MAX: usize = 200;
/// Longest value of a condition, bytes.
const VALUE_BYTES_MAX: usize = 4_096;

/// A type of image that is none.
pub(crate) const BAD_TYPE: Code = img("IMG.0024");
/// A processor that is none.
pub(crate) const BAD_ARCHITECTURE: Code = img("IMG.0212");
/// A flavor that is none.
pub(crate) const BAD_FLAVOR: Code = img("IMG.0192");

/// Who asks, and where.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asker<'a> {
    /// The project that asks.
    pub(crate) project: &'a ProjectId,
    /// The region that is asked.
    pub(crate) region: &'a str,
}

/// A list that is wanted.
#[derive(Debug)]
pub(crate) struct Question {
    /// Most images on the page.
    pub(crate) limit: u32,
    after: Option<ImageId>,
    filters: Vec<Filter>,
    checks: Vec<Check>,
    member_statuses: Vec<MemberStatus>,
    sort: Vec<(SortKey, Direction)>,
    /// Whether no image can be in it.
    impossible: bool,
}

impl Question {
    /// A list of the asker's own images in its region that meet these conditions, newest first.
    pub(crate) fn own(asker: Asker<'_>, mut filters: Vec<Filter>) -> Self {
        filters.push(Filter::Owner(asker.project.clone()));
        filters.push(Filter::Region(asker.region.to_owned()));
        Self {
            limit: LIMIT_MAX,
            after: None,
            filters,
            checks: Vec::new(),
            member_statuses: Vec::new(),
            sort: vec![(SortKey::CreatedAt, Direction::Descending)],
            impossible: false,
        }
    }
}

/// Reads the parameters; `limit` is how many images a page has when they do not say, and `others` are names that are no
/// conditions to whoever asks.
///
/// # Errors
/// `IMG.0001`, `IMG.0024`, `IMG.0212`, `IMG.0192`.
pub(crate) fn read(
    params: &[(String, String)],
    asker: Asker<'_>,
    limit: u32,
    others: &[&str],
) -> Result<Question, Fault> {
    let mut reader = Reader::new(asker, limit);
    if params.len() > CONDITIONS_MAX {
        return Err(bad("there are too many parameters"));
    }
    for (name, value) in params.iter().filter(|(name, _)| !others.contains(&name.as_str())) {
        if value.len() > VALUE_BYTES_MAX {
            return Err(bad_value(name));
        }
        reader.take(name, value)?;
    }
    reader.finish()
}

/// `IMG.0001` with a reason.
fn bad(why: &str) -> Fault {
    code::BAD_BODY.with_message(format!("The request message format is invalid: {why}."))
}

fn bad_value(name: &str) -> Fault {
    let shown: String = name.chars().take(64).collect();
    bad(&format!("{shown} has no value that it may have"))
}

/// What has been read so far.
struct Reader<'a> {
    asker: Asker<'a>,
    question: Question,
    keys: Vec<SortKey>,
    direction: Direction,
    answered: Option<Vec<MemberStatus>>,
    shared: bool,
    by_id: bool,
}

impl<'a> Reader<'a> {
    fn new(asker: Asker<'a>, limit: u32) -> Self {
        let question = Question {
            limit,
            after: None,
            filters: Vec::new(),
            checks: Vec::new(),
            member_statuses: vec![MemberStatus::Accepted],
            sort: Vec::new(),
            impossible: false,
        };
        let direction = Direction::Descending;
        Self { asker, question, keys: Vec::new(), direction, answered: None, shared: false, by_id: false }
    }

    fn take(&mut self, name: &str, value: &str) -> Result<(), Fault> {
        match name {
            "limit" => {
                let limit: u64 = value.trim().parse().map_err(|_| bad_value(name))?;
                self.question.limit = u32::try_from(limit).unwrap_or(LIMIT_MAX).min(LIMIT_MAX);
            }
            "marker" => self.question.after = Some(value.trim().parse().map_err(|_| bad_value(name))?),
            "sort_key" => self.keys.push(value.trim().parse().map_err(|_| bad_value(name))?),
            "sort_dir" => {
                self.direction = match value.trim() {
                    "" | "desc" => Direction::Descending,
                    "asc" => Direction::Ascending,
                    _ => return Err(bad_value(name)),
                };
            }
            "member_status" => self.take_answers(value)?,
            "__imagetype" => match value {
                "gold" => self.add(Filter::Visibility(Visibility::Public)),
                "private" | "shared" => self.take_reach(value == "shared"),
                "market" => self.question.impossible = true,
                _ => return Err(BAD_TYPE.fault()),
            },
            "visibility" => match value {
                "public" => self.add(Filter::Visibility(Visibility::Public)),
                "private" | "shared" => self.take_reach(value == "shared"),
                _ => return Err(bad_value(name)),
            },
            _ => self.take_condition(name, value)?,
        }
        Ok(())
    }

    fn add(&mut self, filter: Filter) {
        self.question.filters.push(filter);
    }

    fn never(&mut self) {
        self.question.impossible = true;
    }

    /// Adds what makes an image show this value, which follows from several of its fields.
    fn derive(&mut self, (filter, check): (Option<Filter>, Check)) {
        self.question.filters.extend(filter);
        self.question.checks.push(check);
    }

    /// Images that single accounts have been given, or those of the asker's own that nobody has. See [`words::reach`].
    fn take_reach(&mut self, shared: bool) {
        self.shared |= shared;
        if shared {
            self.add(Filter::Given(true));
        } else {
            self.add(Filter::Owner(self.asker.project.clone()));
            self.add(Filter::Not(Box::new(Filter::Visibility(Visibility::Public))));
            self.add(Filter::Given(false));
        }
    }

    fn take_answers(&mut self, value: &str) -> Result<(), Fault> {
        if value == "all" {
            self.question.member_statuses = MemberStatus::ALL.to_vec();
        } else {
            let status = value.parse().map_err(|_| bad_value("member_status"))?;
            self.answered = Some(vec![status]);
        }
        Ok(())
    }

    fn take_condition(&mut self, name: &str, value: &str) -> Result<(), Fault> {
        match name {
            "id" => {
                self.by_id = true;
                match value.parse() {
                    Ok(id) => self.add(Filter::Ids(vec![id])),
                    Err(_) => self.never(),
                }
            }
            "name" => self.add(named(value)),
            "owner" => self.add(Filter::Owner(value.into())),
            "status" => match words::statuses_named(value) {
                statuses if statuses.is_empty() => self.never(),
                statuses => self.add(Filter::Statuses(statuses)),
            },
            "protected" => self.add(Filter::Protected(truth(name, value)?)),
            "deleted" => self.question.impossible |= truth(name, value)?,
            "__isregistered" => self.question.impossible |= !truth(name, value)?,
            "__whole_image" => {
                let whole = Filter::Property(name.to_owned(), "true".to_owned());
                self.add(if truth(name, value)? { whole } else { Filter::Not(Box::new(whole)) });
            }
            "container_format" => self.take_container_format(value),
            "disk_format" => self.take_disk_format(value),
            "min_ram" => {
                let number = number(name, value)?;
                self.add(Filter::Between(Number::MinRamMib, Some(number), Some(number)));
            }
            "min_disk" => match derived::min_disk(number(name, value)?) {
                Some(filter) => self.add(filter),
                None => self.never(),
            },
            "tag" => self.add(Filter::Tag(value.trim().to_owned())),
            "created_at" => self.add(time(name, value).map(|(op, at)| Filter::CreatedAt(op, at))?),
            "updated_at" => self.add(time(name, value).map(|(op, at)| Filter::UpdatedAt(op, at))?),
            "architecture" => match value.to_ascii_lowercase().as_str() {
                "arm" => self.add(arm()),
                "x86" => self.add(Filter::Not(Box::new(arm()))),
                _ => return Err(BAD_ARCHITECTURE.fault()),
            },
            "flavor_id" => self.take_flavor(value)?,
            "enterprise_project_id" => match value {
                "all_granted_eps" => {}
                "0" => self.add(Filter::ResourceGroups(vec![None])),
                "" => self.never(),
                group => self.add(Filter::ResourceGroups(vec![Some(group.to_owned())])),
            },
            "__support_arm" if value == "true" => self.add(arm()),
            "__os_bit" => self.derive(derived::bits(value)),
            "__os_type" => self.derive(derived::kind(value)),
            "__platform" => self.derive(derived::platform(value)),
            "virtual_env_type" => self.derive(derived::environment(value)),
            _ => self.take_other(name, value)?,
        }
        Ok(())
    }

    /// What no image says of itself is shown as the usual value.
    fn take_container_format(&mut self, value: &str) {
        match value.parse() {
            Ok(ContainerFormat::Bare) => {
                let others = ContainerFormat::ALL.iter().copied().filter(|&format| format != ContainerFormat::Bare);
                self.add(Filter::Not(Box::new(Filter::ContainerFormats(others.collect()))));
            }
            Ok(format) => self.add(Filter::ContainerFormats(vec![format])),
            Err(_) => self.never(),
        }
    }

    fn take_disk_format(&mut self, value: &str) {
        match value.parse() {
            Ok(DiskFormat::Vhd) => {
                let others = DiskFormat::ALL.iter().copied().filter(|&format| format != DiskFormat::Vhd);
                self.add(Filter::Not(Box::new(Filter::DiskFormats(others.collect()))));
            }
            Ok(format) => self.add(Filter::DiskFormats(vec![format])),
            Err(_) => self.never(),
        }
    }

    /// Public images that a server of this flavor boots: those for its processor. Names of flavors begin with their
    /// family, and families for ARM with `k`.
    fn take_flavor(&mut self, value: &str) -> Result<(), Fault> {
        let good =
            |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !value.contains('.') || !value.split('.').all(good) {
            return Err(BAD_FLAVOR.fault());
        }
        self.add(Filter::Visibility(Visibility::Public));
        self.add(if value.starts_with('k') { arm() } else { Filter::Not(Box::new(arm())) });
        Ok(())
    }

    /// Any other attribute, by the table of them; what is not in it is a property that somebody may have set.
    fn take_other(&mut self, name: &str, value: &str) -> Result<(), Fault> {
        match attributes::look_up(name) {
            Named::Known(attribute) => {
                let usual = matches!(attribute.absent, Absent::Text(usual) if usual == value);
                if attribute.place == Place::Property && !usual {
                    self.add(Filter::Property(name.to_owned(), value.to_owned()));
                }
                self.question.checks.push(Check::Shown(name.to_owned(), value.to_owned()));
            }
            Named::Extension | Named::Kept => self.add(Filter::Property(name.to_owned(), value.to_owned())),
            Named::Malformed => return Err(bad_value(name)),
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Question, Fault> {
        if let Some(answered) = self.answered.take() {
            self.question.member_statuses = answered;
            if self.shared {
                // nobody answers its own offers
                self.add(Filter::NotOwner(self.asker.project.clone()));
            }
        }
        if !self.by_id {
            // asked for by its id, an image is shown wherever it is
            self.add(Filter::Region(self.asker.region.to_owned()));
            let own = Filter::Owner(self.asker.project.clone());
            self.add(Filter::Any(vec![Filter::Hidden(false), own]));
        }
        let keys = if self.keys.is_empty() { vec![SortKey::CreatedAt] } else { self.keys };
        self.question.sort = keys.into_iter().map(|key| (key, self.direction)).collect();
        Ok(self.question)
    }
}

/// Images of this name; those without one are shown with an empty one.
pub(crate) fn named(name: &str) -> Filter {
    let exact = Filter::Names(vec![name.to_owned()]);
    if name.is_empty() {
        let any_name = Filter::NameLike("*".to_owned());
        return Filter::Any(vec![exact, Filter::Not(Box::new(any_name))]);
    }
    exact
}

fn arm() -> Filter {
    Filter::FactAmong(FactKey::Architecture, vec![Some(Architecture::Arm64.as_str().to_owned())])
}

/// A truth, in whatever case: clients write their language's.
fn truth(name: &str, value: &str) -> Result<bool, Fault> {
    match value.trim() {
        text if text.eq_ignore_ascii_case("true") => Ok(true),
        text if text.eq_ignore_ascii_case("false") => Ok(false),
        _ => Err(bad_value(name)),
    }
}

fn number(name: &str, value: &str) -> Result<u64, Fault> {
    let number = value.trim().parse::<u64>().ok().filter(|&number| i64::try_from(number).is_ok());
    number.ok_or_else(|| bad_value(name))
}

/// `gte:2018-10-28T10:00:00Z`; without an operator that very second; a blank may stand for the `T`.
fn time(name: &str, value: &str) -> Result<(TimeOp, Timestamp), Fault> {
    const OPS: [(&str, TimeOp); 6] = [
        ("gt", TimeOp::Gt),
        ("gte", TimeOp::Gte),
        ("lt", TimeOp::Lt),
        ("lte", TimeOp::Lte),
        ("eq", TimeOp::Eq),
        ("neq", TimeOp::Neq),
    ];
    let known = value.split_once(':').and_then(|(word, rest)| {
        let (_, op) = OPS.iter().find(|(known, _)| *known == word.trim())?;
        Some((*op, rest))
    });
    let (op, text) = known.unwrap_or((TimeOp::Eq, value));
    let at = Timestamp::parse_iso8601(&text.trim().replacen(' ', "T", 1)).ok_or_else(|| bad_value(name))?;
    Ok((op, at))
}

/// Whether a status is that of an image that something is still being made of.
pub(crate) fn is_in_creation(status: Status) -> bool {
    matches!(status, Status::Saving | Status::Importing)
}
