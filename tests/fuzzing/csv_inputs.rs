//! Files of reference tables: columns in any order, cells with a fault here and there, lines that are no rows.

use onestop::reference::table::ReferenceTable;

use super::claims::wrong_id;
use super::csv_rows::ROWS_HELD;
use crate::support::random::Random;

/// A ratio with as many decimals as a figure may have.
pub const LONG_RATIO: &str = "0.1428571428";

/// A table and its file.
pub fn input(random: &mut Random) -> Vec<u8> {
    let table = random.below(ReferenceTable::ALL.len());
    let mut bytes = vec![table as u8];
    bytes.extend(file(random, ReferenceTable::ALL[table]).into_bytes());
    if random.one_in(16) {
        spoil_bytes(random, &mut bytes);
    }
    bytes
}

fn file(random: &mut Random, table: ReferenceTable) -> String {
    let mut columns: Vec<&str> = table.columns().to_vec();
    if random.one_in(4) {
        let (one, other) = (random.below(columns.len()), random.below(columns.len()));
        columns.swap(one, other);
    }
    let end = *random.pick(&["\n", "\r\n", "\n\n"]);
    let mut text = if random.one_in(8) { "\u{feff}".to_owned() } else { String::new() };
    text += &(header(random, &columns) + end);
    let faulty = random.one_in(2);
    let of_one = random.one_in(32);
    let rows = if of_one && random.one_in(16) { 1_001 } else { rows(random) };
    for at in 0..rows {
        let mut cells: Vec<String> = columns.iter().map(|column| cell(random, table, column)).collect();
        if of_one {
            be_of_one(&columns, at, &mut cells);
        }
        if faulty && random.one_in(3) {
            spoil(random, &columns, &mut cells);
        }
        text += &(cells.join(",") + end);
    }
    text
}

/// The rows of one person, hospital or code, a day after the other.
fn be_of_one(columns: &[&str], at: usize, cells: &mut [String]) {
    let day = |at: usize| format!("{:04}-{:02}-{:02}", 1 + at / 336, 1 + at / 28 % 12, 1 + at % 28);
    for (column, cell) in columns.iter().zip(cells) {
        match *column {
            "person_id" | "hospital_id" | "code" => *cell = "ONE".to_owned(),
            "from" => *cell = day(at),
            "until" => *cell = day(at + 1),
            _ => {}
        }
    }
}

fn rows(random: &mut Random) -> usize {
    match random.below(500) {
        0..3 => 1_000 + random.below(ROWS_HELD - 990),
        3..30 => random.below(60),
        _ => random.below(8),
    }
}

fn header(random: &mut Random, columns: &[&str]) -> String {
    match random.below(40) {
        0 => columns[1..].join(","),
        1 => columns.join(";"),
        2 => format!("{},more", columns.join(",")),
        3 => columns.iter().map(|_| columns[0]).collect::<Vec<_>>().join(","),
        4 => columns.join(" , "),
        5 => columns.iter().map(|column| format!("\"{column}\"")).collect::<Vec<_>>().join(","),
        _ => columns.join(","),
    }
}

/// What a column holds where all is well.
fn cell(random: &mut Random, table: ReferenceTable, column: &str) -> String {
    let one: &[&str] = match column {
        "person_id" | "hospital_id" | "code" => &["A", "B", "身份一", "x y"],
        "insurance" => &["resident", "居民"],
        "insured_region" | "region" => &["370100", "460100"],
        "from" => &["", "0001-01-01", "2017-01-01", "2016-02-29"],
        "until" => &["", "9999-12-31", "2018-01-01"],
        "category" => &["registered_poor", "destitute", "subsistence_allowance", "illness_impoverished"],
        "kind" => &["outpatient_serious", "outpatient_chronic", "cross_region"],
        "name" => &["名", "\"名, 一\"", "\"名\"\"二\"\"\""],
        "tags" => &["", "tcm", "tcm  maternal"],
        "level" => &["primary", "secondary", "tertiary"],
        "regions" => &["", "37", "37 46 3701", "460100  37"],
        "class" => &["B"],
        "self_pay_ratio" => &["0", "1", "10%", LONG_RATIO, "100%"],
        _ => &["", "0", "0.000001", "999999999.999999"],
    };
    let number = matches!(column, "person_id" | "hospital_id" | "code") && table_needs_ids(random, table);
    if number { format!("N{}", random.below(100_000)) } else { (*random.pick(one)).to_owned() }
}

/// In most rows of the catalogue the codes differ, as two of one code clash.
fn table_needs_ids(random: &mut Random, table: ReferenceTable) -> bool {
    if table == ReferenceTable::Catalogue { !random.one_in(16) } else { random.one_in(4) }
}

fn spoil(random: &mut Random, columns: &[&str], cells: &mut Vec<String>) {
    let at = random.below(cells.len());
    match random.below(12) {
        0 => cells.push(String::new()),
        1 => drop(cells.remove(at)),
        2 => cells[at] = "\"never closed".to_owned(),
        3 => cells[at] = "x".repeat(1 + random.below(20_000)),
        _ => cells[at] = wrong(random, columns[at]),
    }
}

/// What a column may not hold.
fn wrong(random: &mut Random, column: &str) -> String {
    let days = ["2017-02-29", "0000-01-01", "10000-01-01", "2017-6-1", "0001-01-01", "１９９９-01-01", "2017-01-01 "];
    let figures = ["-1", "-0.0000000001", "101%", "1.1", "1e2", "%", ".5", "9999999999999999"];
    match column {
        "from" | "until" => (*random.pick(&days)).to_owned(),
        "self_pay_ratio" | "price_ceiling" => match random.below(4) {
            0 => random.decimal(20, 40),
            1 => String::new(),
            _ => (*random.pick(&figures)).to_owned(),
        },
        "class" => (*random.pick(&["A", "C", "special", "transitional", "a", "", "D"])).to_owned(),
        "regions" => match random.below(6) {
            0 => many_regions(random),
            1 => "3701000".to_owned(),
            2 => " 37".to_owned(),
            3 => "37\t46".to_owned(),
            _ => "37 x".to_owned(),
        },
        "name" if random.one_in(4) => "\"名\n二\"".to_owned(),
        "name" if random.one_in(3) => (*random.pick(&["名 ", "名\u{7}二"])).to_owned(),
        "name" => "名".repeat(*random.pick(&[0, 66, 67])),
        "insured_region" | "region" => (*random.pick(&["", "37010", "3701000", "37010x", "٣٧٠١٠٠"])).to_owned(),
        _ => wrong_id(random),
    }
}

/// Prefixes without number, each once.
fn many_regions(random: &mut Random) -> String {
    let prefixes: Vec<_> = (0..random.below(5_000)).map(|prefix| prefix.to_string()).collect();
    prefixes.join(" ")
}

fn spoil_bytes(random: &mut Random, bytes: &mut Vec<u8>) {
    let at = 1 + random.below(bytes.len() - 1);
    match random.below(5) {
        0 => bytes.truncate(at),
        1 => bytes.splice(at..at, [0xff, 0xfe]).for_each(drop),
        2 => bytes.splice(at..at, *b"\"").for_each(drop),
        3 => bytes.splice(at..at, vec![b'\n'; random.below(2_000)]).for_each(drop),
        _ => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << random.below(8)),
    }
}
