//! The statement (结算单): what a patient can be handed, in Chinese or English. With it and a pocket calculator
//! every fen can be redone.
//!
//! [`document`] says what stands on it, once; [`text`] and [`html`] set it. [`words`] has every word of the
//! messages in both languages, [`waterfall`] draws the bill.

pub mod document;
pub mod html;
pub mod layers;
pub mod text;
pub mod waterfall;
pub mod words;

use crate::domain::money::Money;
use crate::grpc::pb::settlement as pb;

pub use document::Document;
pub use words::Lang;

/// One line: what was paid by whom.
pub fn line(claim_id: &str, told: &str, split: &pb::Split) -> String {
    let yuan = Money::from_fen;
    let paying = split.payers.iter().filter(|share| share.amount_fen != 0);
    let payers: String = paying.map(|share| format!(", {} {}", share.payer, yuan(share.amount_fen))).collect();
    format!("{claim_id} {told}: total {}{payers}, patient {}", yuan(split.total_fen), yuan(split.patient_fen))
}
