//! Schedules, caps and days of a layer.

use super::{base_with, each_refused, refused};

/// The bands of the secondary level in the base file.
const BANDS: &str = r#"[
    { upto = "10000", rate = "70%" },
    { upto = "20000", rate = "72%" },
    { rate = "75%" },
]"#;

/// The base file with other bands at the secondary level.
fn bands(bands: &str) -> String {
    base_with(BANDS, bands)
}

#[test]
fn a_band_that_does_not_ascend_is_refused() {
    for upto in ["10000", "9999.99", "0"] {
        let put = format!("upto = \"{upto}\", rate = \"72%\"");
        refused(
            &base_with("upto = \"20000\", rate = \"72%\"", &put),
            "rate = \"72%\"",
            "does not ascend from 10000.00",
        );
    }
    each_refused("does not ascend from 0.00", &[("upto = \"10000\"", "upto = \"0\"")]);
    each_refused("is negative", &[("upto = \"10000\"", "upto = \"-1\"")]);
}

#[test]
fn the_open_band_is_the_last_and_only_the_last() {
    let early = bands("[{ rate = \"70%\" },\n{ upto = \"10000\", rate = \"72%\" },\n{ rate = \"75%\" }]");
    refused(&early, "bands      = [{ rate = \"70%\" },", "only the last band has no `upto`");
    let none = bands("[\n{ upto = \"10000\", rate = \"70%\" },\n{ upto = \"20000\", rate = \"72%\" }]");
    refused(&none, "rate = \"72%\"", "the last band is open");
}

#[test]
fn a_schedule_without_bands_is_refused() {
    refused(&bands("[]"), "[layer.schedule.secondary]", "`bands` is missing or empty");
    let without = base_with(&format!("bands      = {BANDS}\n"), "");
    refused(&without, "[layer.schedule.secondary]", "`bands` is missing or empty");
}

#[test]
fn a_schedule_is_for_all_or_for_all_three_levels() {
    let words = "a schedule is `all`, or all three levels";
    let without = base_with("[layer.schedule.tertiary]\nbands      = [{ rate = \"55%\" }]\n", "");
    refused(&without, "[layer.schedule.primary]", words);
    let both = base_with(
        "[layer.schedule.all]",
        "[layer.schedule.all]\nbands = [{ rate = \"1%\" }]\n[layer.schedule.primary]",
    );
    refused(&both, "[layer.schedule.all]", words);
    refused(&base_with("[layer.schedule.all]", "[layer.schedule.tertiary] # alone"), "# alone", words);
    let empty = base_with("[layer.schedule.all]\nbands = [{ rate = \"30%\" }]", "[layer.schedule]");
    refused(&empty, "[layer.schedule]", words);
}

#[test]
fn a_level_without_a_name_is_no_level() {
    let fourth = base_with("[layer.schedule.all]", "[layer.schedule.quaternary]\n[layer.schedule.all]");
    refused(&fourth, "[layer.schedule.quaternary]", "`quaternary` is not a known key");
}

#[test]
fn one_account_has_one_cap_in_a_file() {
    let second = "account = \"insurer\"\nannual  = \"30000\"";
    let words = "layers `one` and `two` state different caps on the account `fund`";
    for other in ["annual  = \"30000\"", "annual  = \"150000\"\nof = \"base\""] {
        refused(&base_with(second, &format!("account = \"fund\"\n{other}")), "[[layer]] # two", words);
    }
}

#[test]
fn a_layer_names_an_account_once() {
    let again = "[[layer.cap]]\naccount = \"fund\"\nannual = \"150000\"\n\n[[layer.when]] # of layer one";
    let text = base_with("[[layer.when]] # of layer one", again);
    refused(&text, "[[layer]] # one", "names the cap account `fund` twice");
}

#[test]
fn the_days_of_a_layer_lie_within_those_of_its_file() {
    let days = "in_force       = { from = 2017-02-01, until = 2017-12-01 }";
    for outside in [
        "{ from = 2016-12-31, until = 2017-12-01 }",
        "{ from = 2017-02-01, until = 2018-01-02 }",
        "{ from = 2017-02-01 }",
        "{ until = 2017-12-01 }",
        "{}",
    ] {
        let text = base_with(days, &format!("in_force       = {outside}"));
        refused(&text, "[[layer]] # one", "are not within the file's, 2017-01-01 until 2018-01-01");
    }
}

#[test]
fn two_layers_of_one_id_are_refused() {
    refused(&base_with("id     = \"two\"", "id     = \"one\""), "[[layer]] # two", "the file has two layers `one`");
}

#[test]
fn figures_that_cannot_be_computed_exactly_are_refused() {
    let factor = format!("0.{}1", "0".repeat(9));
    let entry = format!(
        "[[layer.when]]\nif = {{ level = [\"primary\"] }}\nrate = {{ times = \"{factor}\" }}\ncites = [\"law\"]\n"
    );
    let text = base_with("[[layer.for]] # of layer one", &format!("{}\n[[layer.for]]", entry.repeat(3)));
    refused(&text, "[[layer]] # one", "layer `one` together need more than 20 decimals or 28 digits");
}

#[test]
fn a_fault_in_a_long_list_is_told_on_its_own_line() {
    let list = "[\n    \"500\",\n    \"250.001\",\n    \"0\",\n]";
    refused(&base_with("deductible = \"500\"", &format!("deductible = {list}")), "250.001", "more than 2 decimals");
}
