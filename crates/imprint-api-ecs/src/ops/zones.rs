//! `DescribeZones`: each region has one zone, which has everything.

use std::collections::BTreeSet;

use imprint_model::DiskCategory;
use serde_json::{Value, json};

use crate::call::Call;
use crate::instance_types;
use crate::inventory::words::zone;
use crate::op::{Effect, Op, Outcome, Parameter};
use crate::words;

/// The rows of this file.
pub(crate) const OPS: &[Op] =
    &[Op::ecs(Effect::Reads, "DescribeZones", "The zone of a region, and what can be made there.", |call| {
        Box::pin(async move { Ok(describe(&call)) as Outcome })
    })
    .parameters(&[
        Parameter::text("InstanceChargeType", "Accepted; the zone serves every kind."),
        Parameter::text("SpotStrategy", "Accepted; nothing is sold."),
        Parameter::text("Verbose", "Accepted; everything is shown in any case."),
        Parameter::text("AcceptLanguage", "Accepted; names are not translated."),
    ])];

fn describe(call: &Call) -> Value {
    let zone = zone(&call.region);
    let types: Vec<&str> = instance_types::all().iter().map(|known| known.id).collect();
    let families: BTreeSet<&str> = instance_types::all().iter().map(|known| known.family.id).collect();
    let generations: BTreeSet<&str> = instance_types::all().iter().map(|known| known.family.generation).collect();
    let categories: Vec<&str> = DiskCategory::ALL.iter().map(|&known| words::disk_category(known)).collect();
    json!({ "Zones": { "Zone": [{
        "ZoneId": zone,
        "LocalName": zone,
        "ZoneType": "AvailabilityZone",
        "AvailableInstanceTypes": { "InstanceTypes": types },
        "AvailableDiskCategories": { "DiskCategories": categories },
        "AvailableResourceCreation": { "ResourceTypes": ["VSwitch", "IoOptimized", "Instance", "Disk"] },
        "AvailableVolumeCategories": { "VolumeCategories": [] },
        "AvailableDedicatedHostTypes": { "DedicatedHostType": [] },
        "DedicatedHostGenerations": { "DedicatedHostGeneration": [] },
        "AvailableResources": { "ResourcesInfo": [{
            "IoOptimized": true,
            "InstanceTypes": { "supportedInstanceType": types },
            "InstanceTypeFamilies": { "supportedInstanceTypeFamily": families },
            "InstanceGenerations": { "supportedInstanceGeneration": generations },
            "NetworkTypes": { "supportedNetworkCategory": ["vpc"] },
            "SystemDiskCategories": { "supportedSystemDiskCategory": categories },
            "DataDiskCategories": { "supportedDataDiskCategory": categories },
        }] },
    }] } })
}
