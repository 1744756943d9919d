//! A page of HTML that stands alone: its style is in it, it has no script, and nothing is fetched from anywhere. It fits a telephone
//! and a desk.

use super::statement::Lang;

const STYLE: &str = "
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 20px 16px 40px; max-width: 1080px; color: #1c2226; background: #fff;
  font: 15px/1.5 system-ui, 'Noto Sans', 'Noto Sans CJK SC', sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 22px; margin: 0 0 4px; } h2 { font-size: 16px; margin: 30px 0 8px; }
.sums { display: grid; grid-template-columns: repeat(auto-fit, minmax(148px, 1fr)); gap: 10px; margin: 16px 0; }
.sums div { background: #f3f5f6; padding: 8px 12px; } .sums span { display: block; color: #4a555c; font-size: 13px; }
.sums b { font-size: 21px; font-variant-numeric: tabular-nums; }
.sums .bad b { color: #b3261e; }
svg { display: block; width: 100%; height: auto; } svg text { font-size: 13px; fill: #4a555c; }
.grid { stroke: #e3e7ea; fill: none; } .line { fill: none; stroke-width: 2; stroke-linejoin: round; vector-effect: non-scaling-stroke; }
.legend { margin: 2px 0 0; font-size: 14px; } .legend span { margin-right: 16px; white-space: nowrap; }
.legend i { display: inline-block; width: 12px; height: 12px; margin-right: 6px; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
td, th { padding: 3px 12px 3px 0; text-align: right; white-space: nowrap; border-bottom: 1px solid #e3e7ea; }
.wrap th { white-space: normal; vertical-align: bottom; }
td:first-child, th:first-child { text-align: left; } th { color: #4a555c; font-weight: 500; }
.bar { margin: 6px 0; display: grid; grid-template-columns: 1fr auto; } .bar i { height: 8px; grid-column: 1 / 3; }
.setup td { text-align: left; white-space: normal; } .setup td:first-child { color: #4a555c; width: 1%; white-space: nowrap; }
pre { white-space: pre-wrap; background: #f3f5f6; padding: 10px 12px; font-size: 13px; }
@media (max-width: 600px) { svg text { font-size: 24px; } body { font-size: 14px; } }
";

/// A page with this title and body.
pub(crate) fn document(lang: Lang, title: &str, body: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"{lang}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title}</title><style>{STYLE}</style></head>\n<body>\n{body}</body></html>\n"
    )
}
