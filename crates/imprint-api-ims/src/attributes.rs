//! What an image's attributes are in this API: one table that says of each its type on the wire, its values, who may set
//! it, where it lives in the model, and how it is shown when there is nothing to show. Showing (`view.rs`), patching and
//! filtering read it. Never here: what an attribute means.

/// The JSON type on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire {
    /// A string, also for `"true"` and for digits.
    Text,
    /// A number without a fraction.
    Number,
    /// `true` or `false`.
    Truth,
    /// An array of strings.
    Texts,
}

/// Which values there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Values {
    /// Any, within the bounds of its type.
    Any,
    /// `true` and no other: what is not so is absent.
    OnlyTrue,
    /// `true` or `false`.
    TrueOrFalse,
    /// `bios` or `uefi`.
    Firmware,
    /// Mebibytes, from 0; as a number or as digits.
    Memory,
    /// A name by this API's rules.
    Name,
    /// A description by this API's rules.
    Description,
    /// `0`, or the id of a group.
    Group,
}

/// Who sets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Setter {
    /// Whoever updates the image.
    Patch,
    /// Whoever makes the image, or changes it by the older paths.
    Older,
    /// Whatever makes the image.
    Creation,
    /// The service alone.
    Service,
}

/// Where it lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// A field of the image's record, or follows from some.
    Record,
    /// One of the image's facts, so that all dialects see it.
    Fact,
    /// A property of this very name.
    Property,
}

/// What is shown when there is nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Absent {
    /// Nothing, not even the name.
    Omitted,
    /// `null`.
    Null,
    /// This text.
    Text(&'static str),
    /// There is always something.
    Never,
}

/// One attribute.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attribute {
    /// Its name.
    pub(crate) name: &'static str,
    /// Its type.
    pub(crate) wire: Wire,
    /// Its values.
    pub(crate) values: Values,
    /// Who sets it.
    pub(crate) setter: Setter,
    /// Where it lives.
    pub(crate) place: Place,
    /// What is shown when there is nothing.
    pub(crate) absent: Absent,
}

const fn row(
    name: &'static str,
    wire: Wire,
    values: Values,
    setter: Setter,
    place: Place,
    absent: Absent,
) -> Attribute {
    Attribute { name, wire, values, setter, place, absent }
}

/// A flag that whoever updates the image sets, and that is not there when it is not so.
const fn support(name: &'static str) -> Attribute {
    row(name, Wire::Text, Values::OnlyTrue, Setter::Patch, Place::Property, Absent::Omitted)
}

/// What whoever updates the image sets, and that is not there before.
const fn patched(name: &'static str, values: Values) -> Attribute {
    row(name, Wire::Text, values, Setter::Patch, Place::Property, Absent::Omitted)
}

/// What whatever makes the image may note, and that is not there before.
const fn noted(name: &'static str) -> Attribute {
    row(name, Wire::Text, Values::Any, Setter::Creation, Place::Property, Absent::Omitted)
}

/// What the service says of every image.
const fn said(name: &'static str, wire: Wire) -> Attribute {
    row(name, wire, Values::Any, Setter::Service, Place::Record, Absent::Never)
}

/// All of them, in the order in which they are shown.
pub(crate) const TABLE: &[Attribute] = &[
    said("file", Wire::Text),
    said("owner", Wire::Text),
    said("id", Wire::Text),
    said("size", Wire::Number),
    said("self", Wire::Text),
    said("schema", Wire::Text),
    said("status", Wire::Text),
    row("tags", Wire::Texts, Values::Any, Setter::Older, Place::Record, Absent::Never),
    row("visibility", Wire::Text, Values::Any, Setter::Older, Place::Record, Absent::Never),
    row("name", Wire::Text, Values::Name, Setter::Patch, Place::Record, Absent::Text("")),
    row("checksum", Wire::Text, Values::Any, Setter::Service, Place::Record, Absent::Null),
    said("deleted", Wire::Truth),
    row("protected", Wire::Truth, Values::Any, Setter::Older, Place::Record, Absent::Never),
    row("container_format", Wire::Text, Values::Any, Setter::Older, Place::Record, Absent::Text("bare")),
    row("min_ram", Wire::Number, Values::Memory, Setter::Patch, Place::Record, Absent::Never),
    row("max_ram", Wire::Text, Values::Memory, Setter::Patch, Place::Property, Absent::Omitted),
    said("updated_at", Wire::Text),
    row("__os_bit", Wire::Text, Values::Any, Setter::Creation, Place::Fact, Absent::Text("64")),
    row("__os_version", Wire::Text, Values::Any, Setter::Creation, Place::Fact, Absent::Text("Other Linux(64 bit)")),
    row("__description", Wire::Text, Values::Description, Setter::Patch, Place::Fact, Absent::Omitted),
    row("disk_format", Wire::Text, Values::Any, Setter::Older, Place::Record, Absent::Text("vhd")),
    said("__isregistered", Wire::Text),
    row("__platform", Wire::Text, Values::Any, Setter::Creation, Place::Fact, Absent::Text("Other")),
    row("__os_type", Wire::Text, Values::Any, Setter::Creation, Place::Fact, Absent::Text("Linux")),
    row("min_disk", Wire::Number, Values::Any, Setter::Older, Place::Record, Absent::Never),
    row("virtual_env_type", Wire::Text, Values::Any, Setter::Creation, Place::Property, Absent::Text("FusionCompute")),
    said("__image_source_type", Wire::Text),
    said("__imagetype", Wire::Text),
    said("created_at", Wire::Text),
    said("virtual_size", Wire::Number),
    row("deleted_at", Wire::Text, Values::Any, Setter::Service, Place::Record, Absent::Null),
    row("__originalimagename", Wire::Text, Values::Any, Setter::Creation, Place::Fact, Absent::Text("")),
    row("__backup_id", Wire::Text, Values::Any, Setter::Creation, Place::Property, Absent::Text("")),
    row("__productcode", Wire::Text, Values::Any, Setter::Creation, Place::Property, Absent::Text("")),
    said("__image_size", Wire::Text),
    row("__data_origin", Wire::Text, Values::Any, Setter::Creation, Place::Property, Absent::Null),
    row("hw_firmware_type", Wire::Text, Values::Firmware, Setter::Patch, Place::Fact, Absent::Text("bios")),
    row("enterprise_project_id", Wire::Text, Values::Group, Setter::Patch, Place::Fact, Absent::Text("0")),
    row("__support_arm", Wire::Text, Values::OnlyTrue, Setter::Creation, Place::Fact, Absent::Omitted),
    support("__support_kvm"),
    support("__support_xen"),
    support("__support_largememory"),
    support("__support_diskintensive"),
    support("__support_highperformance"),
    patched("__support_xen_gpu_type", Values::Any),
    patched("__support_kvm_gpu_type", Values::Any),
    support("__support_xen_hana"),
    support("__support_kvm_infiniband"),
    support("__support_kvm_hi1822_hisriov"),
    support("__support_kvm_hi1822_hivirtionet"),
    patched("__support_fc_inject", Values::TrueOrFalse),
    patched("__support_amd", Values::TrueOrFalse),
    patched("__is_config_init", Values::TrueOrFalse),
    patched("hw_vif_multiqueue_enabled", Values::TrueOrFalse),
    patched("hw_firmware_uefi", Values::TrueOrFalse),
    noted("__root_origin"),
    noted("__image_location"),
    noted("__image_displayname"),
    noted("__sequence_num"),
    noted("__lazyloading"),
    noted("__os_feature_list"),
    noted("__account_code"),
    noted("__system__cmkid"),
    noted("__support_agent_list"),
    noted("__whole_image"),
    noted("__is_offshelved"),
    row(
        "__system_support_market",
        Wire::Truth,
        Values::TrueOrFalse,
        Setter::Creation,
        Place::Property,
        Absent::Omitted,
    ),
    row("active_at", Wire::Text, Values::Any, Setter::Service, Place::Property, Absent::Omitted),
];

/// Pairs of attributes of which one image has at most one.
pub(crate) const EXCLUSIVE: &[(&str, &str)] = &[
    ("__support_xen_gpu_type", "__support_xen"),
    ("__support_xen_gpu_type", "__support_kvm"),
    ("__support_kvm_gpu_type", "__support_xen"),
    ("__support_kvm_gpu_type", "__support_kvm"),
    ("__support_xen_hana", "__support_xen"),
    ("__support_xen_hana", "__support_kvm"),
    ("__support_kvm_infiniband", "__support_xen"),
];

/// What the names of attributes begin with that only this table may name.
const OWN_PREFIX: &str = "__";
/// Beginnings of names that another dialect, or the engine, keeps for itself.
const KEPT_PREFIXES: [&str; 2] = ["imprint:", "os_glance_"];
/// Names of another dialect's for what is a fact here, and names that it keeps for itself.
const KEPT: [&str; 12] = [
    "architecture",
    "description",
    "direct_url",
    "image_family",
    "image_version",
    "location",
    "locations",
    "os_distro",
    "os_hash_algo",
    "os_hash_value",
    "os_hidden",
    "os_type",
];
/// Also kept, but shown here by no name.
const UNSHOWN: [&str; 4] = ["architecture", "image_family", "image_version", "os_distro"];
/// Longest name of an extension attribute, characters.
const EXTENSION_CHARS_MAX: usize = 255;

/// The attribute of this name.
pub(crate) fn named(name: &str) -> Option<&'static Attribute> {
    TABLE.iter().find(|attribute| attribute.name == name)
}

/// What a name is to whoever wants to set it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Named {
    /// In the table.
    Known(&'static Attribute),
    /// A free one: an extension attribute, any text.
    Extension,
    /// Somebody else's.
    Kept,
    /// No name at all.
    Malformed,
}

/// What a name is.
pub(crate) fn look_up(name: &str) -> Named {
    if let Some(attribute) = named(name) {
        return Named::Known(attribute);
    }
    if name.starts_with(OWN_PREFIX)
        || KEPT_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || KEPT.contains(&name)
    {
        return Named::Kept;
    }
    let good = |character: char| !character.is_uppercase() && !character.is_control() && !"/~".contains(character);
    let fits = !name.is_empty() && name.chars().count() <= EXTENSION_CHARS_MAX && name.chars().all(good);
    if fits { Named::Extension } else { Named::Malformed }
}

/// Whether a property that is not in the table is shown.
pub(crate) fn is_shown(property: &str) -> bool {
    !KEPT_PREFIXES.iter().any(|prefix| property.starts_with(prefix)) && !UNSHOWN.contains(&property)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_attribute_is_there_once_and_consistent() {
        let mut names = BTreeSet::new();
        for attribute in TABLE {
            assert!(names.insert(attribute.name), "{} is there twice", attribute.name);
            let patched = attribute.setter == Setter::Patch;
            assert!(!patched || attribute.values != Values::Any || attribute.name.ends_with("_gpu_type"));
            assert!(!attribute.name.chars().any(char::is_uppercase));
        }
        for (one, other) in EXCLUSIVE {
            for name in [one, other] {
                let attribute = named(name).expect("known");
                assert_eq!((attribute.setter, attribute.place), (Setter::Patch, Place::Property));
            }
        }
    }

    #[test]
    fn names_are_told_apart() {
        for (name, expected) in [
            ("name", "Known"),
            ("hw_disk_bus", "Extension"),
            ("ein-name.mit:allem", "Extension"),
            ("__new", "Kept"),
            ("imprint:import_task", "Kept"),
            ("os_glance_x", "Kept"),
            ("os_distro", "Kept"),
            ("", "Malformed"),
            ("Upper", "Malformed"),
            ("ÄÖ", "Malformed"),
            ("a/b", "Malformed"),
            ("a~1b", "Malformed"),
            ("a\nb", "Malformed"),
            (&"x".repeat(256), "Malformed"),
        ] {
            let found = format!("{:?}", look_up(name));
            assert!(found.starts_with(expected), "{name}: {found}");
        }
    }
}
