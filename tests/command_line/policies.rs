//! What an official sees of `onestop policy`, in Chinese and in English.

use std::path::Path;

use tonic_types::StatusExt;

use super::{case, changed, directory, json, unused_address, write};
use crate::support::program::{Serve, run};

fn is_chinese(text: &str) -> bool {
    text.chars().any(|character| ('\u{4e00}'..='\u{9fff}').contains(&character))
}

/// A directory with the shipped policies and this further file.
fn book_with(place: &Path, name: &str, text: &str) -> String {
    let directory = place.join("book");
    std::fs::create_dir_all(&directory).expect("a directory");
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/policies");
    for file in std::fs::read_dir(shipped).expect("the policies").map(|file| file.expect("a file").path()) {
        std::fs::copy(&file, directory.join(file.file_name().expect("a name"))).expect("copied");
    }
    std::fs::write(directory.join(name), text).expect("written");
    directory.display().to_string()
}

#[test]
fn an_expected_name_that_the_book_does_not_have_is_refused_with_its_line_and_the_nearest_one() {
    let place = directory();
    for (find, put, kind, name, meant) in [
        ("basic_fund = \"54450.00\"", "basic_found = \"54450.00\"", ("payer", "支付方"), "basic_found", "basic_fund"),
        ("layers = { ", "layers = { critical_ilness = \"0\", ", ("layer", "层"), "critical_ilness", "critical_illness"),
        ("pools = { eligible", "pools = { eligble", ("pool", "费用池"), "eligble", "eligible"),
        (
            "patient = \"28775.00\"",
            "refused = \"NOT_FUND\"",
            ("status of a refusal", "拒绝状态"),
            "NOT_FUND",
            "NOT_FOUND",
        ),
    ] {
        let path = changed(place.path(), find, put);
        let text = std::fs::read_to_string(&path).expect("the case");
        let line = 1 + text.lines().position(|line| line.contains(name)).expect("the line");
        let (code, output, errors) = run(&["policy", "test", &path, &case("02-pools")]);
        assert_eq!((code, output.starts_with("ok ")), (Some(2), true), "{errors}");
        let (en, zh) = kind;
        let fault =
            format!("{path}:{line}: step 1 expects the {en} `{name}`, which does not exist; `{meant}` is meant?");
        assert_eq!(errors.lines().next(), Some(&*fault));
        let (_, output, errors) = run(&["policy", "test", "--lang", "zh", &path, &case("02-pools")]);
        let fault = format!("{path}:{line}: 第 1 步的期望结果用到{zh} `{name}`，并不存在；是否应为 `{meant}`？");
        assert_eq!(errors.lines().next(), Some(&*fault));
        assert!(output.starts_with("通过 "), "{output}");
    }
}

#[test]
fn an_unknown_name_among_expected_revisions_is_refused_too() {
    let place = directory();
    let text =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/further_cases/re-adjudication.toml"));
    let text = text.expect("a case");
    let find = "differences = { basic_fund =";
    let line = 1 + text.lines().position(|line| line.contains(find)).expect("a line");
    let path = write(place.path(), "case.toml", &text.replacen(find, "differences = { basicfund =", 1));
    let (code, _, errors) = run(&["policy", "test", &path]);
    assert_eq!(code, Some(2));
    assert!(errors.starts_with(&format!("{path}:{line}: ")) && errors.contains("`basic_fund` is meant?"), "{errors}");
}

#[test]
fn a_difference_is_said_in_chinese_when_asked_for() {
    let place = directory();
    let path = changed(place.path(), "basic_fund = \"54450.00\"", "basic_fund = \"54450.01\"");
    let (code, output, _) = run(&["policy", "test", "--lang", "zh", &path]);
    assert_eq!(code, Some(1));
    assert!(
        output.starts_with("不符 ") && output.contains("第 1 步 payers.basic_fund：应为 54450.01，实为 54450.00"),
        "{output}"
    );
}

#[test]
fn a_policy_is_shown_in_the_chinese_names_of_its_own_vocabulary() {
    let place = directory();
    let vocabulary = include_str!("../../deploy/policies/vocabulary.toml").replace("三级", "三等");
    let book = book_with(place.path(), "vocabulary.toml", &vocabulary);
    let show = ["policy", "show", "shandong-2025", "--policies", &book, "--category", "subsistence_allowance"];
    let (code, output, errors) = run(&[&show[..], &["--lang", "zh"]].concat());
    assert_eq!(code, Some(0), "{errors}");
    for word in
        ["执行期限 2025-01-01", "支付比例", "起付线", "封顶线", "三等", "政策范围内", "医疗救助", "按年度", "不设"]
    {
        assert!(output.contains(word), "{word}: {output}");
    }
    for word in ["deductible", "in force", "per year", "not for", "eligible"] {
        assert!(!output.contains(word), "{word}: {output}");
    }
    let (code, _, errors) = run(&["policy", "show", "shandong-2052", "--lang", "zh"]);
    assert_eq!(code, Some(2));
    assert!(errors.contains("是否应为 `shandong-2025`？"), "{errors}");
}

#[test]
fn a_check_prints_one_line_and_lists_names_on_request() {
    let (code, output, errors) = run(&["policy", "check", "--lang", "zh"]);
    assert_eq!((code, output.lines().count(), errors.as_str()), (Some(0), 1, ""));
    let (_, output, _) = run(&["policy", "check", "--lang", "zh", "--names"]);
    assert!(output.lines().count() == 3 && output.contains("支付方: ") && output.contains("basic_fund ("), "{output}");
}

#[test]
fn remarks_are_printed_and_strict_accepts_them() {
    let place = directory();
    let text = include_str!("../../deploy/policies/yanzhou-2017.toml").replace("yanzhou-2017", "yanzhou");
    let text = text.replacen("until = 2018-01-01", "until = 2017-12-31", 1);
    let book = book_with(place.path(), "yanzhou-2017.toml", &text);
    for (lang, word, messages) in [
        ("en", "remark", ["the id is `yanzhou`, but the file is named `yanzhou-2017`", "2018-01-01 is meant?"]),
        ("zh", "提示", ["`id` 为 `yanzhou`，而文件名为 `yanzhou-2017`", "是否应为 2018-01-01？"]),
    ] {
        let (code, output, errors) = run(&["policy", "check", "--strict", "--lang", lang, &book]);
        assert_eq!((code, output.lines().count()), (Some(0), 1), "{errors}");
        let lines: Vec<&str> = errors.lines().collect();
        assert_eq!(lines.len(), 2, "{errors}");
        for (line, message) in lines.iter().zip(messages) {
            assert!(
                line.starts_with(&format!("{word} {book}/yanzhou-2017.toml:")) && line.contains(message),
                "{errors}"
            );
        }
    }
    let (_, output, _) = run(&["policy", "check", "--json", &book]);
    assert_eq!(json(&output)[0]["remarks"].as_array().map(Vec::len), Some(2));
}

#[test]
fn a_file_that_only_looks_like_a_policy_is_remarked_on() {
    let place = directory();
    let text = include_str!("../../deploy/policies/yanzhou-2017.toml");
    let book = book_with(place.path(), "yanzhou-2017.toml", text);
    write(Path::new(&book), "city.toml.txt", text);
    let (code, _, errors) = run(&["policy", "check", "--strict", "--lang", "zh", &book]);
    assert_eq!(code, Some(0));
    assert!(
        errors.starts_with("提示 ") && errors.contains("city.toml.txt:1: 文件名不以 .toml 结尾，未读取"),
        "{errors}"
    );
}

#[test]
fn a_word_of_a_case_that_the_book_does_not_have_is_refused_with_line_and_meant_word() {
    let place = directory();
    let case = include_str!("../cases/02-pools.toml");
    for (known, unknown, meant) in [
        ("kind = \"outpatient_serious\"", "kind = \"门诊大病资格\"", "`outpatient_serious`"),
        ("level = \"tertiary\"", "level = \"三级\"", "`tertiary`"),
        ("level = \"tertiary\"", "level = \"tertairy\"", "`tertiary`"),
    ] {
        let text = case.replacen(known, unknown, 1);
        let line = 1 + text.lines().position(|line| line.contains(unknown)).expect("the word");
        let path = write(place.path(), "case.toml", &text);
        let (code, output, errors) = run(&["policy", "test", "--lang", "zh", &path]);
        assert_eq!((code, output.as_str()), (Some(2), ""), "{errors}");
        let first = errors.lines().next().and_then(|first| first.strip_prefix(&format!("{path}:{line}: ")));
        assert!(first.is_some_and(|fault| fault.contains(&format!("是否应为 {meant}？"))), "{errors}");
        assert!(errors.ends_with("1 个案例无法运行\n"), "{errors}");
    }
}

#[test]
fn a_case_that_cannot_be_read_is_refused_by_line_in_chinese() {
    let place = directory();
    let case = include_str!("../cases/02-pools.toml");
    for (known, put, words) in [
        ("patient = \"13254.72\"", "pateint = \"13254.72\"", "没有名为 `pateint` 的键；可用的键：`total`、`patient`"),
        ("patient = \"13254.72\"", "patient = 13254", "数字应加引号"),
        ("patient = \"13254.72\"", "patient = \"13,254.72\"", "步的期望金额 \"13,254.72\" 应只写半角数字"),
    ] {
        let text = case.replacen(known, put, 1);
        let path = write(place.path(), "case.toml", &text);
        let (code, _, errors) = run(&["policy", "test", "--lang", "zh", &path]);
        assert_eq!(code, Some(2));
        assert!(errors.starts_with(&format!("{path}:")) && errors.contains(words), "{errors}");
    }
}

#[test]
fn a_directory_without_a_case_is_no_test_that_passes() {
    let place = directory();
    let (code, output, errors) = run(&["policy", "test", "--lang", "zh", &place.path().display().to_string()]);
    assert_eq!((code, output.as_str()), (Some(2), ""));
    assert!(errors.contains("没有案例（*.toml）"), "{errors}");
}

#[test]
fn faults_of_toml_are_said_in_chinese() {
    let place = directory();
    let path = write(place.path(), "broken.toml", "format = 2\nid = \"broken\ntitle = 2\n");
    let (code, _, errors) = run(&["policy", "check", "--lang", "zh", &path]);
    assert_eq!(code, Some(1));
    let fault = errors.lines().next().and_then(|line| line.strip_prefix(&format!("{path}:2: "))).expect("the line");
    assert!(is_chinese(fault) && !fault.contains("invalid"), "{errors}");
}

#[test]
fn a_file_that_is_not_named_after_a_table_is_refused_with_the_names_that_are() {
    let place = directory();
    let path = write(place.path(), "people.csv", "person_id\n");
    let (code, output, errors) = run(&["import", &path]);
    assert_eq!((code, output.as_str()), (Some(2), ""));
    for name in
        ["enrolments.csv", "categories.csv", "approvals.csv", "hospitals.csv", "designations.csv", "catalogue.csv"]
    {
        assert!(errors.contains(name), "{errors}");
    }
    let empty = place.path().join("empty");
    std::fs::create_dir(&empty).expect("a directory");
    assert!(run(&["import", &empty.display().to_string()]).2.contains("catalogue.csv"));
}

#[test]
fn a_missing_self_pay_ratio_names_the_code() {
    let place = directory();
    let text = std::fs::read_to_string(case("02-pools")).expect("a case");
    let lines: Vec<&str> = text.lines().collect();
    let at = lines.iter().position(|line| line.starts_with("self_pay_ratio")).expect("a row of class B");
    let code = lines[..at].iter().rev().find_map(|line| line.strip_prefix("code = ")).expect("its code");
    let without = [&lines[..at], &lines[at + 1..]].concat().join("\n");
    let path = write(place.path(), "case.toml", &without);
    let (exit, _, errors) = run(&["policy", "test", &path]);
    assert_eq!(exit, Some(2), "{errors}");
    assert!(
        errors.contains(&format!("self_pay_ratio of the code `{}` is missing", code.trim_matches('"'))),
        "{errors}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_without_a_policy_in_force_is_refused_naming_region_and_day_in_both_languages() {
    let place = directory();
    let serve = Serve::start(&place.path().join("store"), &[]);
    serve.with_tables().await;
    let mut bill = crate::support::claims::claim("C1", "P1", "10.00");
    let day = crate::support::claims::day;
    (bill.admitted, bill.discharged) = (day("2016-06-08"), day("2016-06-15"));
    let status = serve.client().await.quote(&bill).await.expect_err("no policy");
    let chinese = status.get_details_localized_message().expect("a text in Chinese").message;
    for (text, words) in [
        (status.message(), ["2016-06-15", "370100", "resident"]),
        (&*chinese, ["2016-06-15", "参保地区 370100", "没有"]),
    ] {
        assert!(words.iter().all(|word| text.contains(word)), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_shows_the_names_of_the_book_that_its_settlement_was_decided_under() {
    let place = directory();
    let vocabulary = include_str!("../../deploy/policies/vocabulary.toml");
    let named = |name: &str| {
        let line = vocabulary.lines().find(|line| line.trim_start().starts_with("basic_fund ")).expect("a payer");
        vocabulary.replacen(line, &format!("basic_fund = {{ zh = \"{name}\", en = \"{name} in English\" }}"), 1)
    };
    let book = book_with(place.path(), "vocabulary.toml", &named("甲市基金"));
    let serve = Serve::start(&place.path().join("store"), &["--policies", &book]);
    let mut client = serve.with_tables().await;
    let bill = crate::support::claims::claim("C1", "P1", "5000.00");
    let settled = client.settle(&bill, "R1", Vec::new()).await.expect("a settlement");
    let id = settled.settlement.expect("a settlement").settlement_id;
    // Another book is put in use; the settlement keeps the words of its own.
    std::fs::write(Path::new(&book).join("vocabulary.toml"), named("乙市基金")).expect("written");
    assert_eq!(run(&["policy", "activate", "--server", &serve.url]).0, Some(0));
    for (lang, name) in [("zh", "甲市基金"), ("en", "甲市基金 in English")] {
        let (code, output, errors) = run(&["show", &id, "--server", &serve.url, "--lang", lang]);
        assert_eq!(code, Some(0), "{errors}");
        assert!(output.contains(name) && !output.contains("乙市基金"), "{output}");
    }
    let again = crate::support::claims::claim("C2", "P1", "5000.00");
    let id =
        client.settle(&again, "R2", Vec::new()).await.expect("a settlement").settlement.expect("one").settlement_id;
    let output = run(&["show", &id, "--server", &serve.url, "--lang", "zh"]).1;
    assert!(output.contains("乙市基金") && !output.contains("甲市基金"), "{output}");
}

#[test]
fn a_row_of_a_case_that_no_import_would_take_is_refused_with_its_line() {
    let place = directory();
    let case = include_str!("../cases/01-ordinary-and-registered-poor.toml");
    for (known, put, on, (en, zh)) in [
        (
            "insured_region = \"370100\"",
            "insured_region = \"3701\"",
            "person_id = \"P1\"",
            ("enrolments of `P1`: insured_region is not a region", "`P1` 的 enrolments：insured_region 无法识别"),
        ),
        (
            "insurance = \"resident\"",
            "",
            "person_id = \"P1\"",
            ("enrolments of `P1`: insurance is missing", "`P1` 的 enrolments：insurance 缺少此项"),
        ),
        (
            "self_pay_ratio = \"0.20\"",
            "",
            "code = \"B20\"",
            (
                "catalogue of `B20`: self_pay_ratio of the code `B20` is missing",
                "`B20` 的 catalogue：self_pay_ratio 缺少此项",
            ),
        ),
    ] {
        let text = case.replacen(known, put, 1);
        let line = 1 + text.lines().position(|line| line.contains(on)).expect("the row");
        let path = write(place.path(), "case.toml", &text);
        for (lang, words) in [("en", en), ("zh", zh)] {
            let (code, output, errors) = run(&["policy", "test", "--lang", lang, &path]);
            assert_eq!((code, output.as_str()), (Some(2), ""), "{errors}");
            assert!(errors.starts_with(&format!("{path}:{line}: {words}")), "{words}: {errors}");
        }
    }
}

#[test]
fn a_difference_after_a_refused_step_of_the_person_says_so() {
    let place = directory();
    let case = include_str!("../cases/01-ordinary-and-registered-poor.toml");
    let wrong_sum = case.replacen("amount = \"100000.00\"", "amount = \"100001.00\"", 1);
    let path = write(place.path(), "case.toml", &wrong_sum.replace("patient = \"28775.00\"", "patient = \"28775.01\""));
    for (lang, words) in [
        ("en", "step 2 patient: want 28775.01, got 28775.00 (which may come of the refusal of step 1)"),
        ("zh", "第 2 步 patient：应为 28775.01，实为 28775.00（第 1 步被拒绝，此差异可能由此而来）"),
    ] {
        let (code, output, _) = run(&["policy", "test", "--lang", lang, &path]);
        assert!(code == Some(1) && output.contains(words), "{output}");
    }
    let another_person = wrong_sum.replace("patient = \"1427.85\"", "patient = \"1427.86\"");
    let (_, output, _) = run(&["policy", "test", &write(place.path(), "case.toml", &another_person)]);
    assert!(output.contains("step 3 patient: want 1427.86, got 1427.85\n"), "{output}");
}

#[test]
fn a_claim_without_a_policy_names_the_day_of_discharge_in_chinese() {
    let place = directory();
    let case = include_str!("../cases/01-ordinary-and-registered-poor.toml");
    let path =
        write(place.path(), "case.toml", &case.replacen("insurance = \"resident\"", "insurance = \"employee\"", 1));
    let (_, output, _) = run(&["policy", "test", "--lang", "zh", &path]);
    let words = "没有适用的政策：出院日（claim.discharged） 为 2017-06-15（入院日 2017-06-08），险种 employee、参保地区 370100 \
                 在依据的日期（出院日，或政策规定的入院日）没有执行的政策";
    assert!(output.contains(words), "{output}");
}

#[test]
fn what_cannot_be_reached_or_read_is_said_in_chinese() {
    let server = unused_address();
    for (lang, words) in
        [("zh", format!("{server} 没有服务应答\n")), ("en", format!("no server answers at {server}\n"))]
    {
        let (code, _, errors) = run(&["policy", "activate", "--server", &server, "--lang", lang]);
        assert_eq!((code, errors), (Some(3), words));
    }
    let (code, _, errors) = run(&["policy", "test", "--lang", "zh", "no-such-directory"]);
    assert_eq!(code, Some(2));
    assert!(errors.starts_with("no-such-directory：无法读取或写入：没有这个文件或目录\n"), "{errors}");
    let place = directory();
    let path = place.path().join("gbk.toml");
    std::fs::write(&path, b"name = \"\xb5\xcd\"\n").expect("written");
    let (code, _, errors) = run(&["policy", "test", "--lang", "zh", &path.display().to_string()]);
    assert_eq!(code, Some(2));
    assert!(errors.contains(":1: 本行不是 UTF-8 文本"), "{errors}");
}

#[test]
fn a_category_that_the_vocabulary_does_not_have_is_answered_with_those_that_it_has() {
    let show = |lang: &str| run(&["policy", "show", "shandong-2017", "--category", "ordinary", "--lang", lang]);
    let (code, _, errors) = show("zh");
    assert!(code == Some(2) && errors.contains("subsistence_allowance（低保对象）"), "{errors}");
    let (code, _, errors) = show("en");
    assert!(code == Some(2) && errors.contains("registered_poor"), "{errors}");
    let (code, output, _) = run(&["policy", "show", "shandong-2017", "--category", "低保对象", "--lang", "zh"]);
    assert!(code == Some(0) && output.contains("低保对象"));
}
