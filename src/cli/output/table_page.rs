//! A page of HTML with tables for people: no script, nothing fetched from anywhere. On a telephone each row is a block.

use super::statement::Lang;
use super::statement::escape::escaped;

const STYLE: &str = "
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 20px 16px 40px; max-width: 1200px; color: #1c2226; background: #fff;
  font: 15px/1.5 system-ui, 'Noto Sans', 'Noto Sans CJK SC', sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 22px; margin: 0 0 8px; } h2 { font-size: 16px; margin: 26px 0 8px; } p { margin: 4px 0; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
td, th { padding: 5px 12px 5px 0; text-align: left; vertical-align: top; border-bottom: 1px solid #dfe4e8; }
th { color: #4a555c; font-weight: 500; white-space: nowrap; }
@media (max-width: 720px) {
  body { font-size: 14px; } thead { display: none; } table, tbody, tr, td { display: block; }
  tr { border-bottom: 2px solid #9aa5ad; padding: 6px 0; } td { border: 0; padding: 2px 0 2px 104px; min-height: 1.5em; position: relative; }
  td::before { content: attr(data-column); position: absolute; left: 0; width: 96px; color: #4a555c; }
}
@media print { body { padding: 0; max-width: none; } tr { break-inside: avoid; } }
";

/// A page of tables.
pub(crate) struct TablePage {
    /// The language.
    pub(crate) lang: Lang,
    /// The title, which is the heading too.
    pub(crate) title: String,
    /// The lines below the heading.
    pub(crate) lines: Vec<String>,
    /// The tables.
    pub(crate) tables: Vec<PageTable>,
}

/// A table of a page.
pub(crate) struct PageTable {
    /// The heading; empty for none.
    pub(crate) heading: String,
    /// The names of the columns.
    pub(crate) columns: Vec<String>,
    /// The rows; a cell may have several lines.
    pub(crate) rows: Vec<Vec<String>>,
}

impl TablePage {
    /// The page.
    pub(crate) fn html(&self) -> String {
        let title = escaped(&self.title);
        let mut page = format!(
            "<!DOCTYPE html>\n<html lang=\"{}\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <title>{title}</title><style>{STYLE}</style></head>\n<body>\n<h1>{title}</h1>\n",
            self.lang
        );
        self.lines.iter().for_each(|line| page.push_str(&format!("<p>{}</p>\n", escaped(line))));
        self.tables.iter().for_each(|table| table.write(&mut page));
        page + "</body></html>\n"
    }
}

impl PageTable {
    fn write(&self, page: &mut String) {
        if !self.heading.is_empty() {
            page.push_str(&format!("<h2>{}</h2>\n", escaped(&self.heading)));
        }
        let heads: String = self.columns.iter().map(|column| format!("<th>{}</th>", escaped(column))).collect();
        page.push_str(&format!("<table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n"));
        for row in &self.rows {
            let cells = self.columns.iter().zip(row).map(|(column, cell)| {
                let lines: Vec<String> = cell.lines().map(escaped).collect();
                format!("<td data-column=\"{}\">{}</td>", escaped(column), lines.join("<br>"))
            });
            page.push_str(&format!("<tr>{}</tr>\n", cells.collect::<String>()));
        }
        page.push_str("</tbody>\n</table>\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_cell_holds_is_text_and_never_markup() {
        let table = PageTable {
            heading: "<h>".to_owned(),
            columns: vec!["a\"b".to_owned()],
            rows: vec![vec!["<script>\n& two".to_owned()]],
        };
        let page =
            TablePage { lang: Lang::En, title: "T".to_owned(), lines: vec!["<p>".to_owned()], tables: vec![table] };
        let html = page.html();
        assert!(html.contains("<td data-column=\"a&quot;b\">&lt;script&gt;<br>&amp; two</td>"), "{html}");
        assert!(html.contains("<h2>&lt;h&gt;</h2>") && html.contains("<p>&lt;p&gt;</p>"), "{html}");
    }
}
