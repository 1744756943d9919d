//! Schedules, caps and days of a layer.

use super::{assert_each_refused, assert_refused, base_replacing};

/// The bands of the secondary level in the base file.
const BANDS: &str = r#"[
    { upto = "10000", rate = "70%" },
    { upto = "20000", rate = "72%" },
    { rate = "75%" },
]"#;

/// The base file with other bands at the secondary level.
fn base_with_bands(bands: &str) -> String {
    base_replacing(BANDS, bands)
}

#[test]
fn a_band_that_does_not_ascend_is_refused() {
    for upto in ["10000", "9999.99", "0"] {
        let put = format!("upto = \"{upto}\", rate = \"72%\"");
        assert_refused(
            &base_replacing("upto = \"20000\", rate = \"72%\"", &put),
            "rate = \"72%\"",
            "does not ascend from 10000.00",
        );
    }
    assert_each_refused("does not ascend from 0.00", &[("upto = \"10000\"", "upto = \"0\"")]);
    assert_each_refused("is negative", &[("upto = \"10000\"", "upto = \"-1\"")]);
}

#[test]
fn only_the_last_band_is_open() {
    let early = base_with_bands("[{ rate = \"70%\" },\n{ upto = \"10000\", rate = \"72%\" },\n{ rate = \"75%\" }]");
    assert_refused(&early, "bands      = [{ rate = \"70%\" },", "only the last band has no `upto`");
    let none = base_with_bands("[\n{ upto = \"10000\", rate = \"70%\" },\n{ upto = \"20000\", rate = \"72%\" }]");
    assert_refused(&none, "rate = \"72%\"", "the last band is open");
}

#[test]
fn a_schedule_without_bands_is_refused() {
    assert_refused(&base_with_bands("[]"), "[layer.schedule.secondary]", "`bands` is missing or empty");
    let without = base_replacing(&format!("bands      = {BANDS}\n"), "");
    assert_refused(&without, "[layer.schedule.secondary]", "`bands` is missing or empty");
}

#[test]
fn a_schedule_covers_every_level() {
    let without = base_replacing("[layer.schedule.tertiary]\nbands      = [{ rate = \"55%\" }]\n", "");
    assert_refused(&without, "[layer.schedule.primary]", "hospitals of level tertiary: `other` is missing");
    let both = base_replacing(
        "[layer.schedule.all]",
        "[layer.schedule.all]\nbands = [{ rate = \"1%\" }]\n[layer.schedule.primary]",
    );
    assert_refused(&both, "[layer.schedule.all]", "`all` stands alone");
    let alone = base_replacing("[layer.schedule.all]", "[layer.schedule.tertiary] # alone");
    assert_refused(&alone, "# alone", "of level primary, secondary: `other` is missing");
    let empty = base_replacing("[layer.schedule.all]\nbands = [{ rate = \"30%\" }]", "[layer.schedule]");
    assert_refused(&empty, "[layer.schedule]", "of level primary, secondary, tertiary: `other` is missing");
    let other = base_replacing("[layer.schedule.tertiary]", "[layer.schedule.other]");
    assert!(super::read_book(&[("base.toml", &other)]).is_ok());
}

#[test]
fn an_unknown_level_is_refused_with_the_nearest_known_one() {
    let fourth = base_replacing("[layer.schedule.tertiary]", "[layer.schedule.tertary]");
    let words = "the level `tertary` is not known; `tertiary` is meant?";
    assert_refused(&fourth, "[layer.schedule.tertary]", words);
}

#[test]
fn layers_of_a_file_agree_on_the_cap_of_an_account() {
    let second = "account = \"insurer\"\nannual  = \"30000\"";
    let words = "layers `base#one` and `two` state different caps on the account `fund`";
    for other in ["annual  = \"30000\" # differs", "annual  = \"150000\" # differs\nof = \"base\""] {
        assert_refused(&base_replacing(second, &format!("account = \"fund\"\n{other}")), "# differs", words);
    }
}

#[test]
fn a_layer_names_a_cap_account_once() {
    let again = "[[layer.cap]]\naccount = \"fund\" # again\nannual = \"150000\"\n\n[[layer.when]] # of layer one";
    let text = base_replacing("[[layer.when]] # of layer one", again);
    assert_refused(&text, "# again", "names the cap account `fund` twice");
}

#[test]
fn the_days_of_a_layer_must_lie_within_those_of_its_file() {
    let days = "in_force       = { from = 2017-02-01, until = 2017-12-01 }";
    for outside in [
        "{ from = 2016-12-31, until = 2017-12-01 }",
        "{ from = 2017-02-01, until = 2018-01-02 }",
        "{ from = 2017-02-01 }",
        "{ until = 2017-12-01 }",
        "{}",
    ] {
        let text = base_replacing(days, &format!("in_force       = {outside}"));
        assert_refused(&text, "in_force       = ", "are not within the file's, 2017-01-01 until 2018-01-01");
    }
}

#[test]
fn two_layers_with_one_id_are_refused() {
    assert_refused(
        &base_replacing("id     = \"two\"", "id     = \"one\""),
        "id     = \"one\"",
        "the file has two layers `one`",
    );
}

#[test]
fn figures_that_cannot_be_computed_exactly_are_refused() {
    let factor = format!("0.{}1", "0".repeat(9));
    let entry = format!(
        "[[layer.when]]\nif = {{ level = [\"primary\"] }}\nrate = {{ times = \"{factor}\" }}\ncites = [\"law\"]\n"
    );
    let text = base_replacing("[[layer.for]] # of layer one", &format!("{}\n[[layer.for]]", entry.repeat(3)));
    assert_refused(&text, "id             = \"one\"", "layer `one` together need more than 20 decimals or 28 digits");
}

#[test]
fn a_fault_in_a_long_list_is_reported_on_its_own_line() {
    let list = "[\n    \"500\",\n    \"250.001\",\n    \"0\",\n]";
    assert_refused(
        &base_replacing("deductible = \"500\"", &format!("deductible = {list}")),
        "250.001",
        "more than 2 decimals",
    );
}
