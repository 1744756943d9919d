//! The statement that a patient is handed: its words, its text, and how it looks in a real browser.

mod browser;
mod page;
mod texts;

use onestop::cli::client::Client;
use onestop::cli::output::statement::{BookWords, Document, Lang};
use onestop::domain::claim::RawClaim;
use onestop::domain::content::RawReversal;
use onestop::pb::settlement as pb;

use crate::support::claims::{claim, item};
use crate::support::program::Serve;

/// A bill of a registered poor person with every class of item.
fn bill(id: &str) -> RawClaim {
    let items = vec![item("A", "20000.00"), item("B10", "1000.00"), item("C", "300.00"), item("SD", "5000.00")];
    RawClaim { items, ..claim(id, "P2", "1.00") }
}

/// A server with two of these bills settled.
async fn office(place: &std::path::Path) -> (Serve, Client, Vec<pb::Settlement>) {
    let serve = Serve::start(&place.join("store"), &[]);
    let mut client = serve.with_tables().await;
    let mut settlements = Vec::new();
    for id in ["C1", "C2"] {
        let settled = client.settle(&bill(id), &format!("R-{id}"), Vec::new()).await.expect("a settlement");
        settlements.push(settled.settlement.expect("a settlement"));
    }
    (serve, client, settlements)
}

async fn view(client: &mut Client, id: &str) -> pb::GetSettlementResponse {
    let request = pb::GetSettlementRequest { settlement_id: id.to_owned(), ..Default::default() };
    client.settlement(request).await.expect("a settlement")
}

/// Reverses the first bill; the second is re-adjudicated.
async fn reverse_first(client: &mut Client) {
    let reversal = RawReversal {
        hospital_id: "H3".into(),
        person_id: "P2".into(),
        claim_id: "C1".into(),
        reason: "费用录入有误".to_owned(),
        readjudicate: true,
    };
    client.reverse(&reversal, "V1", false).await.expect("a reversal");
}

const LANGS: [Lang; 2] = [Lang::Zh, Lang::En];

fn documents(view: &pb::GetSettlementResponse) -> [Document; 2] {
    LANGS.map(|lang| Document::from_settlement(view, &BookWords::shipped(lang)))
}
