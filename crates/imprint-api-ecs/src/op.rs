//! One row of the registry: what an operation is called, takes and answers, and what carries it out. Dispatch,
//! documentation and the coverage test all read it. Never here: any operation.

use imprint_http::BoxFuture;
use imprint_service::Error;
use serde_json::Value;

use crate::call::Call;
use crate::error::Problem;
use crate::fault::{Code, Fault, code};

/// What becomes of a call: the answer's members without `RequestId`, or why there is none.
pub(crate) type Outcome = Result<Value, Problem>;

/// Which of the provider's services an operation belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Api {
    /// Images and what they are made of and for.
    Ecs,
    /// Temporary credentials.
    Sts,
    /// Users of an account and what they may do.
    Ram,
    /// Groups that an account sorts its things into.
    Groups,
}

impl Api {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Ecs, Self::Sts, Self::Ram, Self::Groups];

    /// The value of `Version`.
    pub(crate) fn version(self) -> &'static str {
        match self {
            Self::Ecs => "2014-05-26",
            Self::Sts => "2015-04-01",
            Self::Ram => "2015-05-01",
            Self::Groups => "2020-03-31",
        }
    }

    /// The word in access rules: `ecs:CreateImage`.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Ecs => "ecs",
            Self::Sts => "sts",
            Self::Ram => "ram",
            Self::Groups => "resourcemanager",
        }
    }
}

/// Whether an operation may change anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It only looks. A dry run of it is answered here, after it ran.
    Reads,
    /// It changes something, unless [`Call::ask`] says not to.
    Changes,
}

/// How `RegionId` is treated before the operation runs.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Region {
    /// It must be given and known; the codes say otherwise.
    Required {
        /// When it is not given; `%s` is filled with its name.
        missing: Code,
        /// When there is none of this name.
        unknown: Code,
    },
    /// The same, and it may be another installation.
    OrElsewhere {
        /// When it is not given; `%s` is filled with its name.
        missing: Code,
        /// When there is none of this name.
        unknown: Code,
    },
    /// It must be known when given; otherwise it is the first one.
    Optional {
        /// When there is none of this name.
        unknown: Code,
    },
    /// It is not looked at.
    Ignored,
}

impl Region {
    /// The usual codes, and it must be given.
    pub(crate) const REQUIRED: Self =
        Self::Required { missing: code::MISSING_PARAMETER, unknown: code::REGION_NOT_FOUND };
}

/// The type of a parameter, for the documentation and for the tests that try wrong ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Any text.
    Text,
    /// `true` or `false`.
    Truth,
    /// A whole number.
    Number,
    /// A time.
    Time,
    /// One JSON array of texts.
    JsonList,
    /// A list with commas.
    CommaList,
}

/// One parameter of an operation. `N` in its name stands for a number: `Tag.N.Key`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parameter {
    /// Its name.
    pub(crate) name: &'static str,
    /// Its type.
    #[cfg_attr(not(test), expect(dead_code, reason = "the documentation and the tests read it"))]
    pub(crate) kind: Kind,
    /// Whether it must be given; checked before the operation runs, with `missing`.
    pub(crate) missing: Option<Code>,
    /// What it is, for people; Markdown.
    #[cfg_attr(not(test), expect(dead_code, reason = "the documentation and the tests read it"))]
    pub(crate) about: &'static str,
}

impl Parameter {
    /// A text.
    pub(crate) const fn text(name: &'static str, about: &'static str) -> Self {
        Self { name, kind: Kind::Text, missing: None, about }
    }

    /// Of another type.
    pub(crate) const fn of(name: &'static str, kind: Kind, about: &'static str) -> Self {
        Self { name, kind, missing: None, about }
    }

    /// Whether its name has a number in it: `Tag.N.Key`.
    pub(crate) fn is_numbered(&self) -> bool {
        self.name.split('.').any(|part| part == "N")
    }

    /// That must be given: absent or empty is `MissingParameter`. Checked for plain names, not for those with `N`.
    pub(crate) const fn required(self) -> Self {
        self.required_or(code::MISSING_PARAMETER)
    }

    /// That must be given, with the operation's own code; `%s` is filled with its name.
    pub(crate) const fn required_or(self, missing: Code) -> Self {
        Self { missing: Some(missing), ..self }
    }
}

/// `Tag.N.Key`, as most operations take it.
pub(crate) const TAG_KEY: Parameter =
    Parameter::text("Tag.N.Key", "A tag's key, without `=`; `Tag.N.key` is an alias.");
/// `Tag.N.Value`, as most operations take it.
pub(crate) const TAG_VALUE: Parameter = Parameter::text("Tag.N.Value", "Its value; `Tag.N.value` is an alias.");
/// `PageNumber`, as most operations take it.
pub(crate) const PAGE_NUMBER: Parameter = Parameter::of("PageNumber", Kind::Number, "Which page, from 1.");
/// `PageSize`, as most operations take it.
pub(crate) const PAGE_SIZE: Parameter = Parameter::of("PageSize", Kind::Number, "Entries of a page.");

/// What carries an operation out.
pub(crate) type Run = fn(Call) -> BoxFuture<'static, Outcome>;

/// One operation.
pub(crate) struct Op {
    /// The value of `Action`.
    pub(crate) name: &'static str,
    /// Which service it belongs to.
    pub(crate) api: Api,
    /// Whether it changes anything.
    pub(crate) effect: Effect,
    /// One sentence for the documentation.
    #[cfg_attr(not(test), expect(dead_code, reason = "the documentation and the tests read it"))]
    pub(crate) about: &'static str,
    /// Its own parameters. `RegionId`, `ClientToken` and `DryRun` follow from the other members.
    pub(crate) parameters: &'static [Parameter],
    /// The codes it may answer with, beside `fault::code::COMMON` and those of authentication.
    #[cfg_attr(not(test), expect(dead_code, reason = "the documentation and the tests read it"))]
    pub(crate) codes: &'static [Code],
    /// The codes the API's table lists that are never answered here, and why; for the documentation.
    #[cfg_attr(not(test), expect(dead_code, reason = "the documentation and the tests read it"))]
    pub(crate) impossible: &'static [(Code, &'static str)],
    /// How `RegionId` is treated.
    pub(crate) region: Region,
    /// The code for a `ClientToken` that was used for another request; none when the operation takes no token.
    pub(crate) token: Option<Code>,
    /// The resources that access rules are asked about, without their account's part: `image/m-1`, `image/*`, `*`.
    /// All must be permitted; naming none is as good as naming all of them.
    pub(crate) resources: fn(&Call) -> Vec<String>,
    /// Whether a call is nobody's business but the caller's, so that access rules are not asked.
    pub(crate) exempt: fn(&Call) -> bool,
    /// What this operation answers to an error of the engine where the usual answer (`error.rs`) is not right.
    pub(crate) faults: fn(&Error) -> Option<Fault>,
    /// What carries it out.
    pub(crate) run: Run,
}

impl std::fmt::Debug for Op {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Op({}:{})", self.api.word(), self.name)
    }
}

impl Op {
    /// An operation on images and their surroundings; `RegionId` must be given.
    pub(crate) const fn ecs(effect: Effect, name: &'static str, about: &'static str, run: Run) -> Self {
        Self::new(Api::Ecs, effect, name, about, run).region(Region::REQUIRED)
    }

    /// An operation of any of the services; `RegionId` is not looked at.
    pub(crate) const fn new(api: Api, effect: Effect, name: &'static str, about: &'static str, run: Run) -> Self {
        Self {
            name,
            api,
            effect,
            about,
            parameters: &[],
            codes: &[],
            impossible: &[],
            region: Region::Ignored,
            token: None,
            resources: |_| Vec::new(),
            exempt: |_| false,
            faults: |_| None,
            run,
        }
    }

    /// With these parameters.
    pub(crate) const fn parameters(self, parameters: &'static [Parameter]) -> Self {
        Self { parameters, ..self }
    }

    /// With these codes.
    pub(crate) const fn codes(self, codes: &'static [Code]) -> Self {
        Self { codes, ..self }
    }

    /// With codes of the API's table that are never answered here, each with the reason.
    pub(crate) const fn impossible(self, impossible: &'static [(Code, &'static str)]) -> Self {
        Self { impossible, ..self }
    }

    /// With another treatment of `RegionId`.
    pub(crate) const fn region(self, region: Region) -> Self {
        Self { region, ..self }
    }

    /// Taking a `ClientToken`; `mismatch` is the answer when it was used for another request.
    pub(crate) const fn token(self, mismatch: Code) -> Self {
        Self { token: Some(mismatch), ..self }
    }

    /// About these resources.
    pub(crate) const fn resources(self, resources: fn(&Call) -> Vec<String>) -> Self {
        Self { resources, ..self }
    }

    /// Without asking access rules about such calls.
    pub(crate) const fn exempt(self, exempt: fn(&Call) -> bool) -> Self {
        Self { exempt, ..self }
    }

    /// With answers of its own to errors of the engine.
    pub(crate) const fn faults(self, faults: fn(&Error) -> Option<Fault>) -> Self {
        Self { faults, ..self }
    }

    /// The codes that follow from the row's other members.
    #[cfg(test)]
    pub(crate) fn common_codes(&self) -> Vec<Code> {
        let mut codes = vec![if self.api == Api::Ecs { code::DRY_RUN } else { crate::access::NO_PERMISSION }];
        match self.region {
            Region::Required { missing, unknown } | Region::OrElsewhere { missing, unknown } => {
                codes.extend([missing, unknown]);
            }
            Region::Optional { unknown } => codes.push(unknown),
            Region::Ignored => {}
        }
        if let Some(mismatch) = self.token {
            codes.extend([mismatch, code::BAD_CLIENT_TOKEN]);
        }
        codes.extend(self.parameters.iter().filter_map(|parameter| parameter.missing));
        codes
    }

    /// The word in access rules: `ecs:CreateImage`.
    pub(crate) fn action(&self) -> String {
        format!("{}:{}", self.api.word(), self.name)
    }
}
