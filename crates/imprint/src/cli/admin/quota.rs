//! `imprint admin quota …`.

use clap::Subcommand;
use imprint_api_native::wire;
use reqwest::Method;
use serde_json::json;

use crate::cli::client::Client;
use crate::cli::record::escape;
use crate::cli::table::{self, Format};
use crate::failure::Failure;

#[derive(Debug, Subcommand)]
pub(crate) enum QuotaCommand {
    /// List the limits in force for an account
    List {
        /// Its number, project id or name
        account: String,
    },
    /// Give an account a limit of its own
    Set {
        /// Its number, project id or name
        account: String,
        /// What is limited, as the list names it
        name: String,
        /// How many there may be; -1 for any number
        #[arg(allow_hyphen_values = true)]
        most: i64,
    },
    /// Let everybody's limit hold for an account again
    Unset {
        /// Its number, project id or name
        account: String,
        /// What is limited, as the list names it
        name: String,
    },
}

pub(super) async fn run(client: &Client, output: Format, command: QuotaCommand) -> Result<(), Failure> {
    let path = |account: &str| format!("/imprint/v1/accounts/{}/quotas", escape(account));
    let quotas: wire::Items<wire::AccountQuota> = match command {
        QuotaCommand::List { account } => client.get(&path(&account)).await?,
        QuotaCommand::Set { account, name, most } => {
            let path = format!("{}/{}", path(&account), escape(&name));
            client.ask(Method::PUT, &path, &wire::SetQuota { most }).await?
        }
        QuotaCommand::Unset { account, name } => {
            let path = format!("{}/{}", path(&account), escape(&name));
            client.ask(Method::DELETE, &path, &json!({})).await?
        }
    };
    table::list(output, &["name", "most", "own"], &quotas.items)
}
