//! `imprint admin …`: accounts, access keys, users, policies, limits.

mod policy;
mod quota;

use clap::Subcommand;
use data_encoding::HEXLOWER;
use imprint_api_native::wire;
use rand::Rng;
use reqwest::Method;
use serde_json::json;

use super::client::Client;
use super::record::escape;
use super::table::{self, Format};
use crate::failure::Failure;

/// Random bytes of a password that is made up here.
const PASSWORD_BYTES: usize = 16;

#[derive(Debug, Subcommand)]
pub(crate) enum AdminCommand {
    /// Accounts: what images belong to
    #[command(subcommand)]
    Account(AccountCommand),
    /// Access keys: what programs log in with
    #[command(subcommand)]
    Key(KeyCommand),
    /// Users: who logs in with a password, or is bound by policies
    #[command(subcommand)]
    User(UserCommand),
    /// Policies: what an account's bound users and roles may do
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// Limits of single accounts
    #[command(subcommand)]
    Quota(quota::QuotaCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum AccountCommand {
    /// Make an account with a user and an access key, whose secret is shown this once
    Create {
        /// Its name
        name: String,
    },
    /// List accounts
    List,
    /// Let nobody act for an account any more
    Disable {
        /// Its number, project id or name
        account: String,
    },
    /// Let its users act for an account again
    Enable {
        /// Its number, project id or name
        account: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make an access key, whose secret is shown this once
    Create {
        /// For which account: its number, project id or name
        account: String,
        /// For which user, by id or name; the one of the account's name when absent
        #[arg(long)]
        user: Option<String>,
    },
    /// List access keys
    List {
        /// Only those for this account
        #[arg(long)]
        account: Option<String>,
        /// Only those of this user
        #[arg(long)]
        user: Option<String>,
    },
    /// Refuse an access key, and the tokens got with it
    Disable {
        /// Its id
        key: String,
    },
    /// Take an access key again
    Enable {
        /// Its id
        key: String,
    },
    /// Remove an access key
    Delete {
        /// Its id
        key: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Make a user
    Create {
        /// Its name
        name: String,
        /// The account it works in: number, project id or name
        #[arg(long)]
        account: Option<String>,
        /// Its role there: reader, member, manager or admin
        #[arg(long, default_value = "member")]
        role: String,
        /// Its password; made up and shown this once when absent
        #[arg(long, env = "IMPRINT_USER_PASSWORD", hide_env_values = true)]
        password: Option<String>,
        /// Permit it only what policies of the account permit, and make it an access key, whose secret is shown this once
        #[arg(long, requires = "account", conflicts_with = "role")]
        bound: bool,
    },
    /// List users
    List {
        /// Only the bound users of this account
        #[arg(long)]
        account: Option<String>,
    },
    /// Remove a user with its keys
    Delete {
        /// Its id or name
        user: String,
        /// The account whose bound user it is
        #[arg(long)]
        account: Option<String>,
    },
}

pub(super) async fn run(client: &Client, output: Format, command: AdminCommand) -> Result<(), Failure> {
    match command {
        AdminCommand::Account(command) => account(client, output, command).await,
        AdminCommand::Key(command) => key(client, output, command).await,
        AdminCommand::User(command) => user(client, output, command).await,
        AdminCommand::Policy(command) => policy::run(client, output, command).await,
        AdminCommand::Quota(command) => quota::run(client, output, command).await,
    }
}

async fn account(client: &Client, output: Format, command: AccountCommand) -> Result<(), Failure> {
    let (account, enabled) = match command {
        AccountCommand::Create { name } => {
            let body = wire::CreateAccount { name };
            let new: wire::NewAccount = client.ask(Method::POST, "/imprint/v1/accounts", &body).await?;
            return table::one(output, &new);
        }
        AccountCommand::List => {
            let accounts: wire::Items<wire::Account> = client.get("/imprint/v1/accounts").await?;
            let columns = ["account_id", "project_id", "name", "enabled", "created_at"];
            return table::list(output, &columns, &accounts.items);
        }
        AccountCommand::Disable { account } => (account, false),
        AccountCommand::Enable { account } => (account, true),
    };
    let path = format!("/imprint/v1/accounts/{}", escape(&account));
    table::one(output, &client.ask::<wire::Account>(Method::PATCH, &path, &wire::Switch { enabled }).await?)
}

async fn key(client: &Client, output: Format, command: KeyCommand) -> Result<(), Failure> {
    let path = |key: &str| format!("/imprint/v1/keys/{}", escape(key));
    let (key, enabled) = match command {
        KeyCommand::Create { account, user } => {
            let body = wire::CreateKey { account, user };
            let new: wire::NewKey = client.ask(Method::POST, "/imprint/v1/keys", &body).await?;
            return table::one(output, &new);
        }
        KeyCommand::List { account, user } => {
            let given = [("account", account), ("user", user)];
            let given = given.into_iter().filter_map(|(key, value)| Some(format!("{key}={}", escape(&value?))));
            let path = format!("/imprint/v1/keys?{}", given.collect::<Vec<_>>().join("&"));
            let keys: wire::Items<wire::AccessKey> = client.get(&path).await?;
            let columns = ["access_key_id", "user_id", "project_id", "enabled", "created_at"];
            return table::list(output, &columns, &keys.items);
        }
        KeyCommand::Delete { key } => return client.delete(&path(&key)).await,
        KeyCommand::Disable { key } => (key, false),
        KeyCommand::Enable { key } => (key, true),
    };
    table::one(output, &client.ask::<wire::AccessKey>(Method::PATCH, &path(&key), &wire::Switch { enabled }).await?)
}

async fn user(client: &Client, output: Format, command: UserCommand) -> Result<(), Failure> {
    match command {
        UserCommand::Create { name, account: Some(account), password, bound: true, .. } => {
            let body = wire::CreateBoundUser { name, display_name: None, password };
            let new: wire::NewBoundUser = client.ask(Method::POST, &bound_users(&account), &body).await?;
            table::one(output, &new)
        }
        UserCommand::Create { name, account, role, password, .. } => {
            let made_up = password.is_none().then(make_password);
            let password = password.or_else(|| made_up.clone());
            let body = wire::CreateUser { name, password, account, role: Some(role) };
            let user: wire::User = client.ask(Method::POST, "/imprint/v1/users", &body).await?;
            let mut shown = json!(user);
            if let Some(password) = made_up {
                shown["password"] = password.into();
            }
            table::one(output, &shown)
        }
        UserCommand::List { account: Some(account) } => {
            let users: wire::Items<wire::BoundUser> = client.get(&bound_users(&account)).await?;
            table::list(output, &["user_id", "name", "display_name", "created_at"], &users.items)
        }
        UserCommand::List { account: None } => {
            let users: wire::Items<wire::User> = client.get("/imprint/v1/users").await?;
            let columns = ["user_id", "name", "domain_id", "project_id", "enabled", "created_at"];
            table::list(output, &columns, &users.items)
        }
        UserCommand::Delete { user, account: Some(account) } => {
            client.delete(&format!("{}/{}", bound_users(&account), escape(&user))).await
        }
        UserCommand::Delete { user, account: None } => {
            client.delete(&format!("/imprint/v1/users/{}", escape(&user))).await
        }
    }
}

fn bound_users(account: &str) -> String {
    format!("/imprint/v1/accounts/{}/users", escape(account))
}

fn make_password() -> String {
    let mut bytes = [0; PASSWORD_BYTES];
    rand::rng().fill_bytes(&mut bytes);
    HEXLOWER.encode(&bytes)
}
