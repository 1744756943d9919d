//! `onestop import`: faults of a file are reported with line and column, and a file with faults is not imported.

use std::path::Path;

use serde_json::Value;

use crate::support::claims::claim;
use crate::support::program::{Serve, run};

fn write(dir: &Path, name: &str, text: &str) -> String {
    let path = dir.join(name);
    std::fs::write(&path, text).expect("written");
    path.display().to_string()
}

fn import(serve: &Serve, path: &str) -> (Option<i32>, String, String) {
    run(&["import", path, "--by", "登记处", "--server", &serve.url])
}

fn log(serve: &Serve) -> Vec<Value> {
    let (code, output, errors) = run(&["import", "--list", "--json", "--server", &serve.url]);
    assert_eq!(code, Some(0), "{errors}");
    output.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn an_invalid_row_is_reported_with_line_and_column_and_its_file_is_not_imported() {
    let place = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(&place.path().join("store"), &[]);
    // A quoted name, columns in another order and blank lines: the reported lines are those of the file.
    let text = "\u{feff}region,hospital_id,level,name\n370100,H1,primary,\"一,院\"\n\n\n370100,H2,highest,二院\n\
         37010,H3,tertiary,\n";
    let path = write(place.path(), "hospitals.csv", text);
    let (code, output, errors) = import(&serve, &path);
    assert_eq!((code, output.as_str()), (Some(1), ""));
    let wanted = [
        format!("{path}:6:name: is missing (MISSING)"),
        format!("{path}:6:region: is not a region of six digits (UNREADABLE)"),
    ];
    assert_eq!(errors.lines().collect::<Vec<_>>(), wanted);
    assert_eq!(log(&serve), Vec::<Value>::new());
    let read = run(&["reference", "hospitals", "--on", "2017-06-15", "--server", &serve.url]);
    assert_eq!((read.0, read.1.as_str()), (Some(0), "hospital_id,from,name,level,region,tags,until\n"));
}

#[test]
fn conflicting_rows_are_reported_with_their_lines() {
    let place = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(&place.path().join("store"), &[]);
    let header = "code,regions,from,name,class,self_pay_ratio,price_ceiling,until\n";
    let rows = "A,,,\"甲类\",A,,,\n\nB,,,乙类,B,0.1,,\nA,,2018-01-01,甲类,C,,,\n";
    let path = write(place.path(), "catalogue.csv", &format!("{header}{rows}"));
    let (code, _, errors) = import(&serve, &path);
    let message = "names a code and a region prefix that another row names on a common day (OVERLAP)";
    let wanted = [format!("{path}:2:code: {message}"), format!("{path}:5:code: {message}")];
    assert_eq!((code, errors.lines().map(str::to_owned).collect::<Vec<_>>()), (Some(1), wanted.to_vec()));
}

#[test]
fn invalid_csv_and_a_wrong_header_are_reported_with_their_line() {
    let place = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(&place.path().join("store"), &[]);
    for (text, message) in [
        (
            "person_id,from,from\nP1,,\n",
            "1: the header has the unknown column `person_id`, has the column `from` twice, lacks the column `hospital_id`; \
             the columns are hospital_id, from, until",
        ),
        ("hospital_id,from,until\nP1,,\nP2,\n", "3: has 2 cells; the header has 3"),
        ("hospital_id,from,until\nP1,,\nP\u{fffd},,\n", "3: is not UTF-8"),
        (
            "hospital_id,from,until\nP1,,\n\"P2,,\nP3,,\nP4\",,\n",
            "3: has a quote that is not closed; a cell holds no line end",
        ),
        ("hospital_id,from,until\nP1\r,,\n", "2: has a line end inside a cell"),
        ("hospital_id,from,until\n\"H 1 \",,\n", "2:hospital_id: has white space at an end (WHITE_SPACE)"),
    ] {
        let path = write(place.path(), "designations.csv", text);
        if message.ends_with("UTF-8") {
            let bytes = text.replace('\u{fffd}', "\u{1}").replace('\u{1}', "X").into_bytes();
            let bytes: Vec<u8> = bytes.iter().map(|byte| if *byte == b'X' { 0xff } else { *byte }).collect();
            std::fs::write(&path, bytes).expect("written");
        }
        let (code, _, errors) = import(&serve, &path);
        assert_eq!((code, errors), (Some(1), format!("{path}:{message}\n")));
    }
}

/// The files of one person, one hospital and one item with these ids, in the order of their import.
fn tables_with_ids(directory: &Path, person: &str, hospital: &str, code: &str) -> Vec<String> {
    let catalogue = "code,regions,from,name,class,self_pay_ratio,price_ceiling,until\n";
    let hospitals = "hospital_id,from,name,level,region,tags,until\n";
    let enrolments = "person_id,from,insurance,insured_region,until\n";
    [
        ("catalogue.csv", format!("{catalogue}{code},,,item,A,,,\n")),
        ("designations.csv", format!("hospital_id,from,until\n{hospital},2010-01-01,\n")),
        ("hospitals.csv", format!("{hospitals}{hospital},,hospital,tertiary,370100,,\n")),
        ("enrolments.csv", format!("{enrolments}{person},2010-01-01,resident,370100,\n")),
    ]
    .map(|(name, text)| write(directory, name, &text))
    .to_vec()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ids_of_200_bytes_are_imported_and_settled_when_id_bytes_is_256() {
    let directory = tempfile::tempdir().expect("a directory");
    let config = write(directory.path(), "onestop.toml", "[limits]\nid_bytes = 256\n");
    let serve = Serve::start(&directory.path().join("store"), &["--config", &config]);
    let [person, hospital, code] = ["P", "H", "A"].map(|letter| letter.repeat(200));
    for path in tables_with_ids(directory.path(), &person, &hospital, &code) {
        let (exit, _, errors) = import(&serve, &path);
        assert_eq!((exit, errors.as_str()), (Some(0), ""), "{path}");
    }
    let mut bill = claim(&"C".repeat(200), &person, "1.00");
    bill.hospital_id = hospital.as_str().into();
    bill.items[0].code = code.as_str().into();
    let request_id = "R".repeat(200);
    serve.client().await.settle(&bill, &request_id, Vec::new()).await.expect("a settlement");
    let read = run(&["reference", "categories", "--person", &person, "--on", "2017-06-15", "--server", &serve.url]);
    assert_eq!(read.0, Some(0), "{}", read.2);
    let too_long =
        write(directory.path(), "designations.csv", &format!("hospital_id,from,until\n{},,\n", "H".repeat(257)));
    let errors = import(&serve, &too_long).2;
    assert_eq!(errors, format!("{too_long}:2:hospital_id: has 257 bytes; the limit is 256 (TOO_LONG)\n"));
}

#[test]
fn ids_longer_than_the_default_id_bytes_are_refused_naming_the_limit() {
    let directory = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(&directory.path().join("store"), &[]);
    let [person, hospital, code] = ["P", "H", "A"].map(|letter| letter.repeat(200));
    let columns = ["code", "hospital_id", "hospital_id", "person_id"];
    let paths = tables_with_ids(directory.path(), &person, &hospital, &code);
    for (path, column) in paths.into_iter().zip(columns) {
        let (exit, output, errors) = import(&serve, &path);
        assert_eq!((exit, output.as_str()), (Some(1), ""), "{errors}");
        assert_eq!(errors, format!("{path}:2:{column}: has 200 bytes; the limit is 64 (TOO_LONG)\n"));
    }
}

#[test]
fn importing_a_file_twice_changes_nothing_and_logs_both_imports() {
    let place = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(&place.path().join("store"), &[]);
    let path = write(
        place.path(),
        "enrolments.csv",
        "person_id,from,insurance,insured_region,until\nP1,,resident,370100,\nP2,,resident,370100,\n",
    );
    assert_eq!(import(&serve, &path).1, "enrolments: 2 rows taken, 2 changed, 0 unchanged\n");
    assert_eq!(import(&serve, &path).1, "enrolments: 2 rows taken, 0 changed, 2 unchanged\n");
    let log = log(&serve);
    let changes = log.iter().map(|one| (one["number"].as_u64(), one["changed"].as_u64(), one["unchanged"].as_u64()));
    assert_eq!(changes.collect::<Vec<_>>(), [(Some(2), Some(0), Some(2)), (Some(1), Some(2), Some(0))]);
    for one in &log {
        assert_eq!(
            (&one["source"], &one["imported_by"], &one["table"]),
            (&"enrolments.csv".into(), &"登记处".into(), &"enrolments".into())
        );
        assert!(one["start_time"].as_str().zip(one["end_time"].as_str()).is_some_and(|(begun, ended)| begun <= ended));
    }
}

#[test]
fn an_import_says_how_many_rows_name_persons_without_an_enrolment() {
    let place = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(&place.path().join("store"), &[]);
    let enrolments = "person_id,from,insurance,insured_region,until\n37010119500101001X,,resident,370100,\n";
    assert_eq!(import(&serve, &write(place.path(), "enrolments.csv", enrolments)).0, Some(0));
    // The first id has the x of the second in lower case: another id, which nobody is enrolled under.
    let rows = "person_id,category,from\n37010119500101001x,destitute,\n37010119500101001X,destitute,\nP9,destitute,\n";
    let path = write(place.path(), "categories.csv", rows);
    let (code, output, errors) = import(&serve, &path);
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    assert_eq!(
        output,
        "categories: 3 rows taken, 3 changed, 0 unchanged\ncategories: 2 rows name persons who have no enrolment\n"
    );
    let (_, output, _) = run(&["import", &path, "--json", "--server", &serve.url]);
    assert_eq!(serde_json::from_str::<Value>(&output).expect("JSON")["not_enrolled"], 2);
    let rows = "person_id,category,from\n37010119500101001X,destitute,\n";
    let (_, output, _) = import(&serve, &write(place.path(), "categories.csv", rows));
    assert_eq!(output, "categories: 1 rows taken, 0 changed, 1 unchanged\n");
}

#[test]
fn an_import_counts_and_names_an_insurance_a_region_or_a_hospital_that_is_not_known() {
    let place = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(&place.path().join("store"), &[]);
    let enrolments = "person_id,from,insurance,insured_region,until\n\
        P1,2017-01-01,residents,370100,\nP2,2017-01-01,residents,370100,\nP3,2017-01-01,employe,370100,\n\
        P4,2017-01-01,resident,990100,\nP5,2017-01-01,resident,370100,\n\
        P5,2016-01-01,residnt,370100,2016-01-01\n";
    let path = write(place.path(), "enrolments.csv", enrolments);
    let (code, output, errors) = import(&serve, &path);
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    assert_eq!(
        output,
        "enrolments: 6 rows taken, 6 changed, 0 unchanged\n\
         enrolments: 3 rows have an insurance that no policy in use has: residents, employe\n\
         enrolments: 1 rows have an insured region for which no policy of their insurance in use is: 990100\n"
    );
    let designations =
        write(place.path(), "designations.csv", "hospital_id,from,until\nHZZ,,\nHWW,2017-01-01,2017-01-01\n");
    let hospitals_unknown = "designations: 1 rows name hospitals that are not in hospitals: HZZ\n";
    let (_, output, _) = import(&serve, &designations);
    assert_eq!(output, format!("designations: 2 rows taken, 2 changed, 0 unchanged\n{hospitals_unknown}"));
    let (_, output, _) = run(&["import", &designations, "--json", "--server", &serve.url]);
    let unknown = serde_json::json!({ "rows": 1, "names": ["HZZ"] });
    assert_eq!(serde_json::from_str::<Value>(&output).expect("JSON")["unknown_hospital"], unknown);
    let hospitals = "hospital_id,name,level,region,from,until\nHZZ,卫生院,primary,370100,,\n";
    assert_eq!(import(&serve, &write(place.path(), "hospitals.csv", hospitals)).0, Some(0));
    assert_eq!(import(&serve, &designations).1, "designations: 2 rows taken, 0 changed, 2 unchanged\n");
}
