//! The service list: what this installation offers itself, and what an operator has stored.

use imprint_http::Request;
use imprint_identity::{Endpoint, Region, Service};
use serde_json::{Value, json};

use crate::MOUNT;
use crate::error::Refusal;
use crate::parts::Parts;

const INTERFACES: [&str; 3] = ["public", "internal", "admin"];

/// Services with an address each: what this installation offers. Their order gives their ids.
const BUILT_IN: [(&str, &str, &str); 2] = [("identity", "keystone", MOUNT), ("image", "imprint", "")];

/// Everything in the list.
pub(crate) struct ServiceList {
    pub(crate) regions: Vec<Region>,
    pub(crate) services: Vec<Service>,
    pub(crate) endpoints: Vec<Endpoint>,
}

/// Whether a thing is of this installation itself and thus nothing that can be changed. Stored ids are random.
pub(crate) fn is_built_in(id: &str) -> bool {
    id.starts_with("00000000000000")
}

impl ServiceList {
    pub(crate) async fn load(parts: &Parts, request: &Request) -> Result<Self, Refusal> {
        let root = parts.root_url(request);
        let mut list = Self { regions: Vec::new(), services: Vec::new(), endpoints: Vec::new() };
        for id in &parts.regions {
            list.regions.push(Region { id: id.clone(), description: String::new(), parent_region_id: None });
        }
        for (place, (kind, name, path)) in BUILT_IN.into_iter().enumerate() {
            list.add_built_in(place + 1, (kind, name), &format!("{root}{path}"), &parts.regions);
        }
        let known = |regions: &[Region], id: &str| regions.iter().any(|region| region.id == id);
        for region in parts.identity.list_regions().await? {
            if !known(&list.regions, &region.id) {
                list.regions.push(region);
            }
        }
        list.services.extend(parts.identity.list_services().await?);
        list.endpoints.extend(parts.identity.list_endpoints().await?);
        Ok(list)
    }

    fn add_built_in(&mut self, number: usize, (kind, name): (&str, &str), url: &str, regions: &[String]) {
        let service_id = format!("{number:032x}");
        for (place, region) in regions.iter().enumerate() {
            for (way, interface) in INTERFACES.into_iter().enumerate() {
                self.endpoints.push(Endpoint {
                    id: format!("{:032x}", (number << 24) + (place << 8) + way),
                    service_id: service_id.clone(),
                    interface: interface.to_owned(),
                    region_id: Some(region.clone()),
                    url: url.to_owned(),
                    enabled: true,
                });
            }
        }
        self.services.push(Service {
            id: service_id,
            kind: kind.to_owned(),
            name: name.to_owned(),
            description: String::new(),
            enabled: true,
        });
    }

    /// The form that goes with a token.
    pub(crate) fn to_catalog(&self) -> Value {
        let services = self.services.iter().filter(|service| service.enabled).map(|service| {
            let endpoints: Vec<_> = self
                .endpoints
                .iter()
                .filter(|endpoint| endpoint.enabled && endpoint.service_id == service.id)
                .map(|endpoint| {
                    json!({
                        "id": endpoint.id,
                        "interface": endpoint.interface,
                        "region": endpoint.region_id,
                        "region_id": endpoint.region_id,
                        "url": endpoint.url,
                    })
                })
                .collect();
            json!({"id": service.id, "type": service.kind, "name": service.name, "endpoints": endpoints})
        });
        services.collect()
    }
}
