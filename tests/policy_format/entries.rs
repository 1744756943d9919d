//! Entries of a layer: one operation for each figure, under conditions that are not empty.

use super::{assert_each_refused, base_replacing};

#[test]
fn two_operations_on_one_figure_are_refused() {
    assert_each_refused(
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
fn a_figure_without_an_operation_is_refused() {
    assert_each_refused(
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
    let text = base_replacing("{ plus = \"5%\" }", "{ minus = \"5%\" }");
    let faults: Vec<_> =
        super::faults(&[("base.toml", &text)]).into_iter().map(|fault| (fault.line, fault.message)).collect();
    let line = super::line_containing(&text, "minus");
    assert!(
        faults.iter().any(|(at, message)| *at == line && message.contains("`minus` is not a known key")),
        "{faults:?}"
    );
}

#[test]
fn a_cap_is_changed_by_an_operation_or_lifted() {
    assert_each_refused(
        "neither \"none\" nor an operation",
        &[
            ("{ set = \"500000\" }", "\"None\""),
            ("{ set = \"500000\" }", "\"500000\""),
            ("{ set = \"500000\" }", "\"\""),
        ],
    );
    assert_each_refused("is not a table", &[("{ set = \"500000\" }", "500000")]);
}

#[test]
fn empty_conditions_are_refused() {
    let conditions = "{ locality = [\"cross_region\"], referral = [\"registered\"], level = [\"tertiary\"] }";
    assert_each_refused("`if` names no circumstance", &[(conditions, "{ } # changed")]);
}

#[test]
fn the_schedule_of_an_entry_is_checked_like_that_of_a_layer() {
    let entry = "cites      = [\"law\", \"rule\"]\n";
    let one_level = format!("{entry}[layer.for.schedule.primary]\nbands = [{{ rate = \"1%\" }}]\n");
    super::assert_refused(&base_replacing(entry, &one_level), "[layer.for.schedule.primary]", "`other` is missing");
    let not_open = format!("{entry}[layer.for.schedule.all]\nbands = [{{ upto = \"7\", rate = \"1%\" }}]\n");
    super::assert_refused(&base_replacing(entry, &not_open), "upto = \"7\"", "the last band is open");
}
