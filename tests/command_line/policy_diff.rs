//! `onestop policy diff`: the differences of two books as text, as JSON, and on a page.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use onestop::cli::output::policy_diff::policy_diff_text;
use onestop::cli::output::statement::Lang;
use onestop::policy::{Book, shipped};
use unicode_width::UnicodeWidthStr;

use super::{directory, json, write};
use crate::support::program::run;

/// The rows of the tables; a cell that is broken into lines is whole again.
fn rows(output: &str) -> Vec<Vec<String>> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    for line in output.lines().filter_map(|line| Some(line.strip_prefix('│')?.trim_end_matches('│'))) {
        let cells: Vec<String> = line.split('┆').map(|cell| cell.trim().to_owned()).collect();
        match rows.last_mut().filter(|_| cells[2].is_empty()) {
            Some(row) => {
                row.iter_mut().zip(cells).for_each(|(cell, more)| *cell = format!("{cell} {more}").trim().to_owned());
            }
            None => rows.push(cells),
        }
    }
    rows
}

#[test]
fn the_difference_of_two_books_names_policy_layer_person_and_figure() {
    let (old, new) = (directory(), directory());
    let shipped = include_str!("../../deploy/policies/shandong-2017.toml");
    write(old.path(), "a.toml", shipped);
    let changed =
        shipped.replace("times = \"0.5\"", "times = \"0.25\"").replacen("\"500\", \"250\"", "\"400\", \"250\"", 1);
    write(new.path(), "a.toml", &changed);
    let [old, new] = [&old, &new].map(|place| place.path().display().to_string());
    let (code, output, errors) = run(&["policy", "diff", &old, &new]);
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    assert!(output.starts_with("shandong-2017\n"), "{output}");
    assert_eq!(
        rows(&output)[1..],
        [
            [
                "basic_inpatient",
                "secondary",
                "deductible",
                "500.00, then 250.00, then 0.00",
                "400.00, then 250.00, then 0.00"
            ],
            ["critical_illness", "registered poor", "deductible", "6000.00", "3000.00"],
        ]
    );
    let (_, chinese, _) = run(&["policy", "diff", &old, &new, "--lang", "zh"]);
    assert_eq!(rows(&chinese)[2], ["critical_illness", "建档立卡贫困人口", "起付线", "6000.00", "3000.00"]);
    let values = json(&run(&["policy", "diff", &old, &new, "--json"]).1);
    assert_eq!(values.len(), 2);
    assert_eq!((&values[1]["layer"], &values[1]["new"]), (&"critical_illness".into(), &"3000.00".into()));
    assert_eq!(run(&["policy", "diff", &old, &old]).1, "no figure differs in the policies that both have\n");
    let (_, against_shipped, _) = run(&["policy", "diff", &old]);
    assert!(against_shipped.contains("removed: anhui-2017 · "), "{against_shipped}");
    let faulty = write(Path::new(&new), "a.toml", &shipped.replacen("\"85%\"", "\"185%\"", 1));
    let (code, _, errors) = run(&["policy", "diff", &old, &new]);
    assert!(code == Some(1) && errors.starts_with(&faulty), "{errors}");
}

/// What a policy says of itself, and of how its layers count, changes payments as much as a figure does.
#[test]
fn a_difference_that_is_in_no_figure_of_the_terms_is_named_too() {
    let (old, new) = (directory(), directory());
    let shipped = include_str!("../../deploy/policies/shandong-2017.toml");
    write(old.path(), "a.toml", shipped);
    let paths = [&old, &new].map(|place| place.path().display().to_string());
    let differing = |from: &str, to: &str| {
        let changed = shipped.replacen(from, to, 1);
        assert_ne!(changed, shipped);
        write(new.path(), "a.toml", &changed);
        let (code, output, errors) = run(&["policy", "diff", &paths[0], &paths[1]]);
        assert_eq!((code, errors.as_str()), (Some(0), ""));
        rows(&output)[1..].to_vec()
    };
    assert_eq!(
        differing("benefit_year = \"discharge\"", "benefit_year = \"admission\""),
        [["", "", "benefit year", "by day of discharge", "by day of admission"]]
    );
    assert_eq!(
        differing("regions      = [\"37\"]", "regions      = [\"37\"]\npooling = [\"3701\", \"3702\"]"),
        [["", "", "pooling", "", "3701 3702"]]
    );
    let title = differing("（2017年度）", "（2017年）");
    assert!(matches!(&title[..], [row] if row[2] == "other text" && row[3] != row[4]), "{title:?}");
}

/// Two books that differ in figures of two layers, in the payer, and by a policy.
#[test]
fn the_page_of_the_differences_of_two_books_fits_a_telephone_and_a_desk_and_names_everything_in_chinese() {
    let (old, new) = (directory(), directory());
    let shipped = include_str!("../../deploy/policies/shandong-2017.toml");
    write(old.path(), "a.toml", shipped);
    let changed = shipped
        .replace("times = \"0.5\"", "times = \"0.25\"")
        .replacen("\"500\", \"250\"", "\"400\", \"250\"", 1)
        .replace("pools   = [\"eligible\"]", "pools   = [\"eligible\", \"excluded\"]");
    assert_ne!(changed, shipped);
    write(new.path(), "a.toml", &changed);
    let page = new.path().join("diff.html");
    let [old_path, new_path] = [&old, &new].map(|place| place.path().display().to_string());
    let html = page.display().to_string();
    let diff = ["policy", "diff", &old_path, &new_path, "--lang", "zh", "--html", &html];
    let (code, output, errors) = run(&diff);
    assert_eq!((code, output.as_str(), errors.as_str()), (Some(0), "", ""));
    let cells = crate::support::table_page::fits_a_telephone_and_a_desk(new.path(), &page);
    assert!(cells >= 20, "{cells} cells");
    let text = std::fs::read_to_string(&page).expect("the page");
    assert!(text.contains("<h2>shandong-2017</h2>") && text.contains("全自费"), "{text}");
    let cells = text.split("<td data-column=\"").skip(1).filter_map(|cell| cell.split_once("\">"));
    let of = |name: &str| cells.clone().filter(|(column, _)| *column == name).map(|(_, cell)| cell).collect::<Vec<_>>();
    for name in ["适用于", "项目"] {
        let english = of(name).into_iter().filter(|cell| cell.starts_with(|c: char| c.is_ascii_alphabetic()));
        assert_eq!(english.collect::<Vec<_>>(), [""; 0], "{name}");
    }
    assert!(!text.contains(">eligible<") && !text.contains("inpatient<br>"), "{text}");
}

/// The files of a book, as pairs of name and text.
type Files = Vec<(String, String)>;

fn id_of(name: &str) -> &str {
    name.trim_end_matches(".toml")
}

/// The ids of a policy and of those whose layers it uses.
fn used(files: &Files, id: &str) -> Vec<String> {
    let mut ids = vec![id.to_owned()];
    let mut next = 0;
    while let Some(id) = ids.get(next).cloned() {
        next += 1;
        let (_, text) = files.iter().find(|(name, _)| id_of(name) == id).expect("a file");
        let uses = files.iter().map(|(name, _)| id_of(name)).filter(|other| text.contains(&format!("\"{other}#")));
        let new: Vec<String> = uses.filter(|other| !ids.iter().any(|id| id == other)).map(str::to_owned).collect();
        ids.extend(new);
    }
    ids
}

/// A policy with those whose layers it uses, under an id that all have.
fn compared_book(files: &Files, (name, text): &(String, String)) -> Book {
    let used = used(files, id_of(name));
    let own = text.lines().find(|line| line.starts_with("id ")).expect("an id");
    let renamed = text.replacen(own, "id = \"compared\"", 1);
    let others = files.iter().filter(|(other, _)| other != name);
    let others = others.filter(|(name, _)| name == "vocabulary.toml" || used.iter().any(|id| id == id_of(name)));
    let texts = others.map(|(name, text)| (name.as_str(), text.as_str())).chain([("compared.toml", renamed.as_str())]);
    Book::from_texts(texts).unwrap_or_else(|faults| panic!("{name}: {faults}"))
}

/// A book for each policy that the program includes, and for each of the schemes.
fn compared_books() -> Vec<Book> {
    let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
    let mut groups: Vec<Files> = vec![shipped::FILES.iter().map(owned).collect()];
    for scheme in ["gansu-2018", "linyi-employee-2024", "zichuan-2025"] {
        let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemes").join(scheme).join("book");
        let paths = std::fs::read_dir(place).expect("a book").map(|file| file.expect("a file").path());
        let file = |path: PathBuf| {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            (name, std::fs::read_to_string(path).expect("a text"))
        };
        groups.push(paths.map(file).collect());
    }
    let policies = |files: &Files| -> Vec<Book> {
        let policies = files.iter().filter(|(name, _)| name != "vocabulary.toml");
        policies.map(|file| compared_book(files, file)).collect()
    };
    groups.iter().flat_map(policies).collect()
}

/// Checks that a text fits a terminal, and that the name of every layer stands on one line.
fn assert_fits(old: &Book, new: &Book, lang: Lang) {
    let text = policy_diff_text(old, new, lang).expect("exact figures");
    let layers = [old, new].into_iter().flat_map(|book| &book.get("compared").expect("the policy").layers);
    let layers: BTreeSet<&str> = layers.map(|layer| &*layer.head.id).collect();
    for line in text.lines() {
        assert!(line.width() <= 100, "{} columns: {line}", line.width());
        if let Some(cell) = line.strip_prefix('│').and_then(|line| line.split('┆').next()).map(str::trim) {
            assert!(cell.is_empty() || layers.contains(cell) || ["层", "layer"].contains(&cell), "{cell} is no layer");
        }
    }
}

#[test]
fn the_differences_of_any_two_policies_fit_a_terminal_in_both_languages() {
    let books = compared_books();
    assert!(books.len() >= 13, "{} policies", books.len());
    let pairs: Vec<_> = (0..books.len()).flat_map(|one| (0..one).map(move |other| (one, other))).collect();
    std::thread::scope(|scope| {
        for lang in [Lang::Zh, Lang::En] {
            let (pairs, books) = (&pairs, &books);
            scope.spawn(move || pairs.iter().for_each(|(one, other)| assert_fits(&books[*one], &books[*other], lang)));
        }
    });
}
