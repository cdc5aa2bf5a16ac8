//! One call of an operation: who asks for what, on which parts. Never here: how that was found out (`auth.rs`).

use std::net::IpAddr;
use std::sync::Arc;

use imprint_identity::Signer;
use imprint_model::{Caller, Instance, InstanceId, ProjectId, Timestamp};
use imprint_service::{Ask, Error, Resource};

use crate::fault::{Code, Fault, code};
use crate::ids::WireId;
use crate::op::Op;
use crate::params::Params;
use crate::parts::Parts;

/// One call.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// The operation's row.
    pub(crate) op: &'static Op,
    /// What it works with.
    pub(crate) parts: Arc<Parts>,
    /// Who asks, as the engine sees it: always bound to one account, never with the powers of an installation's
    /// administrator, and without grants, because those were asked before.
    pub(crate) caller: Caller,
    /// Who asks, as this API sees it.
    pub(crate) who: Arc<Who>,
    /// `RegionId`, or the first region where the operation may leave it out.
    pub(crate) region: String,
    /// All parameters.
    pub(crate) params: Params,
    /// Dry run and token; hand it to the engine's verb with every change.
    pub(crate) ask: Ask,
    /// When the request came.
    pub(crate) now: Timestamp,
    /// The host the client called, as it named it.
    pub(crate) host: String,
}

/// Who asks, as this API sees it.
#[derive(Debug, Clone)]
pub(crate) struct Who {
    /// The account's number.
    pub(crate) account: String,
    /// Whose key signed.
    pub(crate) signer: Signer,
    /// Where the request came from.
    pub(crate) source: IpAddr,
}

impl Call {
    /// The account, as the engine names it.
    ///
    /// # Errors
    /// `Forbidden.Unauthorized` for one who acts for none, which a key never does.
    pub(crate) fn account_id(&self) -> Result<ProjectId, Fault> {
        self.caller.project.clone().ok_or_else(|| code::FORBIDDEN.fault())
    }

    /// The thing that a required parameter names, or `unknown` for a text that is no id of this kind.
    ///
    /// # Errors
    /// `MissingParameter`, or `unknown`.
    pub(crate) fn id<I: WireId>(&self, name: &str, unknown: Code) -> Result<I, Fault> {
        I::read(self.params.need(name)?).ok_or_else(|| unknown.fault())
    }

    /// Refuses a machine of another region than the call's, as one that is not there. One that is nowhere is left to the
    /// engine, which may have answered the request before.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub(crate) async fn require_here(&self, id: InstanceId) -> Result<Option<Instance>, Error> {
        match self.parts.service.show_instance(&self.caller, id).await {
            Ok(machine) if machine.region == self.region => Ok(Some(machine)),
            Ok(_) => Err(Error::NotFound(Resource::Instance(id.to_string()))),
            Err(Error::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A resource for access rules, by a parameter: `image/m-1`, or `image/*` when the parameter is absent.
    pub(crate) fn resource(&self, kind: &str, parameter: &str) -> String {
        format!("{kind}/{}", self.params.text(parameter).unwrap_or("*"))
    }
}
