//! The settlements in commit order: keys, continuations, notices, reversal and re-adjudication by replay (section 6).

use std::collections::BTreeMap;

use super::claim_checks::{check_claim, day_number};
use super::{Account, Book, Claim, Continues, Decision, Facts, Refusal, Refusals, Split, Stay, Tables, passed};

/// A settlement; a reversed one remains in its place.
#[derive(Clone, Debug)]
struct Settlement {
    claim: Claim,
    facts: Facts,
    /// The settlement that it continues, unless that was reversed.
    continues: Option<usize>,
    /// The newest revision.
    split: Split,
    stay: Stay,
    live: bool,
}

/// A live settlement, with the claim that it continues and its newest split.
pub struct Live<'a> {
    pub claim: &'a Claim,
    pub continues: Option<&'a Claim>,
    pub split: &'a Split,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    Settled { split: Split, notices: Vec<&'static str> },
    Reversed { claim_id: String },
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Request {
    Settle(Box<Claim>),
    Reverse { claim_id: String, reason: String, readjudicate: bool },
    Correct { claim: Box<Claim>, reason: String },
}

/// The requests that were committed, by hospital, person and request id, each with its answer.
type Requests = BTreeMap<(String, String, String), (Request, Answer)>;

/// The accounts of a person by insurance and benefit year.
pub type Accounts = BTreeMap<(String, i32), Account>;

pub struct Register {
    pub book: Book,
    pub tables: Tables,
    /// A day of China Standard Time.
    pub today: String,
    settlements: Vec<Settlement>,
    requests: Requests,
}

impl Register {
    pub fn new(book: Book, tables: Tables, today: &str) -> Register {
        Register { book, tables, today: today.to_owned(), settlements: Vec::new(), requests: Requests::new() }
    }

    /// The answer that `settle` would give now; nothing changes.
    pub fn quote(&self, claim: &Claim) -> Result<Answer, Refusals> {
        self.check_claim_id(claim)?;
        let settlement = self.decide(claim)?;
        Ok(self.answer(&settlement))
    }

    pub fn settle(&mut self, request_id: &str, claim: &Claim) -> Result<Answer, Refusals> {
        let key = (claim.hospital_id.clone(), claim.person_id.clone(), request_id.to_owned());
        let request = Request::Settle(Box::new(claim.clone()));
        if let Some(answer) = self.answer_before(&key, &request)? {
            return Ok(answer);
        }
        self.check_claim_id(claim)?;
        let settlement = self.decide(claim)?;
        let answer = self.answer(&settlement);
        self.settlements.push(settlement);
        self.requests.insert(key, (request, answer.clone()));
        Ok(answer)
    }

    /// Reverses a settlement; with `readjudicate`, also with later ones, which are decided again.
    pub fn reverse(
        &mut self,
        request_id: &str,
        place: (&str, &str, &str),
        reason: &str,
        readjudicate: bool,
    ) -> Result<Answer, Refusals> {
        let (hospital_id, person_id, claim_id) = place;
        let key = (hospital_id.to_owned(), person_id.to_owned(), request_id.to_owned());
        let request = Request::Reverse { claim_id: claim_id.to_owned(), reason: reason.to_owned(), readjudicate };
        if let Some(answer) = self.answer_before(&key, &request)? {
            return Ok(answer);
        }
        let at = self.reversible(place)?;
        if !readjudicate && self.has_later(at) {
            return Err(vec![Refusal::failed_precondition("LATER_SETTLEMENTS")]);
        }
        let answer = Answer::Reversed { claim_id: claim_id.to_owned() };
        self.settlements = self.without(at)?;
        self.requests.insert(key, (request, answer.clone()));
        Ok(answer)
    }

    /// Reverses the settlement of a claim and settles its changed content in its place: what continues it keeps the link, and
    /// all later ones are decided again.
    pub fn correct(&mut self, request_id: &str, claim: &Claim, reason: &str) -> Result<Answer, Refusals> {
        let key = (claim.hospital_id.clone(), claim.person_id.clone(), request_id.to_owned());
        let request = Request::Correct { claim: Box::new(claim.clone()), reason: reason.to_owned() };
        if let Some(answer) = self.answer_before(&key, &request)? {
            return Ok(answer);
        }
        let at = self.reversible((&claim.hospital_id, &claim.person_id, &claim.claim_id))?;
        passed(check_claim(claim, &self.book.vocabulary, &self.today))?;
        let (facts, continues) = self.look_up(claim, Some(at))?;
        let corrected = self.settlements.len();
        let mut settlements = self.settlements.clone();
        settlements[at].live = false;
        for part in settlements.iter_mut().filter(|it| it.live && it.continues == Some(at)) {
            let kind = &part.claim.continues.as_ref().expect("a continuation").kind;
            if !is_continuation(&part.claim, kind, claim) {
                return Err(vec![Refusal::failed_precondition("NOT_CONTINUABLE")]);
            }
            part.continues = Some(corrected);
        }
        // Its split is decided with the others.
        settlements.push(Settlement { claim: claim.clone(), facts, continues, live: true, ..settlements[at].clone() });
        self.settlements = self.decided_again(settlements, &claim.person_id)?;
        let answer = self.answer(&self.settlements[corrected]);
        self.requests.insert(key, (request, answer.clone()));
        Ok(answer)
    }

    /// Whether another live settlement continues that of this claim.
    pub fn is_continued(&self, claim: &Claim) -> bool {
        let place = (claim.hospital_id.as_str(), claim.person_id.as_str(), claim.claim_id.as_str());
        let at = self.reversible(place);
        at.is_ok_and(|at| self.live_of(&claim.person_id).any(|(_, it)| it.continues == Some(at)))
    }

    /// The live settlements of a person in the order in which they are decided.
    pub fn live(&self, person_id: &str) -> Vec<Live<'_>> {
        let own = decision_order(&self.settlements, person_id).into_iter().map(|at| &self.settlements[at]);
        let live = |it: &'_ Settlement| it.continues.map(|at| &self.settlements[at].claim);
        own.map(|it| Live { claim: &it.claim, continues: live(it), split: &it.split }).collect()
    }

    /// The visits of all settlements, reversed ones too.
    pub fn settled_visits(&self) -> Vec<&str> {
        self.settlements.iter().map(|settlement| settlement.claim.bill.visit.as_str()).collect()
    }

    /// The accounts of a person, by replay of the live settlements.
    pub fn accounts(&self, person_id: &str) -> Accounts {
        let mut accounts = Accounts::new();
        for (_, settlement) in self.live_of(person_id) {
            let split = &settlement.split;
            let account = accounts.entry((split.insurance.clone(), split.year)).or_default();
            split.layers.iter().for_each(|layer| account.add_layer(layer, 1));
            account.admissions += u32::from(split.counts_admission);
        }
        accounts
    }

    /// The answer to the same request before, or a refusal of other content.
    fn answer_before(&self, key: &(String, String, String), request: &Request) -> Result<Option<Answer>, Refusals> {
        match self.requests.get(key) {
            None => Ok(None),
            Some((before, answer)) if before == request => Ok(Some(answer.clone())),
            Some(_) => Err(vec![Refusal::already_exists("REQUEST_ID_REUSED")]),
        }
    }

    fn check_claim_id(&self, claim: &Claim) -> Result<(), Refusals> {
        let number = (&claim.hospital_id, &claim.claim_id);
        let same = |it: &&Settlement| (&it.claim.hospital_id, &it.claim.claim_id) == number;
        let earlier: Vec<&Settlement> = self.settlements.iter().filter(same).collect();
        let mut faults = Refusals::new();
        if earlier.iter().any(|earlier| earlier.claim.person_id != claim.person_id) {
            faults.push(Refusal::already_exists("CLAIM_OF_ANOTHER_PERSON"));
        } else if earlier.iter().any(|earlier| earlier.live) {
            faults.push(Refusal::already_exists("CLAIM_SETTLED"));
        }
        passed(faults)
    }

    fn decide(&self, claim: &Claim) -> Result<Settlement, Refusals> {
        passed(check_claim(claim, &self.book.vocabulary, &self.today))?;
        let (facts, continued) = self.look_up(claim, None)?;
        let accounts = self.accounts(&claim.person_id);
        decide_from(&self.book, claim, facts, continued, &self.settlements, &accounts)
    }

    /// The facts of a claim and the settlement that it continues; `replaced` is the one in whose place it stands.
    fn look_up(&self, claim: &Claim, replaced: Option<usize>) -> Result<(Facts, Option<usize>), Refusals> {
        let person = self.tables.persons.get(&claim.person_id).cloned().unwrap_or_default();
        let hospital = self.tables.hospitals.get(&claim.hospital_id).cloned().unwrap_or_default();
        let vocabulary = &self.book.vocabulary;
        let looked_up = Facts::look_up(&claim.bill, &person, &hospital, &self.tables.catalogue, vocabulary);
        let continued = claim.continues.as_ref();
        let continued = continued.map(|continues| self.continued(claim, continues, replaced)).transpose();
        match (looked_up, continued) {
            (Ok(facts), Ok(continued)) => Ok((facts, continued)),
            (looked_up, continued) => {
                let mut faults = looked_up.err().unwrap_or_default();
                faults.extend(continued.err());
                Err(faults)
            }
        }
    }

    /// The settlement that a claim continues.
    fn continued(&self, claim: &Claim, continues: &Continues, replaced: Option<usize>) -> Result<usize, Refusal> {
        let named = |(_, it): &(usize, &Settlement)| {
            (&it.claim.hospital_id, &it.claim.claim_id) == (&continues.hospital_id, &continues.claim_id)
        };
        let found = self.live_of(&claim.person_id).find(named);
        // What a correction replaces continues nothing any more, and a stay never continues its own later part.
        let mut others = self.live_of(&claim.person_id).filter(|(at, _)| Some(*at) != replaced);
        let mut is_continued = |at: usize| others.any(|(_, it)| it.continues == Some(at));
        let parts = |last| std::iter::successors(Some(last), |at: &usize| self.settlements[*at].continues);
        let is_own_part = |at: usize| replaced.is_some_and(|replaced| parts(at).any(|part| part == replaced));
        let (at, _) = found
            .filter(|(at, before)| {
                !is_own_part(*at) && !is_continued(*at) && is_continuation(claim, &continues.kind, &before.claim)
            })
            .ok_or(Refusal::failed_precondition("NOT_CONTINUABLE"))?;
        Ok(at)
    }

    fn answer(&self, settlement: &Settlement) -> Answer {
        let overlaps = self.overlaps(settlement);
        let notices = if overlaps { vec!["OVERLAPPING_STAY"] } else { Vec::new() };
        Answer::Settled { split: settlement.split.clone(), notices }
    }

    /// Whether the days of a stay overlap those of another one that it does not continue.
    fn overlaps(&self, settlement: &Settlement) -> bool {
        let counts = |claim: &Claim| self.book.vocabulary.visits[&claim.bill.visit].counts_admission;
        let mut parts = Vec::new();
        let mut part = settlement.continues;
        while let Some(at) = part {
            parts.push(at);
            part = self.settlements[at].continues;
        }
        let bill = &settlement.claim.bill;
        let overlaps = |other: &Claim| bill.admitted < other.bill.discharged && other.bill.admitted < bill.discharged;
        let mut others = self.live_of(&settlement.claim.person_id).filter(|(at, _)| !parts.contains(at));
        counts(&settlement.claim) && others.any(|(_, other)| counts(&other.claim) && overlaps(&other.claim))
    }

    fn live_of<'a>(&'a self, person_id: &'a str) -> impl Iterator<Item = (usize, &'a Settlement)> {
        let own = move |it: &&Settlement| it.live && it.claim.person_id == person_id;
        self.settlements.iter().enumerate().filter(move |(_, it)| own(it))
    }

    fn reversible(&self, (hospital_id, person_id, claim_id): (&str, &str, &str)) -> Result<usize, Refusals> {
        let named = |(_, it): &(usize, &Settlement)| {
            (it.claim.hospital_id.as_str(), it.claim.person_id.as_str(), it.claim.claim_id.as_str())
                == (hospital_id, person_id, claim_id)
        };
        let found: Vec<_> = self.settlements.iter().enumerate().filter(named).collect();
        if found.is_empty() {
            return Err(vec![Refusal::not_found("CLAIM_NOT_SETTLED")]);
        }
        let live = found.iter().find(|(_, it)| it.live).map(|(at, _)| *at);
        live.ok_or_else(|| vec![Refusal::failed_precondition("ALREADY_REVERSED")])
    }

    /// Whether a later settlement of the same account is live, or any that continues this one.
    fn has_later(&self, at: usize) -> bool {
        let this = &self.settlements[at];
        let account = |it: &Settlement| (it.split.insurance.clone(), it.split.year);
        self.live_of(&this.claim.person_id)
            .any(|(other, it)| it.continues == Some(at) || (other > at && account(it) == account(this)))
    }

    /// The settlements after this one is reversed.
    fn without(&self, at: usize) -> Result<Vec<Settlement>, Refusals> {
        let mut settlements = self.settlements.clone();
        let person_id = settlements[at].claim.person_id.clone();
        settlements[at].live = false;
        for settlement in settlements.iter_mut().filter(|it| it.continues == Some(at)) {
            settlement.continues = None;
        }
        self.decided_again(settlements, &person_id)
    }

    /// All live settlements of a person, decided again in their order.
    fn decided_again(&self, mut settlements: Vec<Settlement>, person_id: &str) -> Result<Vec<Settlement>, Refusals> {
        let mut accounts = Accounts::new();
        for at in decision_order(&settlements, person_id) {
            let Settlement { claim, facts, continues, .. } = settlements[at].clone();
            let decided = decide_from(&self.book, &claim, facts, continues, &settlements, &accounts)?;
            let split = &decided.split;
            let account = accounts.entry((split.insurance.clone(), split.year)).or_default();
            split.layers.iter().for_each(|layer| account.add_layer(layer, 1));
            account.admissions += u32::from(split.counts_admission);
            settlements[at] = decided;
        }
        Ok(settlements)
    }
}

/// The live settlements of a person in commit order, but what another continues before it.
fn decision_order(settlements: &[Settlement], person_id: &str) -> Vec<usize> {
    let is_own = |at: &usize| settlements[*at].live && settlements[*at].claim.person_id == person_id;
    let mut order: Vec<usize> = Vec::new();
    for at in (0..settlements.len()).filter(is_own) {
        let waiting = std::iter::successors(Some(at), |at| settlements[*at].continues);
        let waiting: Vec<usize> = waiting.take_while(|at| !order.contains(at)).collect();
        order.extend(waiting.into_iter().rev());
    }
    order
}

/// Decides a claim from facts, what it continues and the accounts before it.
fn decide_from(
    book: &Book,
    claim: &Claim,
    facts: Facts,
    continued: Option<usize>,
    settlements: &[Settlement],
    accounts: &Accounts,
) -> Result<Settlement, Refusals> {
    let before = continued.map(|at| {
        let kind = &claim.continues.as_ref().expect("a continuation").kind;
        (kind.as_str(), &settlements[at].stay)
    });
    let account = |insurance: &str, year: i32| accounts.get(&(insurance.to_owned(), year)).cloned().unwrap_or_default();
    let Decision { split, stay, .. } = book.decide(&claim.bill, &facts, before, account)?;
    Ok(Settlement { claim: claim.clone(), facts, continues: continued, split, stay, live: true })
}

/// Whether hospital, visit and days of a claim fit what it continues.
fn is_continuation(claim: &Claim, kind: &str, before: &Claim) -> bool {
    let same_hospital = claim.hospital_id == before.hospital_id;
    let admitted_after = day_number(&claim.bill.admitted) - day_number(&before.bill.discharged);
    match kind {
        "interim" => {
            same_hospital
                && claim.bill.visit == before.bill.visit
                && admitted_after <= 1
                && claim.bill.discharged >= before.bill.discharged
        }
        _ => !same_hospital && (-1..=1).contains(&admitted_after),
    }
}
