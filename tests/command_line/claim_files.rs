//! The forms of a file of claims: a line each, one object on several lines, an array; UTF-8 only.

use std::path::Path;
use std::sync::Arc;

use onestop::cli::client::claim_lines::Claims;

fn claim(id: &str) -> String {
    format!(
        "{{\"claim_id\":\"{id}\",\"hospital_id\":\"H3\",\"person_id\":\"P1\",\"visit\":\"inpatient\",\
         \"admitted\":\"2017-06-08\",\"discharged\":\"2017-06-15\",\n\"items\":[]}}"
    )
}

/// The lines of the claims with their ids; or the first error.
fn read(bytes: &[u8]) -> Result<Vec<(usize, String)>, String> {
    let claims = Claims::new(Arc::from(Path::new("claims.json")), bytes, Arc::default());
    let id = |line: onestop::cli::client::claim_lines::ClaimLine| {
        (line.number, line.claim.map_or_else(|error| error.to_string(), |claim| claim.claim_id))
    };
    claims.map(|line| line.map(id).map_err(|error| error.to_string())).collect()
}

fn claims(expected: &[(usize, &str)]) -> Result<Vec<(usize, String)>, String> {
    Ok(expected.iter().map(|(number, id)| (*number, (*id).to_owned())).collect())
}

#[test]
fn a_byte_order_mark_an_array_and_a_pretty_printed_object_are_accepted() {
    let (one, two) = (claim("C1"), claim("C2"));
    let on_a_line = [one.replace('\n', ""), two.replace('\n', "")];
    assert_eq!(
        read(format!("\u{feff}{}\n{}\n", on_a_line[0], on_a_line[1]).as_bytes()),
        claims(&[(1, "C1"), (2, "C2")])
    );
    assert_eq!(read(format!("\u{feff}\n{one}\n").as_bytes()), claims(&[(2, "C1")]));
    assert_eq!(read(format!("[{one},\n {two}]\n").as_bytes()), claims(&[(1, "C1"), (3, "C2")]));
    assert_eq!(read(format!("\u{feff}[\n{one}\n,{two}\n]").as_bytes()), claims(&[(2, "C1"), (4, "C2")]));
    assert_eq!(read(b"[ ]\n"), claims(&[]));
    assert_eq!(read(b""), claims(&[]));
}

#[test]
fn a_broken_claim_on_several_lines_is_one_fault() {
    let pretty =
        "{\n  \"claim_id\": \"C1\",\n  \"hospital\": \"H3\",\n  \"items\": [\n    { \"code\": \"A\" }\n  ]\n}\n";
    let lines = read(format!("{pretty}{}\n", claim("C2").replace('\n', "")).as_bytes()).expect("lines");
    let [(1, fault), (8, second)] = &lines[..] else { panic!("{lines:?}") };
    assert!(fault.contains("unknown field `hospital`") && second == "C2", "{lines:?}");
    let unquoted = pretty.replacen("\"H3\"", "\"H3", 1);
    let lines = read(format!("{unquoted}{}\n", claim("C2").replace('\n', "")).as_bytes()).expect("lines");
    assert!(matches!(&lines[..], [(1, _), (8, second)] if second == "C2"), "{lines:?}");
}

#[test]
fn an_array_that_is_none_is_refused_by_line() {
    let one = claim("C1");
    let refused = |text: String| read(text.as_bytes()).expect_err("a refusal");
    assert_eq!(refused(format!("[{one}\n")), "claims.json: line 2: the array of claims does not end");
    assert_eq!(refused(format!("[{one}\n{one}]")), "claims.json: line 3: a comma is missing between two claims");
    assert_eq!(refused(format!("[{one},]")), "claims.json: line 2: a claim is missing in the array");
    assert_eq!(refused(format!("[{one}]\n{one}")), "claims.json: line 3: text follows the end of the array of claims");
}

/// In GBK, two ids of Chinese characters became one of replacement characters.
#[test]
fn a_line_that_is_not_utf_8_is_refused_by_its_number() {
    let text = [claim("C1").replace('\n', "").as_bytes(), b"\n{\"claim_id\":\"\xc8\xcb\xd4\xba\"}\n"].concat();
    assert_eq!(read(&text), Err("claims.json: line 2 is not UTF-8".to_owned()));
}

#[test]
fn a_line_of_the_most_bytes_of_a_claim_is_read_and_a_longer_one_is_refused() {
    let most = usize::try_from(onestop::cli::error::claim_file::MAX_CLAIM_BYTES).expect("a size");
    let id = claim("C1").replace('\n', "");
    let padded = |bytes: usize| format!("{id}{}\n{id}\n", " ".repeat(bytes - id.len()));
    assert_eq!(read(padded(most).as_bytes()), claims(&[(1, "C1"), (2, "C1")]));
    let refused = read(padded(most + 1).as_bytes()).expect_err("too long");
    assert_eq!(refused, format!("claims.json: line 1 is longer than {most} bytes"));
    let last = format!("{id}{}", " ".repeat(most - id.len()));
    assert_eq!(read(last.as_bytes()), claims(&[(1, "C1")]), "without an end of the line");
}
