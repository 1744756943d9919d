//! Compares every figure of the shipped book with the published figures.
//!
//! The tables in [`layers`] and [`files`] (Shandong from 2017 to 2019) and in [`further`] (2025 and other provinces) are
//! written by hand from the sources, independently of the policy files. The terms of a layer are one text for each level:
//! deductibles · bands.

mod files;
mod further;
mod layers;

use std::path::Path;

use onestop::domain::facts::Region;
use onestop::domain::fixed_words::{Locality, Referral};
use onestop::domain::money::Money;
use onestop::domain::policy::{Layer, Policy};
use onestop::domain::resolution::resolve_terms;
use onestop::domain::rule::{Change, LayerRule};
use onestop::domain::schedule::Deductible;
use onestop::domain::terms::{Cap, Limit, Terms, TermsKey};
use onestop::domain::words::Category;
use onestop::policy::shipped_vocabulary::VOCABULARY;
use onestop::policy::{Book, shipped};

use files::{FILES, PublishedFile, SOURCES};
use layers::{LAYERS, PublishedLayer};

fn book() -> Book {
    shipped::book().expect("the shipped book")
}

#[test]
fn the_directory_of_the_shipped_files_has_the_digest_of_the_shipped_book() {
    let directory =
        Book::from_dir(&Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/policies")).expect("the same files");
    assert_eq!(directory.digest(), book().digest());
}

#[test]
fn a_strict_check_of_the_shipped_book_finds_nothing() {
    assert_eq!(book().warnings(), []);
}

#[test]
fn every_word_of_the_shipped_vocabulary_has_a_chinese_and_an_english_name() {
    let (_, text) = VOCABULARY;
    let words = text.lines().filter(|line| line.contains(" = {") && !line.contains("{ pool = "));
    let incomplete: Vec<_> = words.filter(|line| !line.contains("zh = \"") || !line.contains("en = \"")).collect();
    assert!(incomplete.is_empty(), "{incomplete:?}");
}

#[test]
fn a_new_name_of_a_word_is_another_book_of_the_same_policies() {
    let (name, text) = VOCABULARY;
    let renamed = text.replace("\"registered poor\"", "\"on the register of the poor\"");
    let files = shipped::FILES.iter().copied().chain([(name, &*renamed)]);
    let (old, new) = (book(), Book::from_texts(files).expect("sound files"));
    let policies = |book: &Book| book.policies().iter().map(|policy| policy.reference.clone()).collect::<Vec<_>>();
    assert_eq!(policies(&old), policies(&new));
    assert_ne!(old.digest(), new.digest());
}

const LEVELS: [&str; 3] = ["primary", "secondary", "tertiary"];

const CATEGORIES: [&str; 4] = ["registered_poor", "destitute", "subsistence_allowance", "illness_impoverished"];

fn circumstances(level: &str, locality: Locality, referral: Referral, categories: &[&str]) -> TermsKey {
    let (tags, diseases) = Default::default();
    let categories = categories.iter().map(|category| Category::from(*category)).collect();
    TermsKey { level: level.into(), locality, referral, tags, diseases, categories }
}

/// Every level, locality, referral and set of categories.
fn every_circumstance() -> Vec<TermsKey> {
    let mut all = Vec::new();
    for level in LEVELS {
        for (locality, referral) in
            Locality::ALL.iter().flat_map(|locality| Referral::ALL.iter().map(move |referral| (locality, referral)))
        {
            for set in 0..1 << CATEGORIES.len() {
                let held: Vec<_> =
                    CATEGORIES.iter().enumerate().filter(|(at, _)| set & 1 << at != 0).map(|(_, held)| *held).collect();
                all.push(circumstances(level, *locality, *referral, &held));
            }
        }
    }
    all
}

/// What the entries of a layer change.
fn changes(layer: &LayerRule) -> impl Iterator<Item = &Change> {
    let when = layer.when.iter().map(|entry| &entry.change);
    when.chain(layer.for_.iter().map(|entry| &entry.change))
}

/// The published layers of a file, in order.
fn published_layers(file: &PublishedFile) -> Vec<&'static PublishedLayer> {
    file.layers.iter().map(|name| LAYERS.iter().find(|known| known.name == *name).expect("a published layer")).collect()
}

/// An amount in yuan, without decimals if it has no fen.
fn yuan_text(amount: Money) -> String {
    let text = amount.to_string();
    text.strip_suffix(".00").map_or(text.clone(), str::to_owned)
}

fn schedule_text(terms: &Terms) -> String {
    let Deductible::Amounts(amounts) = &terms.schedule.deductible else { panic!("a list") };
    let deductibles: Vec<_> = amounts.iter().map(|amount| yuan_text(*amount)).collect();
    format!("{} · {}", deductibles.join(", "), bands_text(terms))
}

fn bands_text(terms: &Terms) -> String {
    let bands = terms.schedule.bands.iter().map(|band| match band.upto {
        Some(upto) => format!("to {} {}", yuan_text(upto), band.rate.percent()),
        None => band.rate.percent(),
    });
    bands.collect::<Vec<_>>().join("; ")
}

fn caps_text(terms: &Terms) -> String {
    let cap = |cap: &Cap| {
        let Limit::Annual(annual) = cap.limit else { panic!("an annual cap") };
        format!("{} {} {}", cap.account, cap.kind, annual.map_or("none".to_owned(), yuan_text))
    };
    terms.caps.iter().map(cap).collect::<Vec<_>>().join("; ")
}

/// The published terms in these circumstances: schedule, caps, prior self-pay.
fn published_terms(layer: &PublishedLayer, on: &TermsKey) -> (String, String, &'static str) {
    let applies_to = |names: &[&str]| on.categories.iter().any(|category| names.contains(&category.as_str()));
    let terms = layer
        .for_categories
        .filter(|for_categories| applies_to(for_categories.of))
        .map_or(layer.terms, |for_categories| for_categories.terms);
    let cross_region = match (layer.cross_region, on.locality, on.referral) {
        (Some((_, other)), Locality::Province | Locality::Elsewhere, Referral::None) => other,
        (Some((leave, _)), Locality::Province | Locality::Elsewhere, _) => leave,
        _ => layer.prior,
    };
    (
        terms.0[LEVELS.iter().position(|level| *level == on.level.as_str()).expect("a level")].to_owned(),
        terms.1.to_owned(),
        cross_region,
    )
}

fn assert_layer_is_published(policy: &Policy, layer: &Layer, published: &PublishedLayer) {
    let name = format!("{} {}", policy.reference.id, published.name);
    assert_eq!(&*layer.head.payer, published.payer, "{name}");
    let visits: Vec<_> = layer.rule.visits.iter().map(|visit| visit.as_str()).collect();
    assert_eq!(visits, published.visits, "{name}");
    let pools: Vec<_> = layer.head.pools.iter().map(|pool| pool.as_str()).collect();
    assert_eq!(pools, published.pools, "{name}");
    assert_eq!(layer.head.period.as_str(), published.period, "{name}");
    assert_eq!(layer.rule.only.iter().map(Category::as_str).collect::<Vec<_>>(), published.only, "{name}");
    assert_eq!(layer.rule.in_force, policy.rule.in_force, "{name}");
    for on in every_circumstance() {
        let terms = resolve_terms(&layer.rule, &on).expect("exact");
        let found = (schedule_text(&terms), caps_text(&terms), terms.prior_self_pay.percent());
        let (bands, caps, prior) = published_terms(published, &on);
        assert_eq!(found, (bands, caps, prior.to_owned()), "{name}: {on:?}");
    }
}

#[test]
fn every_figure_equals_the_published_one() {
    let book = book();
    for file in FILES {
        let policy = book.get(file.id).expect("the policy");
        let published = published_layers(file);
        assert_eq!(policy.layers.len(), published.len(), "{}", file.id);
        for (layer, published) in policy.layers.iter().zip(published) {
            assert_layer_is_published(policy, layer, published);
        }
    }
}

#[test]
fn the_layers_pay_in_the_published_order() {
    let book = book();
    for file in FILES {
        let policy = book.get(file.id).expect("the policy");
        let ids: Vec<_> = policy.layers.iter().map(|layer| &*layer.head.id).collect();
        let published: Vec<_> = file.layers.iter().map(|name| name.split(' ').next().expect("an id")).collect();
        assert_eq!(ids, published, "{}", file.id);
    }
}

#[test]
fn each_file_governs_its_region_and_year() {
    let book = book();
    for file in FILES {
        let policy = book.get(file.id).expect("the policy");
        assert_eq!(&*policy.rule.insurance, "resident", "{}", file.id);
        assert_eq!(
            policy.rule.regions.iter().map(|region| &**region).collect::<Vec<_>>(),
            [file.region],
            "{}",
            file.id
        );
        let days = format!("{}-01-01 until {}-01-01", file.year, file.year + 1);
        assert_eq!(policy.rule.in_force.to_string(), days, "{}", file.id);
        assert_eq!(policy.rule.benefit_year.as_str(), "discharge", "{}", file.id);
    }
}

#[test]
fn a_city_falls_back_to_the_province_when_its_own_policy_ends() {
    let book = book();
    for (region, discharged, policy) in [
        ("370100", "2017-01-01", Some("shandong-2017")),
        ("371102", "2017-12-31", Some("rizhao-2017")),
        ("370812", "2017-06-15", Some("yanzhou-2017")),
        ("370811", "2017-06-15", Some("shandong-2017")),
        ("371102", "2018-01-01", Some("shandong-2018")),
        ("370812", "2018-12-31", Some("shandong-2018")),
        ("371102", "2019-01-01", Some("shandong-2019")),
        ("370100", "2019-12-31", Some("shandong-2019")),
        ("370100", "2020-01-01", None),
        ("370100", "2016-12-31", None),
        ("320100", "2017-06-15", None),
    ] {
        let region = Region::parse(region).expect("a region");
        let discharged = discharged.parse().expect("a day");
        let admitted = "2016-12-30".parse().expect("a day");
        let found = book.governing("resident", &region, admitted, discharged);
        assert_eq!(found.map(|found| &*found.reference.id), policy, "{region:?} on {discharged}");
        assert!(book.governing("employee", &region, admitted, discharged).is_none());
    }
}

/// Each layer of the book with its file and id as name.
fn named_layers(book: &Book) -> impl Iterator<Item = (String, &LayerRule)> {
    let name = |rule: &onestop::domain::rule::PolicyRule, layer: &LayerRule| format!("{} {}", rule.id, layer.id);
    book.rules().flat_map(move |rule| rule.layers.iter().map(move |layer| (name(rule, layer), layer)))
}

#[test]
fn every_layer_and_entry_cites_a_published_text() {
    let book = book();
    for (name, layer) in named_layers(&book) {
        let entries = changes(layer).map(|change| &change.cites);
        for cites in std::iter::once(&layer.cites).chain(entries) {
            assert!(!cites.is_empty(), "{name}");
            for cite in cites {
                let (_, key) = cite.source.split_once('#').expect("file and key");
                let (_, title) = SOURCES.iter().find(|(known, _)| *known == key).expect("a published text");
                assert!(cite.text.contains(title), "{name}: {} is {}", cite.source, cite.text);
            }
        }
    }
}

#[test]
fn the_layers_of_2017_cite_their_published_texts() {
    let book = book();
    let rule = &book.get("shandong-2017").expect("the policy").rule;
    for (layer, published) in rule.layers.iter().zip(published_layers(&FILES[0])) {
        let entries = changes(layer).flat_map(|change| &change.cites);
        let keys = layer.cites.iter().chain(entries).map(|cite| &cite.source["shandong-2017#".len()..]);
        let mut keys: Vec<_> = keys.collect();
        keys.sort_unstable();
        keys.dedup();
        let mut published = published.cites.to_vec();
        published.sort_unstable();
        assert_eq!(keys, published, "{}", layer.id);
    }
}

#[test]
fn the_assumed_figures_equal_the_published_list() {
    let book = book();
    let entry = |change: &Change| format!("{:?}", change.assumed);
    for file in FILES {
        let rule = &book.get(file.id).expect("the policy").rule;
        for ((layer, assumed), published) in rule.layers.iter().zip(file.assumed).zip(published_layers(file)) {
            let mut found = layer.assumed.clone();
            found.sort_unstable();
            assert_eq!(found.join(" "), *assumed, "{} {}", file.id, layer.id);
            let entries: Vec<_> = changes(layer).map(entry).filter(|text| text != "[]").collect();
            assert_eq!(entries, published.assumed_in_entries, "{} {}", file.id, layer.id);
        }
    }
}

/// The assumed figures in the terms of a local patient with these categories at a tertiary hospital.
fn assumed_figures(book: &Book, file: &str, layer: &str, categories: &[&str]) -> String {
    let policy = book.get(file).expect("the policy");
    let layer = policy.layers.iter().find(|known| &*known.head.id == layer).expect("the layer");
    let on = circumstances("tertiary", Locality::County, Referral::None, categories);
    resolve_terms(&layer.rule, &on).expect("exact").assumed.join(" ")
}

#[test]
fn the_terms_name_the_assumed_figures_that_they_use() {
    const REGISTERED_POOR: &[&str] = &["registered_poor"];
    const DESTITUTE: &[&str] = &["destitute"];
    let book = book();
    for (file, layer, categories, assumed) in [
        ("shandong-2017", "basic_inpatient", &[][..], "deductible rate cap"),
        ("rizhao-2017", "basic_inpatient", &[], "cap"),
        ("yanzhou-2017", "basic_inpatient", REGISTERED_POOR, "cap"),
        ("yanzhou-2017", "hospital_waiver", REGISTERED_POOR, ""),
        ("shandong-2017", "hospital_waiver", REGISTERED_POOR, "rate"),
        ("shandong-2017", "critical_illness", REGISTERED_POOR, "pools"),
        ("shandong-2017", "special_drug", &[], ""),
        ("shandong-2018", "special_drug", &[], "deductible rate cap"),
        ("shandong-2017", "basic_outpatient_serious", DESTITUTE, "rate cap"),
        ("shandong-2017", "medical_assistance", DESTITUTE, "rate cap"),
        ("shandong-2019", "critical_illness", &[], "deductible bands rate cap"),
        ("shandong-2019", "critical_illness", REGISTERED_POOR, ""),
    ] {
        assert_eq!(assumed_figures(&book, file, layer, categories), assumed, "{file} {layer} {categories:?}");
    }
}

/// The policy digests of the book after one replacement in one file.
fn digests_after_change(changed: &str, find: &str, put: &str) -> Vec<String> {
    let texts: Vec<_> = shipped::FILES
        .iter()
        .map(|(file, text)| {
            let text = if *file == changed { text.replacen(find, put, 1) } else { (*text).to_owned() };
            (*file, text)
        })
        .collect();
    assert_ne!(texts.iter().map(|(_, text)| text.len()).sum::<usize>(), 0);
    let book = Book::from_texts(texts.iter().map(|(file, text)| (*file, text.as_str()))).expect("a sound book");
    book.policies().iter().map(|policy| policy.reference.digest.to_string()).collect()
}

#[test]
fn the_same_figures_have_the_same_digest_in_any_notation() {
    let shipped = digests_after_change("", "", "");
    assert_eq!(digests_after_change("shandong-2017.toml", "# ---- basic", "# ---- the basic"), shipped);
    assert_eq!(digests_after_change("shandong-2017.toml", "rate = \"85%\"", "rate = \"0.850\""), shipped);
    assert_eq!(
        digests_after_change("shandong-2017.toml", "deductible = \"500\"", "deductible = [\"500.00\"]"),
        shipped
    );
}

#[test]
fn a_changed_figure_changes_the_digest_of_every_policy_that_uses_it() {
    let shipped = digests_after_change("", "", "");
    let changed = |find: &str, put: &str| -> Vec<bool> {
        let digests = digests_after_change("shandong-2017.toml", find, put);
        digests.iter().zip(&shipped).map(|(digest, shipped)| digest != shipped).take(5).collect()
    };
    // The first policies are: the province in 2017, both cities, the province in 2018 and 2019.
    assert_eq!(changed("deductible = \"20000\"", "deductible = \"20000.01\""), [true, true, true, true, false]);
    assert_eq!(changed("deductible = \"12000\"", "deductible = \"12000.01\""), [true, true, true, false, false]);
    assert_eq!(changed("deductible = \"5000\"", "deductible = \"5000.01\""), [true, false, true, true, true]);
    assert_eq!(changed("prior_self_pay = \"20%\"", "prior_self_pay = \"20.01%\""), [true, true, true, false, false]);
}
