//! Entries of a layer: one operation for each figure, under conditions that say something.

use super::{base_with, each_refused};

#[test]
fn two_operations_on_one_figure_are_refused() {
    each_refused(
        "wants one of `set`, `times` and `plus`",
        &[
            ("{ times = \"0.5\" }", "{ times = \"0.5\", set = \"10\" }"),
            ("{ plus = \"5%\" }", "{ plus = \"5%\", times = \"2\" }"),
            ("{ set = \"500000\" }", "{ set = \"500000\", plus = \"1\" }"),
            ("{ plus = \"10%\" }", "{ plus = \"10%\", set = \"10%\" }"),
        ],
    );
}

#[test]
fn no_operation_on_a_figure_is_refused() {
    each_refused(
        "wants one of `set`, `times` and `plus`",
        &[
            ("{ times = \"0.5\" }", "{ }"),
            ("{ plus = \"5%\" }", "{ }"),
            ("{ set = \"500000\" }", "{ }"),
            ("{ plus = \"10%\" }", "{ }"),
        ],
    );
}

#[test]
fn an_unknown_operation_is_refused() {
    let text = base_with("{ plus = \"5%\" }", "{ minus = \"5%\" }");
    let told: Vec<_> =
        super::faults(&[("base.toml", &text)]).into_iter().map(|fault| (fault.line, fault.message)).collect();
    let line = super::line_of(&text, "minus");
    assert!(told.iter().any(|(at, told)| *at == line && told.contains("`minus` is not a known key")), "{told:?}");
}

#[test]
fn a_cap_changes_by_an_operation_or_is_lifted() {
    each_refused(
        "neither \"none\" nor an operation",
        &[
            ("{ set = \"500000\" }", "\"None\""),
            ("{ set = \"500000\" }", "\"500000\""),
            ("{ set = \"500000\" }", "\"\""),
        ],
    );
    each_refused("is not a table", &[("{ set = \"500000\" }", "500000")]);
}

#[test]
fn conditions_that_name_nothing_are_refused() {
    let conditions = "{ locality = [\"cross_region\"], referral = [\"registered\"], level = [\"tertiary\"] }";
    each_refused("`if` names no circumstance", &[(conditions, "{ } # changed")]);
}

#[test]
fn a_schedule_of_an_entry_is_held_to_the_same_rules() {
    let entry = "cites      = [\"law\", \"rule\"]\n";
    let one_level = format!("{entry}[layer.for.schedule.primary]\nbands = [{{ rate = \"1%\" }}]\n");
    super::refused(&base_with(entry, &one_level), "[layer.for.schedule.primary]", "or all three levels");
    let not_open = format!("{entry}[layer.for.schedule.all]\nbands = [{{ upto = \"7\", rate = \"1%\" }}]\n");
    super::refused(&base_with(entry, &not_open), "upto = \"7\"", "the last band is open");
}
