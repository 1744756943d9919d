//! Invalid values: unreadable figures, unknown words, and lists that are empty or repeat a value.

use super::{assert_each_refused, assert_refused, base_replacing};

#[test]
fn money_must_be_a_plain_decimal() {
    for figure in ["", "1,000", "1e4", "+5", " 5", "5 ", "１２", "五", "5.", ".5", "1.2.3", "¥5", "0x10", "--1", "-"]
    {
        let put = format!("annual  = \"{figure}\" # changed");
        assert_refused(&base_replacing("annual  = \"150000\"", &put), "# changed", "`annual` is");
        let put = format!("deductible = \"{figure}\" # changed");
        assert_refused(
            &base_replacing("deductible = \"500\"", &put),
            "# changed",
            "`deductible` is not a plain decimal number",
        );
    }
}

#[test]
fn a_fraction_of_a_fen_is_refused() {
    assert_each_refused(
        "has more than 2 decimals",
        &[
            ("annual  = \"150000\"", "annual  = \"150000.001\""),
            ("deductible = \"500\"", "deductible = \"500.005\""),
            ("[\"200\", \"100\", \"0\"]", "[\"200\", \"100.001\", \"0\"]"),
            ("upto = \"10000\"", "upto = \"10000.123\""),
            ("{ set = \"500000\" }", "{ set = \"500000.001\" }"),
            ("{ times = \"0.5\" }", "{ plus = \"0.005\" }"),
        ],
    );
}

#[test]
fn a_figure_past_its_digits_is_refused() {
    let rate = format!("rate = \"0.{}1\" }}]", "0".repeat(10));
    assert_refused(&base_replacing("rate = \"55%\" }]", &rate), &rate, "`rate` has more than 10 decimals");
    assert_each_refused(
        "is too large",
        &[("\"150000\"", "\"1000000000000000\""), ("{ plus = \"5%\" }", "{ plus = \"9999999999999999%\" }")],
    );
}

#[test]
fn a_negative_amount_is_refused() {
    assert_each_refused(
        "is negative",
        &[
            ("annual  = \"150000\"", "annual  = \"-150000\""),
            ("deductible = \"500\"", "deductible = \"-0.01\""),
            ("[\"200\", \"100\", \"0\"]", "[\"200\", \"-100\", \"0\"]"),
        ],
    );
}

#[test]
fn a_rate_outside_zero_to_one_is_refused() {
    assert_each_refused(
        "is not between 0 and 1",
        &[
            ("{ rate = \"55%\" }", "{ rate = \"100.01%\" }"),
            ("{ rate = \"55%\" }", "{ rate = \"-1%\" }"),
            ("prior_self_pay = \"20%\"", "prior_self_pay = \"120%\""),
            ("prior_self_pay = \"20%\"", "prior_self_pay = \"-0.2\""),
        ],
    );
}

#[test]
fn a_rate_beyond_one_without_percent_is_refused() {
    assert_each_refused(
        "without % is more than the whole",
        &[
            ("{ rate = \"55%\" }", "{ rate = \"1.0001\" }"),
            ("{ rate = \"55%\" }", "{ rate = \"55\" }"),
            ("{ plus = \"5%\" }", "{ plus = \"5\" }"),
            ("{ plus = \"10%\" }", "{ plus = \"-10\" }"),
            ("{ plus = \"10%\" }", "{ set = \"1.1\" }"),
        ],
    );
    let factor = base_replacing("{ plus = \"5%\" }", "{ times = \"2\" }");
    assert!(super::read_book(&[("base.toml", &factor)]).is_ok(), "a factor is no rate");
}

#[test]
fn a_rate_must_be_a_plain_decimal() {
    for figure in ["half", "%", "5 %", "55%%", "55‰", "1/2", "5e-1"] {
        let put = format!("{{ rate = \"{figure}\" }}] # changed");
        assert_refused(
            &base_replacing("{ rate = \"55%\" }]", &put),
            "# changed",
            "`rate` is not a plain decimal number",
        );
        let put = format!("{{ plus = \"{figure}\" }} # changed");
        assert_refused(&base_replacing("{ plus = \"5%\" }", &put), "# changed", "`plus` is not a plain decimal number");
    }
}

#[test]
fn an_unknown_word_is_refused() {
    assert_each_refused(
        "is not known",
        &[
            ("\"discharge\"", "\"calendar\""),
            ("\"admission\"", "\"month\""),
            ("\"maternity\"", "\"emergency\""),
            ("\"special_drug\"", "\"special_drugs\""),
            ("[\"destitute\", \"registered_poor\"]", "[\"poor\", \"registered_poor\"]"),
            ("of      = \"paid\"", "of      = \"pays\""),
            ("\"cross_region\"", "\"abroad\""),
            ("\"registered\"]", "\"approved\"]"),
            ("\"tertiary\"", "\"third\""),
            ("category   = [\"registered_poor\"]", "category   = [\"Registered_Poor\"]"),
        ],
    );
}

#[test]
fn an_empty_list_is_refused() {
    assert_each_refused(
        "is empty",
        &[
            ("[\"inpatient\", \"maternity\"]", "[] # changed"),
            ("[\"eligible\", \"special_drug\"]", "[] # changed"),
            ("[\"destitute\", \"registered_poor\"]", "[] # changed"),
            ("category   = [\"registered_poor\"]", "category   = []"),
            ("locality = [\"cross_region\"]", "locality = []"),
            ("referral = [\"registered\"]", "referral = []"),
            ("level = [\"tertiary\"]", "level = []"),
            ("cites          = [\"law\"]", "cites          = []"),
            ("cites          = [\"rule\"]", "cites          = []"),
            ("cites      = [\"law\", \"rule\"]", "cites      = []"),
            ("deductible = \"500\"", "deductible = []"),
        ],
    );
}

#[test]
fn a_list_with_a_repeated_value_is_refused() {
    assert_each_refused(
        "twice",
        &[
            ("[\"37\"]", "[\"37\", \"37\"]"),
            ("\"maternity\"", "\"inpatient\""),
            ("\"special_drug\"", "\"eligible\""),
            ("[\"destitute\", \"registered_poor\"]", "[\"destitute\", \"destitute\"]"),
            ("[\"schedule\"]", "[\"schedule\", \"schedule\"]"),
        ],
    );
}

#[test]
fn a_region_is_one_to_six_digits() {
    for region in ["", "3a", "鲁", "3701001", "-37", "３７", "37 "] {
        let put = format!("regions      = [\"37\", \"{region}\"]");
        assert_refused(&base_replacing("regions      = [\"37\"]", &put), "regions ", "is not one to six digits");
    }
}

#[test]
fn a_cited_key_must_be_in_the_sources() {
    assert_each_refused(
        "`lore` is not in [sources]",
        &[
            ("[\"law\"] # of", "[\"law\", \"lore\"] # of"),
            ("cites          = [\"rule\"]", "cites          = [\"lore\"]"),
            ("[\"law\", \"rule\"]", "[\"lore\", \"rule\"]"),
        ],
    );
    let uncited = "rule = \"the rule\"";
    assert_each_refused(
        "is not a text",
        &[(uncited, "rule = \"the rule\"\nmore = 1"), (uncited, "rule = \"the rule\"\nmore = \"\"")],
    );
}

#[test]
fn only_a_key_of_the_same_table_can_be_assumed() {
    assert_each_refused(
        "which is no key here",
        &[
            ("[\"schedule\"]", "[\"schedule\", \"schedules\"]"),
            ("[\"schedule\"]", "[\"deductible\"]"),
            ("assumed        = [\"prior_self_pay\"]", "assumed        = [\"pools\"]"),
        ],
    );
}

#[test]
fn an_empty_range_of_days_is_refused() {
    assert_each_refused(
        "`in_force` holds no day",
        &[
            ("until = 2018-01-01 }", "until = 2017-01-01 }"),
            ("until = 2018-01-01 }", "until = 2016-12-31 }"),
            ("until = 2017-12-01 }", "until = 2017-02-01 }"),
        ],
    );
}

#[test]
fn an_unknown_format_is_refused() {
    assert_each_refused(
        "is not known; this service reads 2",
        &[("= 2\n", "= 1 # changed\n"), ("= 2\n", "= 3 # changed\n")],
    );
}

#[test]
fn invalid_toml_is_refused_on_the_line_of_its_fault() {
    let text = base_replacing("payer          = \"fund\"", "payer          = fund");
    let faults = super::faults(&[("base.toml", &text)]);
    assert_eq!(faults[0].line, super::line_containing(&text, "payer          = fund"), "{faults:?}");
    for text in ["", "{\"format\": 1}", "\u{0}", "format = 2\nformat = 1\n"] {
        assert!(!super::faults(&[("base.toml", text)]).is_empty(), "{text:?}");
    }
}

#[test]
fn names_and_the_insurance_are_texts_without_control_characters_and_white_space_at_an_end() {
    let long = "n".repeat(201);
    for (find, key) in [
        ("title        = \"a sound file\"", "title"),
        ("insurance    = \"resident\"", "insurance"),
        ("name           = \"layer one\"", "name"),
    ] {
        for (text, why) in [
            (" resident", "has white space at an end"),
            ("resident\\u3000", "has white space at an end"),
            ("resi\\u001b[2Jdent", "has a control character"),
            ("resi\\ndent", "has a control character"),
            (long.as_str(), "has 201 bytes"),
        ] {
            let put = format!("{key} = \"{text}\" # changed");
            assert_refused(&base_replacing(find, &put), "# changed", &format!("`{key}` {why}"));
        }
    }
}

#[test]
fn names_and_codes_of_a_vocabulary_are_texts_without_control_characters_and_white_space_at_an_end() {
    let sound = include_str!("../../deploy/policies/vocabulary.toml");
    for (find, key) in [("primary ", "primary"), ("inpatient ", "name"), ("basic_fund ", "zh")] {
        let line = sound.lines().position(|line| line.starts_with(find)).unwrap_or_else(|| panic!("{find}")) + 1;
        let old = sound.lines().nth(line - 1).expect("a line");
        let name = old.split('"').nth(1).expect("a name");
        for (spoilt, why) in [
            (format!("{name} "), "has white space at an end"),
            (format!("{name}\\u001b[2J"), "has a control character"),
        ] {
            let text = sound.replacen(old, &old.replacen(&format!("\"{name}\""), &format!("\"{spoilt}\""), 1), 1);
            let faults = super::faults(&[("vocabulary.toml", &text), ("base.toml", super::BASE)]);
            let found = faults.iter().find(|fault| fault.line == line && fault.message.contains(why));
            assert!(found.is_some_and(|fault| fault.file == "vocabulary.toml"), "{key}: {faults:?}");
        }
    }
}
