//! One row of the registry: what an operation is called, takes and answers, and what carries it out. Routing,
//! documentation and the coverage test all read it. Never here: any operation.

use http::Method;
use imprint_http::{BoxFuture, Response};
use imprint_service::Error;

use crate::call::Call;
use crate::error::Problem;
use crate::fault::{Code, Fault};

/// What becomes of a call: the answer, or why there is none.
pub(crate) type Outcome = Result<Response, Problem>;

/// Which part of the API an operation belongs to; a heading of the documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Family {
    /// Changing one image, listing many.
    Images,
    /// Images out of machines, disks and objects; copies; exports.
    Creation,
    /// How far those are.
    Jobs,
    /// Who else has an image.
    Members,
    /// Labels.
    Tags,
    /// The older paths, shared with another API.
    Native,
    /// What the service is and offers.
    About,
}

/// Who may call an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Everybody.
    Open,
    /// Those who prove who they are, for a project.
    Project,
}

/// What the content of a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// Read as a whole before the operation runs, within [`crate::body::JSON_BYTES_MAX`].
    Whole,
    /// Left in [`Call::stream`] for the operation to read; whatever is signed of it was checked.
    Stream,
}

/// Where a parameter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the path.
    Path,
    /// In the query.
    Query,
    /// In the body, a member of its object.
    Body,
}

/// One parameter of an operation.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(not(test), expect(dead_code, reason = "the documentation and the tests read it"))]
pub(crate) struct Parameter {
    /// Its name.
    pub(crate) name: &'static str,
    /// Where it stands.
    pub(crate) place: Place,
    /// Whether it must be given.
    pub(crate) required: bool,
    /// What it is, for people; Markdown.
    pub(crate) about: &'static str,
}

impl Parameter {
    /// In the path.
    pub(crate) const fn path(name: &'static str, about: &'static str) -> Self {
        Self { name, place: Place::Path, required: true, about }
    }

    /// In the query.
    pub(crate) const fn query(name: &'static str, about: &'static str) -> Self {
        Self { name, place: Place::Query, required: false, about }
    }

    /// A member of the body.
    pub(crate) const fn body(name: &'static str, about: &'static str) -> Self {
        Self { name, place: Place::Body, required: false, about }
    }

    /// One that must be given.
    pub(crate) const fn required(self) -> Self {
        Self { required: true, ..self }
    }
}

/// The image a path names, as most operations take it.
pub(crate) const IMAGE_ID: Parameter = Parameter::path("image_id", "The image.");

/// What carries an operation out.
pub(crate) type Run = fn(Call) -> BoxFuture<'static, Outcome>;

/// One operation.
pub(crate) struct Op {
    /// Its name, unique: `update_image`.
    pub(crate) name: &'static str,
    /// The method it answers.
    pub(crate) method: Method,
    /// Its path template.
    pub(crate) path: &'static str,
    /// Where it stands in the documentation.
    #[cfg_attr(not(test), expect(dead_code, reason = "the documentation and the tests read it"))]
    pub(crate) family: Family,
    /// One sentence for the documentation.
    #[cfg_attr(not(test), expect(dead_code, reason = "the documentation and the tests read it"))]
    pub(crate) about: &'static str,
    /// Who may call it.
    pub(crate) access: Access,
    /// How its content is read.
    pub(crate) content: Content,
    /// What it takes.
    pub(crate) parameters: &'static [Parameter],
    /// The status of success.
    pub(crate) success: u16,
    /// The codes it may answer with, beside `fault::code::COMMON` and those of authentication.
    pub(crate) codes: &'static [Code],
    /// What this operation answers to an error of the engine where the usual answer (`error.rs`) is not right.
    pub(crate) faults: fn(&Error) -> Option<Fault>,
    /// What carries it out.
    pub(crate) run: Run,
}

impl std::fmt::Debug for Op {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Op({})", self.name)
    }
}

impl Op {
    /// An operation for those who prove who they are, that succeeds with 200 and whose content is read as a whole.
    pub(crate) const fn new(
        family: Family,
        name: &'static str,
        method: Method,
        path: &'static str,
        about: &'static str,
        run: Run,
    ) -> Self {
        Self {
            name,
            method,
            path,
            family,
            about,
            access: Access::Project,
            content: Content::Whole,
            parameters: &[],
            success: 200,
            codes: &[],
            faults: |_| None,
            run,
        }
    }

    /// With these parameters.
    pub(crate) const fn parameters(mut self, parameters: &'static [Parameter]) -> Self {
        self.parameters = parameters;
        self
    }

    /// With these codes.
    pub(crate) const fn codes(mut self, codes: &'static [Code]) -> Self {
        self.codes = codes;
        self
    }

    /// With another status of success.
    pub(crate) const fn success(mut self, status: u16) -> Self {
        self.success = status;
        self
    }

    /// With answers of its own to errors of the engine.
    pub(crate) const fn faults(mut self, faults: fn(&Error) -> Option<Fault>) -> Self {
        self.faults = faults;
        self
    }

    /// For everybody.
    pub(crate) const fn open(mut self) -> Self {
        self.access = Access::Open;
        self
    }

    /// With content that the operation reads itself.
    pub(crate) const fn stream(mut self) -> Self {
        self.content = Content::Stream;
        self
    }

    /// Whether its path names a project.
    pub(crate) fn names_project(&self) -> bool {
        self.path.contains("/{project_id}/")
    }
}

/// An `async fn(Call) -> Outcome` as what carries an operation out.
macro_rules! run {
    ($handler:expr) => {
        |call| Box::pin($handler(call))
    };
}
pub(crate) use run;
