//! The dialect over a real engine in a directory that goes away, with people of several projects, and a way to ask it.

pub(crate) mod case;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use http::{HeaderMap, StatusCode};
use imprint_api_glance::GlanceDialect;
use imprint_catalogue::Catalogue;
use imprint_http::{Body, Dialect, Request, Response};
use imprint_identity::{Credential, Identity, Login, NewProject, NewUser, ProjectRef, Target, UserRef, WantedScope};
use imprint_model::{Clock, ManualClock, Timestamp};
use imprint_service::{Runner, Service};
use imprint_store::{MemoryIndex, Store};
use tempfile::TempDir;

/// 2026-11-22T01:28:36Z
const START: Timestamp = Timestamp(1_795_310_916_000_000);
/// Who may ask: a name, the project (by its owner's name), the role there.
const PEOPLE: [(&str, &str, &str); 4] = [
    ("member", "member", "member"),
    ("reader", "member", "reader"),
    ("other", "other", "member"),
    ("third", "third", "member"),
];

/// How ids begin that cases choose for their images.
const CHOSEN: &str = "00000000-0000-4000-8000-";

/// Everything a test asks.
pub(crate) struct World {
    dialect: Arc<GlanceDialect>,
    pub(crate) clock: ManualClock,
    tokens: Vec<(&'static str, String)>,
    /// Ids of projects, and `user_…` of people.
    ids: Vec<(String, String)>,
    /// The last id that nobody could know before.
    last: Mutex<String>,
    runner: Runner,
    asked: AtomicU64,
    _dir: TempDir,
}

/// An answer, read to its end.
pub(crate) struct Answer {
    pub(crate) op: Option<&'static str>,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) content: Vec<u8>,
}

impl World {
    /// A fresh one.
    pub(crate) async fn new() -> Self {
        let dir = TempDir::new().expect("a directory");
        let clock = ManualClock::new(START);
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        let url = format!("sqlite:{}", dir.path().join("catalogue.db").display());
        let catalogue = imprint_catalogue::Settings { url, ..imprint_catalogue::Settings::default() };
        let catalogue = Catalogue::open(&catalogue).expect("a catalogue");
        let backend = imprint_store::backend::open(&format!("file:{}", dir.path().join("store").display()));
        let store = Store::open(
            backend.expect("a directory"),
            Arc::new(MemoryIndex::default()),
            Arc::clone(&shared),
            imprint_store::Settings::default(),
        );
        let settings = imprint_identity::Settings {
            argon2_memory_kib: 64,
            argon2_passes: 1,
            ..imprint_identity::Settings::default()
        };
        let identity =
            Identity::open(catalogue.clone(), settings, [7; 32], Arc::clone(&shared)).await.expect("identity");
        let (tokens, ids) = people(&identity).await;
        let service = Service::new(catalogue, store.expect("a store"), shared, imprint_service::Settings::default());
        let runner = Runner::new(service.clone());
        let dialect = Arc::new(GlanceDialect::new(
            service,
            identity,
            imprint_api_glance::Settings { regions: vec!["local-1".into()], ..Default::default() },
        ));
        Self { dialect, clock, tokens, ids, last: Mutex::default(), runner, asked: AtomicU64::new(0), _dir: dir }
    }

    /// The registry's names and paths.
    pub(crate) fn ops(&self) -> Vec<imprint_http::OpInfo> {
        self.dialect.ops()
    }

    /// The token of a person; `nobody` has none, and `stranger` one that is not ours.
    pub(crate) fn token(&self, person: &str) -> Option<&str> {
        match person {
            "nobody" => None,
            "stranger" => Some("gAAAAABnot-a-token"),
            _ => Some(self.tokens.iter().find(|(name, _)| *name == person).map(|(_, token)| token).expect("a person")),
        }
    }

    /// Has every waiting job done.
    pub(crate) async fn work(&self) {
        self.runner.run_waiting().await.expect("the queue answers");
    }

    /// Text with ids in place of `$name`, and the last unforeseen one in place of `$last`.
    pub(crate) fn with_ids(&self, text: &str) -> String {
        let text = text.replace("$last", &self.last.lock().expect("not poisoned"));
        self.ids.iter().fold(text, |text, (name, id)| text.replace(&format!("${name}"), id))
    }

    /// Text with `$name` in place of ids, and `$last` in place of those that nobody could know.
    pub(crate) fn without_ids(&self, text: &str) -> String {
        let text = self.ids.iter().fold(text.to_owned(), |text, (name, id)| text.replace(id, &format!("${name}")));
        let mut out = String::new();
        for word in text.split_inclusive(|c: char| !c.is_ascii_hexdigit() && c != '-') {
            let id = word.get(..36).filter(|id| uuid::Uuid::try_parse(id).is_ok() && !id.starts_with(CHOSEN));
            match id {
                Some(id) => {
                    id.clone_into(&mut self.last.lock().expect("not poisoned"));
                    out.push_str("$last");
                    out.push_str(&word[36..]);
                }
                None => out.push_str(word),
            }
        }
        out
    }

    /// Asks, and reads the answer to its end.
    pub(crate) async fn ask(&self, request: http::Request<Vec<u8>>) -> Answer {
        let id = format!("req-{}", self.asked.fetch_add(1, Ordering::Relaxed));
        let (head, content) = request.into_parts();
        let remote = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        let (op, response) = match Request::new(head, Body::from(content), remote, id.clone()) {
            Err(rejection) => (None, self.dialect.reject(&rejection, &id)),
            Ok(mut request) => match self.dialect.route(&mut request) {
                Err(rejection) => (None, self.dialect.reject(&rejection, &id)),
                Ok(op) => (Some(self.ops()[op].name), Arc::clone(&self.dialect).call(op, request).await),
            },
        };
        let shown = response.headers.get("x-openstack-request-id").map(|value| value.to_str().expect("text"));
        assert!(shown.is_none_or(|shown| shown == id), "{op:?} names the request {shown:?}, not {id}");
        answer(op, response).await
    }
}

async fn answer(op: Option<&'static str>, response: Response) -> Answer {
    let (status, headers) = (response.status, response.headers.clone());
    let content = response.into_content().await.expect("the whole content").to_vec();
    Answer { op, status, headers, content }
}

async fn people(identity: &Identity) -> (Vec<(&'static str, String)>, Vec<(String, String)>) {
    let root = identity.bootstrap("root-access-key", "root-secret-key").await.expect("bootstrap");
    let scope = |project: &str| WantedScope::Project(ProjectRef::Id(project.to_owned()));
    let mut tokens = vec![
        ("admin", log_in(identity, "admin", "root-secret-key", scope(&root.project_id)).await),
        // an administrator of the whole installation, bound to no project
        ("system", log_in(identity, "admin", "root-secret-key", WantedScope::System).await),
    ];
    let admin = identity.list_users(imprint_identity::UserFilter::default()).await.expect("users").remove(0);
    let mut ids = vec![("user_admin".to_owned(), admin.id), ("admin".to_owned(), root.project_id)];
    for (name, project, role) in PEOPLE {
        if !ids.iter().any(|(known, _)| known == project) {
            let created = identity.create_project(NewProject::named(project)).await.expect("a project");
            ids.push((project.to_owned(), created.id));
        }
        let project = ids.iter().find(|(known, _)| known == project).map(|(_, id)| id.clone()).expect("made");
        let password = Some("a long password".to_owned());
        let user = identity.create_user(NewUser { password, ..NewUser::named(name) }).await.expect("a user");
        let roles = identity.list_roles(Some(role.to_owned())).await.expect("roles");
        identity.grant(&user.id, Target::Project(project.clone()), &roles[0].id).await.expect("a grant");
        tokens.push((name, log_in(identity, name, "a long password", scope(&project)).await));
        // before the projects: one name may begin with the other
        ids.insert(0, (format!("user_{name}"), user.id));
    }
    (tokens, ids)
}

async fn log_in(identity: &Identity, name: &str, password: &str, scope: WantedScope) -> String {
    let domain = imprint_identity::DomainRef::Id(imprint_identity::DEFAULT_DOMAIN.to_owned());
    let login = Login {
        credential: Credential::Password {
            user: UserRef::Name(name.to_owned(), domain),
            password: password.to_owned(),
        },
        scope,
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
    };
    identity.login(login).await.expect("a token").token
}
