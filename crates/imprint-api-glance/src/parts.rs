//! What the operations work with.

use imprint_http::Request;
use imprint_identity::Identity;
use imprint_service::Service;

use crate::error::Refusal;

/// The parts behind the dialect.
#[derive(Debug, Clone)]
pub(crate) struct Parts {
    /// The engine.
    pub(crate) service: Service,
    /// Who is who.
    pub(crate) identity: Identity,
    /// The URL under which clients reach this service, without a slash at the end; from the request when absent.
    pub(crate) public_url: Option<String>,
    /// The regions that are this service's own.
    pub(crate) regions: Vec<String>,
    /// Where this service can be reached from itself, as its operator set it up.
    pub(crate) own_url: Option<String>,
}

impl Parts {
    /// The URL the client reached us by, without a slash at the end.
    pub(crate) fn base_url(&self, request: &Request) -> String {
        match &self.public_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("http://{}", request.host().unwrap_or("localhost")),
        }
    }

    /// Where a client gets a token.
    pub(crate) fn identity_url(&self, request: &Request) -> String {
        match &self.identity.settings().trusted.url {
            Some(url) => url.clone(),
            None => format!("{}/identity", self.base_url(request)),
        }
    }

    /// The image service of a region: an endpoint somebody registered, or this very service for its own regions.
    pub(crate) async fn region_url(&self, region: &str, interface: &str) -> Result<Option<String>, Refusal> {
        let failed = |error: imprint_identity::Error| Refusal::from(imprint_service::Error::internal(error));
        let services = self.identity.list_services().await.map_err(failed)?;
        let endpoints = self.identity.list_endpoints().await.map_err(failed)?;
        let image: Vec<&str> = services.iter().filter(|s| s.kind == "image").map(|s| s.id.as_str()).collect();
        let registered = endpoints.iter().find(|endpoint| {
            endpoint.interface == interface
                && endpoint.region_id.as_deref() == Some(region)
                && image.contains(&endpoint.service_id.as_str())
        });
        if let Some(endpoint) = registered {
            return Ok(Some(endpoint.url.trim_end_matches('/').to_owned()));
        }
        let own = self.regions.iter().any(|known| known == region);
        let known_interface = matches!(interface, "public" | "internal" | "admin");
        // never what a request says of us: that is the client's word, and we would go and fetch from there
        Ok(self.own_url.clone().filter(|_| own && known_interface))
    }
}
