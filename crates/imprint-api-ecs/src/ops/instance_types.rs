//! `DescribeInstanceTypes`: the sizes machines come in.

use serde_json::{Value, json};

use crate::call::Call;
use crate::fault::{Code, Fault};
use crate::instance_types::{self, InstanceType, Processor};
use crate::op::{Effect, Kind, Op, Outcome, Parameter, Region};
use crate::params::{Params, invalid};

/// The rows of this file.
pub(crate) const OPS: &[Op] =
    &[Op::ecs(Effect::Reads, "DescribeInstanceTypes", "The sizes machines come in.", |call| {
        Box::pin(async move { describe(&call) })
    })
    .region(Region::Ignored)
    .parameters(&[
        Parameter::text("InstanceTypes.N", "Only these; unknown ones are left out."),
        Parameter::text("InstanceTypeFamily", "Only those of this family."),
        Parameter::text("InstanceTypeFamilies.N", "Only those of these families."),
        Parameter::text("CpuArchitecture", "Only those with this processor: `X86`, `ARM`."),
        Parameter::text(
            "NvmeSupport",
            "Only those whose disks are NVMe devices: `required`, `supported`, `unsupported`.",
        ),
        Parameter::of("MinimumCpuCoreCount", Kind::Number, "Only those with at least so many processors."),
        Parameter::of("MaximumCpuCoreCount", Kind::Number, "Only those with at most so many processors."),
        Parameter::text("MinimumMemorySize", "Only those with at least so much memory, GiB."),
        Parameter::text("MaximumMemorySize", "Only those with at most so much memory, GiB."),
        Parameter::of("MaxResults", Kind::Number, "Entries of a page, 1 to 1600."),
        Parameter::text("NextToken", "Where the page before ended."),
    ])
    .codes(&[BAD_TOKEN, BAD_MAX_RESULTS])];

/// A token that no page ended with.
const BAD_TOKEN: Code = Code::new(400, "InvalidNextToken.Malformed", "The specified parameter NextToken is not valid.");
const BAD_MAX_RESULTS: Code =
    Code::new(400, "InvalidParameter.MaxResults", "The specified parameter MaxResults is not valid.");
/// Most entries of a page, which are more than there are.
const RESULTS_MAX: u32 = 1600;

/// What a list asks for.
struct Wanted<'a> {
    types: Vec<&'a str>,
    families: Vec<&'a str>,
    processor: Option<Processor>,
    nvme: Option<&'a str>,
    cpus: (Option<u32>, Option<u32>),
    memory_gib: (Option<f64>, Option<f64>),
}

fn describe(call: &Call) -> Outcome {
    let wanted = Wanted::read(&call.params)?;
    let most = call.params.within("MaxResults", 1..=RESULTS_MAX, BAD_MAX_RESULTS)?.unwrap_or(RESULTS_MAX);
    let mut rest = instance_types::all();
    if let Some(last) = call.params.text("NextToken") {
        let place = rest.iter().position(|known| known.id == last).ok_or_else(|| BAD_TOKEN.fault())?;
        rest = &rest[place + 1..];
    }
    let mut found = rest.iter().filter(|known| wanted.includes(known));
    let page: Vec<&InstanceType> = found.by_ref().take(most as usize).collect();
    let next = found.next().and_then(|_| page.last()).map(|last| last.id).unwrap_or_default();
    let shown: Vec<Value> = page.into_iter().map(view).collect();
    Ok(json!({ "InstanceTypes": { "InstanceType": shown }, "NextToken": next }))
}

impl<'a> Wanted<'a> {
    fn read(params: &'a Params) -> Result<Self, Fault> {
        let mut families = params.list("InstanceTypeFamilies");
        families.extend(params.text("InstanceTypeFamily"));
        let processor = match params.text("CpuArchitecture") {
            None => None,
            Some("X86") => Some(Processor::X86),
            Some("ARM") => Some(Processor::Arm),
            Some(_) => return Err(invalid("CpuArchitecture")),
        };
        let nvme = params.text("NvmeSupport");
        if nvme.is_some_and(|word| !["required", "supported", "unsupported"].contains(&word)) {
            return Err(invalid("NvmeSupport"));
        }
        Ok(Self {
            types: params.list("InstanceTypes"),
            families,
            processor,
            nvme,
            cpus: (params.number("MinimumCpuCoreCount")?, params.number("MaximumCpuCoreCount")?),
            memory_gib: (memory(params, "MinimumMemorySize")?, memory(params, "MaximumMemorySize")?),
        })
    }

    fn includes(&self, found: &InstanceType) -> bool {
        let memory = found.memory_gib();
        (self.types.is_empty() || self.types.contains(&found.id))
            && (self.families.is_empty() || self.families.contains(&found.family.id))
            && self.processor.is_none_or(|wanted| wanted == found.family.processor)
            && self.nvme.is_none_or(|wanted| wanted == found.family.nvme.word())
            && self.cpus.0.is_none_or(|least| found.cpus >= least)
            && self.cpus.1.is_none_or(|most| found.cpus <= most)
            && self.memory_gib.0.is_none_or(|least| memory >= least)
            && self.memory_gib.1.is_none_or(|most| memory <= most)
    }
}

/// Memory is counted in parts of a GiB too.
fn memory(params: &Params, name: &str) -> Result<Option<f64>, Fault> {
    let Some(text) = params.text(name) else { return Ok(None) };
    match text.parse::<f64>() {
        Ok(gib) if gib.is_finite() && gib >= 0.0 => Ok(Some(gib)),
        _ => Err(invalid(name)),
    }
}

fn view(found: &InstanceType) -> Value {
    let processor = match found.family.processor {
        Processor::X86 => "X86",
        Processor::Arm => "ARM",
    };
    json!({
        "InstanceTypeId": found.id,
        "InstanceTypeFamily": found.family.id,
        "InstanceFamilyLevel": found.family.level,
        "InstanceCategory": found.family.category,
        "CpuCoreCount": found.cpus,
        "MemorySize": found.memory_gib(),
        "CpuArchitecture": processor,
        "NvmeSupport": found.family.nvme.word(),
        "SupportedBootModes": { "SupportedBootMode": found.boot_modes() },
        "DiskQuantity": imprint_model::DATA_DISKS_MAX + 1,
        "LocalStorageAmount": 0,
        "LocalStorageCapacity": 0,
        "LocalStorageCategory": "",
        "GPUAmount": 0,
        "GPUSpec": "",
        "EniQuantity": 1,
        "EniTotalQuantity": 1,
        "EniPrivateIpAddressQuantity": 1,
        "EniIpv6AddressQuantity": 1,
    })
}
