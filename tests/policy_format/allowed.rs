//! Sound policy files and their meaning.

use onestop::domain::facts::Region;
use onestop::domain::fixed_words::{Locality, Referral};
use onestop::domain::resolution::resolve_terms;
use onestop::domain::schedule::Deductible;
use onestop::domain::terms::{Limit, Terms, TermsKey};
use onestop::domain::words::Category;
use onestop::policy::Book;

use super::{BASE, base_replacing, base_with_id, book, replace_once};

/// The terms of a layer for a local patient with these categories at a hospital of this level.
fn layer_terms(book: &Book, policy: &str, layer: &str, level: &str, categories: &[&str]) -> Terms {
    let policy = book.get(policy).expect("the policy");
    let layer = policy.layers.iter().find(|known| &*known.head.id == layer).expect("the layer");
    let categories = categories.iter().map(|category| Category::from(*category)).collect();
    let (tags, diseases) = Default::default();
    let (locality, referral) = (Locality::County, Referral::None);
    let on = TermsKey { level: level.into(), locality, referral, tags, diseases, categories };
    resolve_terms(&layer.rule, &on).expect("exact")
}

/// The list of deductibles.
fn deductibles(terms: &Terms) -> &[onestop::domain::money::Money] {
    match &terms.schedule.deductible {
        Deductible::Amounts(amounts) => amounts,
        Deductible::Share(_) => panic!("a list"),
    }
}

/// The annual amount of the first cap.
fn first_annual(terms: &Terms) -> Option<String> {
    match terms.caps[0].limit {
        Limit::Annual(annual) => annual.map(|annual| annual.to_string()),
        _ => panic!("an annual cap"),
    }
}

/// The id of the policy that governs a stay of a resident of this region.
fn governing_policy_id(book: &Book, region: &str, admitted: &str, discharged: &str) -> Option<String> {
    let region = Region::parse(region).expect("a region");
    let day = |text: &str| text.parse().expect("a day");
    let found = book.governing("resident", &region, day(admitted), day(discharged));
    found.map(|policy| policy.reference.id.to_string())
}

/// A policy file with this head and this one layer.
fn policy_file(id: &str, head: &str, layer: &str) -> String {
    format!(
        "format = 2\nid = \"{id}\"\ntitle = \"-\"\ninsurance = \"resident\"\n{head}\n\
         [sources]\nlaw = \"the law of {id}\"\n[[layer]]\n{layer}\n"
    )
}

const WHOLE_YEAR: &str =
    "regions = [\"11\"]\nin_force = { from = 2017-01-01, until = 2018-01-01 }\nbenefit_year = \"discharge\"";

/// A layer with the required keys only.
const PLAIN: &str = r#"
id = "plain"
payer = "p"
visits = ["inpatient"]
pools = ["eligible"]
period = "year"
cites = ["law"]
schedule.all.bands = [{ rate = "50%" }]"#;

#[test]
fn nested_prefixes_may_differ_in_their_benefit_year() {
    let city = base_with_id("city", &[("[\"37\"]", "[\"3711\"]"), ("\"discharge\"", "\"admission\"")]);
    let book = book(&[("base.toml", BASE), ("city.toml", &city)]);
    assert_eq!(governing_policy_id(&book, "371102", "2017-05-01", "2017-05-09"), Some("city".to_owned()));
    assert_eq!(governing_policy_id(&book, "371102", "2016-12-31", "2017-01-09"), Some("base".to_owned()));
    assert_eq!(governing_policy_id(&book, "370102", "2017-05-01", "2017-05-09"), Some("base".to_owned()));
    assert_eq!(governing_policy_id(&book, "371102", "2017-12-31", "2018-01-09"), Some("city".to_owned()));
    assert_eq!(governing_policy_id(&book, "370102", "2017-12-31", "2018-01-09"), None);
}

#[test]
fn neighboring_days_do_not_overlap() {
    let next =
        policy_file("next", &WHOLE_YEAR.replace("2018", "2019").replace("2017", "2018").replace("11", "37"), PLAIN);
    let book = book(&[("base.toml", BASE), ("next.toml", &next)]);
    assert_eq!(governing_policy_id(&book, "370100", "2017-12-31", "2017-12-31"), Some("base".to_owned()));
    assert_eq!(governing_policy_id(&book, "370100", "2017-12-31", "2018-01-01"), Some("next".to_owned()));
}

#[test]
fn another_insurance_may_govern_the_same_region_and_days() {
    let employees = base_with_id("employees", &[("\"resident\"", "\"employee\""), ("\"discharge\"", "\"admission\"")]);
    let book = book(&[("base.toml", BASE), ("employees.toml", &employees)]);
    assert_eq!(governing_policy_id(&book, "370100", "2017-05-01", "2017-05-09"), Some("base".to_owned()));
}

#[test]
fn a_library_needs_no_days_and_governs_no_claim() {
    let library = policy_file("library", "regions = []", PLAIN);
    let drawing = policy_file("drawing", WHOLE_YEAR, "use = \"library#plain\"");
    let book = book(&[("drawing.toml", &drawing), ("library.toml", &library)]);
    assert_eq!(governing_policy_id(&book, "110000", "2017-05-01", "2017-05-09"), Some("drawing".to_owned()));
    assert_eq!(governing_policy_id(&book, "110000", "2018-05-01", "2018-05-09"), None);
    assert_eq!(layer_terms(&book, "drawing", "plain", "primary", &[]).schedule.bands[0].rate.percent(), "50%");
}

#[test]
fn uses_may_chain_and_the_nearest_value_of_a_key_wins() {
    let library = policy_file("library", "regions = []", PLAIN);
    let middle =
        policy_file("middle", "regions = []", "use = \"library#plain\"\npayer = \"middle\"\nprior_self_pay = \"10%\"");
    let end = policy_file("end", WHOLE_YEAR, "use = \"middle#plain\"\nprior_self_pay = \"30%\"");
    let book = book(&[("end.toml", &end), ("middle.toml", &middle), ("library.toml", &library)]);
    let policy = book.get("end").expect("the policy");
    assert_eq!(&*policy.layers[0].head.id, "plain");
    assert_eq!(&*policy.layers[0].head.payer, "middle");
    assert_eq!(layer_terms(&book, "end", "plain", "primary", &[]).prior_self_pay.percent(), "30%");
}

#[test]
fn assumptions_beside_a_use_are_added() {
    let library = policy_file("library", "regions = []", &format!("{PLAIN}\nassumed = [\"schedule\"]"));
    let end = policy_file("end", WHOLE_YEAR, "use = \"library#plain\"\nassumed = [\"pools\", \"schedule\"]");
    let book = book(&[("end.toml", &end), ("library.toml", &library)]);
    let rule = &book.get("end").expect("the policy").rule;
    assert_eq!(rule.layers[0].assumed, ["schedule", "pools"]);
    let assumed = layer_terms(&book, "end", "plain", "primary", &[]).assumed;
    assert_eq!(assumed.iter().map(|key| &**key).collect::<Vec<_>>(), ["rate", "pools"]);
}

#[test]
fn a_used_layer_keeps_the_citations_of_its_own_file() {
    let library = policy_file("library", "regions = []", PLAIN);
    let plain = policy_file("end", WHOLE_YEAR, "use = \"library#plain\"");
    let own = policy_file("own", &WHOLE_YEAR.replace("11", "12"), "use = \"library#plain\"\ncites = [\"law\"]");
    let book = book(&[("end.toml", &plain), ("own.toml", &own), ("library.toml", &library)]);
    let cite = |policy| layer_terms(&book, policy, "plain", "primary", &[]).cites[0].clone();
    assert_eq!((&*cite("end").source, &*cite("end").text), ("library#law", "the law of library"));
    assert_eq!((&*cite("own").source, &*cite("own").text), ("own#law", "the law of own"));
}

#[test]
fn a_key_beside_a_use_replaces_the_whole_value() {
    let later = policy_file(
        "later",
        WHOLE_YEAR,
        "use = \"base#one\"\nvisits = [\"inpatient\"]\nschedule.all.bands = [{ rate = \"40%\" }]\n\
         [[layer.cap]]\naccount = \"other\"\nannual = \"7\"",
    );
    let book = book(&[("base.toml", BASE), ("later.toml", &later)]);
    let rule = &book.get("later").expect("the policy").rule;
    assert_eq!(rule.layers[0].visits.len(), 1);
    assert_eq!(rule.layers[0].when.len(), 1);
    let terms = layer_terms(&book, "later", "one", "secondary", &[]);
    assert_eq!(terms.schedule.bands.len(), 1);
    assert_eq!(deductibles(&terms).len(), 1);
    assert_eq!(terms.caps.iter().map(|cap| &*cap.account).collect::<Vec<_>>(), ["other"]);
}

#[test]
fn a_negative_plus_lowers_a_figure_down_to_zero() {
    let text = base_replacing("{ times = \"0.5\" }", "{ plus = \"-150\" }");
    let text = replace_once(&text, "{ plus = \"5%\" }", "{ plus = \"-80%\" }");
    let terms = layer_terms(&book(&[("base.toml", &text)]), "base", "one", "primary", &["registered_poor"]);
    let deductibles: Vec<_> = deductibles(&terms).iter().map(ToString::to_string).collect();
    assert_eq!(deductibles, ["50.00", "0.00", "0.00"]);
    assert_eq!(terms.schedule.bands[0].rate.percent(), "5%");
}

/// The annual amount of the first cap of layer one for a registered poor person, after a `when` and a `for` entry.
fn annual_cap_after(when: &str, for_: &str) -> Option<String> {
    let entry =
        format!("[[layer.when]]\nif = {{ level = [\"primary\"] }}\ncites = [\"law\"]\ncap = {when}\n\n[[layer.for]]");
    let text = replace_once(&base_replacing("{ set = \"500000\" }", for_), "[[layer.for]]", &entry);
    let terms = layer_terms(&book(&[("base.toml", &text)]), "base", "one", "primary", &["registered_poor"]);
    first_annual(&terms)
}

#[test]
fn a_lifted_cap_stays_lifted_whatever_other_entries_say() {
    assert_eq!(annual_cap_after("\"none\"", "{ set = \"500000\" }"), None);
    assert_eq!(annual_cap_after("\"none\"", "{ plus = \"500000\" }"), None);
    assert_eq!(annual_cap_after("\"none\"", "{ times = \"2\" }"), None);
    assert_eq!(annual_cap_after("{ set = \"500000\" }", "\"none\""), None);
    assert_eq!(annual_cap_after("{ set = \"500000\" }", "{ plus = \"1\" }"), Some("500001.00".to_owned()));
}

#[test]
fn a_cap_on_the_base_is_never_lifted() {
    let text =
        replace_once(&base_replacing("of      = \"paid\"", "of      = \"base\""), "{ set = \"500000\" }", "\"none\"");
    let terms = layer_terms(&book(&[("base.toml", &text)]), "base", "one", "primary", &["registered_poor"]);
    assert_eq!(first_annual(&terms), Some("150000.00".to_owned()));
}

#[test]
fn a_layer_may_have_no_cap_and_a_schedule_no_deductible() {
    let book = book(&[("plain.toml", &policy_file("plain", WHOLE_YEAR, PLAIN))]);
    let terms = layer_terms(&book, "plain", "plain", "tertiary", &[]);
    assert!(terms.caps.is_empty());
    assert_eq!(deductibles(&terms).iter().map(ToString::to_string).collect::<Vec<_>>(), ["0.00"]);
}

#[test]
fn the_first_entry_with_a_category_of_the_person_applies() {
    let second = "[[layer.for]]\ncategory = [\"destitute\", \"registered_poor\"]\nrate = { set = \"1%\" }\ncites = [\"law\"]\n\n[[layer]] # two";
    let book = book(&[("base.toml", &base_replacing("[[layer]] # two", second))]);
    let rate = |held: &[&str]| layer_terms(&book, "base", "one", "primary", held).schedule.bands[0].rate.percent();
    assert_eq!(rate(&["destitute", "registered_poor"]), "90%");
    assert_eq!(rate(&["destitute"]), "1%");
    assert_eq!(rate(&["illness_impoverished"]), "85%");
}

#[test]
fn an_assumed_cap_is_reported_while_another_cap_is_set() {
    let second = "[[layer.cap]]\naccount = \"entry\"\nof = \"base\"\nannual = \"9\"\n\n[[layer.when]]";
    let text = replace_once(&base_replacing("[[layer.when]]", second), "[\"schedule\"]", "[\"cap\"]");
    let book = book(&[("base.toml", &text)]);
    let assumed = |held: &[&str]| layer_terms(&book, "base", "one", "primary", held).assumed;
    assert_eq!(assumed(&[]).iter().map(|key| &**key).collect::<Vec<_>>(), ["cap"]);
    assert_eq!(assumed(&["registered_poor"]).iter().map(|key| &**key).collect::<Vec<_>>(), ["cap"]);
}
