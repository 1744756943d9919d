//! JSON claims: the bytes of a file of claims, read as the client reads one, each claim then checked by itself.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use onestop::cli::client::claim_lines::{ClaimLine, Claims};
use onestop::domain::claim::{ClaimLimits, RawClaim};
use onestop::domain::fault::FieldFaults;
use onestop::policy::{Book, shipped};

use super::bounds::{Memory, within};
use super::reached::Reached;
use super::{Target, json_inputs};

/// The shipped book, for its words; read once, outside what is measured.
static BOOK: LazyLock<Book> = LazyLock::new(|| shipped::book().expect("the shipped book"));

/// The target.
pub const TARGET: Target = Target { input: json_inputs::input, take, classes };

/// Lines are held one at a time; of a value that is not known yet the reader holds a tree.
pub const MEMORY: Memory = Memory { bytes: 64 << 10, per_byte: 48 };

/// How the parser's errors begin or end that are classes of their own.
const NOT_READ: &[&str] = &[
    "missing field",
    "unknown field",
    "duplicate field",
    "invalid type",
    "EOF while parsing",
    "recursion limit exceeded",
    "did not match any variant",
    "trailing characters",
    "expected value",
    "lone leading surrogate",
    "control character",
    "expected `,` or `}`",
    "invalid escape",
];

fn classes() -> Vec<String> {
    let faults = ["UNREADABLE", "TOO_MANY_DECIMALS", "TOO_LARGE", "NOT_A_DAY"].map(|fault| format!("text {fault}"));
    let checked = [
        "MISSING",
        "TOO_LONG",
        "TOO_MANY",
        "TOO_LARGE",
        "NEGATIVE",
        "DISCHARGED_BEFORE_ADMITTED",
        "UNLIKE_SIGN",
        "AMOUNT_MISMATCH",
        "TOTAL_MISMATCH",
        "OUTSIDE_STAY",
        "REFUNDS_EXCEED_CHARGES",
    ];
    let others = [
        "no claim at all",
        "several claims",
        "a claim over many lines",
        "sound",
        "sound: a total of 0",
        "sound: 5,000 items",
        "sound: the largest amount",
        "sound: a Unicode id",
        "sound: year 1",
        "sound: year 9999",
    ];
    let checked = checked.map(|fault| format!("claim {fault}"));
    let read = NOT_READ.iter().map(|message| (*message).to_owned());
    faults.into_iter().chain(checked).chain(others.map(str::to_owned)).chain(read).collect()
}

/// A claim that was read: sound, or at fault as a text, or as a claim.
enum Read {
    Sound(Box<RawClaim>),
    Unreadable(FieldFaults),
    Faulty(FieldFaults),
}

fn take(bytes: &[u8], reached: &mut Reached) {
    LazyLock::force(&BOOK);
    let lines = within(MEMORY, bytes.len(), || lines(bytes));
    reached.hit_if(lines.is_empty(), "no claim at all");
    reached.hit_if(lines.len() > 1, "several claims");
    for line in &lines {
        assert!(bytes.len() >= line.text.len() / 3, "a line tells no more than the file, but for what is not UTF-8");
        match &line.claim {
            Err(error) => note_error(&error.to_string(), reached),
            Ok(claim) => {
                reached.hit_if(line.text.contains('\n'), "a claim over many lines");
                let read = within(MEMORY, bytes.len(), || read(claim));
                note(read, reached);
            }
        }
    }
}

fn lines(bytes: &[u8]) -> Vec<ClaimLine> {
    let claims = Claims::new(Arc::from(Path::new("claims.json")), bytes, Arc::default());
    let sound = |line: Result<ClaimLine, _>| {
        let fault =
            |fault: &dyn std::fmt::Display| assert!(fault.to_string().starts_with("claims.json: line "), "{fault}");
        line.inspect_err(|failure| fault(failure)).ok()
    };
    claims.map_while(sound).collect()
}

fn read(claim: &onestop::cli::client::claim_text::ClaimText) -> Read {
    match claim.claim_and_request_id() {
        Err(faults) => Read::Unreadable(faults),
        Ok((claim, _)) => {
            match claim.clone().validate(&ClaimLimits::default(), BOOK.vocabulary(), onestop::domain::day::Day::LAST) {
                Ok(_) => Read::Sound(Box::new(claim)),
                Err(invalid) => Read::Faulty(invalid.faults),
            }
        }
    }
}

fn note_error(message: &str, reached: &mut Reached) {
    match NOT_READ.iter().find(|known| message.contains(**known)) {
        Some(known) => reached.hit(known),
        None => reached.hit("another error of the parser"),
    }
}

fn note(read: Read, reached: &mut Reached) {
    let mut count = |kind: &str, faults: &FieldFaults| {
        assert!(!faults.is_empty(), "what is refused has a fault");
        faults.listed().iter().for_each(|fault| reached.hit(&format!("{kind} {}", fault.reason.as_str())));
    };
    match read {
        Read::Unreadable(faults) => count("text", &faults),
        Read::Faulty(faults) => count("claim", &faults),
        Read::Sound(claim) => note_sound(&claim, reached),
    }
}

/// The figures of a sound claim are what their texts say: printed and read again they are the same.
fn note_sound(claim: &RawClaim, reached: &mut Reached) {
    for item in &claim.items {
        assert_eq!(item.amount.to_string().parse(), Ok(item.amount));
    }
    let amounts = || claim.items.iter().map(|item| item.amount.fen());
    let year = claim.discharged.map(|day| day.year);
    reached.hit("sound");
    reached.hit_if(amounts().sum::<i64>() == 0, "sound: a total of 0");
    reached.hit_if(claim.items.len() == super::claims::ITEMS, "sound: 5,000 items");
    reached.hit_if(amounts().any(|fen| fen == super::claims::MOST), "sound: the largest amount");
    reached.hit_if(!claim.claim_id.as_str().is_ascii(), "sound: a Unicode id");
    reached.hit_if(year == Some(1), "sound: year 1");
    reached.hit_if(year == Some(9999), "sound: year 9999");
}
