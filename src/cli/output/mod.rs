//! What commands print: JSON, settlement statements, policy tables, charts, pages, progress. Every line leaves through
//! `line`.

pub(crate) mod chart;
pub(crate) mod csv;
pub(crate) mod html_page;
pub mod json;
pub mod json_settlement;
pub mod line;
mod policy_circumstances;
mod policy_columns;
pub mod policy_diff;
pub(crate) mod policy_figures;
pub mod policy_terms;
pub mod progress;
pub(crate) mod refusal_text;
pub mod statement;
pub(crate) mod table_page;
pub(crate) mod terminal;
pub mod visible;
