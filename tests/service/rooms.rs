//! The room under a cap that differs with the circumstances of a visit.

use onestop::domain::fixed_words::{Locality, Referral};
use onestop::domain::ids::AccountKey;
use onestop::domain::money::Money;
use onestop::engine::account::{AccountName, CapBalance, VisitCircumstances};
use onestop::engine::{Engine, EngineSettings};
use onestop::policy::Book;
use onestop::reference::table::ReferenceTable;
use onestop::store::memory::MemoryStore;

use crate::support::ids::id;
use crate::support::row;

const POLICY: &str = include_str!("../../deploy/policies/shandong-2017.toml");

const CAP: &str = "[[layer.cap]]\naccount = \"critical_illness\"\nannual  = \"300000\"\n";

const LOWER_IN_PRIMARY_HOSPITALS: &str =
    "\n[[layer.when]]\nif    = { level = [\"primary\"] }\ncites = [\"circular-37\"]\ncap   = { set = \"200000\" }\n";

fn yuan(amount: i64) -> Option<Money> {
    Some(Money::from_fen(amount * 100))
}

#[tokio::test]
async fn an_account_has_a_room_for_each_limit_and_says_which_visits_have_it() {
    let text = POLICY.replacen(CAP, &format!("{CAP}{LOWER_IN_PRIMARY_HOSPITALS}"), 1);
    assert_ne!(text, POLICY);
    let book = Book::from_texts([("shandong-2017.toml", text.as_str())]).expect("a sound policy");
    let engine = Engine::open(MemoryStore::default(), book, EngineSettings::default()).await.expect("an engine");
    let enrolment = row(ReferenceTable::Enrolments, &["P1", "2014-01-01", "resident", "370100", ""]);
    engine.import(vec![enrolment]).await.expect("a sound row");
    let key = AccountKey { insurance: "resident".into(), year: 2017 };
    let name = AccountName { person_id: id("P1"), key, on: None };
    let account = engine.account(&name).await.expect("an account");
    let rooms = |account_name: &str| -> Vec<&CapBalance> {
        account.rooms.iter().filter(|room| &*room.cap.account == account_name).collect()
    };
    let [basic_fund] = rooms("basic_fund")[..] else { panic!("one limit") };
    assert_eq!((basic_fund.room, &basic_fund.circumstances[..]), (yuan(150_000), &[][..]));
    let critical_illness = rooms("critical_illness");
    let limit = |annual: Option<Money>| {
        let room = critical_illness.iter().find(|room| room.annual == annual).expect("the limit");
        (room.room, room.circumstances.as_slice())
    };
    let (room, primary) = limit(yuan(200_000));
    assert_eq!((room, primary.len()), (yuan(200_000), Locality::ALL.len() * Referral::ALL.len()));
    assert!(primary.iter().all(|visit| visit.level.as_str() == "primary"));
    let (room, others) = limit(yuan(300_000));
    let tertiary =
        VisitCircumstances { level: "tertiary".into(), locality: Locality::County, referral: Referral::None };
    assert!(room == yuan(300_000) && others.contains(&tertiary));
}
