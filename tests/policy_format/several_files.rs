//! Conflicts between two files, and layers that `use` cannot name.

use super::{BASE, base_replacing, base_with_id, faults, line_containing, replace_once};

/// Asserts that two files are refused with this one fault in the later file.
fn assert_later_refused(earlier: &str, later: &str, on: &str, words: &str) {
    let faults = faults(&[("earlier.toml", earlier), ("later.toml", later)]);
    assert_eq!(faults.len(), 1, "{faults:#?}");
    assert_eq!((faults[0].file.as_str(), faults[0].line), ("later.toml", line_containing(later, on)), "{faults:#?}");
    assert!(faults[0].message.contains(words), "{faults:#?}");
}

/// The base file under this id, with this layer in place of layer two.
fn file_using(id: &str, layer: &str) -> String {
    let (before, _) = BASE.split_once("[[layer]] # two").expect("layer two");
    replace_once(&format!("{before}[[layer]] # drawn\n{layer}\n"), "\"base\"", &format!("\"{id}\""))
}

/// The same, in force in 2018.
fn file_of_2018_using(id: &str, layer: &str) -> String {
    moved_to_2018(&file_using(id, layer))
}

/// The file with its days moved from 2017 to 2018.
fn moved_to_2018(text: &str) -> String {
    let text =
        replace_once(text, "{ from = 2017-01-01, until = 2018-01-01 }", "{ from = 2018-01-01, until = 2019-01-01 }");
    replace_once(&text, "{ from = 2017-02-01, until = 2017-12-01 }", "{ from = 2018-02-01 , until = 2018-12-01 }")
}

#[test]
fn two_files_that_govern_a_region_on_a_common_day_are_refused() {
    let words = "governs resident in region 37 on days that earlier.toml governs too";
    assert_later_refused(BASE, &base_with_id("other", &[]), "in_force     =", words);
    let one_day = [("until = 2018-01-01", "until = 2017-12-31"), ("from = 2017-01-01", "from = 2016-01-01")];
    assert_later_refused(BASE, &base_with_id("other", &one_day), "in_force     =", words);
    assert_later_refused(BASE, &base_with_id("other", &[("[\"37\"]", "[\"11\", \"37\"]")]), "in_force     =", words);
    assert_later_refused(
        BASE,
        &base_with_id("other", &[(", until = 2018-01-01", "")]).replace("{ from = 2017-02-01,", "{ from = 2017-03-01,"),
        "in_force     =",
        words,
    );
}

#[test]
fn files_of_one_insurance_and_region_must_agree_on_the_benefit_year() {
    let by_admission = base_with_id("other", &[("\"discharge\"", "\"admission\"")]);
    let later = moved_to_2018(&by_admission);
    assert_later_refused(BASE, &later, "benefit_year", "judges region 37 by admission, earlier.toml by discharge");
}

#[test]
fn two_files_with_one_id_are_refused_on_the_line_of_the_id() {
    let elsewhere = format!("# a remark\n{}", base_replacing("[\"37\"]", "[\"11\"]"));
    assert_later_refused(BASE, &elsewhere, "id           =", "has the id `base`, as has earlier.toml");
}

#[test]
fn a_use_of_an_unknown_layer_is_refused() {
    for name in ["base#nothing", "nothing#two", "base#two#two", "base# two"] {
        let later = file_of_2018_using("other", &format!("use = \"{name}\""));
        assert_later_refused(BASE, &later, "use = ", &format!("`use` names `{name}`, which no file has"));
    }
}

#[test]
fn a_malformed_use_is_refused() {
    for name in ["", "base-two", "#one", "base#", "#"] {
        let put = format!("use = \"{name}\" # changed");
        assert_later_refused(BASE, &file_of_2018_using("other", &put), "# changed", "not FILE_ID#LAYER_ID");
    }
}

#[test]
fn a_cyclic_use_is_refused() {
    let itself = file_using("base", "use = \"base#two\"");
    super::assert_refused(&itself, "use = ", "`use` names `base#two`, which leads back to itself");
    let (one, two) = (file_using("a", "use = \"b#two\""), file_of_2018_using("b", "use = \"a#two\""));
    let faults = faults(&[("a.toml", &one), ("b.toml", &two)]);
    let files: Vec<_> = faults.iter().map(|fault| (fault.file.as_str(), fault.line)).collect();
    let line = line_containing(&one, "use = ");
    assert_eq!(files, [("a.toml", line)], "a circle is reported once: {faults:#?}");
    assert!(faults.iter().all(|fault| fault.message.contains("which leads back to itself")), "{faults:#?}");
}

#[test]
fn a_used_layer_cannot_get_another_id() {
    let later = file_of_2018_using("other", "use = \"base#two\"\nid = \"three\"");
    assert_later_refused(BASE, &later, "id = \"three\"", "given the id `three`, but a drawn layer keeps its id `two`");
}

#[test]
fn a_layer_used_twice_is_refused() {
    let later = file_of_2018_using("other", "use = \"base#two\"\n\n[[layer]]\nuse = \"base#two\" # again");
    assert_later_refused(BASE, &later, "# again", "the file has two layers `two`");
}

#[test]
fn the_days_of_a_used_layer_must_lie_within_the_using_file() {
    let (before, _) = BASE.split_once("[[layer]] # one").expect("layer one");
    let later = format!("{}[[layer]] # drawn\nuse = \"base#one\"\n", replace_once(before, "\"base\"", "\"other\""));
    let later =
        replace_once(&later, "{ from = 2017-01-01, until = 2018-01-01 }", "{ from = 2018-01-01, until = 2019-01-01 }");
    assert_later_refused(BASE, &later, "use = ", "the layer's days, 2017-02-01 until 2017-12-01, are not within");
}

#[test]
fn the_cap_of_a_used_layer_must_agree_with_the_using_file() {
    let later =
        file_of_2018_using("other", "use = \"base#two\"").replace("account = \"fund\"", "account = \"insurer\"");
    assert_later_refused(BASE, &later, "use = ", "state different caps on the account `insurer`");
}

#[test]
fn a_key_missing_along_a_chain_of_uses_is_reported_at_the_use_and_at_the_layer() {
    let library =
        "format = 2\nid = \"library\"\ntitle = \"-\"\ninsurance = \"resident\"\nregions = []\n[sources]\nx = \"y\"\n";
    let library = format!("{library}[[layer]]\nid = \"part\"\npayer = \"p\"\ncites = [\"x\"]\n");
    let later = file_using("other", "use = \"library#part\"");
    let faults = faults(&[("library.toml", &library), ("later.toml", &later)]);
    let reported: Vec<_> = faults.iter().map(|fault| (fault.file.as_str(), fault.line)).collect();
    assert_eq!(reported, [("later.toml", line_containing(&later, "# drawn")), ("library.toml", 8)], "{faults:#?}");
}
