//! `imprint image check`: what is inside an image, and whether it would start and could be reached.

use std::time::Duration;

use clap::{Args, ValueEnum};
use imprint_api_native::wire;
use reqwest::Method;

use super::client::{self, Client};
use super::record::{self, escape};
use super::table::{self, Format};
use crate::failure::{ExitCode, Failure};
use crate::output;

/// Time between two looks at a check that is under way.
const LOOK_EVERY: Duration = Duration::from_millis(500);

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The image's id or name
    image: String,
    /// Look into it once more although that was done before
    #[arg(long)]
    again: bool,
    /// Print a list of what is installed instead
    #[arg(long, value_enum, value_name = "FORM")]
    sbom: Option<Sbom>,
}

/// Forms of a list of what is installed.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Sbom {
    /// SPDX 2.3, JSON
    Spdx,
    /// CycloneDX, JSON
    Cyclonedx,
}

pub(super) async fn check(client: &Client, output: Format, args: CheckArgs) -> Result<(), Failure> {
    let image = record::find(client, &args.image).await?;
    let address = format!("/imprint/v1/images/{}/check", escape(record::id(&image)));
    let begin = if args.again { format!("{address}?again") } else { address.clone() };
    let begun: wire::CheckBegun = client.ask(Method::POST, &begin, &serde_json::json!({})).await?;
    let known = wait(client, &address).await?;
    if known.report.is_none() {
        return Err(not_said(client, begun.job).await);
    }
    let document = |form: &'static str| text(client, format!("{address}?as={form}"));
    match args.sbom {
        Some(Sbom::Spdx) => output::line(document("spdx").await?.trim_end()),
        Some(Sbom::Cyclonedx) => output::line(document("cyclonedx").await?.trim_end()),
        None if output != Format::Table => return table::one(output, &known.report),
        None => output::line(document("text").await?.trim_end()),
    }
    Ok(())
}

/// What is known once no check is under way.
async fn wait(client: &Client, address: &str) -> Result<wire::Check, Failure> {
    loop {
        let known: wire::Check = client.get(address).await?;
        if known.job.is_none() {
            return Ok(known);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Why there is no report.
async fn not_said(client: &Client, job: Option<wire::Job>) -> Failure {
    let ended: Option<wire::Job> = match job {
        Some(job) => client.get(&format!("/imprint/v1/jobs/{}", escape(&job.id))).await.ok(),
        None => None,
    };
    let why = ended.map(|job| job.message).filter(|why| !why.is_empty());
    Failure::new(ExitCode::Failed, why.unwrap_or_else(|| "the image could not be looked into".to_owned()))
}

async fn text(client: &Client, address: String) -> Result<String, Failure> {
    let content = client::content(client.send(Method::GET, &address, |request| request).await?).await?;
    Ok(String::from_utf8_lossy(&content).into_owned())
}
