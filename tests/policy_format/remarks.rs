//! What a check remarks on or warns of beyond the faults that the shared books show.

use onestop::domain::file_fault::FileFault;

use super::{BASE, base_replacing, base_with_id, book, faults, line_containing, replace_once};

fn lines(faults: &[FileFault], words: &str) -> Vec<usize> {
    faults.iter().filter(|fault| fault.message.contains(words)).map(|fault| fault.line).collect()
}

#[test]
fn an_until_on_the_last_day_of_a_month_is_remarked_on_and_the_first_of_the_next_is_not() {
    assert!(book(&[("base.toml", BASE)]).remarks().is_empty());
    for (until, next) in [("2017-12-31", "2018-01-01"), ("2017-11-30", "2017-12-01"), ("2020-02-29", "2020-03-01")] {
        let text = base_replacing("until = 2018-01-01 }", &format!("until = {until} }}"));
        let text =
            text.replace("{ from = 2017-02-01, until = 2017-12-01 }", "{ from = 2017-02-01, until = 2017-10-15 }");
        let book = book(&[("base.toml", &text)]);
        let remarks = book.remarks();
        assert_eq!(lines(remarks, &format!("{next} is meant?")), [line_containing(&text, "in_force     =")]);
        assert!(remarks[0].message_zh.as_ref().is_some_and(|zh| zh.contains(until) && zh.contains(next)));
        assert!(book.warnings().is_empty(), "a strict check accepts it: {:?}", book.warnings());
    }
    let layer = base_replacing("until = 2017-12-01 } # of layer one", "until = 2017-11-30 } # of layer one");
    let line = line_containing(&layer, "until = 2017-11-30");
    assert_eq!(lines(book(&[("base.toml", &layer)]).remarks(), "2017-12-01"), [line]);
    for until in ["2020-02-28", "2017-12-30"] {
        let text = base_replacing("until = 2018-01-01 }", &format!("until = {until} }}"));
        assert!(book(&[("base.toml", &text)]).remarks().is_empty(), "{until}");
    }
}

#[test]
fn an_id_unlike_the_name_of_the_file_is_remarked_on() {
    let other = base_with_id("other", &[]);
    let book = book(&[("dir/base.toml", &other)]);
    assert_eq!(
        lines(book.remarks(), "the id is `other`, but the file is named `base`"),
        [line_containing(&other, "\"other\"")]
    );
    assert!(book.warnings().is_empty());
}

#[test]
fn a_register_in_no_entry_is_warned_of_where_an_entry_lists_who_keeps_the_terms() {
    let end = "deductible = { times = \"0.5\" }\nrate       = { plus = \"5%\" }\ncap        = { set = \"500000\" }\n";
    let keeping = replace_once(BASE, end, "");
    let warned = book(&[("base.toml", &keeping)]);
    let line = line_containing(&keeping, "only           =");
    assert_eq!(lines(warned.warnings(), "no `for` of the layer names destitute"), [line]);
    assert!(warned.warnings().iter().all(|warning| warning.message_zh.as_ref().is_some_and(|zh| !zh.is_ascii())));
    let both = replace_once(
        &keeping,
        "category   = [\"registered_poor\"]",
        "category   = [\"registered_poor\", \"destitute\"]",
    );
    assert!(book(&[("base.toml", &both)]).warnings().is_empty());
    assert!(book(&[("base.toml", BASE)]).warnings().is_empty(), "an entry that changes terms lists nobody else");
}

#[test]
fn every_message_of_the_toml_parser_is_said_in_chinese() {
    for broken in [
        "id = ",
        "id",
        "= 1",
        "[layer",
        "[[layer]",
        "x = [1 2]",
        "x = [1,,2]",
        "x = {a = 1 b = 2}",
        "x = 'a",
        "x = \"a",
        "x = 01",
        "x = abc",
        "x = 1 2",
        "a = 1\na = 2",
        "x = {",
        "x = [",
        "x = \"\\q\"",
        "a.b = 1\na = 2",
        "x == 1",
    ] {
        let text = format!("{broken}\n");
        for fault in faults(&[("base.toml", &text)]).iter() {
            let zh = fault.message_zh.as_deref().unwrap_or_default();
            assert!(zh.starts_with("不是合格的 TOML：") && !zh.contains("写法不对\n"), "{broken}: {zh}");
            let words = zh.trim_start_matches("不是合格的 TOML：");
            let quoted = words.split('`').skip(1).step_by(2).collect::<String>();
            let plain: String = words.split('`').step_by(2).collect();
            let foreign = plain.replace("true 或 false", "").chars().any(|c| c.is_ascii_alphabetic());
            assert!(!foreign, "{broken}: {zh} ({quoted})");
            assert_ne!(words, "写法不对", "{broken} has a sentence of its own: {}", fault.message);
        }
    }
}

#[test]
fn an_insurance_that_no_enrolment_carries_is_remarked_on() {
    let second = |insurance: &str| {
        let text = base_with_id("second", &[]);
        let text = replace_once(&text, "insurance    = \"resident\"", &format!("insurance    = \"{insurance}\""));
        replace_once(&text, "regions      = [\"37\"]", "regions      = [\"3799\"]")
    };
    for (insurance, words) in [("residents", "`resident` is meant?"), ("居民", "the word of the enrolments is meant")]
    {
        let text = second(insurance);
        let book = book(&[("base.toml", BASE), ("second.toml", &text)]);
        assert!(!lines(book.remarks(), words).is_empty(), "{insurance}: {:?}", book.remarks());
        assert!(lines(book.remarks(), words).contains(&line_containing(&text, "insurance    =")));
        assert!(book.warnings().is_empty(), "{:?}", book.warnings());
    }
    for insurance in ["resident", "employee"] {
        let text = second(insurance);
        assert!(book(&[("base.toml", BASE), ("second.toml", &text)]).remarks().is_empty(), "{insurance}");
    }
}

#[test]
fn a_payer_without_a_name_is_remarked_on_and_a_name_in_place_of_a_word_is_refused_with_the_word() {
    for (payer, meant) in [("basic_fnud", "basic_fund"), ("assistance_fund", "medical_assistance_fund")] {
        let text = base_replacing("payer          = \"fund\"", &format!("payer          = \"{payer}\""));
        let checked = book(&[("base.toml", &text)]);
        assert_eq!(lines(checked.remarks(), &format!("`{meant}` is meant?")), [line_containing(&text, payer)]);
        assert!(checked.warnings().is_empty());
    }
    let text = base_replacing("payer          = \"fund\"", "payer          = \"居民基本医疗保险基金\"");
    assert_eq!(lines(&faults(&[("base.toml", &text)]), "`basic_fund` is meant?"), [line_containing(&text, "居民基本")]);
}

#[test]
fn a_name_in_place_of_a_register_is_refused_with_the_register() {
    let text = base_replacing("category   = [\"registered_poor\"]", "category   = [\"建档立卡贫困人口\"]");
    let found = faults(&[("base.toml", &text)]);
    assert_eq!(lines(&found, "`registered_poor` is meant?"), [line_containing(&text, "建档立卡贫困人口\"]")]);
}

#[test]
fn a_use_of_a_file_that_is_in_force_on_a_part_of_the_days_is_remarked_on() {
    let drawing = |days: &str, layers: &str| {
        let head = "format = 2\nid = \"drawing\"\ntitle = \"t\"\ninsurance = \"resident\"\nregions = [\"38\"]\n\
                    benefit_year = \"discharge\"\n";
        format!("{head}in_force = {{ {days} }}\n\n[sources]\nlaw = \"the law\"\nrule = \"the rule\"\n{layers}")
    };
    let one = "\n[[layer]]\nuse = \"base#two\"\n";
    let remarks = |text: &str| {
        let book = book(&[("base.toml", BASE), ("drawing.toml", text)]);
        assert!(book.warnings().is_empty(), "{:?}", book.warnings());
        book.remarks().to_vec()
    };
    for days in ["from = 2016-07-01, until = 2018-01-01", "from = 2017-04-01, until = 2019-01-01"] {
        let text = drawing(days, one);
        let found = remarks(&text);
        assert_eq!(
            lines(&found, "`use` draws from `base`, in force from 2017-01-01 until 2018-01-01"),
            [14],
            "{found:?}"
        );
        assert!(
            found[0]
                .message_zh
                .as_ref()
                .is_some_and(|zh| zh.contains("只在部分日期执行（2017-01-01 起，2018-01-01 停止）"))
        );
    }
    for days in [
        "from = 2017-04-01, until = 2017-10-01",
        "from = 2017-01-01, until = 2018-01-01",
        "from = 2018-01-01, until = 2019-01-01",
    ] {
        assert_eq!(remarks(&drawing(days, one)), [], "{days}: the terms of another year are drawn from on purpose");
    }
    let own_days = one.replace("two\"\n", "two\"\nin_force = { from = 2017-04-01, until = 2017-06-01 }\n");
    assert_eq!(remarks(&drawing("from = 2017-04-01, until = 2019-01-01", &own_days)), []);
}
