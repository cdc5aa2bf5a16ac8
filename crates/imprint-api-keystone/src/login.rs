//! From the `auth` object of a request to an attempt to log in.

use std::net::IpAddr;

use imprint_identity::{Credential, DomainRef, Login, ProjectRef, UserRef, WantedScope};
use serde_json::Value;

use crate::error::Refusal;
use crate::fields::Fields;

/// Reads the `auth` object.
pub(crate) fn read_login(mut auth: Fields, address: IpAddr) -> Result<Login, Refusal> {
    let mut identity = auth.needed_object("identity")?;
    let methods = identity
        .texts("methods")?
        .filter(|methods| !methods.is_empty())
        .ok_or_else(|| Refusal::bad_request("'methods' is a required property"))?;
    // one proof at a time; several at once are not offered to anybody, so asking for them proves nothing
    let [method] = methods.as_slice() else {
        return Err(Refusal::unauthorized());
    };
    let credential = match method.as_str() {
        "password" => read_password(identity.needed_object("password")?)?,
        "token" => Credential::Token(identity.needed_object("token")?.needed_text("id")?),
        "application_credential" => read_app_credential(identity.needed_object("application_credential")?)?,
        _ => return Err(Refusal::unauthorized()),
    };
    let scope = read_scope(auth.value("scope"))?;
    Ok(Login { credential, scope, address })
}

fn read_password(mut fields: Fields) -> Result<Credential, Refusal> {
    let mut user = fields.needed_object("user")?;
    let password = user.needed_text("password")?;
    Ok(Credential::Password { user: read_user(user)?, password })
}

fn read_app_credential(mut fields: Fields) -> Result<Credential, Refusal> {
    let secret = fields.needed_text("secret")?;
    if let Some(id) = fields.text("id")? {
        return Ok(Credential::AppCredential { id, secret });
    }
    let name = fields.needed_text("name")?;
    let user = read_user(fields.needed_object("user")?)?;
    Ok(Credential::NamedAppCredential { user, name, secret })
}

fn read_user(mut fields: Fields) -> Result<UserRef, Refusal> {
    if let Some(id) = fields.text("id")? {
        return Ok(UserRef::Id(id));
    }
    let name = fields.needed_text("name")?;
    Ok(UserRef::Name(name, read_domain(fields.needed_object("domain")?)?))
}

fn read_domain(mut fields: Fields) -> Result<DomainRef, Refusal> {
    match fields.text("id")? {
        Some(id) => Ok(DomainRef::Id(id)),
        None => Ok(DomainRef::Name(fields.needed_text("name")?)),
    }
}

fn read_scope(scope: Option<Value>) -> Result<WantedScope, Refusal> {
    let unknown = || Refusal::bad_request("Invalid input for field 'scope'");
    let mut scope = match scope {
        None | Some(Value::Null) => return Ok(WantedScope::Default),
        Some(Value::String(word)) if word == "unscoped" => return Ok(WantedScope::Unscoped),
        Some(Value::Object(scope)) => Fields::from(scope),
        Some(_) => return Err(unknown()),
    };
    if scope.value("unscoped").is_some() {
        return Ok(WantedScope::Unscoped);
    }
    if let Some(project) = scope.object("project")? {
        return read_project(project).map(WantedScope::Project);
    }
    if let Some(domain) = scope.object("domain")? {
        return read_domain(domain).map(WantedScope::Domain);
    }
    let all = scope.object("system")?.map(|mut system| system.flag("all")).transpose()?;
    if all == Some(Some(true)) { Ok(WantedScope::System) } else { Err(unknown()) }
}

fn read_project(mut fields: Fields) -> Result<ProjectRef, Refusal> {
    if let Some(id) = fields.text("id")? {
        return Ok(ProjectRef::Id(id));
    }
    let name = fields.needed_text("name")?;
    Ok(ProjectRef::Name(name, read_domain(fields.needed_object("domain")?)?))
}
