//! The cause of a difference in a sentence, and the call that repairs it.

use super::{ClaimDifference, DifferenceCause};
use crate::domain::day::Day;
use crate::domain::journal::Instant;

/// A sentence in both languages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentences {
    /// In English.
    pub en: String,
    /// In Chinese.
    pub zh: String,
}

impl Sentences {
    fn new(en: impl Into<String>, zh: impl Into<String>) -> Sentences {
        Sentences { en: en.into(), zh: zh.into() }
    }
}

/// The call that repairs a difference of this cause, or shows what is to be taken over.
pub fn repair_call(cause: &DifferenceCause) -> &'static str {
    match cause {
        DifferenceCause::NeverSettled => "Settle",
        DifferenceCause::OtherBill => "Correct",
        DifferenceCause::SettledLater
        | DifferenceCause::LaterRevision(_)
        | DifferenceCause::ReversedLater(_)
        | DifferenceCause::DayNotCompared => "ReconcileList",
        DifferenceCause::NotListed
        | DifferenceCause::ReversedEarlier(_)
        | DifferenceCause::OtherClaim(_)
        | DifferenceCause::OtherSettlement(_)
        | DifferenceCause::OtherSplit
        | DifferenceCause::EarlierRevision(_)
        | DifferenceCause::Repeated
        | DifferenceCause::OtherDay
        | DifferenceCause::Rounded => "GetSettlement",
    }
}

impl ClaimDifference {
    /// The cause, and what to do, in a sentence.
    pub fn sentences(&self) -> Sentences {
        match &self.cause {
            DifferenceCause::OtherBill
            | DifferenceCause::OtherSplit
            | DifferenceCause::EarlierRevision(_)
            | DifferenceCause::LaterRevision(_)
            | DifferenceCause::Rounded => self.sentences_of_amounts(),
            DifferenceCause::ReversedLater(_) | DifferenceCause::OtherDay | DifferenceCause::DayNotCompared => {
                self.sentences_of_days()
            }
            _ => self.sentences_of_one_side(),
        }
    }

    fn sentences_of_amounts(&self) -> Sentences {
        let revision = self.here.as_ref().map_or(1, |here| here.revision);
        match &self.cause {
            DifferenceCause::OtherBill => Sentences::new(
                "another bill was settled here; if the hospital's bill is right, correct the claim",
                "此处结算的是另一份账单；如医院的账单正确，请更正该笔结算",
            ),
            DifferenceCause::EarlierRevision(listed) => Sentences::new(
                format!("the list has revision {listed}; revision {revision} replaced it: take its amounts over"),
                format!("清单为第 {listed} 版金额，已由重新结算的第 {revision} 版取代，请取回第 {revision} 版金额"),
            ),
            DifferenceCause::LaterRevision(listed) => Sentences::new(
                format!(
                    "the list has revision {listed}, which was decided after the cutoff: compare with a later cutoff"
                ),
                format!("清单为第 {listed} 版金额，该版在截止时刻之后才作出，请以更晚的截止时刻再对账"),
            ),
            DifferenceCause::Rounded => Sentences::new(
                "the list has rounded amounts; those of this service are exact to the fen: take them over",
                "清单金额经过舍入；此处金额精确到分，请取回此处金额",
            ),
            _ => Sentences::new(
                "the bill is the same and the split is another; take over the split of this service",
                "账单相同而分担不同，请取回此处的分担金额",
            ),
        }
    }

    fn sentences_of_days(&self) -> Sentences {
        let day = self.here.as_ref().map(|here| here.day.to_string()).unwrap_or_default();
        match (&self.cause, &self.there) {
            (DifferenceCause::ReversedLater(at), Some(_)) => Sentences::new(
                format!("both agree as of the cutoff, and it was reversed here on {} after it", china_day(*at)),
                format!("截止时刻双方一致；此后于 {} 在此处冲正", china_day(*at)),
            ),
            (DifferenceCause::ReversedLater(at), None) => Sentences::new(
                format!(
                    "it was in force at the cutoff and reversed here on {} after it; the list is later: compare with a later cutoff",
                    china_day(*at)
                ),
                format!(
                    "截止时刻有效，此后于 {} 在此处冲正；清单晚于截止时刻，请以更晚的截止时刻再对账",
                    china_day(*at)
                ),
            ),
            (DifferenceCause::DayNotCompared, _) => Sentences::new(
                format!("it was settled here on {day}, which is not among the days compared: compare that day"),
                format!("此处结算日为 {day}，不在本次对账日期之内，请对该日对账"),
            ),
            _ => Sentences::new(
                format!("it was settled here on {day}: take over the day"),
                format!("此处结算日为 {day}，请改用此日"),
            ),
        }
    }

    fn sentences_of_one_side(&self) -> Sentences {
        match &self.cause {
            DifferenceCause::NotListed => Sentences::new(
                "it is settled here and missing from the list: take it over, or reverse it if there was no such treatment",
                "此处已结算而清单没有：请补录；如并无此次就医，请冲正",
            ),
            DifferenceCause::ReversedEarlier(at) => Sentences::new(
                format!("it was reversed here on {} before the cutoff: reverse it there too", china_day(*at)),
                format!("截止时刻之前已于 {} 在此处冲正，请在医院同样冲正", china_day(*at)),
            ),
            DifferenceCause::SettledLater => Sentences::new(
                "it was settled here after the cutoff: compare with a later cutoff",
                "在截止时刻之后才在此处结算，请以更晚的截止时刻再对账",
            ),
            DifferenceCause::OtherClaim(claim) => Sentences::new(
                format!("the settlement id is that of claim {}: put the claims right in the list", claim.as_str()),
                format!("该结算编号属于就诊 {}，请改正清单中的就诊编号", claim.as_str()),
            ),
            DifferenceCause::OtherSettlement(id) => Sentences::new(
                format!("the claim is settled here as {id}: take its id over"),
                format!("该就诊在此处的结算编号为 {id}，请取回"),
            ),
            DifferenceCause::Repeated => Sentences::new(
                "an earlier row of the list has it already: remove this row",
                "清单前面已有此笔，请删去本行",
            ),
            _ => Sentences::new(
                "it was never settled here: ask the outcome of its request, then settle it, or remove it from the list",
                "此处从未结算：请先查询原请求的结果，再结算；或从清单删去",
            ),
        }
    }
}

fn china_day(at: Instant) -> Day {
    at.china_day()
}
