//! `imprint admin policy …`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use imprint_api_native::wire;
use reqwest::Method;

use crate::cli::client::Client;
use crate::cli::record::escape;
use crate::cli::table::{self, Format};
use crate::failure::Failure;

/// Longest document that is read; the service takes less.
const DOCUMENT_BYTES_MAX: u64 = 64 << 10;

#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Make a policy from a document
    Create {
        /// Its name
        name: String,
        /// For which account: its number, project id or name
        #[arg(long)]
        account: String,
        /// File with the document: JSON
        #[arg(long, value_name = "FILE")]
        document: PathBuf,
        /// What it is for
        #[arg(long, default_value = "")]
        description: String,
    },
    /// List an account's policies and those of every account
    List {
        /// Which account: its number, project id or name
        #[arg(long)]
        account: String,
        /// Only those attached to this user of the account
        #[arg(long, conflicts_with = "role")]
        user: Option<String>,
        /// Only those attached to this role of the account
        #[arg(long)]
        role: Option<String>,
    },
    /// Show a policy with its document
    Show(Named),
    /// Give a policy another document
    Set {
        /// Its name
        name: String,
        /// Of which account: its number, project id or name
        #[arg(long)]
        account: String,
        /// File with the document: JSON
        #[arg(long, value_name = "FILE")]
        document: PathBuf,
    },
    /// Remove a policy that is attached to nobody
    Delete {
        /// Its name
        name: String,
        /// Of which account: its number, project id or name
        #[arg(long)]
        account: String,
    },
    /// Let a policy bind a user or a role
    Attach(Attachment),
    /// Let a policy no longer bind a user or a role
    Detach(Attachment),
}

/// A policy of either kind.
#[derive(Debug, Args)]
pub(crate) struct Named {
    /// Its name
    name: String,
    /// Of which account: its number, project id or name
    #[arg(long)]
    account: String,
    /// Whose it is
    #[arg(long, value_enum, default_value_t = Kind::Custom)]
    kind: Kind,
}

/// A policy, and whom it binds.
#[derive(Debug, Args)]
pub(crate) struct Attachment {
    #[command(flatten)]
    policy: Named,
    /// The user of the account
    #[arg(long, required_unless_present = "role", conflicts_with = "role")]
    user: Option<String>,
    /// The role of the account
    #[arg(long)]
    role: Option<String>,
}

/// Whose a policy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// The account's own
    Custom,
    /// Every account's
    System,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Custom => "Custom",
            Self::System => "System",
        }
    }
}

impl Named {
    fn path(&self) -> String {
        format!("{}/{}?kind={}", policies(&self.account), escape(&self.name), self.kind.word())
    }
}

impl Attachment {
    fn path(&self) -> String {
        let (whose, name) = match (&self.role, &self.user) {
            (Some(role), _) => ("roles", role),
            (None, user) => ("users", user.as_ref().expect("one of the two is required")),
        };
        let Named { name: policy, account, kind } = &self.policy;
        let (account, policy) = (escape(account), escape(policy));
        let (name, kind) = (escape(name), kind.word());
        format!("/imprint/v1/accounts/{account}/{whose}/{name}/policies/{policy}?kind={kind}")
    }
}

pub(super) async fn run(client: &Client, output: Format, command: PolicyCommand) -> Result<(), Failure> {
    let policy: wire::Policy = match command {
        PolicyCommand::Create { name, account, document, description } => {
            let body = wire::CreatePolicy { name, description, document: read(&document)? };
            client.ask(Method::POST, &policies(&account), &body).await?
        }
        PolicyCommand::List { account, user, role } => {
            let path = match (user, role) {
                (Some(user), _) => format!("{}?user={}", policies(&account), escape(&user)),
                (None, Some(role)) => format!("{}?role={}", policies(&account), escape(&role)),
                (None, None) => policies(&account),
            };
            let found: wire::Items<wire::Policy> = client.get(&path).await?;
            return table::list(output, &["name", "kind", "description", "updated_at"], &found.items);
        }
        PolicyCommand::Show(named) => client.get(&named.path()).await?,
        PolicyCommand::Set { name, account, document } => {
            let body = wire::ChangePolicy { document: read(&document)? };
            client.ask(Method::PUT, &format!("{}/{}", policies(&account), escape(&name)), &body).await?
        }
        PolicyCommand::Delete { name, account } => {
            return client.delete(&format!("{}/{}", policies(&account), escape(&name))).await;
        }
        PolicyCommand::Attach(attachment) => return client.put(&attachment.path()).await,
        PolicyCommand::Detach(attachment) => return client.delete(&attachment.path()).await,
    };
    table::one(output, &policy)
}

fn policies(account: &str) -> String {
    format!("/imprint/v1/accounts/{}/policies", escape(account))
}

fn read(file: &PathBuf) -> Result<String, Failure> {
    let failed = |error| Failure::doing(&format!("cannot read {}", file.display()), error);
    let size = std::fs::metadata(file).map_err(failed)?.len();
    if size > DOCUMENT_BYTES_MAX {
        return Err(Failure::usage(format!("{}: longer than a policy's document may be", file.display())));
    }
    std::fs::read_to_string(file).map_err(failed)
}
