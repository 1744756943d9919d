//! `onestop reconcile` with a real server.

use serde_json::Value;

use crate::support::claims::claim;
use crate::support::program::{Serve, run};
use crate::support::table_page::fits_a_telephone_and_a_desk;

const PAYERS: [&str; 3] = ["basic_fund", "critical_illness_insurance", "hospital"];

/// A server with six claims of P2 settled today, and the list of them as the server exports it.
async fn served() -> (tempfile::TempDir, Serve, Vec<String>) {
    let place = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(&place.path().join("store"), &[]);
    let mut client = serve.with_tables().await;
    for number in 1..=6 {
        let request_id = format!("R{number}");
        client.settle(&claim(&format!("C{number}"), "P2", "60000.00"), &request_id, Vec::new()).await.expect("settled");
    }
    let (code, text, errors) = run(&["list", "--server", &serve.url, "--hospital", "H3", "--json"]);
    assert_eq!(code, Some(0), "{errors}");
    let row = |line: &str| {
        let listed: Value = serde_json::from_str(line).expect("JSON");
        let cell = |value: &Value| value.as_str().unwrap_or("").to_owned();
        let payers = PAYERS.map(|payer| cell(&listed["payers"][payer]));
        let first = ["patient", "claim_id", "settled_on", "total", "settlement_id"].map(|name| cell(&listed[name]));
        [&first[..], &payers[..]].concat().join(",")
    };
    let rows = text.lines().map(row).collect();
    (place, serve, rows)
}

fn header() -> String {
    format!("patient,claim_id,settled_on,total,settlement_id,{}", PAYERS.join(","))
}

/// Writes a file of these lines, and compares it; `more` are further options.
fn reconcile(
    place: &tempfile::TempDir,
    serve: &Serve,
    lines: &[String],
    more: &[&str],
) -> (Option<i32>, String, String) {
    let file = place.path().join("list.csv");
    std::fs::write(&file, lines.join("\n")).expect("a file");
    let (file, today) = (file.display().to_string(), onestop::grpc::commit_stamp::today());
    let (from, until) = (today.to_string(), today.next().expect("a day").to_string());
    let first = ["reconcile", &file, "--server", &serve.url, "--hospital", "H3", "--from", &from, "--until", &until];
    run(&[&first[..], more].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_that_the_service_exports_agrees_in_any_order() {
    let (place, serve, mut rows) = served().await;
    assert_eq!(rows.len(), 6);
    for _ in 0..2 {
        rows.rotate_left(1);
        rows.swap(2, 4);
        let lines = [&[header()][..], &rows].concat();
        let (code, text, errors) = reconcile(&place, &serve, &lines, &[]);
        assert_eq!(code, Some(0), "{text} {errors}");
        assert!(text.contains("6 rows agree") && text.contains("equal, total 360000.00"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_that_the_service_prints_as_csv_agrees_without_what_was_reversed() {
    let (place, serve, rows) = served().await;
    let reverse = ["reverse", "--server", &serve.url, "--hospital", "H3", "--person", "P2", "--claim", "C6"];
    let (code, _, errors) = run(&[&reverse[..], &["--request", "V6", "--reason", "a wrong bill"]].concat());
    assert_eq!(code, Some(0), "{errors}");
    let (code, csv, errors) = run(&["list", "--server", &serve.url, "--hospital", "H3", "--csv"]);
    assert_eq!((code, csv.lines().count()), (Some(0), 6), "{errors}");
    let lines: Vec<String> = csv.lines().map(str::to_owned).collect();
    assert!(lines[0].starts_with("claim_id,settlement_id,settled_on,total,patient,basic_fund,"), "{csv}");
    let (code, text, errors) = reconcile(&place, &serve, &lines, &[]);
    assert_eq!(code, Some(0), "{text} {errors}");
    assert!(text.contains("equal, total 300000.00"), "{text}");
    let before = [&[header()][..], &rows].concat();
    let (code, text, _) = reconcile(&place, &serve, &before, &["--lang", "zh"]);
    assert!(code == Some(1) && text.contains("仅清单有") && text.contains("请在医院同样冲正"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_the_differences_fits_a_telephone_and_a_desk() {
    let (place, serve, mut rows) = served().await;
    rows.remove(5);
    rows[2] = rows[2].replace(",60000.00,", ",60100.00,");
    let page = place.path().join("differences.html");
    let lines = [&[header()][..], &rows].concat();
    for lang in ["en", "zh"] {
        let (code, text, errors) =
            reconcile(&place, &serve, &lines, &["--lang", lang, "--html", &page.display().to_string()]);
        assert_eq!((code, text.as_str()), (Some(1), ""), "{errors}");
        assert_eq!(fits_a_telephone_and_a_desk(place.path(), &page), 10);
    }
    let html = std::fs::read_to_string(&page).expect("the page");
    assert!(html.contains("<h1>对账：H3") && html.contains("明细不符：2 处差异"), "{html}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comparison_goes_on_after_a_cursor_and_as_of_a_past_moment() {
    let (place, serve, rows) = served().await;
    let cutoff = json_lines(&reconcile(&place, &serve, &[&[header()][..], &rows].concat(), &["--json"]).1);
    let cutoff = cutoff[0]["cutoff_time"].as_str().expect("an instant").to_owned();
    let nothing = vec![header()];
    let all = json_lines(&reconcile(&place, &serve, &nothing, &["--json"]).1);
    assert_eq!(all.len(), 7);
    let cursor = all[5]["cursor"].as_str().expect("a cursor").to_owned();
    let rest = reconcile(&place, &serve, &nothing, &["--json", "--after", &cursor, "--as-of", &cutoff]);
    let rest = json_lines(&rest.1);
    assert_eq!((rest.len(), &rest[0]["differences"]["ONLY_HERE"]), (1, &Value::from(6)), "{rest:?}");
    let yesterday = reconcile(&place, &serve, &[&[header()][..], &rows].concat(), &["--as-of", "2020-01-01"]);
    assert!(yesterday.0 == Some(1) && yesterday.1.contains("6 differences; total 0.00 here"), "{}", yesterday.1);
    assert!(yesterday.1.replace('\n', " ").contains("onestop reconcile"), "{}", yesterday.1);
    let future = reconcile(&place, &serve, &nothing, &["--as-of", "2999-01-01", "--lang", "zh"]);
    assert!(future.0 == Some(1) && future.2.contains("INVALID_ARGUMENT"), "{}", future.2);
}

fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_difference_is_shown_with_line_cause_and_command_in_both_languages_and_as_json() {
    let (place, serve, mut rows) = served().await;
    let gone = rows.remove(5);
    rows[2] = rows[2].replace(",60000.00,", ",60100.00,");
    rows.push(rows[0].clone());
    let lines = [&[header()][..], &rows].concat();
    let (code, text, errors) = reconcile(&place, &serve, &lines, &["--lang", "en"]);
    assert_eq!((code, errors.as_str()), (Some(1), "3 differ\n"), "{text}");
    for part in [
        "only here",
        "amount differs",
        "settled twice there",
        "60000.00 / 60100.00",
        "→ onestop correct",
        "│ 4 ",
        "│ 7 ",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let width = |line: &str| unicode_width::UnicodeWidthStr::width(line);
    assert!(text.lines().all(|line| width(line) <= 100), "{text}");
    let command = text.split("→ onestop show ").nth(1).and_then(|rest| rest.split_whitespace().next()).expect("an id");
    assert_eq!(command.len(), 36, "a command stands on one line: {text}");
    let (_, chinese, _) = reconcile(&place, &serve, &lines, &["--lang", "zh"]);
    for part in ["仅此处有", "金额不一致", "清单重复", "明细不符：3 处差异"] {
        assert!(chinese.contains(part), "{part} in {chinese}");
    }
    assert!(chinese.lines().all(|line| width(line) <= 100), "{chinese}");
    let (code, json, _) = reconcile(&place, &serve, &lines, &["--json"]);
    let json: Vec<Value> = json.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!((code, json.len()), (Some(1), 4));
    let missing = json.iter().find(|one| one["class"] == "ONLY_HERE").expect("one is missing");
    assert!(gone.contains(missing["here"]["settlement_id"].as_str().expect("an id")));
    assert_eq!((&json[3]["equal"], &json[3]["agreeing"]), (&Value::from(false), &Value::from(4)));
}

/// What standard error says of a file that is refused, without the name of the file.
fn refused_lines(place: &tempfile::TempDir, serve: &Serve, lines: &[String], lang: &str) -> Vec<String> {
    let (code, text, errors) = reconcile(place, serve, lines, &["--lang", lang]);
    assert_eq!((code, text.as_str()), (Some(1), ""), "{errors}");
    let file = format!("{}:", place.path().join("list.csv").display());
    errors.lines().map(|line| line.replace(&file, "")).collect()
}

/// A list with a fault or more in every row.
fn damaged(mut rows: Vec<String>) -> Vec<String> {
    rows[0] = rows[0].replace(",60000.00,", ",6x,");
    rows[1] = rows[1].replace(",60000.00,", ",-60000.00,");
    rows[2] = rows[2].replace(",60000.00,", ",60000.001,");
    rows[3] += ",more";
    rows[4] = ",,2017-02-30,,x,,,".to_owned();
    rows[5] = "\"".to_owned();
    [vec![header()], rows].concat()
}

/// Whether a line says nothing in English but names of columns and reasons.
fn is_chinese(line: &str) -> bool {
    let words = line.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| word.len() > 1);
    let named = ["claim", "id", "settlement", "settled", "on", "total", "patient", "basic", "fond", "UTF", "header"];
    words.into_iter().all(|word| named.contains(&word) || word.chars().all(|c| c.is_ascii_uppercase()))
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_of_the_file_and_refusals_of_the_server_are_shown_in_chinese() {
    let (place, serve, rows) = served().await;
    let refused = |lines: &[String]| refused_lines(&place, &serve, lines, "zh");
    let shown = refused(&damaged(rows));
    assert_eq!(
        shown,
        [
            "2:total: 无法识别 (UNREADABLE)",
            "3:total: 为负数；文件只列有效结算，不含退费 (NEGATIVE)",
            "4:total: 小数位数过多 (TOO_MANY_DECIMALS)",
            "5: 有 9 列；表头有 8 列",
            "6:claim_id: 缺少此项 (MISSING)",
            "6:settlement_id: 不是结算编号 (UNREADABLE)",
            "6:settled_on: 不是有效日期；日期写作 2017-06-15 (NOT_A_DAY)",
            "6:total: 缺少此项 (MISSING)",
            "6:patient: 缺少此项 (MISSING)",
            "7: 引号没有闭合；一个单元格不能跨行",
        ]
    );
    assert!(shown.iter().all(|line| is_chinese(line)), "{shown:?}");
    assert_eq!(refused(&["claim_id,patient".to_owned()]), ["1: 表头：缺少列 `total`（总额）"]);
    let many: Vec<String> = (0..25).map(|_| ",1.00".to_owned()).collect();
    let shown = refused(&[vec!["claim_id,total".to_owned()], many].concat());
    assert_eq!((shown.len(), shown[20].as_str()), (21, "另有 5 处错误"));
    // The server finds these.
    let unknown = ["claim_id,total,basic_fond".to_owned(), "C1,1.00,0.00".to_owned()];
    assert_eq!(refused(&unknown), ["1:basic_fond: 不是已知的取值 (UNKNOWN_WORD)"]);
    let sums = ["total".to_owned(), "1.00".to_owned()];
    for lines in [&sums, &["claim_id,total".to_owned(), "C1,1.00".to_owned()]] {
        let (code, _, errors) = reconcile(&place, &serve, lines, &["--as-of", "2999-01-01", "--lang", "zh"]);
        assert!(code == Some(1) && errors.contains("数值超过上限"), "{errors}");
        assert!(!errors.contains("future") && errors.lines().count() == 1, "{errors}");
    }
    let (code, _, errors) = reconcile(&place, &serve, &[header()], &["--lang", "zh"]);
    assert_eq!((code, errors.as_str()), (Some(1), "6 处不一致\n"));
    assert_eq!(serve.end(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_file_is_refused_by_line_column_and_reason() {
    let (place, serve, rows) = served().await;
    let refused = |lines: &[String]| refused_lines(&place, &serve, lines, "en");
    assert_eq!(
        refused(&damaged(rows)),
        [
            "2:total: is not a plain decimal number (UNREADABLE)",
            "3:total: is negative; the file holds what is in force, without refunds (NEGATIVE)",
            "4:total: has more than 2 decimals (TOO_MANY_DECIMALS)",
            "5: has 9 cells; the header has 8",
            "6:claim_id: is missing (MISSING)",
            "6:settlement_id: is no settlement id (UNREADABLE)",
            "6:settled_on: is not a day of the calendar; days are written like 2017-06-15 (NOT_A_DAY)",
            "6:total: is missing (MISSING)",
            "6:patient: is missing (MISSING)",
            "7: has a quote that is not closed; a cell holds no line end",
        ]
    );
    assert_eq!(refused(&["claim_id,patient".to_owned()]), ["1: the header lacks the column `total`"]);
    let unknown = ["claim_id,total,basic_fond".to_owned(), "C1,1.00,0.00".to_owned()];
    assert_eq!(refused(&unknown), ["1:basic_fond: is no payer of the vocabulary (UNKNOWN_WORD)"]);
    let too_long =
        ["claim_id,total".to_owned(), "C1,1.00".to_owned(), String::new(), format!("{},1.00", "C".repeat(65))];
    assert_eq!(refused(&too_long), ["4:claim_id: has 65 bytes; the limit is 64 (TOO_LONG)"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn sums_are_compared_by_day_and_those_that_differ_are_shown() {
    let (place, serve, _) = served().await;
    let today = onestop::grpc::commit_stamp::today();
    let lines =
        |settlements: u64| vec!["total,settlements,settled_on".to_owned(), format!("360000.00,{settlements},{today}")];
    let (code, text, errors) = reconcile(&place, &serve, &lines(6), &["--lang", "zh"]);
    assert_eq!(code, Some(0), "{errors}");
    assert!(text.contains("总账相符"), "{text}");
    let (code, text, _) = reconcile(&place, &serve, &lines(7), &["--lang", "zh"]);
    assert!(code == Some(1) && text.contains("笔数") && text.contains("总账不符：1 处差异"), "{text}");
}
