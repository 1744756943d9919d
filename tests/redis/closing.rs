//! A closing of a month that ended in the middle: nobody takes the month for closed, or for open, until it is closed for all.

use std::time::Duration;

use onestop::domain::ids::PersonId;
use onestop::engine::audit::Audit;
use onestop::engine::close_month::ClosedMonth;
use onestop::grpc::status::Reason;
use onestop::store::redis::RedisSettings;
use onestop::store::shard::Shard;
use onestop::store::{JournalStore, Scope};

use crate::closing::{reversal, stamp_on};
use crate::support::claims::{claim, settle};
use crate::support::engine;
use crate::support::ids::id;
use crate::support::redis_server::{DURABLE, RedisServer, open_with};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_closing_is_interrupted_nothing_is_reversed_and_when_it_is_repeated_all_is_booked_as_it_says() {
    let server = RedisServer::start(DURABLE);
    let url = server.url();
    let settings = RedisSettings { timeout: Duration::from_millis(400), ..RedisSettings::default() };
    let engine = engine(open_with(&url, settings).await.expect("a store")).await;
    for (number, claim_id) in [(1, "C1"), (2, "C2")] {
        let request = settle(claim(claim_id, "P1", "1000.00"));
        engine.settle(request, stamp_on("2017-06-20", number)).await.expect("a settlement");
    }
    // What a closing writes for the shard of a person, before it ends.
    let person: PersonId = id("P1");
    let (prefix, shard) = (url.split_once("prefix=").expect("a prefix").1, Shard::of_person(&person).number());
    assert!(server.ask(&["SET", &format!("{prefix}:{{{shard:02}}}:closed"), "201706"]).starts_with("+OK"));
    let refused = engine.reverse(reversal("C1", "P1"), stamp_on("2017-07-10", 3)).await.expect_err("refused");
    assert_eq!(Reason::from(&refused), Reason::StoreUnavailable);
    let scope = Scope::of_person(&person).with_closed_months();
    let why = engine.store().look_up(scope).await.err().expect("refused").to_string();
    assert!(why.contains("close the month again"), "{why}");
    engine.settle(settle(claim("C3", "P1", "10.00")), stamp_on("2017-07-10", 4)).await.expect("a settlement");
    let june = "2017-06".parse().expect("a month");
    let closed = engine.close_month(june, "an operator", &|| stamp_on("2017-07-11", 5)).await;
    assert!(matches!(closed, Ok(ClosedMonth::Now(_))), "{closed:?}");
    let reversed = engine.reverse(reversal("C2", "P1"), stamp_on("2017-07-12", 6)).await.expect("a reversal");
    let july = "2017-07".parse().expect("a month");
    assert_eq!(reversed.entry.body.booking_month, july);
    let state = engine.store().look_up(Scope::of_person(&person)).await.expect("a look-up").state;
    Audit::new(engine.store()).verify_person(&state).await.expect("a sound chain");
}
