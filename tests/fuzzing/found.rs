//! Regressions found with bad input, named by what broke. How long an input may take is in [`super::bounds`].

use std::path::Path;
use std::sync::Arc;

use onestop::cli::client::claim_lines::Claims;
use onestop::domain::journal::Instant;
use onestop::engine::EngineError;
use onestop::engine::import::{ImportContext, ImportSource, Imported};
use onestop::engine::{Engine, EngineSettings};
use onestop::policy::Book;
use onestop::reference::table::ReferenceTable;

use super::bounds::within;
use super::counting_store::CountingStore;
use super::policy_inputs::SOUND;
use super::service::wait;
use super::{csv_rows, json_claims, policy_files};

/// The claim was parsed again at every line with a closing bracket.
#[test]
fn a_claim_over_fifteen_thousand_lines_is_not_read_over_and_over() {
    let item = "{\"code\":\"A\",\n\"quantity\":\"1\",\"unit_price\":\"1\",\n\"amount\":\"1\"}";
    let items = vec![item; 5_000].join(",\n");
    let text = format!(
        "{{\n\"claim_id\":\"C\",\"hospital_id\":\"H\",\"person_id\":\"P\",\"visit\":\"inpatient\",\
         \"admitted\":\"2017-01-01\",\"discharged\":\"2017-01-01\",\"items\":[{items}]}}"
    );
    let claims = || Claims::new(Arc::from(Path::new("claim.json")), text.as_bytes(), Arc::default());
    let lines: Vec<_> = within(json_claims::MEMORY, text.len(), || claims().collect());
    let [Ok(line)] = lines.as_slice() else { panic!("one claim") };
    assert_eq!(line.claim.as_ref().map(|claim| claim.items.len()).ok(), Some(5_000));
}

/// A first line that is broken does not swallow the claims after it.
#[test]
fn a_claim_that_is_cut_off_costs_no_more_than_the_next() {
    let whole = "{\"claim_id\":\"C\"}\n";
    let text = format!("{{\"claim_id\":\"C\",\n{}", whole.repeat(9));
    let claims = Claims::new(Arc::from(Path::new("claims.json")), text.as_bytes(), Arc::default());
    let numbers: Vec<usize> = claims.map(|line| line.expect("memory can be read").number).collect();
    assert_eq!(numbers, [1, 3, 4, 5, 6, 7, 8, 9, 10]);
}

/// Each row of a code is compared with the others: twenty thousand took a quarter of a minute.
#[test]
fn a_code_has_at_most_a_thousand_rows() {
    let day = |at: usize| format!("{:04}-01-01", 1 + at);
    let row = |at: usize| ["A", "", &day(at), "name", "A", "", "", &day(at + 1)].map(str::to_owned).to_vec();
    let rows: Vec<_> = (0..1_000).map(row).collect();
    assert_eq!(imported(&rows).map(|taken| taken.changed).map_err(|refusal| refusal.to_string()), Ok(1_000));
    let rows: Vec<_> = (0..1_001).map(row).collect();
    let refusal = imported(&rows).expect_err("a row too many");
    assert_eq!(refusal.to_string(), "rows[1000].code has more than 1000 rows (TOO_MANY)");
}

/// Every region of one row was compared with every one of the other.
#[test]
fn two_rows_of_four_thousand_regions_are_compared_in_time() {
    let regions = |odd: usize, count: usize| {
        let all: Vec<_> = (0..count).map(|at| format!("{:06}", 2 * at + odd)).collect();
        all.join(" ")
    };
    let row = |regions: String| ["A", &regions, "", "name", "A", "", "", ""].map(str::to_owned).to_vec();
    assert!(imported(&[row(regions(0, 4_000)), row(regions(1, 4_000))]).is_ok());
    let refusal = imported(&[row(regions(0, 4_001))]).expect_err("a region too many");
    assert_eq!(refusal.to_string(), "rows[0].regions has 4001 prefixes; the limit is 4000 (TOO_MANY)");
}

/// Every text of a list was compared with every one before it, and every cite with every source.
#[test]
fn a_hundred_thousand_texts_of_a_policy_are_compared_in_time() {
    let regions: Vec<_> = (0..100_000).map(|at| format!("\"{at}\"")).collect();
    let regions = SOUND.replace("[\"37\", \"3701\"]", &format!("[{}]", regions.join(",")));
    assert!(read(&regions).is_ok());
    assert_eq!(read(&format!("{regions}\0{regions}")).map(drop).expect_err("they clash").len(), 100_001);
}

/// A list without an end was copied into the terms of every circumstance.
#[test]
fn a_list_of_more_than_64_cites_or_deductibles_is_refused() {
    let lists = [("cites", "[\"law\"]", "\"law\""), ("deductible", "[\"200\", \"100\", \"0\"]", "\"1\"")];
    for (key, list, text) in lists {
        let long = format!("{key} = [{}]", vec![text; 65].join(","));
        let faults = read(&SOUND.replacen(&format!("{key} = {list}"), &long, 1)).map(drop).expect_err("too long");
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].ends_with(&format!("`{key}` holds more than 64")), "{faults:?}");
    }
}

fn read(text: &str) -> Result<Book, Vec<String>> {
    let files: Vec<(String, &str)> =
        text.split('\0').enumerate().map(|(at, text)| (format!("{at}.toml"), text)).collect();
    let files = files.iter().map(|(file, text)| (file.as_str(), *text));
    let book = within(policy_files::MEMORY, text.len(), || Book::from_texts(files));
    book.map_err(|faults| faults.iter().map(ToString::to_string).collect())
}

fn imported(rows: &[Vec<String>]) -> Result<Imported, EngineError> {
    let engine = wait(Engine::open(
        CountingStore::default(),
        Book::without_policies().expect("a book"),
        EngineSettings::default(),
    ))
    .expect("an engine");
    let outside = ImportContext { now: &|| Instant(0), stamps: None, stop: &|| false };
    let bytes = rows.iter().flatten().map(|cell| cell.len() + 1).sum();
    within(csv_rows::MEMORY, bytes, || {
        let mut incoming = engine.incoming();
        rows.iter().try_for_each(|row| incoming.add(ReferenceTable::Catalogue, row))?;
        wait(async {
            engine
                .import_rows(
                    engine.acquire_import_permit().await,
                    incoming,
                    "catalogue",
                    ImportSource::default(),
                    &outside,
                )
                .await
        })
    })
}
