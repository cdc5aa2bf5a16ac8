//! The error tables of the requirement's three pages, line by line (`requirement.txt`: operation, status, code,
//! message): each line is answered by the registry's row with exactly these words and some case proves it, or the row
//! says why it cannot come about.

use super::cases;
use super::client::{known_codes, op};
use crate::fault::Code;

struct Line {
    op: &'static str,
    status: u16,
    code: &'static str,
    message: &'static str,
}

impl Line {
    /// Whether a code of ours is this line. A message that the page leaves to the server may be any.
    fn is(&self, known: &Code) -> bool {
        let filled = known.filled(&["RegionId"]).message;
        let said = self.message == "%s" || self.message == known.message || self.message == filled;
        (known.status, known.code) == (self.status, self.code) && said
    }
}

fn lines() -> impl Iterator<Item = Line> {
    include_str!("requirement.txt").lines().map(|line| {
        let [op, status, code, message] = <[&str; 4]>::try_from(line.split('\t').collect::<Vec<_>>()).expect("four");
        Line { op, status: status.parse().expect("a status"), code, message }
    })
}

#[test]
fn every_line_of_the_error_tables_is_answered_and_proved_or_cannot_come_about() {
    let mut open = Vec::new();
    for line in lines() {
        let op_row = op(line.op).expect("registered");
        let impossible = op_row.impossible.iter().any(|(code, _)| line.is(code));
        let answered = known_codes(line.op).iter().any(|known| line.is(known));
        let proved = cases::all().any(|case| case.op == line.op && case.codes.contains(&line.code));
        match (impossible, answered) {
            (true, _) => {}
            (false, true) if proved || line.status >= 500 => {}
            (false, true) => open.push(format!("{} {}: no case proves it", line.op, line.code)),
            (false, false) => open.push(format!("{} {} {}: not in the registry", line.op, line.status, line.code)),
        }
    }
    assert!(open.is_empty(), "{}", open.join("\n"));
    assert_eq!(lines().count(), 90);
}
