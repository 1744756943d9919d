//! The bill as a waterfall: from the total, each paying layer takes its part, and what is left is the patient's.
//! An inline SVG without a script, drawn in whole pixels.

use super::amounts::yuan;
use super::document::Document;
use super::escape::{escaped, shortened};

/// Where the bars begin, in pixels.
pub const LEFT: i64 = 250;

/// How wide the total is, in pixels.
pub const WIDTH: i64 = 380;

/// The height of a row, in pixels.
pub const ROW: i64 = 26;

/// The height of the bar in it, in pixels.
pub const BAR: i64 = 18;

/// The color of the total.
pub const TOTAL: &str = "#5b6770";

/// The color of what is left for the patient.
pub const PATIENT: &str = "#b3261e";

/// Payers take these in the order in which they first pay.
pub const PAYERS: [&str; 6] = ["#1f5f8b", "#2e7d5b", "#8a5a00", "#6a4c93", "#00696d", "#7a4b3a"];

/// One row of the picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    /// What it is.
    pub label: String,
    /// The amount, in fen.
    pub fen: i64,
    /// From where, in pixels right of [`LEFT`]; what is not nothing is seen.
    pub from: i64,
    /// Up to where.
    pub until: i64,
    /// Its color.
    pub color: &'static str,
}

/// The rows: the total, every layer that pays, the patient.
pub fn bars(document: &Document) -> Vec<Bar> {
    let lang = document.lang;
    let at = |fen: i64| match document.total {
        0 => 0,
        total => (i128::from(fen) * i128::from(WIDTH) / i128::from(total)) as i64,
    };
    let bar = |label: String, from: i64, until: i64, color| {
        let (left, right) = (at(from), at(until));
        let right = if until > from { right.max(left + 2) } else { right };
        Bar { label, fen: until - from, from: left.min(WIDTH - (right - left)), until: right.min(WIDTH), color }
    };
    let mut bars = vec![bar(lang.choose("医疗费总额", "total of the bill").to_owned(), 0, document.total, TOTAL)];
    let (mut left, mut known) = (document.total, Vec::new());
    for layer in document.layers.iter().filter(|layer| layer.pays != 0) {
        if !known.contains(&&layer.payer_word) {
            known.push(&layer.payer_word);
        }
        let payer = known.iter().position(|known| **known == layer.payer_word).unwrap_or(0);
        // Layers are named in the language of the law; an English reader knows the payer.
        let label = lang.choose(&layer.title, &layer.payer).clone();
        bars.push(bar(label, left - layer.pays, left, PAYERS[payer % PAYERS.len()]));
        left -= layer.pays;
    }
    bars.push(bar(lang.choose("个人支付", "the patient pays").to_owned(), 0, left, PATIENT));
    bars
}

/// The picture.
pub fn svg(document: &Document) -> String {
    let bars = bars(document);
    let (width, height) = (LEFT + WIDTH + 110, ROW * bars.len() as i64 + 4);
    let title = document.lang.choose("从医疗费总额到个人支付", "From the total of the bill to what the patient pays");
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         role=\"img\" shape-rendering=\"crispEdges\"><title>{title}</title>\n"
    );
    for (at, bar) in bars.iter().enumerate() {
        let top = ROW * at as i64 + 4;
        let (x, wide, base) = (LEFT + bar.from, bar.until - bar.from, top + 13);
        let (label, whole, amount) = (escaped(&shortened(&bar.label, 34)), escaped(&bar.label), yuan(bar.fen));
        // A line down to the next bar shows what it is taken from.
        let next =
            bars.get(at + 1).filter(|_| at + 2 < bars.len()).map(|_| LEFT + if at == 0 { bar.until } else { bar.from });
        let line = next.map(|x| format!("<path d=\"M{x} {}v{}\" stroke=\"#9aa5ad\"/>", top + BAR, ROW - BAR));
        svg.push_str(&format!(
            "<g><title>{whole} {amount}</title><text x=\"{}\" y=\"{base}\" text-anchor=\"end\">{label}</text>\
             <rect x=\"{x}\" y=\"{top}\" width=\"{wide}\" height=\"{BAR}\" fill=\"{}\"/>\
             <text x=\"{}\" y=\"{base}\">{amount}</text>{}</g>\n",
            LEFT - 8,
            bar.color,
            LEFT + bar.until + 8,
            line.unwrap_or_default(),
        ));
    }
    svg + "</svg>"
}
