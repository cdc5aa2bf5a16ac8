//! `imprint instance console`: a machine's serial console. The service keeps the last of what a machine said; following
//! it means asking again and showing what is new.

use std::io::Write;
use std::time::Duration;

use clap::Args;
use data_encoding::BASE64;
use imprint_api_native::wire;
use reqwest::Method;

use super::client::Client;
use super::instance::path;
use crate::failure::{ExitCode, Failure};

/// Time between two looks at a console that is followed.
const LOOK_EVERY: Duration = Duration::from_millis(300);
/// What the key Enter sends on a serial line.
const ENTER: u8 = b'\r';

#[derive(Debug, Args)]
pub(crate) struct ConsoleArgs {
    /// The machine's id
    instance: String,
    /// Go on showing what it says, until it stops
    #[arg(long, short)]
    follow: bool,
    /// Type this text and Enter first; shows nothing unless --follow is given
    #[arg(long, value_name = "TEXT")]
    send: Option<String>,
}

/// Shows what the machine says as it says it: the bytes are its own, for the terminal to make sense of.
pub(super) async fn run(client: &Client, args: ConsoleArgs) -> Result<(), Failure> {
    let path = format!("{}/console", path(&args.instance));
    let mut shown = if args.send.is_some() && args.follow { look(client, &path).await?.0 } else { Vec::new() };
    if let Some(text) = args.send {
        let mut typed = text.into_bytes();
        typed.push(ENTER);
        client.send_once(Method::POST, &path, |request| request.body(typed)).await?;
        if !args.follow {
            return Ok(());
        }
    }
    loop {
        let (said, runs) = look(client, &path).await?;
        print(news(&shown, &said))?;
        if !args.follow || !runs {
            return Ok(());
        }
        shown = said;
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// The last of what the machine said, and whether it may say more.
async fn look(client: &Client, path: &str) -> Result<(Vec<u8>, bool), Failure> {
    let console: wire::Console = client.get(path).await?;
    let said = BASE64.decode(console.output.as_bytes());
    let said = said.map_err(|error| Failure::doing("the console's output is not understood", error))?;
    Ok((said, console.status != "stopped"))
}

/// What was said after what was seen: the beginning may have been forgotten meanwhile.
fn news<'a>(seen: &[u8], said: &'a [u8]) -> &'a [u8] {
    let known = (0..seen.len()).map(|forgotten| &seen[forgotten..]).find(|rest| said.starts_with(rest));
    &said[known.map_or(0, <[u8]>::len)..]
}

fn print(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        // a reader that has gone away wants no more
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => Err(Failure::new(ExitCode::Failed, format!("cannot print: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_is_not_shown_again() {
        for (seen, said, expected) in [
            ("", "boot", "boot"),
            ("boot", "boot", ""),
            ("boot", "boot ok", " ok"),
            ("abcdef", "defghi", "ghi"),
            ("abc", "xyz", "xyz"),
            ("aaa", "aaaa", "a"),
        ] {
            assert_eq!(news(seen.as_bytes(), said.as_bytes()), expected.as_bytes(), "{seen:?} {said:?}");
        }
    }
}
