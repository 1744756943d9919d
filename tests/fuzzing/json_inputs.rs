//! Files of claims in JSON: as people and programs write them, with what they get wrong.

use onestop::pb::Date;
use onestop::pb::settlement as pb;

use super::claims::{sound, spoil};
use crate::support::random::Random;

/// A file: a claim a line, or one claim over many lines.
pub fn input(random: &mut Random) -> Vec<u8> {
    let mut bytes = Vec::new();
    let claims = *random.pick(&[1, 1, 1, 2, 3]);
    let many_lines = random.one_in(if claims == 1 { 2 } else { 20 });
    for _ in 0..claims {
        bytes.extend(text(random, many_lines).into_bytes());
        bytes.extend(random.pick(&[&b"\n"[..], b"\r\n", b"\n\n \n", b""]).iter());
    }
    if random.one_in(10) {
        spoil_bytes(random, &mut bytes);
    }
    bytes
}

fn text(random: &mut Random, many_lines: bool) -> String {
    let mut claim = sound(random);
    for _ in 0..*random.pick(&[0, 0, 1, 1, 2]) {
        spoil(random, &mut claim);
    }
    let gap = if many_lines { "\n  " } else { "" };
    let mut members = members(random, &claim, gap);
    if random.one_in(3) {
        spoil_members(random, &mut members);
    }
    object(&members, gap)
}

/// A member: its name, and its value as JSON.
type Member = (String, String);

fn object(members: &[Member], gap: &str) -> String {
    let members: Vec<_> = members.iter().map(|(name, value)| format!("{gap}\"{name}\":{value}")).collect();
    format!("{{{}}}", members.join(","))
}

fn members(random: &mut Random, claim: &pb::Claim, gap: &str) -> Vec<Member> {
    let odd = if random.one_in(8) { random.below(claim.items.len().max(1)) } else { usize::MAX };
    let items = claim.items.iter().enumerate();
    let items: Vec<_> = items.map(|(at, item)| self::item(random, item, at == odd, gap)).collect();
    let total = claim.total_fen.map(|fen| ("total", quoted(&decimal(fen, 2))));
    let diagnosis = claim.diagnosis.as_ref().map(|code| ("diagnosis", quoted(code)));
    let required = [
        ("claim_id", quoted(&claim.claim_id)),
        ("request_id", quoted("请求-1")),
        ("hospital_id", quoted(&claim.hospital_id)),
        ("person_id", quoted(&claim.person_id)),
        ("visit", quoted(&claim.visit)),
        ("emergency", claim.emergency.to_string()),
        ("admitted", quoted(&day(claim.admitted))),
        ("discharged", quoted(&day(claim.discharged))),
        ("items", format!("[{gap}{}]", items.join(&format!(",{gap}")))),
    ];
    let members = required.into_iter().chain(total).chain(diagnosis);
    members.map(|(name, value)| (name.to_owned(), value)).collect()
}

/// A line of the bill; an odd one has a figure that is none.
fn item(random: &mut Random, item: &pb::Item, odd: bool, gap: &str) -> String {
    let mut members: Vec<Member> = [
        ("code", quoted(&item.code)),
        ("quantity", quoted(&decimal(item.quantity_e4, 4))),
        ("unit_price", quoted(&decimal(item.unit_price_micro_yuan, 6))),
        ("amount", quoted(&decimal(item.amount_fen, 2))),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    if item.day.is_some() {
        members.push(("day".to_owned(), quoted(&day(item.day))));
    }
    if odd {
        let at = 1 + random.below(3);
        members[at].1 = quoted(&figure(random));
    }
    object(&members, gap)
}

/// A figure that is no plain decimal, or has more digits than its place takes.
fn figure(random: &mut Random) -> String {
    let odd = ["", "-", ".", "1.", ".5", "+1", "1e3", "NaN", "Infinity", "0x10", "1,000", " 1", "１", "٣", "--1", "-0"];
    match random.below(5) {
        0 => random.decimal(12, 8),
        1 => random.decimal(40, 40),
        2 => format!("{}1.{}", "0".repeat(random.below(400)), "0".repeat(1 + random.below(400))),
        3 => "9".repeat(1 + random.below(4_000)),
        _ => (*random.pick(&odd)).to_owned(),
    }
}

/// So many units of 10^-decimals, with what digits are needed.
fn decimal(units: i64, decimals: u32) -> String {
    let (unit, digits) = (10_u64.pow(decimals), units.unsigned_abs());
    let sign = if units < 0 { "-" } else { "" };
    format!("{sign}{}.{:0width$}", digits / unit, digits % unit, width = decimals as usize)
}

fn day(day: Option<Date>) -> String {
    day.map(|day| format!("{:04}-{:02}-{:02}", day.year, day.month, day.day)).unwrap_or_default()
}

/// A text as JSON; what must be is escaped.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn spoil_members(random: &mut Random, members: &mut Vec<Member>) {
    let at = random.below(members.len());
    match random.below(6) {
        0 => drop(members.remove(at)),
        1 => members.push(members[at].clone()),
        2 => members.push(("patient_name".to_owned(), quoted("张三"))),
        3 => members.swap(0, at),
        _ => members[at].1 = value(random),
    }
}

/// A value of another kind, or none.
fn value(random: &mut Random) -> String {
    match random.below(8) {
        0 => (*random.pick(&["null", "true", "0", "-1e400", "1.5", "[]", "{}", "nul", "+1", "\"\\x\"", ""])).to_owned(),
        1 => "[".repeat(1 + random.below(400)),
        2 => format!("{}{}", "[".repeat(100), "]".repeat(100)),
        3 => format!("[{}]", vec!["0"; random.below(2_000)].join(",")),
        4 => "\"\\ud800\\u0041\"".to_owned(),
        5 => "\"\u{1}\"".to_owned(),
        6 => "{\"$__toml_private_datetime\":\"2017-06-15T25:61:61+99:99\"}".to_owned(),
        _ => quoted(&"长".repeat(random.below(2_000))),
    }
}

fn spoil_bytes(random: &mut Random, bytes: &mut Vec<u8>) {
    let at = random.below(bytes.len().max(1)).min(bytes.len());
    match random.below(6) {
        0 => bytes.truncate(at),
        1 => bytes.splice(..0, *b"\xef\xbb\xbf").for_each(drop),
        2 => bytes.splice(at..at, [0xff, 0xc0, 0x80]).for_each(drop),
        3 => bytes.extend(b"garbage"),
        4 => bytes.clear(),
        _ => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << random.below(8)),
    }
}
