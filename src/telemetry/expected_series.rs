//! What metrics show before anything happens.

/// What [`Metrics`](super::metrics::Metrics) shows from the start: the values of attributes that are known before anything happens.
#[derive(Clone, Debug, Default)]
pub struct ExpectedSeries {
    /// The methods, such as `onestop.settlement.v1.SettlementService/Settle`.
    pub methods: Vec<&'static str>,
    /// The reasons of refusals.
    pub reasons: Vec<&'static str>,
    /// The reasons for which connections are refused.
    pub refused_connections: Vec<&'static str>,
    /// The reasons for which connections are closed.
    pub closed_connections: Vec<&'static str>,
}
