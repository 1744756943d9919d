//! The statement as a page: what a catalogue says of a code is text and nothing else, and nothing is fetched.

use onestop::cli::output::statement::amounts::yuan;
use onestop::cli::output::statement::escape::{escaped, shortened};
use onestop::cli::output::statement::html::html;
use onestop::cli::output::statement::waterfall::{WIDTH, bars};
use onestop::cli::output::statement::{BookWords, Document, Lang};
use onestop::pb::settlement as pb;

/// A settlement of layers of these names, payers and amounts.
fn view(total: i64, layers: &[(&str, &str, i64)]) -> pb::GetSettlementResponse {
    let paid: i64 = layers.iter().map(|(.., pays)| pays).sum();
    let layer = |(name, payer, pays): &(&str, &str, i64)| pb::Layer {
        id: "layer".to_owned(),
        name: (*name).to_owned(),
        payer: (*payer).to_owned(),
        pays_fen: *pays,
        ..Default::default()
    };
    let code = pb::Code { code: "X".to_owned(), name: "<script>alert('&')</script>".to_owned(), ..Default::default() };
    let layers = layers.iter().map(layer).collect();
    let settlement = pb::Settlement {
        person_id: "\"><img src=x>".to_owned(),
        split: Some(pb::Split { total_fen: total, patient_fen: total - paid, ..Default::default() }),
        derivation: Some(pb::Derivation { layers, codes: vec![code], ..Default::default() }),
        ..Default::default()
    };
    pb::GetSettlementResponse { settlement: Some(settlement), ..Default::default() }
}

#[test]
fn markup_in_names_is_escaped() {
    let page =
        html(&Document::from_settlement(&view(100, &[("<i>", "\" onload=\"x", 10)]), &BookWords::shipped(Lang::Zh)));
    for bad in ["<script", "<img", "<i>", "onload=\"x"] {
        assert!(!page.contains(bad), "{bad}");
    }
    assert!(page.contains("&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;"));
    assert_eq!(escaped("a<b>&\"'c"), "a&lt;b&gt;&amp;&quot;&#39;c");
}

#[test]
fn a_page_loads_nothing_and_contains_no_script() {
    let mut view = view(100, &[("basic", "basic_fund", 10)]);
    view.settlement.as_mut().expect("a settlement").person_id = "P1".to_owned();
    let page = html(&Document::from_settlement(&view, &BookWords::shipped(Lang::En)));
    let rest = page.replace("http://www.w3.org/2000/svg", "");
    for bad in ["http:", "https:", "//", "url(", "@import", "<link", "<script", "javascript", "src="] {
        assert!(!rest.contains(bad), "{bad}");
    }
    assert!(page.contains("<html lang=\"en\">") && page.contains("@page { size: A4"));
}

#[test]
fn the_waterfall_starts_at_the_total_and_ends_at_the_patient() {
    let layers = [
        ("one", "basic_fund", 40_000),
        ("two", "insurer", 30_000),
        ("none", "insurer", 0),
        ("three", "basic_fund", 20_000),
    ];
    let bars = bars(&Document::from_settlement(&view(100_000, &layers), &BookWords::shipped(Lang::En)));
    let spans: Vec<_> = bars.iter().map(|bar| (bar.fen, bar.from, bar.until)).collect();
    assert_eq!(spans, [(100_000, 0, 380), (40_000, 228, 380), (30_000, 114, 228), (20_000, 38, 114), (10_000, 0, 38)]);
    assert_eq!((bars[1].color, bars[1].color == bars[2].color), (bars[3].color, false), "a color a payer");
}

#[test]
fn the_smallest_amount_is_visible_and_no_bar_leaves_the_picture() {
    for (total, pays) in [(1_000_000_000, 1), (1_000_000_000, 999_999_999), (3, 1), (0, 0), (1, 1), (i64::MAX / 2, 1)] {
        for bar in
            bars(&Document::from_settlement(&view(total, &[("layer", "payer", pays)]), &BookWords::shipped(Lang::Zh)))
        {
            let wide = bar.until - bar.from;
            assert!(bar.from >= 0 && bar.until <= WIDTH && wide >= 0, "{bar:?}");
            assert!((wide >= 2) == (bar.fen > 0), "{bar:?}");
        }
    }
}

#[test]
fn amounts_are_grouped_and_long_names_shortened_by_columns() {
    let texts = [0, 5, 100, 99_999, 100_000, -123_456_789, 100_000_000_000].map(yuan);
    assert_eq!(texts, ["0.00", "0.05", "1.00", "999.99", "1,000.00", "-1,234,567.89", "1,000,000,000.00"]);
    assert_eq!(shortened("居民基本医疗保险", 16), "居民基本医疗保险");
    assert_eq!(shortened("居民基本医疗保险", 15), "居民基本医疗保…");
    assert_eq!(shortened("abcdef", 4), "abc…");
}
