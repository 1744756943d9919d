//! A statement as one page of HTML, ready to be printed or kept as PDF: no script, nothing fetched from anywhere.

use super::amounts::{signed, yuan};
use super::document::Document;
use super::escape::escaped;
use super::layers::Layer;
use super::waterfall;

/// How it looks, on a screen and on A4.
const STYLE: &str = "
@page { size: A4; margin: 16mm 15mm; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 28px 34px; max-width: 820px; color: #1c2226; background: #fff;
  font: 13px/1.5 'Noto Sans', 'Noto Sans CJK SC', 'Source Han Sans SC', 'Microsoft YaHei', 'PingFang SC', sans-serif; }
h1 { font-size: 21px; margin: 0 0 4px; letter-spacing: .04em; }
h2 { font-size: 14px; margin: 22px 0 6px; padding-bottom: 3px; border-bottom: 1.5px solid #1c2226; break-after: avoid; }
.notice { border: 2px solid #b3261e; color: #b3261e; padding: 6px 10px; margin: 8px 0; font-weight: 600; }
.sums { display: flex; gap: 40px; align-items: baseline; margin: 12px 0 4px; padding: 10px 14px; background: #f3f5f6;
  print-color-adjust: exact; -webkit-print-color-adjust: exact; }
.sums div span { display: block; color: #4a555c; } .sums b { font-size: 17px; font-weight: 600; }
.sums .patient b { font-size: 27px; color: #b3261e; }
table { border-collapse: collapse; width: 100%; } td, th { padding: 2px 10px 2px 0; vertical-align: top; text-align: left; }
th { color: #4a555c; font-weight: 500; } tr { break-inside: avoid; }
.fen { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.bill td { border-bottom: 1px solid #e3e7ea; } .facts td:first-child { color: #4a555c; white-space: nowrap; width: 1%; padding-right: 28px; }
.layer { break-inside: avoid; margin: 0 0 11px; padding-left: 11px; border-left: 4px solid; print-color-adjust: exact; }
.layer h3 { font-size: 13px; margin: 0; display: flex; justify-content: space-between; gap: 16px; }
.layer p { margin: 0; } .layer .who { color: #4a555c; } .clause { color: #4a555c; font-size: 12px; }
.assumed { color: #8a5a00; font-size: 12px; } .skipped { color: #4a555c; margin: 2px 0; }
svg { display: block; margin: 8px 0; font: 12px 'Noto Sans', 'Noto Sans CJK SC', 'Microsoft YaHei', sans-serif;
  print-color-adjust: exact; -webkit-print-color-adjust: exact; }
footer { margin-top: 22px; padding-top: 6px; border-top: 1px solid #9aa5ad; color: #4a555c; font-size: 11.5px; }
";

/// The page.
pub fn html(document: &Document) -> String {
    let lang = document.lang;
    let title = lang.choose("医疗费用结算单", "Statement of settlement");
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"{lang}\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <style>{STYLE}</style></head>\n<body>\n<h1>{title}{}</h1>\n",
        lang.choose("", " <small>结算单</small>"),
    );
    document.notices.iter().for_each(|notice| page.push_str(&format!("<p class=\"notice\">{}</p>\n", escaped(notice))));
    page.push_str(&sums(document));
    let facts = document.facts.iter().map(|(label, value)| format!("<tr><td>{label}<td>{}\n", escaped(value)));
    page.push_str(&format!("<table class=\"facts\">{}</table>\n", facts.collect::<String>()));
    section(&mut page, lang.choose("从总额到个人支付", "From the total to the patient"), &waterfall::svg(document));
    section(&mut page, lang.choose("费用分类", "Where the bill falls"), &amount_rows(&document.pools, yuan));
    let bars = waterfall::bars(document);
    let layers: String = document.layers.iter().map(|one| layer(one, color(document, &bars, one), document)).collect();
    let skipped = document
        .skipped
        .iter()
        .map(|(name, why)| format!("<p class=\"skipped\">– {}: {}</p>\n", escaped(name), escaped(why)));
    section(&mut page, lang.choose("各层支付", "Layer by layer"), &(layers + &skipped.collect::<String>()));
    section(&mut page, lang.choose("支付合计", "Who pays"), &payers(document));
    if !document.changes.is_empty() {
        section(
            &mut page,
            lang.choose("与前一版相比", "Against the revision before"),
            &amount_rows(&document.changes, signed),
        );
    }
    section(&mut page, lang.choose("费用明细汇总", "The bill, by code"), &bill(document));
    page + &format!("<footer>{}</footer>\n</body></html>\n", lang.choose(
        "金额单位：元。每一步均可用计算器复核；§ 为所依据的条款，* 为无公开文件依据的假定数值。",
        "Amounts in yuan. Every step can be redone with a calculator; § is the clause it rests on, * a figure that no public text gives.",
    ))
}

fn section(page: &mut String, title: &str, body: &str) {
    page.push_str(&format!("<h2>{title}</h2>\n{body}\n"));
}

fn sums(document: &Document) -> String {
    let lang = document.lang;
    let sum = |class: &str, label: &str, fen: i64| {
        format!("<div class=\"{class}\"><span>{label}</span><b>{}</b></div>", yuan(fen))
    };
    format!(
        "<div class=\"sums\">{}{}{}</div>\n",
        sum("patient", lang.choose("个人支付", "The patient pays"), document.patient),
        sum("", lang.choose("各方支付合计", "Others pay"), document.paid()),
        sum("", lang.choose("医疗费总额", "Total of the bill"), document.total),
    )
}

fn amount_rows(list: &[(String, i64)], amount: fn(i64) -> String) -> String {
    let rows = list.iter().map(|(name, fen)| format!("<tr><td class=\"fen\">{}<td>{}\n", amount(*fen), escaped(name)));
    format!("<table style=\"width:auto\">{}</table>", rows.collect::<String>())
}

fn payers(document: &Document) -> String {
    let patient = (document.lang.choose("个人", "patient").to_owned(), document.patient);
    amount_rows(&[&document.payers[..], &[patient]].concat(), yuan)
}

/// The color of a layer's bar; a layer that pays nothing has none.
fn color(document: &Document, bars: &[waterfall::Bar], layer: &Layer) -> &'static str {
    let paying = document.layers.iter().filter(|one| one.pays != 0);
    let mut bars = bars[1..].iter().zip(paying);
    bars.find(|(_, one)| one.payer_word == layer.payer_word && layer.pays != 0).map_or("#c3ccd2", |(bar, _)| bar.color)
}

fn layer(layer: &Layer, color: &str, document: &Document) -> String {
    let lines = |class: &str, mark: &str, texts: &[String]| {
        let line = |text: &String| format!("<p class=\"{class}\">{mark}{}</p>", escaped(text));
        texts.iter().map(line).collect::<String>()
    };
    let assumed: Vec<_> = layer.assumed.iter().cloned().collect();
    format!(
        "<div class=\"layer\" style=\"border-color:{color}\"><h3><span>{}</span><span class=\"fen\">{}</span></h3>\
         <p class=\"who\">{}{}</p>{}{}{}</div>\n",
        escaped(&layer.name),
        yuan(layer.pays),
        document.lang.choose("支付方：", "payer: "),
        escaped(&layer.payer),
        lines("", "", &layer.steps),
        lines("clause", "§ ", &layer.clauses),
        lines("assumed", "* ", &assumed),
    )
}

fn bill(document: &Document) -> String {
    let heads = document.lang.choose(
        ["项目", "类别", "金额", "超限价", "先行自付", "余额", "余额计入"],
        ["code", "class", "charged", "above ceiling", "first share", "rest", "rest falls into"],
    );
    let head: String = heads
        .iter()
        .enumerate()
        .map(|(at, head)| match at {
            2..=5 => format!("<th class=\"fen\">{head}"),
            _ => format!("<th>{head}"),
        })
        .collect();
    let rows = document.bill.iter().map(|code| {
        let [over, first, rest] = [code.over_ceiling, code.preliminary_self_pay, code.rest].map(yuan);
        let fen: String =
            [yuan(code.net), over, first, rest].iter().map(|fen| format!("<td class=\"fen\">{fen}")).collect();
        format!("<tr><td>{}<td>{}{fen}<td>{}\n", escaped(&code.name), escaped(&code.class), escaped(&code.pool))
    });
    format!("<table class=\"bill\"><thead><tr>{head}</thead><tbody>{}</tbody></table>", rows.collect::<String>())
}
