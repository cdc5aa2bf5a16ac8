//! Offering several images to several projects, and answering several offers, in one request. It is done when it is
//! answered; the job that clients ask for afterwards has ended already.

use http::Method;
use imprint_model::{ImageId, ProjectId};
use imprint_service::{ChangeOffers, Error, JobMark, OfferStep};
use serde_json::{Map, Value, json};

use super::jobs;
use super::members::{
    BAD_PROJECT, ENCRYPTED, NO_SUCH_MEMBER, PUBLIC, SELF, faults, project, require_offerable, status,
};
use super::native_update::bad_value;
use crate::access::own_image;
use crate::call::Call;
use crate::error::Problem;
use crate::fault::{Code, Fault, code, img};
use crate::op::{Family, Op, Outcome, Parameter, run};

/// Most images of one request.
const IMAGES_MAX: usize = 50;
/// Most projects of one request.
const PROJECTS_MAX: usize = 50;
/// Nobody is named.
const NOBODY: Code = img("IMG.0041");

const IMAGES: Parameter = Parameter::body("images", "The images, up to 50.").required();
const PROJECTS: Parameter = Parameter::body("projects", "The projects, up to 50.").required();

pub(super) const OPS: &[Op] = &[
    Op::new(
        Family::Members,
        "add_members",
        Method::POST,
        "/v1/cloudimages/members",
        "Offers images to projects: each to each, all or none. Whoever has an offer keeps it.",
        run!(add),
    )
    .parameters(&[IMAGES, PROJECTS])
    .codes(&[
        code::EMPTY_BODY,
        code::IMAGE_NOT_FOUND,
        code::NOT_OWNER,
        code::QUOTA_SHARED,
        code::UNSUPPORTED,
        NOBODY,
        SELF,
        PUBLIC,
        ENCRYPTED,
        BAD_PROJECT,
    ])
    .faults(faults),
    Op::new(
        Family::Members,
        "update_members",
        Method::PUT,
        "/v1/cloudimages/members",
        "Answers offers of images; whoever got them does.",
        run!(answer_offers),
    )
    .parameters(&[
        IMAGES,
        Parameter::body("project_id", "The caller's project.").required(),
        Parameter::body("status", "`accepted` or `rejected`.").required(),
        Parameter::body("vault_id", "Has no meaning here."),
    ])
    .codes(&[code::EMPTY_BODY, code::IMAGE_NOT_FOUND, BAD_PROJECT, NO_SUCH_MEMBER])
    .faults(faults),
    Op::new(
        Family::Members,
        "delete_members",
        Method::DELETE,
        "/v1/cloudimages/members",
        "Takes offers of images to projects back; those that are not there do not matter.",
        run!(remove),
    )
    .parameters(&[IMAGES, PROJECTS])
    .codes(&[code::EMPTY_BODY, code::IMAGE_NOT_FOUND, code::NOT_OWNER, code::UNSUPPORTED, NOBODY, BAD_PROJECT])
    .faults(faults),
];

async fn add(call: Call) -> Outcome {
    let body = call.object()?;
    let (images, projects) = (images(&body)?, projects(&body)?);
    for &id in &images {
        require_offerable(&call, id).await?;
    }
    change(&call, images, projects, OfferStep::Offer { again: true }, "imsAddImageMembersJob").await
}

async fn answer_offers(call: Call) -> Outcome {
    let body = call.object()?;
    let member = |name: &str| body.get(name).unwrap_or(&Value::Null);
    let (images, project) = (images(&body)?, project(member("project_id"))?);
    let status = status(member("status"))?;
    if !call.caller.acts_for(&project) {
        return Err(code::WRONG_PROJECT.fault().into());
    }
    change(&call, images, vec![project], OfferStep::Answer(status), "imsUpdateImageMembersJob").await
}

async fn remove(call: Call) -> Outcome {
    let body = call.object()?;
    let (images, projects) = (images(&body)?, projects(&body)?);
    change(&call, images, projects, OfferStep::Withdraw { gone: true }, "imsDelImageMembersJob").await
}

async fn change(call: &Call, images: Vec<ImageId>, projects: Vec<ProjectId>, step: OfferStep, label: &str) -> Outcome {
    let mut results = Vec::new();
    for image in images.iter().filter(|_| !matches!(step, OfferStep::Withdraw { .. })) {
        for project in &projects {
            let (image, project) = (image.to_string(), project.as_str());
            results.push(json!({ "image_id": image, "project_id": project, "status": "success" }));
        }
    }
    let mark = JobMark::new(label);
    let id = mark.id;
    let wanted = ChangeOffers { images: images.clone(), projects, step };
    let job = Some((mark, json!({ "results": results })));
    match call.parts.service.change_offers(&call.caller, wanted, job).await {
        Ok(_) => Ok(jobs::started(id)),
        Err(error @ Error::Denied(_)) if !matches!(step, OfferStep::Answer(_)) => {
            Err(not_all_own(call, &images, error).await)
        }
        Err(error) => Err(error.into()),
    }
}

/// Why images may not be offered, or offers not be taken back.
async fn not_all_own(call: &Call, images: &[ImageId], error: Error) -> Problem {
    for &id in images {
        if let Err(problem) = own_image(call, id).await {
            return problem;
        }
    }
    error.into()
}

/// `images`.
fn images(body: &Map<String, Value>) -> Result<Vec<ImageId>, Fault> {
    let listed = body.get("images").and_then(Value::as_array).ok_or_else(|| bad_value("images"))?;
    if listed.is_empty() || listed.len() > IMAGES_MAX {
        return Err(bad_value("images"));
    }
    let mut images = Vec::with_capacity(listed.len());
    for value in listed {
        let text = value.as_str().ok_or_else(|| bad_value("images"))?;
        let id = text.parse().map_err(|_| code::IMAGE_NOT_FOUND.fault())?;
        if !images.contains(&id) {
            images.push(id);
        }
    }
    Ok(images)
}

/// `projects`; domains and organizations are no owners of images here.
fn projects(body: &Map<String, Value>) -> Result<Vec<ProjectId>, Fault> {
    let others = ["domains", "organizations"].iter().filter_map(|name| body.get(*name)?.as_array());
    if others.into_iter().any(|listed| !listed.is_empty()) {
        return Err(code::UNSUPPORTED.fault());
    }
    let listed = body.get("projects").and_then(Value::as_array).ok_or_else(|| NOBODY.fault())?;
    if listed.is_empty() {
        return Err(NOBODY.fault());
    }
    if listed.len() > PROJECTS_MAX {
        return Err(bad_value("projects"));
    }
    let mut projects = Vec::with_capacity(listed.len());
    for value in listed {
        let project = project(value)?;
        if !projects.contains(&project) {
            projects.push(project);
        }
    }
    Ok(projects)
}
