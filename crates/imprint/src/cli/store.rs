//! `imprint store …`.

use clap::Subcommand;
use imprint_api_native::wire;
use reqwest::Method;
use serde_json::json;

use super::client::Client;
use super::table::{self, Format};
use crate::failure::{ExitCode, Failure};

#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Show how much is stored
    Stats,
    /// Read every stored byte and report damage; exit code 6 when there is any
    Verify,
    /// Remove bytes that no image uses
    Gc {
        /// Seconds that unused bytes are kept; as the service is set up when absent
        #[arg(long, value_name = "SECONDS")]
        grace: Option<u64>,
    },
}

pub(super) async fn run(client: &Client, output: Format, command: StoreCommand) -> Result<(), Failure> {
    match command {
        StoreCommand::Stats => {
            let stats: wire::StoreStats = client.get("/imprint/v1/store").await?;
            table::one(output, &stats)
        }
        StoreCommand::Verify => {
            let report: wire::VerifyReport = client.ask(Method::POST, "/imprint/v1/store/verify", &json!({})).await?;
            table::one(output, &report)?;
            match report.clean {
                true => Ok(()),
                false => Err(damaged(report.damage_count)),
            }
        }
        StoreCommand::Gc { grace } => {
            let body = wire::Collect { grace_secs: grace };
            let report: wire::GcReport = client.ask(Method::POST, "/imprint/v1/store/gc", &body).await?;
            table::one(output, &report)?;
            match report.broken_count {
                0 => Ok(()),
                count => Err(damaged(count)),
            }
        }
    }
}

fn damaged(count: u64) -> Failure {
    let text = format!(
        "{count} things that are stored are damaged: restore them from a backup, or delete the images that need them"
    );
    Failure::new(ExitCode::Corrupt, text)
}
