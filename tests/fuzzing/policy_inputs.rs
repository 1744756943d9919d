//! Policy files: a sound one, or a library and one that draws from it, with lines that are missing, moved, repeated, or
//! say something else.

use crate::support::random::Random;

/// A rate with as many decimals as a figure may have.
pub const LONG_RATE: &str = "0.5555555555";

/// A file that has every key.
pub const SOUND: &str = r#"format = 2
id = "law-2017"
title = "法"
insurance = "resident"
regions = ["37", "3701"]
in_force = { from = 0001-01-01, until = 9999-12-31 }
benefit_year = "discharge"
[sources]
law = "clause 2"
rule = "rule 3"
[[layer]]
id = "fund"
name = "基金"
payer = "fund"
visits = ["inpatient", "maternity"]
pools = ["eligible", "special_drug"]
period = "year"
only = ["destitute", "registered_poor"]
in_force = { from = 2017-02-01, until = 2017-12-01 }
prior_self_pay = "20%"
cites = ["law"]
assumed = ["schedule"]
[layer.schedule.primary]
deductible = ["200", "100", "0"]
bands = [{ rate = "85%" }]
[layer.schedule.secondary]
bands = [{ upto = "10000", rate = "70%" }, { upto = "20000", rate = "72%" }, { rate = "75%" }]
[layer.schedule.tertiary]
bands = [{ rate = "0.5555555555" }]
[[layer.cap]]
account = "fund"
of = "paid"
annual = "150000"
[[layer.when]]
if = { locality = ["cross_region"], referral = ["registered"], level = ["tertiary"] }
prior_self_pay = { plus = "10%" }
cites = ["rule"]
assumed = ["prior_self_pay"]
[[layer.for]]
category = ["registered_poor"]
deductible = { times = "0.5" }
rate = { plus = "5%" }
cap = { set = "500000" }
cites = ["law", "rule"]
[[layer]]
id = "insurer"
payer = "insurer"
visits = ["inpatient"]
pools = ["excluded"]
period = "admission"
cites = ["rule"]
[layer.schedule.all]
bands = [{ rate = "30%" }]
[[layer.cap]]
account = "insurer"
annual = "30000"
"#;

const LIBRARY: &str = r#"format = 2
id = "library"
title = "a library"
insurance = "resident"
regions = []
[sources]
law = "clause 1"
[[layer]]
id = "fund"
payer = "fund"
visits = ["inpatient"]
pools = ["eligible"]
period = "year"
cites = ["law"]
[layer.schedule.all]
bands = [{ rate = "50%" }]
"#;

const DRAWING: &str = r#"format = 2
id = "drawing"
title = "draws"
insurance = "resident"
regions = ["37"]
in_force = { from = 2017-01-01, until = 2018-01-01 }
benefit_year = "admission"
[[layer]]
use = "library#fund"
prior_self_pay = "5%"
"#;

/// Values that stand anywhere but where they belong, a line of the file each.
const VALUES: &str = r#""0"
"-1"
"100%"
"101%"
"1e5"
"9999999999999999"
""
"none"
5
1.5
true
2017-01-01
2017-01-01T00:00:00Z
[]
[1]
["law", "law"]
{}
{ set = "1" }
{ set = "1", plus = "1" }
{ times = "33.3333333333%" }
{ times = "999999999999999" }
{ from = 2018-01-01, until = 2018-01-01 }
{ all = { bands = [{ rate = "1" }] } }
[{ rate = "1" }, { rate = "1" }]
"base"
"library#fund"
[{ upto = "5", rate = "1" }]
[{ upto = "5", rate = "1" }, { upto = "5", rate = "1" }, { rate = "0" }]
"0.00000000001"
{ plus = "0.0000000001" }
'''
"\ud800"
"admission"
"fund"
0xffffffffffffffffff
inf
2
{ locality = [] }
{ from = 5 }
{ from = 2017-01-01T00:00:00Z }
["二"]"#;

/// One file or several.
pub fn input(random: &mut Random) -> Vec<u8> {
    let texts: &[&str] = match random.below(6) {
        0 | 1 => &[LIBRARY, DRAWING],
        2 => &[SOUND, SOUND],
        3 => &[SOUND, DRAWING, LIBRARY],
        _ => &[SOUND],
    };
    let texts: Vec<String> = texts.iter().map(|text| altered(random, text)).collect();
    let mut bytes = texts.join("\0").into_bytes();
    if random.one_in(24) {
        let at = random.below(bytes.len());
        bytes[at] ^= 1 << random.below(8);
    }
    bytes
}

fn altered(random: &mut Random, text: &str) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for _ in 0..*random.pick(&[0, 0, 1, 1, 2, 4]) {
        alter(random, &mut lines);
    }
    lines.join(*random.pick(&["\n", "\r\n"]))
}

fn alter(random: &mut Random, lines: &mut Vec<String>) {
    if lines.is_empty() {
        return;
    }
    let (at, other) = (random.below(lines.len()), random.below(lines.len()));
    match random.below(16) {
        0 | 1 => drop(lines.remove(at)),
        2 => lines.insert(other, lines[at].clone()),
        3 => lines.swap(at, other),
        4 => lines.insert(at, format!("{} = {}", random.pick(KEYS), misplaced(random))),
        5 => repeat_block(random, lines),
        15 if random.one_in(4) => lines.insert(at, "use = \"library#fund\"".to_owned()),
        6 => lines.truncate(at + 1),
        _ => {
            if let Some((key, _)) = lines[at].split_once(" = ") {
                lines[at] = format!("{key} = {}", value(random));
            }
        }
    }
}

const KEYS: &[&str] = &["id", "use", "name", "only", "in_force", "cap", "unknown", "\"\"", "a.b.c", "rate", "assumed"];

/// A block of lines once more, or far too often.
fn repeat_block(random: &mut Random, lines: &mut Vec<String>) {
    let starts: Vec<usize> = (0..lines.len()).filter(|at| lines[*at].starts_with("[[")).collect();
    let Some(start) = starts.get(random.below(starts.len().max(1))).copied() else { return };
    let next = lines[start + 1..].iter().position(|line| line.starts_with("[["));
    let block = lines[start..next.map_or(lines.len(), |next| start + 1 + next)].to_vec();
    let times = if random.one_in(60) { 70 } else { 1 };
    (0..times).for_each(|_| lines.extend(block.iter().cloned()));
}

fn value(random: &mut Random) -> String {
    match random.below(200) {
        0 => random.pick(&["[", "]", "=", "\"", "\u{1}", ", ", "\n\t", "a."]).repeat(1 + random.below(3_000)),
        1 => format!("{}{}", "[".repeat(60), "]".repeat(60)),
        2 => format!("{{ a = {}1{} }}", "{ a = ".repeat(200), " }".repeat(200)),
        3 => long_list(random),
        4 if random.one_in(64) => "9".repeat(1 << 20),
        4 => format!("\"{}\"", "9".repeat(random.below(10_000))),
        5..15 => format!("\"{}\"", random.decimal(16, 12)),
        _ => misplaced(random),
    }
}

fn misplaced(random: &mut Random) -> String {
    let values: Vec<&str> = VALUES.lines().collect();
    (*random.pick(&values)).to_owned()
}

/// A list of texts that differ, or of one text again and again; now and then a very long one.
fn long_list(random: &mut Random) -> String {
    let (length, same) = (if random.one_in(8) { 20_000 } else { random.below(300) }, random.one_in(2));
    let texts: Vec<_> = (0..length).map(|at| if same { "\"law\"".to_owned() } else { format!("\"{at}\"") }).collect();
    format!("[{}]", texts.join(","))
}
