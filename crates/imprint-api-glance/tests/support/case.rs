//! Cases as text: requests, and the answers a reviewer has read.
//!
//! ```text
//! ## success create_image: a record with a chosen id
//! POST /v2/images as member
//! accept: application/json
//!
//! {"id": "…"}
//! => 201
//! location: http://…
//!
//! {…}
//! ```
//!
//! The first word says what the case shows: `success` or `failure` of the operation named after it, or `setup` when it
//! only prepares others. `$member` and the like stand for the ids of projects; `@{N TEXT}` for N times TEXT. A line
//! `## wait N` lets N seconds pass, a line `## work` has every waiting job done. `$last` stands for the last id that
//! nobody could know before.

use std::fmt::Write as _;
use std::time::Duration;

use http::HeaderName;

use super::{Answer, World};

/// Headers that are part of what clients are promised.
const SHOWN_HEADERS: [&str; 11] = [
    "accept-patch",
    "allow",
    "content-md5",
    "content-range",
    "content-type",
    "etag",
    "location",
    "openstack-image-import-methods",
    "openstack-image-store-ids",
    "retry-after",
    "www-authenticate",
];

/// What a case is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Setup,
    Success,
    Failure,
}

/// One request of a file, without its answer.
#[derive(Debug)]
pub(crate) enum Step {
    Wait(Duration),
    Work,
    Ask(Case),
}

/// One request.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) kind: Kind,
    pub(crate) op: String,
    title: String,
    method: String,
    target: String,
    person: String,
    headers: Vec<(String, String)>,
    body: String,
}

/// The steps of a file.
pub(crate) fn parse(text: &str) -> Vec<Step> {
    let parts = text.split("\n## ").map(|part| part.strip_prefix("## ").unwrap_or(part));
    parts.filter(|part| !part.trim().is_empty()).map(parse_step).collect()
}

fn parse_step(part: &str) -> Step {
    if let Some(seconds) = part.strip_prefix("wait ") {
        return Step::Wait(Duration::from_secs(seconds.trim().parse().expect("seconds")));
    }
    if part.trim() == "work" {
        return Step::Work;
    }
    let (head, rest) = part.split_once('\n').expect("a case has a request");
    let (words, title) = head.split_once(": ").expect("a case has a title");
    let (kind, op) = words.split_once(' ').expect("a case names an operation");
    let kind = match kind {
        "setup" => Kind::Setup,
        "success" => Kind::Success,
        "failure" => Kind::Failure,
        other => panic!("{other} is no kind of case"),
    };
    let request = rest.split("\n=> ").next().unwrap_or_default();
    let (line, rest) = request.split_once('\n').unwrap_or((request, ""));
    let (request_line, person) = line.rsplit_once(" as ").expect("a request says who asks");
    let (method, target) = request_line.split_once(' ').expect("a request line");
    let (head, body) = match rest.strip_prefix('\n') {
        Some(body) => ("", body),
        None => rest.split_once("\n\n").unwrap_or((rest, "")),
    };
    let headers = head.lines().filter_map(|line| line.split_once(": "));
    Step::Ask(Case {
        kind,
        op: op.to_owned(),
        title: title.trim_end().to_owned(),
        method: method.to_owned(),
        target: target.to_owned(),
        person: person.trim().to_owned(),
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        body: body.trim_end_matches('\n').to_owned(),
    })
}

/// Asks everything in a file, in order, and writes the file again with the answers that came.
pub(crate) async fn run(world: &World, steps: &[Step]) -> String {
    let mut out = String::new();
    for step in steps {
        match step {
            Step::Wait(duration) => {
                world.clock.advance(*duration);
                writeln!(out, "## wait {}\n", duration.as_secs()).expect("a String");
            }
            Step::Work => {
                world.work().await;
                out.push_str("## work\n\n");
            }
            Step::Ask(case) => {
                let answer = world.ask(case.request(world)).await;
                assert_eq!(answer.op, Some(case.op.as_str()), "{}", case.title);
                let failed = answer.status.is_client_error() || answer.status.is_server_error();
                assert_eq!(failed, case.kind == Kind::Failure, "{}: {} {}", case.op, case.title, answer.status);
                case.write(&mut out, world, &answer);
            }
        }
    }
    format!("{}\n", out.trim_end())
}

impl Case {
    fn request(&self, world: &World) -> http::Request<Vec<u8>> {
        let mut request = http::Request::builder()
            .method(self.method.as_str())
            .uri(repeated(&world.with_ids(&self.target)))
            .header("host", "glance.test:9292");
        if let Some(token) = world.token(&self.person) {
            request = request.header("x-auth-token", token);
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let body = repeated(&world.with_ids(&self.body));
        request.body(body.into_bytes()).expect("a valid request")
    }

    fn write(&self, out: &mut String, world: &World, answer: &Answer) {
        let kind = match self.kind {
            Kind::Setup => "setup",
            Kind::Success => "success",
            Kind::Failure => "failure",
        };
        writeln!(out, "## {kind} {}: {}", self.op, self.title).expect("a String");
        writeln!(out, "{} {} as {}", self.method, self.target, self.person).expect("a String");
        for (name, value) in &self.headers {
            writeln!(out, "{name}: {value}").expect("a String");
        }
        if !self.body.is_empty() {
            writeln!(out, "\n{}", self.body).expect("a String");
        }
        writeln!(out, "=> {}", answer.status.as_u16()).expect("a String");
        for name in SHOWN_HEADERS {
            for value in answer.headers.get_all(HeaderName::from_static(name)) {
                let value = world.without_ids(value.to_str().expect("text"));
                writeln!(out, "{name}: {value}").expect("a String");
            }
        }
        let content = shown_content(world, &answer.content);
        if !content.is_empty() {
            writeln!(out, "\n{content}").expect("a String");
        }
        out.push('\n');
    }
}

/// Text with its repetitions carried out.
fn repeated(text: &str) -> String {
    let Some((before, rest)) = text.split_once("@{") else { return text.to_owned() };
    let (repetition, after) = rest.split_once('}').expect("a repetition ends");
    let (count, unit) = repetition.split_once(' ').expect("a count and a text");
    before.to_owned() + &unit.repeat(count.parse().expect("a count")) + &repeated(after)
}

fn shown_content(world: &World, content: &[u8]) -> String {
    let text = match serde_json::from_slice::<serde_json::Value>(content) {
        Ok(json) => serde_json::to_string_pretty(&json).expect("JSON"),
        Err(_) if content.len() > 2_000 => format!("@bytes {}", content.len()),
        Err(_) => String::from_utf8_lossy(content).lines().map(str::trim_end).collect::<Vec<_>>().join("\n"),
    };
    world.without_ids(text.trim_end())
}
