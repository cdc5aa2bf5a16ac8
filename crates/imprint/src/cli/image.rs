//! `imprint image …`: images through the image API.

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::check::{self, CheckArgs};
use super::client::Client;
use super::nbd::{self, ExportNbdArgs};
use super::pull::{self, PullArgs};
use super::push::{self, PushArgs};
use super::record::{self, escape};
use super::table::{self, Format};
use crate::failure::Failure;
use crate::output;

/// Images of one page.
const PAGE: usize = 100;
/// Columns of a list.
const COLUMNS: [&str; 6] = ["id", "name", "status", "disk_format", "size", "visibility"];

#[derive(Debug, Subcommand)]
pub(crate) enum ImageCommand {
    /// Send a file and make it an image; sends only what the service lacks, and goes on where a push was killed
    Push(Box<PushArgs>),
    /// Fetch an image into a file; verifies every byte, keeps holes, and goes on where a pull was killed
    Pull(PullArgs),
    /// Look into an image: what system is inside, and whether it would start and could be reached
    Check(CheckArgs),
    /// Print where an image's disk can be read over NBD, by whoever has that address, for a while
    ExportNbd(ExportNbdArgs),
    /// List the images that can be seen
    List(ListArgs),
    /// Show one image
    Show {
        /// Its id or name
        image: String,
    },
    /// Change an image
    Set(Box<SetArgs>),
    /// Share an image with another account, answer such an offer, or list with whom it is shared
    Share(ShareArgs),
    /// Delete images
    Delete {
        /// Their ids or names
        #[arg(required = true)]
        images: Vec<String>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Only those of this name
    #[arg(long)]
    name: Option<String>,
    /// Only those with this tag; may be repeated
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Only those in this status
    #[arg(long)]
    status: Option<String>,
    /// Only those of this visibility
    #[arg(long)]
    visibility: Option<String>,
    /// Only those with this property; may be repeated
    #[arg(long = "property", value_name = "KEY=VALUE", value_parser = key_value)]
    properties: Vec<(String, String)>,
    /// In this order, as in name:asc
    #[arg(long)]
    sort: Option<String>,
    /// At most so many
    #[arg(long, default_value_t = 1000)]
    limit: usize,
}

#[derive(Debug, Args)]
pub(crate) struct SetArgs {
    /// The image's id or name
    image: String,
    /// New name
    #[arg(long)]
    name: Option<String>,
    /// private, shared, community or public
    #[arg(long)]
    visibility: Option<String>,
    /// Set a property; may be repeated
    #[arg(long = "property", value_name = "KEY=VALUE", value_parser = key_value)]
    properties: Vec<(String, String)>,
    /// Remove a property; may be repeated
    #[arg(long = "remove-property", value_name = "KEY")]
    removed_properties: Vec<String>,
    /// Add a tag; may be repeated
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Remove a tag; may be repeated
    #[arg(long = "remove-tag", value_name = "TAG")]
    removed_tags: Vec<String>,
    /// Least disk size to boot it, GiB
    #[arg(long, value_name = "GIB")]
    min_disk: Option<u32>,
    /// Least memory to boot it, MiB
    #[arg(long, value_name = "MIB")]
    min_ram: Option<u32>,
    /// Whether it refuses to be deleted
    #[arg(long, value_name = "BOOL")]
    protected: Option<bool>,
    /// Whether usual lists leave it out
    #[arg(long, value_name = "BOOL")]
    hidden: Option<bool>,
    /// Whether its data can be had (administrators)
    #[arg(long, value_name = "BOOL")]
    active: Option<bool>,
}

#[derive(Debug, Args)]
pub(crate) struct ShareArgs {
    /// The image's id or name
    image: String,
    /// The other account's project id; without one the sharings are listed
    account: Option<String>,
    /// Take the offer back
    #[arg(long, requires = "account", conflicts_with = "answer")]
    remove: bool,
    /// Answer the offer, as the account it was made to
    #[arg(long, requires = "account", value_enum)]
    answer: Option<Answer>,
}

/// What becomes of an offer.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Answer {
    /// The image is in lists
    Accepted,
    /// It is not
    Rejected,
    /// Not decided
    Pending,
}

/// Reads `KEY=VALUE`.
pub(super) fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write KEY=VALUE".to_owned()),
    }
}

pub(super) async fn run(client: &Client, output: Format, command: ImageCommand) -> Result<(), Failure> {
    match command {
        ImageCommand::Push(args) => push::push(client, output, *args).await,
        ImageCommand::Pull(args) => pull::pull(client, output, args).await,
        ImageCommand::Check(args) => check::check(client, output, args).await,
        ImageCommand::ExportNbd(args) => nbd::export(client, output, args).await,
        ImageCommand::List(args) => list(client, output, &args).await,
        ImageCommand::Show { image } => table::one(output, &record::find(client, &image).await?),
        ImageCommand::Set(args) => set(client, output, &args).await,
        ImageCommand::Share(args) => share(client, output, &args).await,
        ImageCommand::Delete { images } => delete(client, &images).await,
    }
}

async fn list(client: &Client, output: Format, args: &ListArgs) -> Result<(), Failure> {
    let mut query = vec![format!("limit={}", args.limit.min(PAGE))];
    let mut add = |key: &str, value: &str| query.push(format!("{}={}", escape(key), escape(value)));
    // with the operator, a name that looks like one is taken literally
    let name = args.name.as_ref().map(|name| format!("eq:{name}"));
    let given = [("name", &name), ("status", &args.status), ("visibility", &args.visibility), ("sort", &args.sort)];
    given.iter().filter_map(|(key, value)| Some((*key, value.as_deref()?))).for_each(|(key, value)| add(key, value));
    args.tags.iter().for_each(|tag| add("tag", tag));
    args.properties.iter().for_each(|(key, value)| add(key, value));
    let (mut images, mut next) = (Vec::new(), Some(format!("/v2/images?{}", query.join("&"))));
    while let Some(path) = next.filter(|_| images.len() < args.limit) {
        let mut page: Value = client.get(&path).await?;
        next = page["next"].as_str().map(str::to_owned);
        if let Value::Array(found) = page["images"].take() {
            images.extend(found);
        }
    }
    images.truncate(args.limit);
    table::list(output, &COLUMNS, &images)
}

async fn set(client: &Client, output: Format, args: &SetArgs) -> Result<(), Failure> {
    let image = record::find(client, &args.image).await?;
    let id = record::id(&image);
    let changes = changes(args, &image);
    if let Some(active) = args.active {
        let action = if active { "reactivate" } else { "deactivate" };
        let path = format!("/v2/images/{}/actions/{action}", escape(id));
        client.send_once(reqwest::Method::POST, &path, |request| request).await?;
    }
    if changes.is_empty() && args.active.is_none() {
        return Err(Failure::usage("nothing to change: see imprint image set --help"));
    }
    let image =
        if changes.is_empty() { record::show(client, id).await? } else { record::patch(client, id, &changes).await? };
    table::one(output, &image)
}

/// The changes as a JSON patch of the record as it is.
fn changes(args: &SetArgs, image: &Value) -> Vec<Value> {
    let mut changes = Vec::new();
    let mut put = |key: &str, value: Value| {
        let path = format!("/{}", key.replace('~', "~0").replace('/', "~1"));
        let op = if image.get(key).is_some() { "replace" } else { "add" };
        changes.push(json!({ "op": op, "path": path, "value": value }));
    };
    let texts = [("name", &args.name), ("visibility", &args.visibility)];
    texts
        .iter()
        .filter_map(|(key, value)| Some((*key, (*value).clone()?)))
        .for_each(|(key, value)| put(key, value.into()));
    let numbers = [("min_disk", args.min_disk), ("min_ram", args.min_ram)];
    numbers.iter().filter_map(|(key, value)| Some((*key, (*value)?))).for_each(|(key, value)| put(key, value.into()));
    let flags = [("protected", args.protected), ("os_hidden", args.hidden)];
    flags.iter().filter_map(|(key, value)| Some((*key, (*value)?))).for_each(|(key, value)| put(key, value.into()));
    args.properties.iter().for_each(|(key, value)| put(key, value.clone().into()));
    if !args.tags.is_empty() || !args.removed_tags.is_empty() {
        let had = image["tags"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
        let mut tags: Vec<String> = had.filter(|tag| !args.removed_tags.contains(tag)).collect();
        tags.extend(args.tags.iter().cloned());
        put("tags", tags.into());
    }
    let removed = args.removed_properties.iter().map(|key| key.replace('~', "~0").replace('/', "~1"));
    changes.extend(removed.map(|key| json!({ "op": "remove", "path": format!("/{key}") })));
    changes
}

async fn share(client: &Client, output: Format, args: &ShareArgs) -> Result<(), Failure> {
    let image = record::find(client, &args.image).await?;
    let members = format!("/v2/images/{}/members", escape(record::id(&image)));
    let Some(account) = &args.account else {
        let answer: Value = client.get(&members).await?;
        let rows = answer["members"].as_array().cloned().unwrap_or_default();
        return table::list(output, &["member_id", "status", "created_at", "updated_at"], &rows);
    };
    let member = format!("{members}/{}", escape(account));
    if args.remove {
        return client.delete(&member).await;
    }
    let method = if args.answer.is_some() { reqwest::Method::PUT } else { reqwest::Method::POST };
    let (path, body) = match args.answer {
        Some(answer) => {
            let word = answer.to_possible_value().map(|value| value.get_name().to_owned());
            (member, json!({ "status": word }))
        }
        None => (members, json!({ "member": account })),
    };
    table::one(output, &client.ask::<Value>(method, &path, &body).await?)
}

/// Deletes all that can be; the first trouble is the command's.
async fn delete(client: &Client, images: &[String]) -> Result<(), Failure> {
    let mut first = None;
    for named in images {
        let deleted = async {
            let image = record::find(client, named).await?;
            record::delete(client, record::id(&image)).await
        };
        if let Err(failure) = deleted.await {
            output::notice(&format!("imprint: {named}: {failure}"));
            first.get_or_insert(failure.code);
        }
    }
    match first {
        None => Ok(()),
        Some(code) => Err(Failure::new(code, "not everything was deleted")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_adds_what_is_new_and_replaces_what_is_there() {
        let args = SetArgs {
            image: "i".to_owned(),
            name: Some("new".to_owned()),
            visibility: None,
            properties: vec![("a/b".to_owned(), "1".to_owned()), ("os".to_owned(), "x".to_owned())],
            removed_properties: vec!["c~d".to_owned()],
            tags: vec!["t2".to_owned()],
            removed_tags: vec!["t1".to_owned()],
            min_disk: None,
            min_ram: None,
            protected: Some(false),
            hidden: None,
            active: None,
        };
        let image = json!({ "name": "old", "os": "y", "tags": ["t0", "t1"], "protected": true });
        let expected = json!([
            { "op": "replace", "path": "/name", "value": "new" },
            { "op": "replace", "path": "/protected", "value": false },
            { "op": "add", "path": "/a~1b", "value": "1" },
            { "op": "replace", "path": "/os", "value": "x" },
            { "op": "replace", "path": "/tags", "value": ["t0", "t2"] },
            { "op": "remove", "path": "/c~0d" },
        ]);
        assert_eq!(Value::from(changes(&args, &image)), expected);
    }
}
