//! What the service says of itself.

use serde_json::{Value, json};

use super::{Case, case};
use crate::tests::{Way, World};

pub(super) const CASES: &[Case] = &[
    case("list_versions", &["OK"], "versions are told to everybody", |world| Box::pin(versions(world))),
    case("show_version", &["OK", "APIGW.0101"], "versions are told to everybody", |world| Box::pin(versions(world))),
    case("show_image_schema", &["OK", "APIGW.0301"], "schemas describe what is answered", |world| {
        Box::pin(schemas(world))
    }),
    case("show_images_schema", &["OK", "APIGW.0301"], "schemas describe what is answered", |world| {
        Box::pin(schemas(world))
    }),
    case("show_member_schema", &["OK", "APIGW.0301"], "schemas describe what is answered", |world| {
        Box::pin(schemas(world))
    }),
    case("show_members_schema", &["OK", "APIGW.0301"], "schemas describe what is answered", |world| {
        Box::pin(schemas(world))
    }),
    case("show_quota", &["OK", "APIGW.0301"], "use and limits are counted", |world| Box::pin(quota(world))),
    case("list_os_versions", &["OK", "IMG.0001"], "systems are listed by platform and kind", |world| {
        Box::pin(os_versions(world))
    }),
    case("list_projects", &["OK", "APIGW.0301"], "a region's name gives the key's project", |world| {
        Box::pin(projects(world))
    }),
];

#[tokio::test]
async fn holds() {
    super::prove(CASES).await;
}

async fn versions(world: World) -> World {
    for path in ["/", "/v2", "/v2.0", "/v1"] {
        let mut request = world.owner.by(Way::Token).request("GET", path, "application/json", Vec::new());
        request.headers_mut().remove("x-auth-token");
        request.headers_mut().insert("host", "ims.example:8080".parse().expect("valid"));
        let answer = world.owner.send(request).await;
        assert_eq!((answer.complaint(), answer.status.as_u16()), (None, 300), "{path}");
        let versions = answer.body()["versions"].as_array().expect("an array").clone();
        assert_eq!(versions.iter().filter(|version| version["status"] == "CURRENT").count(), 1);
        assert!(versions.iter().all(|version| version["links"][0]["href"] == "http://ims.example:8080/v2/"));
    }
    world.owner.get("/v9").await.refused("APIGW.0101");
    world
}

async fn schemas(world: World) -> World {
    let image = world.owner.get("/v2/schemas/image").await.ok();
    assert_eq!((&image["name"], &image["additionalProperties"]), (&json!("image"), &json!({ "type": "string" })));
    let id = world.image(|_| {}).await;
    let shown = world.owner.get(&format!("/v2/images/{id}")).await.ok();
    for (name, value) in shown.as_object().expect("an object") {
        let kind = &image["properties"][name]["type"];
        let fits = match value {
            Value::Bool(_) => kind == "boolean",
            Value::Number(_) => kind == "integer",
            Value::Array(_) => kind == "array",
            _ => *kind == json!(["string", "null"]),
        };
        assert!(fits, "{name}: {value} is no {kind}");
    }
    assert_eq!(world.owner.get("/v2/schemas/images").await.ok()["properties"]["images"]["items"], image);
    let member = world.owner.get("/v2/schemas/member").await.ok();
    assert_eq!(world.owner.get("/v2/schemas/members").await.ok()["properties"]["members"]["items"], member);
    let mut forged = world.owner.clone();
    forged.secret.push('x');
    for name in ["image", "images", "member", "members"] {
        forged.get(&format!("/v2/schemas/{name}")).await.refused("APIGW.0301");
    }
    world
}

async fn quota(world: World) -> World {
    let id = world.image(|_| {}).await;
    world.image(|image| image.region = "local-2".to_owned()).await;
    let path = "/v1/cloudimages/quota";
    let of = |told: &Value, place: usize| told["quotas"]["resources"][place].clone();
    let told = world.owner.get(path).await.ok();
    assert_eq!(of(&told, 0), json!({ "type": "image", "used": 1, "quota": 100, "min": 1, "max": 1000 }));
    assert_eq!((of(&told, 1)["used"].clone(), of(&told, 2)["quota"].clone()), (json!(0), json!(128)));
    let share = json!({ "images": [id.to_string()], "projects": ["friend"] });
    world.owner.post("/v1/cloudimages/members", &share).await.ok();
    world.engine.service.set_quota(&world.owner.project, "region_images", Some(5000)).await.expect("set");
    let told = world.owner.by(Way::Token).get(path).await.ok();
    assert_eq!((of(&told, 0)["quota"].clone(), of(&told, 0)["max"].clone()), (json!(5000), json!(5000)));
    assert_eq!((of(&told, 1)["type"].clone(), of(&told, 1)["used"].clone()), (json!("image_shared"), json!(1)));
    let mut forged = world.owner.clone();
    forged.secret.push('x');
    forged.get(path).await.refused("APIGW.0301");
    world
}

async fn os_versions(world: World) -> World {
    let list = |query: &'static str| {
        let client = world.owner.clone();
        async move { client.get(&format!("/v1/cloudimages/os_version{query}")).await.ok() }
    };
    let names = |listed: &Value| -> Vec<String> {
        let platforms = listed.as_array().expect("a bare array").iter();
        let versions = platforms.flat_map(|platform| platform["version_list"].as_array().expect("an array").clone());
        versions.map(|version| version["os_version"].as_str().expect("text").to_owned()).collect()
    };
    let all = list("").await;
    let ubuntu = all.as_array().expect("an array").iter().find(|one| one["platform"] == "Ubuntu").expect("there");
    let expected = json!({
        "platform": "Ubuntu",
        "os_version_key": "Ubuntu 18.04 server 64bit",
        "os_version": "Ubuntu 18.04 server 64bit",
        "os_bit": 64,
        "os_type": "Linux",
    });
    assert!(ubuntu["version_list"].as_array().expect("an array").contains(&expected));
    assert!(names(&all).contains(&"Other(32 bit)".to_owned()));
    let arm = names(&list("?tag=arm&tag=uefi").await);
    assert!(arm.contains(&"Ubuntu 18.04 server 64bit".to_owned()));
    assert!(!arm.iter().any(|name| name.starts_with("Windows") || name.contains("32")), "{arm:?}");
    assert_eq!(names(&list("?tag=kvm&tag=x86").await).len(), names(&all).len());
    assert!(names(&list("?tag=bms").await).len() < names(&all).len());
    world.owner.get("/v1/cloudimages/os_version?tag=vax").await.refused("IMG.0001");
    world
}

async fn projects(world: World) -> World {
    let mut client = world.owner.clone();
    client.names_project = false;
    for name in ["local-1", "local-2"] {
        let told = client.get(&format!("/v3/projects?name={name}")).await.ok();
        assert_eq!(told["projects"].as_array().expect("an array").len(), 1);
        assert_eq!(
            (&told["projects"][0]["id"], &told["projects"][0]["name"]),
            (&json!(client.project.0), &json!(name))
        );
    }
    assert_eq!(client.get("/v3/projects?name=elsewhere").await.ok()["projects"], json!([]));
    assert_eq!(client.get("/v3/projects").await.ok()["projects"][0]["name"], "acme");
    client.secret.push('x');
    client.get("/v3/projects?name=local-1").await.refused("APIGW.0301");
    world
}
