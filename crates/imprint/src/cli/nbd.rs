//! `imprint image export-nbd`: a name under which a disk can be read for a while.

use clap::Args;
use imprint_api_native::wire;
use reqwest::Method;

use super::client::Client;
use super::record::{self, escape};
use super::table::{self, Format};
use crate::failure::Failure;
use crate::output;

#[derive(Debug, Args)]
pub(crate) struct ExportNbdArgs {
    /// The image's id or name
    image: String,
    /// For how many seconds the address is good; an hour when not given
    #[arg(long, value_name = "SECONDS")]
    ttl: Option<u32>,
}

pub(super) async fn export(client: &Client, output: Format, args: ExportNbdArgs) -> Result<(), Failure> {
    let image = record::find(client, &args.image).await?;
    let path = format!("/imprint/v1/images/{}/nbd", escape(record::id(&image)));
    let wanted = wire::OfferNbd { ttl_secs: args.ttl };
    let offer: wire::NbdOffer = client.ask(Method::POST, &path, &wanted).await?;
    if output != Format::Table {
        return table::one(output, &offer);
    }
    output::line(&offer.uri);
    Ok(())
}
