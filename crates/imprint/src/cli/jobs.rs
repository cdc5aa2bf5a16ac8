//! `imprint job …`.

use clap::Subcommand;
use imprint_api_native::wire;

use super::client::Client;
use super::record::escape;
use super::table::{self, Format};
use crate::failure::Failure;

#[derive(Debug, Subcommand)]
pub(crate) enum JobCommand {
    /// List jobs, newest first
    List {
        /// Only those in this state: pending, running, succeeded, failed
        #[arg(long)]
        state: Option<String>,
        /// Only those on this image, by its id
        #[arg(long)]
        image: Option<String>,
        /// At most so many
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    /// Show one job
    Show {
        /// Its id
        job: String,
    },
}

pub(super) async fn run(client: &Client, output: Format, command: JobCommand) -> Result<(), Failure> {
    match command {
        JobCommand::List { state, image, limit } => {
            let given = [("state", state), ("image", image)];
            let given = given.into_iter().filter_map(|(key, value)| Some(format!("&{key}={}", escape(&value?))));
            let path = format!("/imprint/v1/jobs?limit={limit}{}", given.collect::<String>());
            let jobs: wire::Items<wire::Job> = client.get(&path).await?;
            let columns = ["id", "kind", "state", "image_id", "done_bytes", "total_bytes", "created_at", "message"];
            table::list(output, &columns, &jobs.items)
        }
        JobCommand::Show { job } => {
            let job: wire::Job = client.get(&format!("/imprint/v1/jobs/{}", escape(&job))).await?;
            table::one(output, &job)
        }
    }
}
