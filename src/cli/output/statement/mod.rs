//! The statement (结算单) for the patient, in Chinese or English. It shows every step, so that the amounts can be checked
//! with a pocket calculator.
//!
//! [`document`] holds the content; [`text`] and [`html`] render it. [`words`] translates the words that the program fixes,
//! [`book_words`] those of the settlement's policy book; [`waterfall`] draws the bill.

pub mod amounts;
pub mod book_words;
pub mod document;
pub mod escape;
pub mod html;
pub mod layers;
pub mod text;
pub mod waterfall;
pub mod words;

use crate::domain::money::Money;
use crate::pb::settlement as pb;

pub use book_words::BookWords;
pub use document::Document;
pub use words::Lang;

/// A split as one line of text: total, payers and patient. `outcome` describes what happened to the claim.
pub fn line(claim_id: &str, outcome: &str, split: &pb::Split) -> String {
    let yuan = Money::from_fen;
    let paying = split.payers.iter().filter(|share| share.amount_fen != 0);
    let payers: String = paying.map(|share| format!(", {} {}", share.payer, yuan(share.amount_fen))).collect();
    format!("{claim_id} {outcome}: total {}{payers}, patient {}", yuan(split.total_fen), yuan(split.patient_fen))
}
