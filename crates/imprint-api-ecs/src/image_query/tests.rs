//! What a question becomes, and which are refused.

use imprint_model::Architecture;

use super::*;

fn ask(all: &[(&str, &str)]) -> Result<Question, Fault> {
    let params = all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    read(&Params::new(params), "local-1", &"me".into())
}

fn filters(all: &[(&str, &str)]) -> Vec<Filter> {
    ask(all).expect("a question").list.expect("something may match").filters
}

fn matches_nothing(all: &[(&str, &str)]) -> bool {
    ask(all).expect("a question").list.is_none()
}

fn refusal(all: &[(&str, &str)]) -> (u16, &'static str) {
    let fault = ask(all).expect_err("refused");
    (fault.status.as_u16(), fault.code)
}

#[test]
fn without_anything_said_available_images_of_the_region_are_meant() {
    let question = ask(&[]).expect("a question");
    assert_eq!((question.paging.number, question.paging.size, question.owner_number), (1, 10, None));
    let list = question.list.expect("something may match");
    assert_eq!(list.seen, Seen::Default);
    let available = Filter::States(vec![(Status::Available, Some(false))]);
    assert_eq!(list.filters, [Filter::Region("local-1".to_owned()), available]);
}

#[test]
fn statuses_are_a_list_and_all_stands_alone() {
    let states = |text| match filters(&[("Status", text)]).pop() {
        Some(Filter::States(states)) => states,
        other => panic!("{other:?}"),
    };
    assert_eq!(states("Deprecated, Waiting"), [(Status::Queued, None), (Status::Available, Some(true))]);
    assert_eq!(states("Available,available,Nonsense"), [(Status::Available, Some(false))]);
    assert!(matches_nothing(&[("Status", "Nonsense")]));
    assert_eq!(filters(&[("Status", "ALL")]).len(), 1, "the region alone");
    assert_eq!(refusal(&[("Status", "ALL,Available")]), (400, "InvalidParamter"));
}

#[test]
fn usable_needs_a_status_and_narrows_it() {
    assert_eq!(refusal(&[("Usable", "true")]), (400, "MissingParameter"));
    let last = |usable, status| filters(&[("Usable", usable), ("Status", status)]).pop();
    let available = vec![(Status::Available, Some(false)), (Status::Available, Some(true))];
    assert_eq!(last("true", "ALL"), Some(Filter::States(available)));
    assert_eq!(last("false", "Available,Waiting"), Some(Filter::States(vec![(Status::Queued, None)])));
    assert!(matches_nothing(&[("Usable", "false"), ("Status", "Available")]));
}

#[test]
fn aliases_say_whose_images() {
    let seen = |alias, public| {
        let list = ask(&[("ImageOwnerAlias", alias), ("IsPublic", public)]).expect("a question").list;
        list.map(|list| list.seen)
    };
    assert_eq!(seen("", ""), Some(Seen::Default));
    assert_eq!(seen("system", "false"), Some(Seen::Only(Visibility::Public)));
    assert_eq!(seen("others", ""), Some(Seen::Only(Visibility::Shared)));
    assert_eq!(seen("others", "True"), Some(Seen::Only(Visibility::Community)));
    assert_eq!(seen("marketplace", ""), None);
    assert!(filters(&[("ImageOwnerAlias", "self")]).contains(&Filter::Owner("me".into())));
    assert!(filters(&[("ImageOwnerAlias", "others")]).contains(&Filter::NotOwner("me".into())));
    assert_eq!(refusal(&[("ImageOwnerAlias", "Self")]), (400, "InvalidImageOwnerAlias.ValueNotSupported"));
    for alias in ["", "self", "system", "marketplace"] {
        let asked = [("IsPublic", "true"), ("ImageOwnerAlias", alias)];
        assert_eq!(refusal(&asked), (400, "InvalidImageOwnerAlias.PublicImageUnsupported"), "{alias}");
    }
}

#[test]
fn the_owner_counts_for_images_of_others_alone() {
    let owner = |alias| ask(&[("ImageOwnerAlias", alias), ("ImageOwnerId", "123")]).expect("a question").owner_number;
    assert_eq!((owner("others"), owner("self"), owner("")), (Some(123), None, None));
    assert_eq!(refusal(&[("ImageOwnerId", "x")]), (400, "InvalidParameter"));
}

#[test]
fn ids_that_name_nothing_are_left_out() {
    let id = ImageId::random();
    let both = format!("{}, m-nonsense", id.wire());
    assert!(filters(&[("ImageId", &both)]).contains(&Filter::Ids(vec![id])));
    assert!(matches_nothing(&[("ImageId", "m-nonsense")]));
    assert!(matches_nothing(&[("SnapshotId", "s-nonsense")]));
    let many = vec!["m-x"; 101].join(",");
    assert_eq!(refusal(&[("ImageId", &many)]), (400, "InvalidParamter"));
}

#[test]
fn names_are_whole_unless_they_have_a_wildcard() {
    assert!(filters(&[("ImageName", "a?b")]).contains(&Filter::Names(vec!["a?b".to_owned()])));
    assert!(filters(&[("ImageName", "ubuntu*")]).contains(&Filter::NameLike("ubuntu*".to_owned())));
}

#[test]
fn what_nobody_told_of_an_image_counts_as_the_usual() {
    let architecture = |word| filters(&[("Architecture", word)]).pop();
    let known = |word: &str| Some(word.to_owned());
    assert_eq!(architecture("x86_64"), Some(Filter::FactAmong(FactKey::Architecture, vec![known("x86_64"), None])));
    assert_eq!(architecture("arm64"), Some(Filter::FactAmong(FactKey::Architecture, vec![known("arm64")])));
    let linux = Filter::FactAmong(FactKey::OsType, vec![known("linux"), None]);
    assert!(filters(&[("OSType", "linux")]).contains(&linux));
    assert_eq!(refusal(&[("Architecture", "X86_64")]), (404, "InvalidArchitecture"));
    assert_eq!(refusal(&[("OSType", "Linux")]), (404, "InvalidOSType"));
    assert_eq!(refusal(&[("Usage", "Instance")]), (404, "InvalidUsage"));
}

#[test]
fn an_instance_type_asks_for_processor_disks_and_firmware() {
    let asked = |id| filters(&[("InstanceType", id)]);
    let words = |all: &[Architecture], unknown: bool| {
        let mut words: Vec<_> = all.iter().map(|known| Some(known.as_str().to_owned())).collect();
        words.extend(unknown.then_some(None));
        Filter::FactAmong(FactKey::Architecture, words)
    };
    assert!(asked("ecs.g7.large").contains(&words(&[Architecture::X86_64], true)), "no 32 bits with 8 GiB");
    assert!(asked("ecs.t6-c1m1.large").contains(&words(&[Architecture::X86_64, Architecture::I386], true)));
    let nvme = Filter::FactAmong(FactKey::Nvme, vec![Some("true".to_owned())]);
    assert!(asked("ecs.g8i.large").contains(&nvme) && !asked("ecs.g7.large").contains(&nvme));
    assert!(asked("ecs.g8y.large").iter().any(|filter| matches!(filter, Filter::FactAmong(FactKey::BootMode, _))));
    assert_eq!(refusal(&[("InstanceType", "ecs.none")]), (400, "InvalidInstanceType.ValueNotSupported"));
}

#[test]
fn tags_must_all_be_there() {
    let asked = filters(&[
        ("Tag.1.Key", "a"),
        ("Tag.1.Value", "1"),
        ("Tag.2.key", "b"),
        ("Tag.3.Key", "c"),
        ("Tag.3.Value", ""),
    ]);
    let tags = [Filter::Tag("a=1".to_owned()), Filter::TagKey("b".to_owned()), Filter::Tag("c".to_owned())];
    assert_eq!(asked[2..], tags);
    assert_eq!(refusal(&[("Tag.1.Value", "1")]), (400, "InvalidTag.Mismatch"));
    assert!(matches_nothing(&[("Tag.1.Key", "a=b")]));
    let names: Vec<String> = (1..=21).map(|number| format!("Tag.{number}.Key")).collect();
    let many: Vec<_> = names.iter().map(|name| (name.as_str(), "k")).collect();
    assert_eq!(refusal(&many), (400, "InvalidTagCount"));
}

#[test]
fn conditions_have_keys_and_values_of_their_kind() {
    let asked = |key, value| filters(&[("Filter.1.Key", key), ("Filter.1.Value", value)]).pop();
    let time = read_time("2017-12-05T22:40Z").expect("a time");
    assert_eq!(asked("CreationStartTime", "2017-12-05T22:40Z"), Some(Filter::CreatedAt(TimeOp::Gt, time)));
    assert_eq!(asked("CreationEndTime", "2017-12-05T22:40:00Z"), Some(Filter::CreatedAt(TimeOp::Lt, time)));
    assert!(matches_nothing(&[("Filter.1.Key", "CpuOnlineUpgrade"), ("Filter.1.Value", "supported")]));
    assert!(!matches_nothing(&[("Filter.1.Key", "NetworkType"), ("Filter.1.Value", "vpc")]));
    let refused = |key, value| refusal(&[("Filter.1.Key", key), ("Filter.1.Value", value)]);
    assert_eq!(refused("creationStartTime", "2017-12-05T22:40Z"), (404, "InvalidFilterKey.NotFound"));
    assert_eq!(refused("", "2017-12-05T22:40Z"), (404, "InvalidFilterKey.NotFound"));
    assert_eq!(refused("CreationStartTime", "yesterday"), (404, "InvalidFilterValue"));
    assert_eq!(refused("CreationEndTime", ""), (404, "InvalidFilterValue"));
    assert_eq!(refused("MemoryOnlineUpgrade", "yes"), (404, "InvalidFilterValue"));
    assert_eq!(refused("NetworkType", "ipx"), (400, "InvalidFilterValue.NetworkType"));
}

#[test]
fn pages_have_bounds() {
    for bad in [("PageNumber", "0"), ("PageSize", "0"), ("PageSize", "101"), ("PageSize", "ten")] {
        assert_eq!(refusal(&[bad]), (400, "InvalidParamter"), "{bad:?}");
    }
    let list = ask(&[("PageNumber", "3"), ("PageSize", "100")]).expect("a question").list.expect("something may match");
    assert_eq!(list.page, Page::Numbered { number: 3, size: 100 });
}

#[test]
fn what_every_image_is_taken_to_be_matches_all_or_nothing() {
    for name in ["IsSupportIoOptimized", "IsSupportCloudinit"] {
        assert!(matches_nothing(&[(name, "False")]) && !matches_nothing(&[(name, "True")]), "{name}");
        assert_eq!(refusal(&[(name, "yes")]), (400, "InvalidParameter"));
    }
}
