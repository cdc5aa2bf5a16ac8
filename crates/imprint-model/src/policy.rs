//! Who may do what to an image. One function decides for every dialect: first by roles and by how the image stands to
//! the caller, then, for a user whom the account's owner bound to grants, by these too.

use crate::{Caller, Decision, Image, Member, Visibility, role};

/// What a caller wants to do to an image that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// See the record.
    Read,
    /// Get the bytes.
    Download,
    /// Change the record, its tags, its bytes; take it out of use and back; delete it.
    Write,
    /// Let everybody see it in their lists.
    Publish,
    /// Give it to another account.
    ChangeOwner,
    /// Offer it to another account, or take the offer back.
    Share,
    /// Copy its bytes to other stores, see where they are: the operator's business.
    Operate,
}

impl Action {
    /// Every action.
    pub const ALL: [Action; 7] = [
        Action::Read,
        Action::Download,
        Action::Write,
        Action::Publish,
        Action::ChangeOwner,
        Action::Share,
        Action::Operate,
    ];
}

/// Why a caller may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Answer as if the image did not exist: the caller cannot even see it.
    Absent,
    /// The caller sees it, but may not do this.
    Forbidden,
}

/// Decides. `membership` is the caller's own row among the image's members, if there is one.
///
/// # Errors
/// [`Refusal`], saying whether the caller may learn that the image exists.
pub fn authorise(caller: &Caller, action: Action, image: &Image, membership: Option<&Member>) -> Result<(), Refusal> {
    if caller.is_admin() {
        return Ok(());
    }
    let own = caller.acts_for(&image.owner);
    let reached = own
        || match image.visibility {
            Visibility::Public | Visibility::Community => caller.project.is_some(),
            Visibility::Shared => membership.is_some_and(|member| caller.acts_for(&member.project)),
            Visibility::Private => false,
        };
    let looks = caller.has_role(role::READER) || caller.has_role(role::SERVICE);
    if !reached || !looks {
        return Err(Refusal::Absent);
    }
    // what is another's, and shown, is shown to all of an account: its owner grants what is the account's own
    let grants = caller.grants.as_deref();
    let granted = |action| grants.is_none_or(|grants| grants.permits(action, image) == Decision::Allowed);
    if own && !granted(Action::Read) {
        return Err(Refusal::Absent);
    }
    let allowed = match action {
        Action::Read => true,
        Action::Download => caller.has_role(role::MEMBER),
        Action::Write | Action::Share => own && caller.has_role(role::MEMBER),
        Action::Publish | Action::ChangeOwner | Action::Operate => false,
    };
    if allowed && (action == Action::Read || granted(action)) { Ok(()) } else { Err(Refusal::Forbidden) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{Effect, Grants, ImageId, MemberStatus, ProjectId, Statement, Timestamp, UserId};

    fn image(visibility: Visibility) -> Image {
        Image { visibility, ..Image::blank(ImageId::random(), "owner".into(), "here".to_owned(), Timestamp(0)) }
    }

    fn decide(
        role: &str,
        grants: Option<&Arc<Grants>>,
        project: &str,
        sharing: Option<MemberStatus>,
        visibility: Visibility,
    ) -> String {
        let image = image(visibility);
        let project = ProjectId::from(project);
        let caller = Caller {
            user: UserId::from("user"),
            project: Some(project.clone()),
            roles: vec![role.to_owned()],
            grants: grants.cloned(),
            request_id: String::new(),
        };
        let at = Timestamp(0);
        let member = sharing.map(|status| Member { image: image.id, project, status, created_at: at, updated_at: at });
        let letters = Action::ALL.map(|action| match authorise(&caller, action, &image, member.as_ref()) {
            Ok(()) => 'y',
            Err(Refusal::Forbidden) => 'n',
            Err(Refusal::Absent) => '.',
        });
        letters.iter().collect()
    }

    /// Grants of these statements, each an effect on one operation; an operation is called as its action.
    fn grants(statements: &[(Effect, &str)]) -> Arc<Grants> {
        let statement = |&(effect, operation): &(Effect, &str)| Statement {
            effect,
            actions: vec![operation.to_owned()],
            actions_excluded: false,
            resources: vec!["image/here/*".to_owned()],
            conditions: vec![],
        };
        Arc::new(Grants {
            statements: statements.iter().map(statement).collect(),
            operations: Action::ALL.iter().map(|&action| (action, vec![format!("{action:?}")])).collect(),
            image_resource: "image/{region}/{id}".to_owned(),
            ..Grants::default()
        })
    }

    const RELATIONS: [(&str, &str, Option<MemberStatus>); 3] =
        [("own", "owner", None), ("shared", "friend", Some(MemberStatus::Pending)), ("foreign", "stranger", None)];

    fn rows(name: &str, role: &str, grants: Option<&Arc<Grants>>) -> String {
        let row = |(relation, project, sharing): (&str, &str, Option<MemberStatus>)| {
            let cells: Vec<String> =
                Visibility::ALL.iter().map(|&visible| decide(role, grants, project, sharing, visible)).collect();
            format!("{name:8}{relation:8}{}\n", cells.join(" "))
        };
        RELATIONS.map(row).concat()
    }

    /// The whole matrix, reviewed: rows are who asks and how the image stands to them, columns are visibilities, and
    /// each letter is an action in the order of `Action::ALL`: y may, n is forbidden, . does not exist. The last rows
    /// are members whom grants bind: to nothing, to looking, to everything, to changing without looking, to everything
    /// but sharing.
    #[test]
    fn the_matrix_is_as_reviewed() {
        use Effect::{Allow, Deny};
        let mut matrix = String::new();
        for role in [role::ADMIN, role::MANAGER, role::MEMBER, role::READER, role::SERVICE, "nobody"] {
            matrix += &rows(role, role, None);
        }
        let granted: [(&str, &[(Effect, &str)]); 5] = [
            ("g:none", &[]),
            ("g:look", &[(Allow, "Read")]),
            ("g:all", &[(Allow, "*")]),
            ("g:blind", &[(Allow, "Write")]),
            ("g:keep", &[(Allow, "*"), (Deny, "Share")]),
        ];
        for (name, statements) in granted {
            matrix += &rows(name, role::MEMBER, Some(&grants(statements)));
        }
        let expected = include_str!("../tests/goldens/policy_matrix.txt");
        assert_eq!(matrix, expected, "\n{matrix}");
    }
}
