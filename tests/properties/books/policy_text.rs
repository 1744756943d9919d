//! Writes a generated book as TOML: two policies in succession, and a library if a layer uses it.

use std::fmt::Write;

use super::entries::{ConditionsSpec, EntrySpec, Operation};
use super::policies::{AmountSpec, BookSpec, LayerSpec, LimitSpec, Per, PeriodSpec, ScheduleChoice, ScheduleSpec};

use super::words::VOCABULARY;

/// Name and text of each file of a book, the vocabulary among them.
pub fn policy_files(book: &BookSpec) -> Vec<(&'static str, String)> {
    let mut gen_ =
        head_text(book, "gen", "[\"37\", \"50\"]", "in_force = { from = 2016-01-01, until = 2018-01-01 }", 0);
    let mut lib = head_text(book, "lib", "[]", "", 0);
    let mut next = head_text(book, "next", "[\"37\", \"50\"]", "in_force = { from = 2018-01-01 }", 1);
    for (at, layer) in book.layers.iter().enumerate() {
        let file = if layer.drawn { &mut lib } else { &mut gen_ };
        file.push_str(&layer_text(book, at, layer));
        let (may_credit, credits) = transfers(&layer.period);
        if layer.drawn {
            writeln!(gen_, "[[layer]]\nuse = \"lib#l{at}\"\n{}", transfer_text(credits)).expect("a text");
        }
        let changes = book.transfers_change[at];
        // A file that draws a layer can add what it says of transfers, and not take it away.
        let source = if changes && layer.drawn { "lib" } else { "gen" };
        let adds = transfer_text(changes && may_credit && !credits);
        writeln!(next, "[[layer]]\nuse = \"{source}#l{at}\"\n{adds}").expect("a text");
        if layer.days.is_some() {
            next += "in_force = { from = 2018-01-01 }\n";
        }
        if let Some(schedule) = &book.next_year[at] {
            writeln!(next, "schedule = {}", schedules_text(schedule, takes_share(&layer.period))).expect("a text");
        }
    }
    let words = ("vocabulary.toml", VOCABULARY.to_owned());
    let mut files = vec![words, ("gen.toml", gen_), ("next.toml", next)];
    if book.layers.iter().any(|layer| layer.drawn) {
        files.push(("lib.toml", lib));
    }
    files
}

fn head_text(book: &BookSpec, id: &str, regions: &str, in_force: &str, income: usize) -> String {
    let benefit_year = if book.by_admission { "admission" } else { "discharge" };
    let pooling = if book.pooling { "pooling = [\"50\", \"3701\"]\n" } else { "" };
    let mut text =
        format!("format = 2\nid = \"{id}\"\ntitle = \"{id}\"\ninsurance = \"resident\"\nregions = {regions}\n");
    if !in_force.is_empty() {
        writeln!(text, "{in_force}\nbenefit_year = \"{benefit_year}\"\n{pooling}").expect("a text");
    }
    writeln!(text, "[sources]\nlaw = \"the law\"\n[figures]\nincome = \"{}\"", money(book.income[income]))
        .expect("a text");
    text
}

fn layer_text(book: &BookSpec, at: usize, layer: &LayerSpec) -> String {
    let mut text = format!("[[layer]]\nid = \"l{at}\"\npayer = \"payer{}\"\ncites = [\"law\"]\n", layer.payer);
    writeln!(text, "visits = {}\npools = {}", quoted(&layer.visits), quoted(&layer.pools)).expect("a text");
    text += &period_text(book, &layer.period);
    text += transfer_text(!layer.drawn && transfers(&layer.period).1);
    writeln!(text, "schedule = {}", schedules_text(&layer.schedule, takes_share(&layer.period))).expect("a text");
    for (key, list) in [("only", &layer.only), ("except", &layer.except)] {
        if !list.is_empty() {
            writeln!(text, "{key} = {}", quoted(list)).expect("a text");
        }
    }
    text += &conditions_text(&layer.conditions);
    if let Some(days) = layer.days.filter(|_| !layer.drawn) {
        writeln!(text, "in_force = {days}").expect("a text");
    }
    if let Some(rate) = layer.prior_self_pay {
        writeln!(text, "prior_self_pay = \"{rate}\"").expect("a text");
    }
    layer.caps.iter().for_each(|(account, overflow)| text += &cap_text(book, *account, *overflow));
    let share = takes_share(&layer.period);
    for (conditions, changes) in &layer.when {
        write!(text, "[[layer.when]]\n{}{}", conditions_text(conditions), changes_text(changes, share))
            .expect("a text");
        text += "cites = [\"law\"]\n";
    }
    for entry in &layer.for_ {
        let group = entry.group.map_or_else(String::new, |group| format!("group = \"{group}\"\n"));
        write!(text, "[[layer.for]]\ncategory = {}\n{group}", quoted(&entry.categories)).expect("a text");
        text += &conditions_text(&entry.conditions);
        text += &changes_text(&entry.changes, share);
        text += "cites = [\"law\"]\n";
    }
    text
}

fn takes_share(period: &PeriodSpec) -> bool {
    matches!(period, PeriodSpec::Admission { credited: false, .. } | PeriodSpec::Year { per: Per::Claim, .. })
}

/// Whether a layer may credit transfers, and whether it does.
fn transfers(period: &PeriodSpec) -> (bool, bool) {
    match period {
        PeriodSpec::Admission { credited, excess, credits } => (!credited && !excess, *credits),
        PeriodSpec::Year { per, credits, .. } => (*per == Per::Claim, *credits),
        PeriodSpec::Ledger(_) => (false, false),
    }
}

fn transfer_text(credits: bool) -> &'static str {
    if credits { "on_transfer = \"credit\"\n" } else { "" }
}

fn period_text(book: &BookSpec, period: &PeriodSpec) -> String {
    let per = |per: Per| match per {
        Per::Year => "",
        Per::Claim => "deductible_per = \"claim\"\n",
        Per::Credited => "deductible_per = \"credited\"\n",
    };
    let over = |excess: bool| if excess { "bands_over = \"excess\"\n" } else { "" };
    match period {
        PeriodSpec::Admission { credited, excess, .. } => {
            let of = if *credited { per(Per::Credited) } else { "" };
            format!("period = \"admission\"\n{of}{}", over(*excess))
        }
        PeriodSpec::Year { per: of, excess, .. } => format!("period = \"year\"\n{}{}", per(*of), over(*excess)),
        PeriodSpec::Ledger(at) => {
            let (of, excess) = book.ledgers[*at];
            let name = ["first_ledger", "other_pot"][*at];
            format!("period = \"year\"\nledger = \"{name}\"\n{}{}", per(of), over(excess))
        }
    }
}

/// The text of a cap; empty if the index is beyond the accounts.
fn cap_text(book: &BookSpec, at: usize, overflow: Option<&str>) -> String {
    let Some(account) = book.accounts.get(at) else { return String::new() };
    let limit = match &account.limit {
        LimitSpec::Annual(fen) => format!("annual = \"{}\"", money(*fen)),
        LimitSpec::AnnualShare(share) => format!("annual = \"{share} of income\""),
        LimitSpec::PerClaim(fen) => format!("per_claim = \"{}\"", money(*fen)),
        LimitSpec::PerClaimShare(share, pools) => {
            format!("per_claim = {{ share = \"{share}\", of = {} }}", quoted(pools))
        }
    };
    let of = if account.on_base { "base" } else { "paid" };
    let overflow = overflow.filter(|_| account.on_base).map(|pool| format!("overflow = \"{pool}\"\n"));
    let name = ["north", "southern", "east_side", "westernmost"][at];
    format!("[[layer.cap]]\naccount = \"{name}\"\nof = \"{of}\"\n{limit}\n{}", overflow.unwrap_or_default())
}

fn conditions_text(conditions: &ConditionsSpec) -> String {
    if conditions.0.is_empty() {
        return String::new();
    }
    let lists: Vec<_> = conditions.0.iter().map(|(fact, words)| format!("{fact} = {}", quoted(words))).collect();
    format!("if = {{ {} }}\n", lists.join(", "))
}

fn changes_text(entry: &EntrySpec, share: bool) -> String {
    let mut text = String::new();
    if let Some(replacing) = &entry.schedule {
        writeln!(text, "schedule = {}", schedules_text(replacing, share)).expect("a text");
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

fn schedules_text(choice: &ScheduleChoice, takes_share: bool) -> String {
    let levels: &[&str] = match choice.plain.len() {
        1 => &["all"],
        2 => &["secondary", "other"],
        _ => &["primary", "secondary", "tertiary"],
    };
    let share = choice.share.as_ref().filter(|_| takes_share);
    let share = share.map(|(share, pools)| format!("{{ share = \"{share}\", of = {} }}", quoted(pools)));
    let each = levels.iter().zip(&choice.plain).map(|(level, schedule)| {
        let deductible = share.clone().unwrap_or_else(|| deductible_text(schedule));
        format!("{level} = {{ deductible = {deductible}, bands = {} }}", bands_text(schedule))
    });
    format!("{{ {} }}", each.collect::<Vec<_>>().join(", "))
}

fn bands_text(schedule: &ScheduleSpec) -> String {
    let mut upto = 0;
    let closed = schedule.bands.iter().map(|(width, rate)| {
        upto += width;
        format!("{{ upto = \"{}\", rate = \"{rate}\" }}, ", money(upto))
    });
    let closed: String = closed.collect();
    format!("[{closed}{{ rate = \"{}\" }}]", schedule.last)
}

fn deductible_text(schedule: &ScheduleSpec) -> String {
    let amounts: Vec<_> = schedule.deductibles.iter().map(amount_text).collect();
    if amounts.len() == 1 { amounts[0].clone() } else { format!("[{}]", amounts.join(", ")) }
}

fn amount_text(amount: &AmountSpec) -> String {
    match amount {
        AmountSpec::Fen(fen) => format!("\"{}\"", money(*fen)),
        AmountSpec::Income => "\"income\"".to_owned(),
        AmountSpec::ShareOfIncome(share) => format!("\"{share} of income\""),
    }
}

/// An amount in yuan.
fn money(fen: i64) -> String {
    format!("{}{}.{:02}", if fen < 0 { "-" } else { "" }, fen.abs() / 100, fen.abs() % 100)
}

fn quoted(words: &[&str]) -> String {
    let quoted: Vec<_> = words.iter().map(|word| format!("\"{word}\"")).collect();
    format!("[{}]", quoted.join(", "))
}
