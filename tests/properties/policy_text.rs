//! Writes a generated policy as TOML files: the policy, and a library if a layer uses it.

use std::fmt::Write;

use onestop::domain::money::Money;

use super::policies::{EntrySpec, LayerSpec, Operation, PolicySpec, SchedulesSpec, WhenSpec};

/// The days on which a generated policy is in force.
const IN_FORCE: &str = "in_force = { from = 2016-01-01, until = 2018-07-01 }";

/// Name and text of each file of a policy.
pub fn policy_files(policy: &PolicySpec) -> Vec<(&'static str, String)> {
    let layers = || policy.layers.iter().enumerate();
    let mut gen_ = head_text(policy, "gen", "[\"37\"]");
    let mut lib = head_text(policy, "lib", "[]");
    for (at, one) in layers() {
        if one.drawn {
            lib += &layer_text(policy, at, one);
            write!(gen_, "[[layer]]\nuse = \"lib#l{at}\"\n").expect("a text");
        } else {
            gen_ += &layer_text(policy, at, one);
        }
    }
    let mut files = vec![("gen.toml", gen_)];
    if policy.layers.iter().any(|layer| layer.drawn) {
        files.push(("lib.toml", lib));
    }
    files
}

/// The key of the source that this entry alone cites.
pub fn entry_source(layer: usize, kind: &str, at: usize) -> String {
    format!("l{layer}-{kind}-{at}")
}

fn head_text(policy: &PolicySpec, id: &str, regions: &str) -> String {
    let mut text = format!("format = 2\nid = \"{id}\"\ntitle = \"{id}\"\ninsurance = \"resident\"\n");
    writeln!(text, "regions = {regions}\n{IN_FORCE}\nbenefit_year = \"{}\"", policy.benefit_year).expect("a text");
    text += "[sources]\nlaw = \"the law\"\n";
    for (at, layer) in policy.layers.iter().enumerate() {
        for (kind, entries) in [("when", layer.when.len()), ("for", layer.for_.len())] {
            (0..entries).for_each(|entry| text += &format!("{} = \"its clause\"\n", entry_source(at, kind, entry)));
        }
    }
    text
}

fn layer_text(policy: &PolicySpec, at: usize, layer: &LayerSpec) -> String {
    let mut text = format!("[[layer]]\nid = \"l{at}\"\npayer = \"payer{}\"\ncites = [\"law\"]\n", layer.payer);
    writeln!(text, "visits = {}\npools = {}", quoted_words(&layer.visits), quoted_words(&layer.pools)).expect("a text");
    writeln!(text, "period = \"{}\"\nschedule = {}", layer.period, schedules_text(&layer.schedule)).expect("a text");
    if !layer.only.is_empty() {
        writeln!(text, "only = {}", quoted_words(&layer.only)).expect("a text");
    }
    if let Some(days) = layer.days {
        writeln!(text, "in_force = {days}").expect("a text");
    }
    if let Some(rate) = layer.prior_self_pay {
        writeln!(text, "prior_self_pay = \"{rate}\"").expect("a text");
    }
    layer.caps.iter().for_each(|account| text += &cap_text(policy, *account));
    for (entry, (circumstances, change)) in layer.when.iter().enumerate() {
        text += &format!("[[layer.when]]\nif = {}\n{}", when_text(circumstances), changes_text(change));
        writeln!(text, "cites = [\"{}\"]", entry_source(at, "when", entry)).expect("a text");
    }
    for (entry, (categories, change)) in layer.for_.iter().enumerate() {
        text += &format!("[[layer.for]]\ncategory = {}\n{}", quoted_words(categories), changes_text(change));
        writeln!(text, "cites = [\"{}\"]", entry_source(at, "for", entry)).expect("a text");
    }
    text
}

/// The text of a cap; empty if the index is beyond the accounts.
fn cap_text(policy: &PolicySpec, account: usize) -> String {
    policy.accounts.get(account).map_or_else(String::new, |(of, annual)| {
        format!("[[layer.cap]]\naccount = \"c{account}\"\nof = \"{of}\"\nannual = \"{}\"\n", Money::from_fen(*annual))
    })
}

fn when_text(circumstances: &WhenSpec) -> String {
    let lists = [
        ("locality", quoted_words(&circumstances.locality)),
        ("referral", quoted_words(&circumstances.referral)),
        ("level", quoted_words(&circumstances.level)),
    ];
    let named = lists.iter().filter(|(_, list)| list != "[]").map(|(key, list)| format!("{key} = {list}"));
    format!("{{ {} }}", named.collect::<Vec<_>>().join(", "))
}

fn changes_text(entry: &EntrySpec) -> String {
    let mut text = String::new();
    if let Some(replacing) = &entry.schedule {
        writeln!(text, "schedule = {}", schedules_text(replacing)).expect("a text");
    }
    let operations = [
        ("deductible", entry.deductible),
        ("rate", entry.rate),
        ("cap", entry.cap),
        ("prior_self_pay", entry.prior_self_pay),
    ];
    for (key, operation) in operations {
        text += &operation.map_or_else(String::new, |operation| change_text(key, operation));
    }
    text
}

fn change_text(key: &str, (kind, figure): Operation) -> String {
    match kind {
        "none" => format!("{key} = \"none\"\n"),
        _ => format!("{key} = {{ {kind} = \"{figure}\" }}\n"),
    }
}

fn schedules_text(schedules: &SchedulesSpec) -> String {
    let levels: &[&str] = if schedules.len() == 1 { &["all"] } else { &["primary", "secondary", "tertiary"] };
    let each = levels.iter().zip(schedules).map(|(level, schedule)| {
        let mut upto = Money::ZERO;
        let closed = schedule.bands.iter().map(|(width, rate)| {
            upto += Money::from_fen(*width);
            format!("{{ upto = \"{upto}\", rate = \"{rate}\" }}, ")
        });
        let closed: String = closed.collect();
        let deductibles = quoted_list(schedule.deductibles.iter().map(|fen| Money::from_fen(*fen)));
        let open = format!("{{ rate = \"{}\" }}", schedule.last);
        format!("{level} = {{ deductible = {deductibles}, bands = [{closed}{open}] }}")
    });
    format!("{{ {} }}", each.collect::<Vec<_>>().join(", "))
}

fn quoted_words<T: std::fmt::Display>(words: &[T]) -> String {
    quoted_list(words.iter())
}

fn quoted_list<T: std::fmt::Display>(items: impl Iterator<Item = T>) -> String {
    let quoted: Vec<_> = items.map(|item| format!("\"{item}\"")).collect();
    format!("[{}]", quoted.join(", "))
}
