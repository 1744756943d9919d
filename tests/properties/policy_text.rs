//! Writes a generated policy as the TOML texts of its files: the policy, and a library if it draws one.

use std::fmt::Write;

use onestop::domain::money::Money;

use super::policies::{EntrySpec, LayerSpec, Operation, PolicySpec, SchedulesSpec, WhenSpec};

/// The days that a generated policy governs.
const IN_FORCE: &str = "in_force = { from = 2016-01-01, until = 2018-07-01 }";

/// Name and text of each file.
pub fn files(policy: &PolicySpec) -> Vec<(&'static str, String)> {
    let layers = || policy.layers.iter().enumerate();
    let mut gen_ = head(policy, "gen", "[\"37\"]");
    let mut lib = head(policy, "lib", "[]");
    for (at, one) in layers() {
        if one.drawn {
            lib += &layer(policy, at, one);
            write!(gen_, "[[layer]]\nuse = \"lib#l{at}\"\n").expect("a text");
        } else {
            gen_ += &layer(policy, at, one);
        }
    }
    let mut files = vec![("gen.toml", gen_)];
    if policy.layers.iter().any(|layer| layer.drawn) {
        files.push(("lib.toml", lib));
    }
    files
}

/// The source that an entry cites, and no other does.
pub fn source(layer: usize, kind: &str, at: usize) -> String {
    format!("l{layer}-{kind}-{at}")
}

fn head(policy: &PolicySpec, id: &str, regions: &str) -> String {
    let mut text = format!("format = 1\nid = \"{id}\"\ntitle = \"{id}\"\ninsurance = \"resident\"\n");
    writeln!(text, "regions = {regions}\n{IN_FORCE}\nbenefit_year = \"{}\"", policy.benefit_year).expect("a text");
    text += "[sources]\nlaw = \"the law\"\n";
    for (at, layer) in policy.layers.iter().enumerate() {
        for (kind, entries) in [("when", layer.when.len()), ("for", layer.for_.len())] {
            (0..entries).for_each(|entry| text += &format!("{} = \"its clause\"\n", source(at, kind, entry)));
        }
    }
    text
}

fn layer(policy: &PolicySpec, at: usize, layer: &LayerSpec) -> String {
    let mut text = format!("[[layer]]\nid = \"l{at}\"\npayer = \"payer{}\"\ncites = [\"law\"]\n", layer.payer);
    writeln!(text, "visits = {}\npools = {}", words(&layer.visits), words(&layer.pools)).expect("a text");
    writeln!(text, "period = \"{}\"\nschedule = {}", layer.period, schedules(&layer.schedule)).expect("a text");
    if !layer.only.is_empty() {
        writeln!(text, "only = {}", words(&layer.only)).expect("a text");
    }
    if let Some(days) = layer.days {
        writeln!(text, "in_force = {days}").expect("a text");
    }
    if let Some(rate) = layer.prior_self_pay {
        writeln!(text, "prior_self_pay = \"{rate}\"").expect("a text");
    }
    layer.caps.iter().for_each(|account| text += &cap(policy, *account));
    for (entry, (circumstances, change)) in layer.when.iter().enumerate() {
        text += &format!("[[layer.when]]\nif = {}\n{}", when(circumstances), changes(change));
        writeln!(text, "cites = [\"{}\"]", source(at, "when", entry)).expect("a text");
    }
    for (entry, (categories, change)) in layer.for_.iter().enumerate() {
        text += &format!("[[layer.for]]\ncategory = {}\n{}", words(categories), changes(change));
        writeln!(text, "cites = [\"{}\"]", source(at, "for", entry)).expect("a text");
    }
    text
}

/// A position beyond the accounts names none.
fn cap(policy: &PolicySpec, account: usize) -> String {
    policy.accounts.get(account).map_or_else(String::new, |(of, annual)| {
        format!("[[layer.cap]]\naccount = \"c{account}\"\nof = \"{of}\"\nannual = \"{}\"\n", Money::from_fen(*annual))
    })
}

fn when(circumstances: &WhenSpec) -> String {
    let lists = [
        ("locality", words(&circumstances.locality)),
        ("referral", words(&circumstances.referral)),
        ("level", words(&circumstances.level)),
    ];
    let named = lists.iter().filter(|(_, list)| list != "[]").map(|(key, list)| format!("{key} = {list}"));
    format!("{{ {} }}", named.collect::<Vec<_>>().join(", "))
}

fn changes(entry: &EntrySpec) -> String {
    let mut text = String::new();
    if let Some(replacing) = &entry.schedule {
        writeln!(text, "schedule = {}", schedules(replacing)).expect("a text");
    }
    let operations = [
        ("deductible", entry.deductible),
        ("rate", entry.rate),
        ("cap", entry.cap),
        ("prior_self_pay", entry.prior_self_pay),
    ];
    for (key, operation) in operations {
        text += &operation.map_or_else(String::new, |operation| change(key, operation));
    }
    text
}

fn change(key: &str, (kind, figure): Operation) -> String {
    match kind {
        "none" => format!("{key} = \"none\"\n"),
        _ => format!("{key} = {{ {kind} = \"{figure}\" }}\n"),
    }
}

fn schedules(schedules: &SchedulesSpec) -> String {
    let levels: &[&str] = if schedules.len() == 1 { &["all"] } else { &["primary", "secondary", "tertiary"] };
    let each = levels.iter().zip(schedules).map(|(level, schedule)| {
        let mut upto = Money::ZERO;
        let closed = schedule.bands.iter().map(|(width, rate)| {
            upto += Money::from_fen(*width);
            format!("{{ upto = \"{upto}\", rate = \"{rate}\" }}, ")
        });
        let closed: String = closed.collect();
        let deductibles = list(schedule.deductibles.iter().map(|fen| Money::from_fen(*fen)));
        let open = format!("{{ rate = \"{}\" }}", schedule.last);
        format!("{level} = {{ deductible = {deductibles}, bands = [{closed}{open}] }}")
    });
    format!("{{ {} }}", each.collect::<Vec<_>>().join(", "))
}

fn words<T: std::fmt::Display>(words: &[T]) -> String {
    list(words.iter())
}

fn list<T: std::fmt::Display>(items: impl Iterator<Item = T>) -> String {
    let quoted: Vec<_> = items.map(|item| format!("\"{item}\"")).collect();
    format!("[{}]", quoted.join(", "))
}
