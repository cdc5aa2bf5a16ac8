//! What every operation works with.

use imprint_http::Request;
use imprint_identity::Identity;

use crate::MOUNT;

/// What an operator can set about this dialect.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Where clients reach this service, without a path: `https://images.example.org`. Not set: what each request says
    /// in its `Host` header, over plain HTTP.
    pub public_url: Option<String>,
    /// Names of the regions this service stands in; all are shown with the same address.
    pub regions: Vec<String>,
}

/// What every operation works with.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) identity: Identity,
    pub(crate) regions: Vec<String>,
    public_url: Option<String>,
}

impl Parts {
    pub(crate) fn new(identity: Identity, settings: Settings) -> Self {
        let Settings { public_url, regions } = settings;
        let public_url = public_url.map(|url| url.trim_end_matches('/').to_owned());
        Self { identity, regions, public_url }
    }

    /// Where the client reaches this service, without a path.
    pub(crate) fn root_url(&self, request: &Request) -> String {
        match &self.public_url {
            Some(url) => url.clone(),
            None => format!("http://{}", request.host().unwrap_or("localhost")),
        }
    }

    /// The unversioned address of this API.
    pub(crate) fn identity_url(&self, request: &Request) -> String {
        format!("{}{MOUNT}", self.root_url(request))
    }

    /// The address of version 3, with which all links begin.
    pub(crate) fn v3_url(&self, request: &Request) -> String {
        format!("{}{MOUNT}/v3", self.root_url(request))
    }
}
