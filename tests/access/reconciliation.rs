//! The calls that compare a hospital's books, for the tables of roles and of disclosures.

use onestop::domain::journal::Instant;
use onestop::grpc::to_proto;
use onestop::pb::settlement as pb;
use onestop::pb::settlement::reconciliation_service_client::ReconciliationServiceClient;
use tonic::Status;
use tonic::transport::Channel;

/// Makes one of the calls about a hospital's settlements of the first day; of days without settlements if `of_first_day` is
/// false. The list is empty.
pub async fn reconcile(channel: Channel, call: &str, hospital_id: &str, of_first_day: bool) -> Result<(), Status> {
    let mut client = ReconciliationServiceClient::new(channel);
    let first = Instant(1).china_day();
    let until = first.next().expect("a day");
    let days = if of_first_day { (first, until) } else { (until, until.next().expect("a day")) };
    let span = Some(pb::ReconciledSpan {
        hospital_id: hospital_id.to_owned(),
        settled_from: Some(to_proto::date(days.0)),
        settled_until: Some(to_proto::date(days.1)),
        ..Default::default()
    });
    if call == "ReconcileTotals" {
        let request = pb::ReconcileTotalsRequest { span, totals: vec![pb::Totals::default()] };
        return client.reconcile_totals(request).await.map(drop);
    }
    let message = pb::ReconcileListRequest { span, last: true, ..Default::default() };
    let mut responses = client.reconcile_list(tokio_stream::iter([message])).await?.into_inner();
    while responses.message().await?.is_some_and(|response| response.summary.is_none()) {}
    Ok(())
}
