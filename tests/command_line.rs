//! The command line as scripts use it: exit codes, standard output and standard error.

mod claim_files;
mod correcting;
mod escaping;
mod following;
mod interrupted;
mod not_utf8;
mod policies;
mod policy_diff;
mod retroactive;
mod settling;
mod show;
mod stable;

use std::net::TcpListener;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::program::run;

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases");

/// A case of the repository.
fn case(name: &str) -> String {
    format!("{CASES}/{name}.toml")
}

fn write(dir: &Path, name: &str, text: &str) -> String {
    let path = dir.join(name);
    std::fs::write(&path, text).expect("written");
    path.display().to_string()
}

fn directory() -> tempfile::TempDir {
    tempfile::tempdir().expect("a directory")
}

/// A case with this expectation of its first step changed.
fn changed(dir: &Path, find: &str, put: &str) -> String {
    let text = std::fs::read_to_string(case("01-ordinary-and-registered-poor")).expect("a case");
    assert!(text.contains(find), "the case says {find}");
    write(dir, "changed.toml", &text.replacen(find, put, 1))
}

/// The output as JSON, a value a line.
fn json(output: &str) -> Vec<Value> {
    output.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|why| panic!("{why}: {line}"))).collect()
}

#[test]
fn a_passing_case_prints_ok_and_exits_0() {
    let (code, output, errors) = run(&["policy", "test", &case("01-ordinary-and-registered-poor")]);
    assert_eq!(code, Some(0), "{errors}");
    assert_eq!(output, "ok the same bill, an ordinary resident and a registered poor one\n");
    assert_eq!(errors, "");
}

#[test]
fn a_directory_of_cases_prints_one_line_per_case_and_skips_policies() {
    let (code, output, errors) = run(&["policy", "test", CASES]);
    assert_eq!(code, Some(0), "{output}{errors}");
    let files =
        std::fs::read_dir(CASES).expect("the cases").filter_map(|file| file.ok()?.file_name().into_string().ok());
    // Folders hold the policies of single cases.
    let files = files.filter(|name| name.ends_with(".toml"));
    let (policies, cases): (Vec<_>, Vec<_>) = files.partition(|name| name.starts_with("by-"));
    assert_eq!(output.lines().count(), cases.len());
    assert!(output.lines().all(|line| line.starts_with("ok ")), "{output}");
    assert_eq!(errors.matches("a policy, not a case").count(), policies.len(), "{errors}");
}

#[test]
fn a_case_with_one_wrong_fen_reports_step_and_figure_and_exits_1() {
    let dir = directory();
    let path = changed(dir.path(), "basic_fund = \"54450.00\"", "basic_fund = \"54450.01\"");
    let text = std::fs::read_to_string(&path).expect("a case");
    let (name, _) = text.split_once('\n').expect("a first line");
    let unnamed = write(dir.path(), "unnamed.toml", &text.replacen(name, "", 1));
    let differs = "step 1 payers.basic_fund: want 54450.01, got 54450.00\n";
    let (code, output, _) = run(&["policy", "test", &unnamed]);
    assert_eq!((code, output), (Some(1), format!("differs unnamed: {differs}")));
    let (code, output, errors) = run(&["policy", "test", &path, &case("02-pools")]);
    let (first, second) = output.split_once('\n').expect("two lines");
    let name = "the same bill, an ordinary resident and a registered poor one";
    assert_eq!((code, format!("{first}\n")), (Some(1), format!("differs {name}: {differs}")));
    assert!(second.starts_with("ok "), "{output}");
    assert_eq!(errors, "1 differ\n");
}

#[test]
fn a_difference_is_reported_with_its_path() {
    let dir = directory();
    for (find, put, differs) in [
        ("total = \"100000.00\"", "total = \"1\"", "step 1 total: want 1.00, got 100000.00"),
        ("patient = \"28775.00\"", "patient = \"28775.1\"", "step 1 patient: want 28775.10, got 28775.00"),
        (
            "pools = { eligible = \"100000.00\" }",
            "pools = { excluded = \"0.01\" }",
            "step 1 pools.excluded: want 0.01, got 0.00",
        ),
        ("layers = { ", "layers = { special_drug = \"0.01\", ", "step 1 layers.special_drug: want 0.01, got 0.00"),
        ("patient = \"28775.00\"", "refused = \"NOT_FOUND\"", "step 1 refused: want NOT_FOUND, got a split"),
    ] {
        let (code, output, _) = run(&["policy", "test", &changed(dir.path(), find, put)]);
        assert_eq!(code, Some(1), "{put}");
        assert!(output.trim_end().ends_with(&format!(": {differs}")), "{output}");
    }
}

#[test]
fn an_amount_that_a_response_lacks_counts_as_zero() {
    let dir = directory();
    let path = changed(dir.path(), "layers = { ", "layers = { special_drug = \"0\", ");
    assert_eq!(run(&["policy", "test", &path]).0, Some(0));
}

#[test]
fn a_case_that_cannot_be_read_exits_2() {
    let dir = directory();
    for (find, put, why) in [
        ("total = \"100000.00\"", "totals = \"1\"", "totals"),
        ("total = \"100000.00\"", "total = 1", "invalid type: integer `1`, expected a string"),
        ("total = \"100000.00\"", "total = \"1,000\"", "step 1 expects \"1,000\", which is not a plain decimal number"),
        ("total = \"100000.00\"", "total = \"0.001\"", "step 1 expects \"0.001\", which has more than 2 decimals"),
        ("pools = { eligible", "pools = { lost", "step 1 expects the pool `lost`, which does not exist"),
        ("layers = { ", "layers = { nothing = \"0\", ", "step 1 expects the layer `nothing`, which does not exist"),
        ("[step.quote]", "[step.quotes]", "quotes"),
        (
            "level = \"primary\"",
            "level = \"first\"",
            "`level` of hospitals[1] is `first`, which the book does not have",
        ),
    ] {
        let path = changed(dir.path(), find, put);
        let (code, output, errors) = run(&["policy", "test", &path]);
        assert_eq!((code, output.as_str()), (Some(2), ""), "{put}: {errors}");
        assert!(errors.starts_with(&path) && errors.contains(why), "{put}: {errors}");
    }
    assert_eq!(run(&["policy", "test", "nowhere.toml"]).0, Some(2));
}

#[test]
fn a_case_that_cannot_be_read_does_not_stop_the_others() {
    let dir = directory();
    let path = changed(dir.path(), "total = \"100000.00\"", "total = 1");
    let (code, output, _) = run(&["policy", "test", &path, &case("02-pools")]);
    assert_eq!(code, Some(2));
    assert!(output.starts_with("ok "), "{output}");
    let (code, output, _) = run(&["policy", "test", "nowhere.toml", &case("02-pools")]);
    assert_eq!(code, Some(2));
    assert!(output.starts_with("ok "), "{output}");
}

#[test]
fn wrong_usage_exits_2() {
    for arguments in [
        &["policy", "test"][..],
        &["policy"],
        &["settle-all"],
        &["policy", "show"],
        &["policy", "show", "shandong-1999"],
        &["policy", "show", "shandong-2017", "--category", "rich"],
        &["policy", "show", "shandong-2017", "--locality", "abroad"],
        &["policy", "check", "nowhere.toml"],
        &["account", "P1"],
        &["outcome", "--hospital", "H1"],
        &["import", "--server", "http://127.0.0.1:1"],
    ] {
        let (code, output, errors) = run(arguments);
        assert_eq!(code, Some(2), "{arguments:?}: {output}{errors}");
        assert!(!errors.is_empty() && output.is_empty(), "{arguments:?}: {output}");
    }
}

/// An address where no server answers.
pub fn unused_address() -> String {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port();
    format!("http://127.0.0.1:{port}")
}

#[test]
fn a_client_whose_server_does_not_answer_exits_3() {
    let server = unused_address();
    let names = ["--hospital", "H1", "--person", "P1", "--request", "r-1"];
    let claim = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("deploy/demo/claims.ndjson").display().to_string();
    let tables = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("deploy/demo").display().to_string();
    let mut commands = vec![
        vec!["quote", &claim],
        vec!["settle", &claim],
        vec!["import", &tables],
        vec!["show", "018f0000-0000-7000-8000-000000000000"],
        vec!["account", "P1", "--year", "2017"],
    ];
    commands.extend(["outcome", "fence"].map(|command| [&[command][..], &names].concat()));
    commands.push([&["reverse", "--claim", "c1", "--reason", "why"][..], &names].concat());
    for command in commands {
        let (code, output, errors) = run(&[&command[..], &["--server", &server]].concat());
        assert_eq!((code, output.as_str()), (Some(3), ""), "{command:?}: {errors}");
        assert_eq!(errors, format!("no server answers at {server}\n"), "{command:?}");
    }
}

#[test]
fn the_shipped_policies_have_no_fault() {
    let (code, output, errors) = run(&["policy", "check", "--strict"]);
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    assert!(output.starts_with("9 policies, no faults; digest of the book "), "{output}");
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/policies");
    let (code, of_files, _) = run(&["policy", "check", "--policies", dir, "--json"]);
    assert_eq!((code, &json(&of_files)[0]["policies"]), (Some(0), &Value::from(9)));
}

#[test]
fn every_fault_of_a_directory_is_reported_with_file_and_line() {
    let dir = directory();
    let shipped = include_str!("../deploy/policies/shandong-2017.toml");
    let one = write(
        dir.path(),
        "a.toml",
        &shipped.replace("format       = 2", "format       = 3").replacen("\"85%\"", "\"185%\"", 1),
    );
    let two = write(dir.path(), "b.toml", &shipped.replacen("\"150000\"", "150000", 1).replace("[\"37\"]", "[\"3x\"]"));
    for arguments in
        [&["policy", "check"][..], &["policy", "list"], &["policy", "show", "x"], &["policy", "test", CASES]]
    {
        let at = dir.path().display().to_string();
        let (code, output, errors) = run(&[arguments, &["--policies", &at]].concat());
        assert_eq!((code, output.as_str()), (Some(1), ""), "{arguments:?}");
        let places: Vec<_> = errors.lines().filter_map(|line| line.split(": ").next()).collect();
        for (path, text, on) in [
            (&one, std::fs::read_to_string(&one), "format "),
            (&one, std::fs::read_to_string(&one), "185%"),
            (&two, std::fs::read_to_string(&two), "regions "),
            (&two, std::fs::read_to_string(&two), "annual  = 150000"),
        ] {
            let text = text.expect("a policy");
            let line = text.lines().position(|line| line.contains(on)).expect("the line") + 1;
            assert!(places.contains(&format!("{path}:{line}").as_str()), "{on} of {path}: {errors}");
        }
        assert!(places.iter().all(|place| place.starts_with(&one) || place.starts_with(&two)), "{errors}");
    }
}

#[test]
fn the_list_contains_every_policy() {
    let (code, output, _) = run(&["policy", "list"]);
    assert_eq!(code, Some(0));
    let listed = run(&["policy", "list", "--json"]).1;
    let ids: Vec<_> = json(&listed).iter().filter_map(|policy| policy["id"].as_str().map(str::to_owned)).collect();
    let shipped = onestop::policy::shipped::FILES.iter().map(|(file, _)| file.trim_end_matches(".toml"));
    assert!(shipped.eq(ids.iter().map(String::as_str)), "{ids:?}");
    assert!(ids.iter().all(|id| output.contains(id)), "{output}");
    let chinese = run(&["policy", "list", "--lang", "zh"]).1;
    assert!(chinese.contains("执行期限") && chinese.contains("2017-01-01 起，2018-01-01 停止"), "{chinese}");
    assert!(
        json(&listed).iter().all(|policy| policy["in_force"].is_string() && policy["digest"].is_string()),
        "{listed}"
    );
}

/// What bash offers when it completes these words.
fn completed(words: &[&str]) -> Vec<String> {
    let script = run(&["completions", "bash"]).1;
    let last = words.len() - 1;
    let words = words.join(" ");
    let ask = format!(
        "{script}\nCOMP_WORDS=({words}); COMP_CWORD={last}; _onestop onestop \"${{COMP_WORDS[{last}]}}\" \"${{COMP_WORDS[{last}-1]}}\"; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    );
    let answer = std::process::Command::new("bash").args(["-c", &ask]).output().expect("bash");
    assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
    String::from_utf8(answer.stdout).expect("text").lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_and_options() {
    assert_eq!(completed(&["onestop", "sett"]), ["settle"]);
    assert_eq!(completed(&["onestop", "policy", "act"]), ["activate"]);
    assert!(completed(&["onestop", "reverse", "--re"]).contains(&"--readjudicate".to_owned()));
    for shell in ["zsh", "fish", "elvish", "powershell"] {
        let (code, script, _) = run(&["completions", shell]);
        assert!(code == Some(0) && script.contains("readjudicate"), "{shell}");
    }
}

#[test]
fn json_output_is_one_value_per_line() {
    for arguments in [
        &["policy", "check", "--json"][..],
        &["policy", "list", "--json"],
        &["policy", "show", "rizhao-2017", "--json"],
        &["policy", "test", CASES, "--json"],
        &["--json", "policy", "check"],
    ] {
        let (code, output, _) = run(arguments);
        assert_eq!(code, Some(0), "{arguments:?}");
        assert!(!json(&output).is_empty(), "{arguments:?}");
    }
    let shown = json(&run(&["policy", "show", "rizhao-2017", "--json"]).1).remove(0);
    assert_eq!(shown["id"], "rizhao-2017");
    assert_eq!(shown["layers"].as_array().map(Vec::len), Some(10));
}

#[test]
fn json_output_of_a_case_contains_the_differences_and_exits_1() {
    let dir = directory();
    let path = changed(dir.path(), "basic_fund = \"54450.00\"", "basic_fund = \"54450.01\"");
    let (code, output, _) = run(&["policy", "test", "--json", &path]);
    let value = json(&output).remove(0);
    assert_eq!((code, &value["ok"]), (Some(1), &Value::from(false)));
    assert_eq!(value["differs"], serde_json::json!(["step 1 payers.basic_fund: want 54450.01, got 54450.00"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_without_a_scheme_means_http() {
    let place = tempfile::tempdir().expect("a directory");
    let serve = crate::support::program::Serve::start(&place.path().join("store"), &[]);
    let bare = serve.url.trim_start_matches("http://");
    assert!(onestop::cli::client::Client::connect(bare).await.is_ok());
}

/// A reader that closes the output wants no more of it; a disk that is full leaves half a file.
#[test]
fn output_that_cannot_be_written_is_no_success() {
    let full = std::fs::File::options().write(true).open("/dev/full").expect("a full disk");
    let command =
        crate::support::program::onestop().args(["policy", "show", "rizhao-2017", "--json"]).stdout(full).output();
    let ended = command.expect("the program");
    let errors = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(3), "{errors}");
    assert!(errors.starts_with("standard output is not complete: "), "{errors}");
}
