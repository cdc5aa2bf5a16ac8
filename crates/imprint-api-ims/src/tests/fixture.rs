//! Things that operations are tried on, written into the catalogue as they are: states that take long to come about,
//! or never do while nothing runs.

use imprint_catalogue::{Tx, images};
use imprint_identity::{Target, UserFilter};
use imprint_model::{Clock, Content, Image, ImageId, MapId, ProjectId, Status, Visibility};

use super::World;

impl World {
    /// The project of an account of this world: `acme`, `other` or `admin`.
    pub(crate) async fn project(&self, name: &str) -> ProjectId {
        ProjectId(self.identity.account(name).await.expect("an account").project_id)
    }

    /// The id of the user of this name.
    pub(crate) async fn user(&self, name: &str) -> String {
        let users = self.identity.list_users(UserFilter::default()).await.expect("users");
        users.into_iter().find(|user| user.name == name).expect("there").id
    }

    /// Gives a user a role in a project.
    pub(crate) async fn grant(&self, user: &str, project: &str, role: &str) {
        let role = self.identity.list_roles(Some(role.to_owned())).await.expect("roles").remove(0);
        self.identity.grant(user, Target::Project(project.to_owned()), &role.id).await.expect("granted");
    }

    /// An image of the first project's own, active, private and called `an image`; `change` makes it what it should be.
    pub(crate) async fn image(&self, change: impl FnOnce(&mut Image)) -> ImageId {
        let owner = self.project("acme").await;
        let mut image = Image::blank(ImageId::random(), owner, "local-1".to_owned(), self.engine.clock.now());
        image.name = Some("an image".to_owned());
        image.status = Status::Available;
        image.visibility = Visibility::Private;
        image.content = Some(Content {
            map: MapId([7; 32]),
            size_bytes: 449_261_568,
            virtual_size_bytes: None,
            md5: Some("99914b932bd37a50b983c5e7c90ae93b".to_owned()),
            hash: None,
        });
        change(&mut image);
        let id = image.id;
        self.put(move |tx| images::insert(tx, &image)).await;
        id
    }

    /// An image as the catalogue has it.
    pub(crate) async fn stored(&self, id: ImageId) -> Image {
        let read = self.engine.catalogue.read(move |tx| images::get(tx, id));
        read.await.expect("read").expect("there")
    }

    /// Writes to the catalogue.
    pub(crate) async fn put<T: Send + 'static>(
        &self,
        work: impl FnMut(&mut Tx<'_>) -> Result<T, imprint_catalogue::Error> + Send + 'static,
    ) -> T {
        self.engine.catalogue.write(work).await.expect("written")
    }
}
