//! The figures of the law of 2025 and of the two backstop provinces, written by hand from their sources.

use onestop::domain::facts::Region;
use onestop::domain::fixed_words::{Locality, Referral};
use onestop::domain::policy::{Layer, Policy};
use onestop::domain::resolution::resolve_terms;
use onestop::domain::schedule::Deductible;
use onestop::domain::terms::{Terms, TermsKey};
use onestop::domain::words::Tag;
use onestop::policy::Book;

use super::{bands_text, book, caps_text, circumstances, schedule_text};

/// Who, at which level of hospital, and where: a tag of the hospital, a locality or a referral, each a word or nothing.
type Where = (&'static [&'static str], &'static str, &'static str);

const ANYBODY: &[&str] = &[];
const ALLOWANCE: &[&str] = &["subsistence_allowance"];
const EDGE: &[&str] = &["low_income_edge"];
const RIGID: &[&str] = &["rigid_spending"];
const RETIRED: &[&str] = &["retired"];
const POOR: &[&str] = &["registered_poor"];
const ANY: &str = "";

/// File, layer, circumstances; then the schedule, the caps, and the assumed figures.
const TERMS: &[(&str, &str, Where, &str, &str, &str)] = &[
    ("shandong-2025", "basic_inpatient", (ANYBODY, "primary", ANY), "100, 50, 0 · 85%", FUND, ALL_ASSUMED),
    ("shandong-2025", "basic_inpatient", (ANYBODY, "secondary", ANY), "300, 150, 0 · 70%", FUND, ALL_ASSUMED),
    ("shandong-2025", "basic_inpatient", (ANYBODY, "tertiary", ANY), "700, 350, 0 · 60%", FUND, ALL_ASSUMED),
    ("shandong-2025", "basic_inpatient", (ANYBODY, "tertiary", "tcm"), "560, 280, 0 · 60%", FUND, ALL_ASSUMED),
    ("shandong-2025", "basic_inpatient", (ANYBODY, "tertiary", "psychiatric"), "0, 0, 0 · 60%", FUND, "rate cap"),
    (
        "shandong-2025",
        "basic_inpatient",
        (ANYBODY, "tertiary", "province none"),
        "700, 350, 0 · 60%",
        FUND,
        ALL_ASSUMED,
    ),
    (
        "shandong-2025",
        "basic_inpatient",
        (ANYBODY, "tertiary", "elsewhere none"),
        "700, 350, 0 · 40%",
        FUND,
        ALL_ASSUMED,
    ),
    (
        "shandong-2025",
        "basic_inpatient",
        (ANYBODY, "tertiary", "elsewhere emergency"),
        "700, 350, 0 · 50%",
        FUND,
        ALL_ASSUMED,
    ),
    ("shandong-2025", "basic_outpatient_serious", (ANYBODY, "primary", ANY), "500 · 65%", FUND, ALL_ASSUMED),
    ("shandong-2025", "basic_outpatient_serious", (ALLOWANCE, "primary", ANY), "200 · 75%", FUND, ALL_ASSUMED),
    ("shandong-2025", "basic_outpatient_serious", (POOR, "primary", ANY), "500 · 65%", FUND, ALL_ASSUMED),
    ("shandong-2025", "basic_outpatient_chronic", (ANYBODY, "primary", ANY), "500 · 60%", FUND, ALL_ASSUMED),
    ("shandong-2025", "basic_outpatient_chronic", (ALLOWANCE, "primary", ANY), "200 · 70%", FUND, ALL_ASSUMED),
    (
        "shandong-2025",
        "basic_maternity",
        (ANYBODY, "primary", ANY),
        "0 · to 3000 100%; 0%",
        FUND,
        "bands rate cap visits",
    ),
    (
        "shandong-2025",
        "critical_illness",
        (ANYBODY, "primary", ANY),
        "14000 · to 100000 60%; to 200000 65%; to 300000 70%; 75%",
        "critical_illness paid 400000",
        "deductible bands rate cap",
    ),
    (
        "shandong-2025",
        "critical_illness",
        (ALLOWANCE, "primary", ANY),
        "5000 · to 100000 65%; to 300000 75%; 85%",
        "critical_illness paid none",
        "deductible bands rate",
    ),
    (
        "shandong-2025",
        "special_drug",
        (ANYBODY, "primary", ANY),
        "20000 · 80%",
        "special_drug paid 400000",
        ALL_ASSUMED,
    ),
    (
        "shandong-2025",
        "rare_disease_drug",
        (ANYBODY, "primary", ANY),
        "20000 · to 400000 80%; 85%",
        "rare_disease_drug paid 900000",
        "deductible bands rate cap",
    ),
    (
        "shandong-2025",
        "medical_assistance",
        (ALLOWANCE, "primary", ANY),
        "0 · 75%",
        "medical_assistance paid 30000",
        "rate cap",
    ),
    ("shandong-2025", "medical_assistance", (EDGE, "primary", ANY), "3000 · 50%", ASSISTED, ALL_ASSUMED),
    ("shandong-2025", "medical_assistance", (RIGID, "primary", ANY), "10519.25 · 60%", ASSISTED, ALL_ASSUMED),
    ("shandong-2025", "further_assistance", (ALLOWANCE, "primary", ANY), "5000 · 70%", FURTHER, ALL_ASSUMED),
    ("shandong-2025", "further_assistance", (EDGE, "primary", ANY), "10000 · 70%", FURTHER, ALL_ASSUMED),
    (
        "shandong-employee-2025",
        "basic_inpatient",
        (ANYBODY, "primary", ANY),
        "300, 150, 0 · 90%",
        EMPLOYEE,
        ALL_ASSUMED,
    ),
    (
        "shandong-employee-2025",
        "basic_inpatient",
        (ANYBODY, "secondary", ANY),
        "500, 250, 0 · to 100000 85%; 90%",
        EMPLOYEE,
        "deductible bands rate cap",
    ),
    (
        "shandong-employee-2025",
        "basic_inpatient",
        (ANYBODY, "tertiary", ANY),
        "800, 400, 0 · to 100000 80%; 90%",
        EMPLOYEE,
        "deductible bands rate cap",
    ),
    (
        "shandong-employee-2025",
        "basic_inpatient",
        (RETIRED, "primary", ANY),
        "300, 150, 0 · 95%",
        EMPLOYEE,
        ALL_ASSUMED,
    ),
    (
        "shandong-employee-2025",
        "basic_inpatient",
        (RETIRED, "secondary", ANY),
        "500, 250, 0 · to 100000 92.5%; 95%",
        EMPLOYEE,
        "deductible bands rate cap",
    ),
    (
        "shandong-employee-2025",
        "basic_inpatient",
        (RETIRED, "tertiary", ANY),
        "800, 400, 0 · to 100000 90%; 95%",
        EMPLOYEE,
        "deductible bands rate cap",
    ),
    (
        "shandong-employee-2025",
        "basic_inpatient",
        (RETIRED, "tertiary", "elsewhere registered"),
        "800, 400, 0 · to 100000 80%; 85%",
        EMPLOYEE,
        "deductible bands rate cap",
    ),
    ("shandong-employee-2025", "medical_assistance", (EDGE, "primary", ANY), "3000 · 50%", ASSISTED, ALL_ASSUMED),
    ("gansu-2017", "basic_inpatient", (ANYBODY, "primary", ANY), "100 · 80%", "", "deductible rate"),
    ("gansu-2017", "basic_inpatient", (ANYBODY, "secondary", ANY), "400 · 70%", "", "deductible rate"),
    ("gansu-2017", "basic_inpatient", (ANYBODY, "tertiary", ANY), "1000 · 60%", "", "deductible rate"),
    ("gansu-2017", "basic_inpatient", (POOR, "tertiary", ANY), "0 · 70%", "", "rate"),
    (
        "gansu-2017",
        "critical_illness",
        (ANYBODY, "primary", ANY),
        "5000 · to 20000 72%; to 50000 80%; 90%",
        "",
        "deductible bands rate",
    ),
    (
        "gansu-2017",
        "critical_illness",
        (POOR, "primary", ANY),
        "2000 · to 20000 72%; to 50000 80%; 90%",
        "",
        "deductible bands rate",
    ),
    ("gansu-2017", "to_85", (POOR, "primary", ANY), "0.15 of eligible · 100%", "", ""),
    ("gansu-2017", "medical_assistance", (POOR, "primary", ANY), "3000 · 100%", "", "pools"),
    ("gansu-2017", "hospital_waiver", (POOR, "primary", ANY), "0 · 100%", "", "rate"),
    ("anhui-2017", "basic_inpatient", (ANYBODY, "tertiary", ANY), "1000 · 60%", "", "deductible rate"),
    ("anhui-2017", "critical_illness", (ANYBODY, "tertiary", ANY), "10000 · 60%", "", "deductible rate"),
    ("anhui-2017", "government_backstop", (POOR, "tertiary", ANY), "3000 · 100%", "", "pools"),
    ("anhui-2017", "government_backstop", (POOR, "tertiary", "municipal"), "5000 · 100%", "", "pools"),
    ("anhui-2017", "government_backstop", (POOR, "tertiary", "provincial"), "10000 · 100%", "", "pools"),
    ("anhui-2017", "government_backstop", (POOR, "tertiary", "elsewhere none"), "10000 · 100%", "", "deductible pools"),
];

const FUND: &str = "basic_fund paid 200000";
const EMPLOYEE: &str = "employee_fund paid 200000";
const ASSISTED: &str = "medical_assistance paid 20000";
const FURTHER: &str = "further_assistance paid 20000";
const ALL_ASSUMED: &str = "deductible rate cap";

/// The layers of each file in the order of payment, with the payer of each.
const LAYERS: &[(&str, &[(&str, &str)])] = &[
    (
        "shandong-2025",
        &[
            ("basic_inpatient", "basic_fund"),
            ("basic_outpatient_serious", "basic_fund"),
            ("basic_outpatient_chronic", "basic_fund"),
            ("basic_maternity", "basic_fund"),
            ("critical_illness", "critical_illness_insurance"),
            ("special_drug", "critical_illness_insurance"),
            ("rare_disease_drug", "critical_illness_insurance"),
            ("medical_assistance", "medical_assistance_fund"),
            ("further_assistance", "medical_assistance_fund"),
        ],
    ),
    (
        "shandong-employee-2025",
        &[
            ("basic_inpatient", "employee_fund"),
            ("medical_assistance", "medical_assistance_fund"),
            ("further_assistance", "medical_assistance_fund"),
        ],
    ),
    (
        "gansu-2017",
        &[
            ("basic_inpatient", "basic_fund"),
            ("critical_illness", "critical_illness_insurance"),
            ("to_85", "basic_fund"),
            ("medical_assistance", "medical_assistance_fund"),
            ("hospital_waiver", "hospital"),
        ],
    ),
    (
        "anhui-2017",
        &[
            ("basic_inpatient", "basic_fund"),
            ("critical_illness", "critical_illness_insurance"),
            ("government_backstop", "government"),
        ],
    ),
];

fn policy<'a>(book: &'a Book, id: &str) -> &'a Policy {
    book.get(id).expect("the policy")
}

fn layer<'a>(book: &'a Book, file: &str, id: &str) -> &'a Layer {
    policy(book, file).layers.iter().find(|layer| &*layer.head.id == id).expect("the layer")
}

/// The circumstances; `place` is nothing, a tag, or a locality with a referral.
fn key((categories, level, place): Where) -> TermsKey {
    let mut key = circumstances(level, Locality::County, Referral::None, categories);
    match place.split_once(' ') {
        Some((locality, referral)) => {
            key.locality = Locality::from_word(locality).expect("a locality");
            key.referral = Referral::from_word(referral).expect("a referral");
        }
        None if place.is_empty() => {}
        None => key.tags = std::iter::once(Tag::from(place)).collect(),
    }
    key
}

fn text(terms: &Terms) -> String {
    match &terms.schedule.deductible {
        Deductible::Amounts(_) => schedule_text(terms),
        Deductible::Share(share) => {
            let pools: Vec<_> = share.of.iter().map(|pool| pool.as_str()).collect();
            format!("{} of {} · {}", share.share, pools.join(", "), bands_text(terms))
        }
    }
}

#[test]
fn every_figure_of_2025_and_of_the_backstop_provinces_equals_the_published_one() {
    let book = book();
    for (file, id, on, schedule, caps, assumed) in TERMS {
        let layer = layer(&book, file, id);
        let key = key(*on);
        assert_eq!(layer.skip_by_circumstances(&key), None, "{file} {id} {on:?}");
        let terms = resolve_terms(&layer.rule, &key).expect("exact");
        let found = (text(&terms), caps_text(&terms), terms.assumed.join(" "));
        assert_eq!(found, ((*schedule).to_owned(), (*caps).to_owned(), (*assumed).to_owned()), "{file} {id} {on:?}");
    }
}

#[test]
fn every_layer_of_2025_and_of_the_backstop_provinces_is_in_the_published_tables() {
    let book = book();
    for (file, layers) in LAYERS {
        let layers_of_file = policy(&book, file).layers.iter();
        let found: Vec<_> = layers_of_file.map(|layer| (&*layer.head.id, &*layer.head.payer)).collect();
        assert_eq!(found, *layers, "{file}");
        for (layer, _) in *layers {
            let shown = TERMS.iter().any(|(of, id, ..)| of == file && id == layer);
            // Drawn from the residents' file, where its figures are compared.
            let drawn = (*file, *layer) == ("shandong-employee-2025", "further_assistance");
            assert!(shown || drawn, "{file} {layer} has no published terms");
        }
    }
}

#[test]
fn the_laws_of_2025_and_of_the_backstop_provinces_govern_their_places_and_days() {
    let book = book();
    for (insurance, region, discharged, policy) in [
        ("resident", "370100", "2025-01-01", Some("shandong-2025")),
        ("resident", "371102", "2025-12-31", Some("shandong-2025")),
        ("resident", "370812", "2026-01-01", None),
        ("resident", "370100", "2024-12-31", None),
        ("employee", "370100", "2025-06-15", Some("shandong-employee-2025")),
        ("employee", "370100", "2026-01-01", None),
        ("resident", "620623", "2017-09-30", None),
        ("resident", "620623", "2017-10-01", Some("gansu-2017")),
        ("resident", "620623", "2019-03-31", Some("gansu-2017")),
        ("resident", "620623", "2019-04-01", None),
        ("resident", "341324", "2017-06-15", Some("anhui-2017")),
        ("employee", "341324", "2017-06-15", None),
        ("resident", "341324", "2018-01-01", None),
    ] {
        let region = Region::parse(region).expect("a region");
        let day = discharged.parse().expect("a day");
        let found = book.governing(insurance, &region, day, day);
        assert_eq!(found.map(|found| &*found.reference.id), policy, "{insurance} {region:?} on {discharged}");
    }
}

#[test]
fn to_85_percent_of_gansu_is_in_force_from_june_2018() {
    let book = book();
    let found = layer(&book, "gansu-2017", "to_85").rule.in_force;
    assert_eq!(found.to_string(), "2018-06-01 until 2019-04-01");
}
