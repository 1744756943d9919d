//! What two files may not both say, and what `use` may not name.

use super::{BASE, another, base_with, faults, line_of, with};

/// Of two files the later is refused with this one fault.
fn later_refused(earlier: &str, later: &str, on: &str, words: &str) {
    let faults = faults(&[("earlier.toml", earlier), ("later.toml", later)]);
    assert_eq!(faults.len(), 1, "{faults:#?}");
    assert_eq!((faults[0].file.as_str(), faults[0].line), ("later.toml", line_of(later, on)), "{faults:#?}");
    assert!(faults[0].message.contains(words), "{faults:#?}");
}

/// A layer drawn from elsewhere, in place of layer two.
fn drawing(id: &str, layer: &str) -> String {
    let (before, _) = BASE.split_once("[[layer]] # two").expect("layer two");
    with(&format!("{before}[[layer]] # drawn\n{layer}\n"), "\"base\"", &format!("\"{id}\""))
}

/// A file of 2018 with a layer drawn from elsewhere in place of layer two.
fn drawing_in_2018(id: &str, layer: &str) -> String {
    in_2018(&drawing(id, layer))
}

fn in_2018(text: &str) -> String {
    let text = with(text, "{ from = 2017-01-01, until = 2018-01-01 }", "{ from = 2018-01-01, until = 2019-01-01 }");
    with(&text, "{ from = 2017-02-01, until = 2017-12-01 }", "{ from = 2018-02-01 , until = 2018-12-01 }")
}

#[test]
fn two_files_that_govern_a_region_on_a_common_day_are_refused() {
    let words = "governs resident in region 37 on days that earlier.toml governs too";
    later_refused(BASE, &another("other", &[]), "regions ", words);
    let one_day = [("until = 2018-01-01", "until = 2017-12-31"), ("from = 2017-01-01", "from = 2016-01-01")];
    later_refused(BASE, &another("other", &one_day), "regions ", words);
    later_refused(BASE, &another("other", &[("[\"37\"]", "[\"11\", \"37\"]")]), "regions ", words);
    later_refused(
        BASE,
        &another("other", &[(", until = 2018-01-01", "")]).replace("{ from = 2017-02-01,", "{ from = 2017-03-01,"),
        "regions ",
        words,
    );
}

#[test]
fn files_of_one_insurance_and_region_agree_on_the_benefit_year() {
    let by_admission = another("other", &[("\"discharge\"", "\"admission\"")]);
    let later = in_2018(&by_admission);
    later_refused(BASE, &later, "regions ", "judges region 37 by admission, earlier.toml by discharge");
}

#[test]
fn two_files_of_one_id_are_refused_on_the_line_of_the_id() {
    let elsewhere = format!("# a remark\n{}", base_with("[\"37\"]", "[\"11\"]"));
    later_refused(BASE, &elsewhere, "id           =", "has the id `base`, as has earlier.toml");
}

#[test]
fn a_use_that_names_nothing_is_refused() {
    for name in ["base#nothing", "nothing#two", "base#two#two", "base# two"] {
        let later = drawing_in_2018("other", &format!("use = \"{name}\""));
        later_refused(BASE, &later, "[[layer]] # drawn", &format!("`use` names `{name}`, which no file has"));
    }
}

#[test]
fn a_use_of_another_shape_is_refused() {
    for name in ["", "base-two", "#one", "base#", "#"] {
        let put = format!("use = \"{name}\" # changed");
        later_refused(BASE, &drawing_in_2018("other", &put), "# changed", "not FILE_ID#LAYER_ID");
    }
}

#[test]
fn a_use_that_leads_back_to_itself_is_refused() {
    let itself = drawing("base", "use = \"base#two\"");
    super::refused(&itself, "[[layer]] # drawn", "`use` names `base#two`, which leads back to itself");
    let (one, two) = (drawing("a", "use = \"b#two\""), drawing_in_2018("b", "use = \"a#two\""));
    let faults = faults(&[("a.toml", &one), ("b.toml", &two)]);
    let files: Vec<_> = faults.iter().map(|fault| (fault.file.as_str(), fault.line)).collect();
    let line = line_of(&one, "[[layer]] # drawn");
    assert_eq!(files, [("a.toml", line), ("b.toml", line)], "{faults:#?}");
    assert!(faults.iter().all(|fault| fault.message.contains("which leads back to itself")), "{faults:#?}");
}

#[test]
fn a_drawn_layer_keeps_its_id() {
    let later = drawing_in_2018("other", "use = \"base#two\"\nid = \"three\"");
    later_refused(BASE, &later, "[[layer]] # drawn", "given the id `three`, but a drawn layer keeps its id `two`");
}

#[test]
fn a_layer_drawn_twice_is_two_layers_of_one_id() {
    let later = drawing_in_2018("other", "use = \"base#two\"\n\n[[layer]] # again\nuse = \"base#two\"");
    later_refused(BASE, &later, "[[layer]] # again", "the file has two layers `two`");
}

#[test]
fn a_drawn_layer_has_no_days_outside_its_new_file() {
    let (before, _) = BASE.split_once("[[layer]] # one").expect("layer one");
    let later = format!("{}[[layer]] # drawn\nuse = \"base#one\"\n", with(before, "\"base\"", "\"other\""));
    let later = with(&later, "{ from = 2017-01-01, until = 2018-01-01 }", "{ from = 2018-01-01, until = 2019-01-01 }");
    later_refused(BASE, &later, "[[layer]] # drawn", "the layer's days, 2017-02-01 until 2017-12-01, are not within");
}

#[test]
fn a_drawn_cap_agrees_with_the_caps_of_its_new_file() {
    let later = drawing_in_2018("other", "use = \"base#two\"").replace("account = \"fund\"", "account = \"insurer\"");
    later_refused(BASE, &later, "[[layer]] # drawn", "state different caps on the account `insurer`");
}

#[test]
fn what_a_chain_ends_without_is_missing_where_it_is_drawn() {
    let library =
        "format = 1\nid = \"library\"\ntitle = \"-\"\ninsurance = \"resident\"\nregions = []\n[sources]\nx = \"y\"\n";
    let library = format!("{library}[[layer]]\nid = \"part\"\npayer = \"p\"\ncites = [\"x\"]\n");
    let later = drawing("other", "use = \"library#part\"");
    let faults = faults(&[("library.toml", &library), ("later.toml", &later)]);
    let told: Vec<_> = faults.iter().map(|fault| (fault.file.as_str(), fault.line)).collect();
    assert_eq!(told, [("later.toml", line_of(&later, "# drawn")), ("library.toml", 8)], "{faults:#?}");
}
