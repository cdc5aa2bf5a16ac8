//! What each error of the engine becomes: status and code, none of ours but 500 and 503.

use imprint_http::BodyError;
use imprint_model::Status;

use super::*;

fn answered(error: Error) -> String {
    let fault = Fault::from(error);
    format!("{} {}", fault.status.as_u16(), fault.code)
}

#[test]
fn errors_have_the_codes_of_the_table() {
    let absent = |of: fn(String) -> Resource| Error::NotFound(of("x".to_owned()));
    for (error, expected) in [
        (Error::Missing(Field::Name), "400 IMG.0013"),
        (Error::Missing(Field::Source), "400 IMG.0001"),
        (Error::invalid(Field::Name, ""), "400 IMG.0003"),
        (Error::invalid(Field::Description, ""), "400 IMG.0054"),
        (Error::invalid(Field::DiskSize, ""), "400 IMG.0055"),
        (Error::invalid(Field::Tag, ""), "400 IMG.0115"),
        (Error::invalid(Field::Architecture, ""), "400 IMG.0212"),
        (Error::invalid(Field::Platform, ""), "400 IMG.0056"),
        (Error::invalid(Field::DiskFormat, ""), "400 IMG.0072"),
        (Error::invalid(Field::Data, ""), "400 IMG.0057"),
        (Error::invalid(Field::Object, ""), "400 IMG.0017"),
        (Error::invalid(Field::Id, ""), "400 IMG.0066"),
        (Error::invalid(Field::Member, ""), "400 IMG.0108"),
        (Error::invalid(Field::Property, ""), "400 IMG.0001"),
        (absent(Resource::Image), "404 IMG.0027"),
        (absent(Resource::Job), "400 IMG.0023"),
        (absent(Resource::Snapshot), "400 IMG.0020"),
        (absent(Resource::Disk), "400 IMG.0120"),
        (absent(Resource::Instance), "400 IMG.0005"),
        (absent(Resource::Region), "400 IMG.0147"),
        (absent(Resource::ResourceGroup), "400 IMG.0155"),
        (absent(Resource::Bucket), "400 IMG.0069"),
        (absent(Resource::Object), "400 IMG.0057"),
        (Error::Duplicate(Field::Name), "400 IMG.0009"),
        (Error::PropertyAbsent("x".to_owned()), "400 IMG.0035"),
        (Error::WrongStatus(Status::Queued), "400 IMG.0046"),
        (Error::Gone, "404 IMG.0027"),
        (Error::Protected, "400 IMG.0028"),
        (Error::Denied(String::new()), "403 IMG.0026"),
        (Error::OverQuota(Quota::Properties, 1), "400 IMG.0035"),
        (Error::OverQuota(Quota::Tags, 1), "400 IMG.0116"),
        (Error::OverQuota(Quota::Members, 1), "400 IMG.0088"),
        (Error::OverQuota(Quota::ImageBytes, 1), "400 IMG.0059"),
        (Error::OverQuota(Quota::RegionImages, 1), "400 IMG.0015"),
        (Error::OverQuota(Quota::AccountUploads, 1), "400 IMG.0060"),
        (Error::Unsafe(String::new()), "400 IMG.0057"),
        (Error::Unsupported(String::new()), "400 IMG.0105"),
        (Error::StoreFull, "503 IMG.0061"),
        (Error::Unavailable(String::new()), "503 IMG.0061"),
        (Error::internal("broken"), "500 IMG.0061"),
    ] {
        let what = error.to_string();
        assert_eq!(answered(error), expected, "{what}");
    }
}

/// "500 Internal Server Error", "503 Service Unavailable": what broke is for the log alone.
#[test]
fn what_broke_is_kept_for_the_log_and_not_shown() {
    for error in [Error::internal("a secret place"), Error::Unavailable("a secret place".to_owned())] {
        let fault = Fault::from(error);
        assert_eq!(fault.message, "Unknown system error.");
        assert!(fault.cause.is_some());
    }
}

#[test]
fn errors_of_identity_and_of_contents_have_codes_too() {
    use imprint_identity::{Error as E, Kind};
    for (error, expected) in [
        (E::Unauthenticated, "403 IMG.0026"),
        (E::Forbidden(String::new()), "403 IMG.0026"),
        (E::Unavailable(String::new()), "503 IMG.0061"),
        (E::Invalid(String::new()), "400 IMG.0001"),
        (E::NotFound { kind: Kind::Project, id: String::new() }, "400 IMG.0108"),
        (E::Internal(String::new()), "500 IMG.0061"),
    ] {
        let fault = Fault::from(error);
        assert_eq!(format!("{} {}", fault.status.as_u16(), fault.code), expected);
    }
    let fault = Fault::from(BodyError::TooLarge { limit_bytes: 1 });
    assert_eq!((fault.status.as_u16(), fault.code), (400, "IMG.0001"));
}
