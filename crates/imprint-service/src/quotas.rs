//! Limits of single accounts, for operators to look at and to set. Where each limit is held is beside the verb that
//! it limits.

use imprint_catalogue::quotas;
use imprint_model::ProjectId;

use crate::Service;
use crate::error::{Error, Field};
use crate::limits::Limits;

/// A limit as it holds for one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountQuota {
    /// What is limited.
    pub name: &'static str,
    /// How many there may be; negative: any number.
    pub most: i64,
    /// Whether it was set for this account; otherwise it is everybody's.
    pub own: bool,
}

/// Where everybody's limit is.
type Everybodys = fn(&Limits) -> i64;

/// Every limit that an account can have of its own, and where everybody's is.
const NAMES: [(&str, Everybodys); 6] = [
    ("disk_snapshots", |limits| limits.disk_snapshots),
    ("families", |limits| limits.families),
    ("family_images", |limits| limits.family_images),
    ("image_members", |limits| limits.image_shares),
    ("region_copies", |limits| limits.region_copies),
    ("region_images", |limits| limits.region_images),
];

impl Service {
    /// The limits in force for an account, by name.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database does not answer.
    pub async fn quotas(&self, project: &ProjectId) -> Result<Vec<AccountQuota>, Error> {
        let (project, limits) = (project.clone(), self.settings.limits.clone());
        let own = self.catalogue.read(move |tx| Ok::<_, Error>(quotas::list(tx, &project)?)).await?;
        let quota = |(name, everybodys): (&'static str, Everybodys)| {
            let own = own.iter().find(|(of, _)| of == name).map(|(_, most)| *most);
            AccountQuota { name, most: own.unwrap_or_else(|| everybodys(&limits)), own: own.is_some() }
        };
        Ok(NAMES.into_iter().map(quota).collect())
    }

    /// Gives an account a limit of its own; none gives it everybody's again. What is there already stays.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a name that no limit has.
    pub async fn set_quota(&self, project: &ProjectId, name: &str, most: Option<i64>) -> Result<(), Error> {
        let known = NAMES.iter().find(|(known, _)| *known == name);
        let Some((name, _)) = known else {
            let all = NAMES.map(|(name, _)| name).join(", ");
            return Err(Error::invalid(Field::Name, format!("no limit is called {name:?}; there are {all}")));
        };
        let project = project.clone();
        self.catalogue.write(move |tx| Ok::<_, Error>(quotas::set(tx, &project, name, most)?)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::World;

    #[tokio::test]
    async fn an_account_has_everybodys_limits_until_it_has_its_own() {
        let world = World::new();
        let (ours, theirs) = (ProjectId("ours".to_owned()), ProjectId("theirs".to_owned()));
        let set = |most| world.service.set_quota(&ours, "region_images", most);
        let of = async |project: &ProjectId| {
            let all = world.service.quotas(project).await.expect("listed");
            *all.iter().find(|quota| quota.name == "region_images").expect("known")
        };
        let everybodys = of(&ours).await;
        set(Some(7)).await.expect("set");
        assert_eq!(of(&ours).await, AccountQuota { name: "region_images", most: 7, own: true });
        assert_eq!(of(&theirs).await, everybodys);
        set(None).await.expect("unset");
        assert_eq!(of(&ours).await, everybodys);
        let wrong = world.service.set_quota(&ours, "luck", Some(1)).await;
        assert!(matches!(wrong, Err(Error::Invalid { field: Field::Name, .. })));
    }
}
