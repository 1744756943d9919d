//! Keys: unknown ones at every level, missing ones, and values of another type.

use super::{assert_each_refused, assert_refused, base_replacing};

/// The base file with a line inserted before the only place that contains `before`.
fn base_with_line(line: &str, before: &str) -> String {
    base_replacing(before, &format!("{line}\n{before}"))
}

#[test]
fn an_unknown_key_is_refused_at_every_level() {
    let added = [
        ("strange = 1", "format "),
        ("strange = \"x\"", "name           ="),
        ("strange = 1", "deductible = \"500\""),
        ("strange = 1", "annual  = \"150000\""),
        ("strange = true", "prior_self_pay = { plus"),
        ("strange = []", "category "),
        ("[layer.strange]", "[[layer.cap]] # of layer one"),
        ("[strange]", "[sources]"),
    ];
    for (line, before) in added {
        assert_refused(&base_with_line(line, before), line, "`strange` is not a known key");
    }
}

#[test]
fn an_unknown_key_of_an_inline_table_is_refused() {
    assert_each_refused(
        "`strange` is not a known key",
        &[
            ("until = 2018-01-01 }", "until = 2018-01-01, strange = 1 }"),
            ("until = 2017-12-01 }", "until = 2017-12-01, strange = 1 }"),
            ("rate = \"70%\" }", "rate = \"70%\", strange = 1 }"),
            ("level = [\"tertiary\"] }", "level = [\"tertiary\"], strange = 1 }"),
            ("{ plus = \"10%\" }", "{ plus = \"10%\", strange = 1 }"),
            ("{ times = \"0.5\" }", "{ times = \"0.5\", strange = 1 }"),
            ("{ set = \"500000\" }", "{ set = \"500000\", strange = 1 }"),
        ],
    );
}

#[test]
fn a_key_in_the_wrong_table_is_unknown_there() {
    assert_refused(
        &base_with_line("annual = \"5\"", "name           ="),
        "annual = \"5\"",
        "`annual` is not a known key",
    );
    assert_refused(&base_with_line("rate = \"5%\"", "period         ="), "rate = \"5%\"", "`rate` is not a known key");
    assert_refused(&base_with_line("category = []", "if  "), "category = []", "`category` is not a known key");
    assert_refused(
        &base_with_line("assumed = []", "account = \"fund\""),
        "assumed = []",
        "`assumed` is not a known key",
    );
}

#[test]
fn an_unquoted_figure_is_refused() {
    assert_each_refused(
        "is not a text in quotes",
        &[
            ("annual  = \"150000\"", "annual  = 150000"),
            ("deductible = \"500\"", "deductible = [500]"),
            ("upto = \"10000\"", "upto = 10000"),
            ("{ rate = \"55%\" }", "{ rate = 0.55 }"),
            ("prior_self_pay = \"20%\"", "prior_self_pay = 0.2"),
            ("{ plus = \"5%\" }", "{ plus = 0.05 }"),
            ("{ set = \"500000\" }", "{ set = 500000 }"),
        ],
    );
}

#[test]
fn a_value_of_another_type_is_refused() {
    assert_each_refused("is not an integer", &[("= 2\n", "= \"2\"\n"), ("= 2\n", "= 2.0\n"), ("= 2\n", "= true\n")]);
    assert_each_refused(
        "is not a text in quotes",
        &[
            ("\"base\"", "7"),
            ("\"a sound file\"", "2017-01-01"),
            ("[\"37\"]", "[37]"),
            ("\"law\"] # of layer one", "1] # of layer one"),
            ("[\"schedule\"]", "[true]"),
            ("\"layer one\"", "1"),
        ],
    );
    assert_each_refused(
        "is not a list",
        &[
            ("[\"37\"]", "\"37\""),
            ("[\"inpatient\", \"maternity\"]", "\"inpatient\""),
            ("[\"eligible\", \"special_drug\"]", "\"eligible\""),
            ("[\"destitute\", \"registered_poor\"]", "\"destitute\""),
            ("[\"law\"] # of", "\"law\" # of"),
            ("[\"cross_region\"]", "\"cross_region\""),
            ("category   = [\"registered_poor\"]", "category   = \"registered_poor\""),
            ("[[layer.when]] # of layer one", "[layer.when] # of layer one"),
        ],
    );
    assert_each_refused("is not a table", &[("{ plus = \"10%\" }", "\"10%\""), ("{ times = \"0.5\" }", "[]")]);
}

#[test]
fn a_day_is_a_date_without_quotes_and_without_a_time() {
    assert_each_refused(
        "is not a day",
        &[
            ("until = 2018-01-01 }", "until = \"2018-01-01\" }"),
            ("until = 2018-01-01 }", "until = 2018-01-01T00:00:00 }"),
            ("until = 2018-01-01 }", "until = 20180101 }"),
            ("from = 2017-02-01,", "from = 2017-02-01T00:00:00Z,"),
        ],
    );
    assert_each_refused(
        "is not a table",
        &[("in_force     = { from = 2017-01-01, until = 2018-01-01 }", "in_force = 2017")],
    );
}

#[test]
fn a_missing_key_of_the_file_is_reported_on_its_first_line() {
    let lines = [
        ("format", "format       = 2\n"),
        ("id", "id           = \"base\"\n"),
        ("title", "title        = \"a sound file\"\n"),
        ("insurance", "insurance    = \"resident\"\n"),
        ("regions", "regions      = [\"37\"]\n"),
        ("in_force", "in_force     = { from = 2017-01-01, until = 2018-01-01 }\n"),
        ("benefit_year", "benefit_year = \"discharge\"\n"),
    ];
    for (key, line) in lines {
        let text = format!("# the first line\n{}", base_replacing(line, ""));
        assert_refused(&text, "# the first line", &format!("`{key}` is missing"));
    }
}

#[test]
fn a_missing_key_of_a_layer_is_reported_on_the_first_line_of_the_layer() {
    let lines = [
        ("id", "id     = \"two\"\n"),
        ("payer", "payer  = \"insurer\"\n"),
        ("visits", "visits = [\"outpatient_chronic\"]\n"),
        ("pools", "pools  = [\"excluded\"]\n"),
        ("period", "period = \"year\"\n"),
        ("cites", "cites  = [\"rule\", \"law\"]\n"),
        ("schedule", "[layer.schedule.all]\nbands = [{ rate = \"30%\" }]\n"),
    ];
    for (key, line) in lines {
        assert_refused(&base_replacing(line, ""), "[[layer]] # two", key);
    }
}

#[test]
fn a_missing_key_inside_a_layer_is_reported_on_the_first_line_of_its_table() {
    assert_refused(&base_replacing("account = \"fund\"\n", ""), "[[layer.cap]] # of layer one", "`account` is missing");
    assert_refused(&base_replacing("annual  = \"150000\"\n", ""), "account = \"fund\"", "a cap has one limit");
    assert_refused(
        &base_replacing("{ upto = \"10000\", rate = \"70%\" }", "{ upto = \"10000\" }"),
        "10000",
        "`rate` is missing",
    );
    let conditions = "{ locality = [\"cross_region\"], referral = [\"registered\"], level = [\"tertiary\"] }";
    assert_refused(
        &base_replacing(&format!("if             = {conditions}\n"), ""),
        "[[layer.when]]",
        "`if` is missing",
    );
    assert_refused(
        &base_replacing("category   = [\"registered_poor\"]\n", ""),
        "[[layer.for]]",
        "`category` is missing",
    );
}

#[test]
fn an_empty_text_is_refused() {
    assert_each_refused(
        "is empty",
        &[
            ("\"base\"", "\"\""),
            ("\"a sound file\"", "\"\""),
            ("\"resident\"", "\"\""),
            ("payer          = \"fund\"", "payer          = \"\""),
            ("account = \"fund\"", "account = \"\""),
        ],
    );
}
