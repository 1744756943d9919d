//! The state of a person.

use smol_str::SmolStr;

use crate::domain::account::{Account, AccountParts};
use crate::domain::ids::{AccountKey, HospitalId};
use crate::domain::money::Money;
use crate::domain::sums::{LedgerUse, Sums};
use crate::journal::StoredForm;
use crate::journal::form::{Malformed, day, entry_id, id, id_bytes, optional_digest, optional_entry_id};
use crate::pb::journal as pb;
use crate::store::rows::{LiveStay, PersonState, PersonStateParts};

impl StoredForm for PersonState {
    type Message = pb::PersonState;

    fn to_message(&self) -> pb::PersonState {
        pb::PersonState {
            version: self.version,
            head_id: id_bytes(self.head),
            head_digest: self.head.map(|_| self.chained.0.to_vec()).unwrap_or_default(),
            accounts: self.accounts().iter().map(account_message).collect(),
            hospital_ids: self.hospitals().iter().map(|id| id.as_str().to_owned()).collect(),
            stays: self.stays().iter().map(stay_message).collect(),
        }
    }

    fn from_message(message: pb::PersonState) -> Result<Self, Malformed> {
        let hospital = |text| id("hospital_ids", text, HospitalId::from_stored);
        Ok(PersonState::from(PersonStateParts {
            version: message.version,
            head: optional_entry_id("head_id", &message.head_id)?,
            chained: optional_digest("head_digest", &message.head_digest)?.unwrap_or_default(),
            accounts: message.accounts.into_iter().map(account).collect::<Result<_, _>>()?,
            hospitals: message.hospital_ids.into_iter().map(hospital).collect::<Result<_, _>>()?,
            stays: message.stays.into_iter().map(stay).collect::<Result<_, _>>()?,
        }))
    }
}

fn account_message((key, account): &(AccountKey, Account)) -> pb::AccountRow {
    pb::AccountRow {
        insurance: key.insurance.to_string(),
        benefit_year: key.year,
        version: account.version,
        admissions: account.admissions,
        ledgers: account.ledgers().iter().map(ledger_message).collect(),
        paid: amount_messages(account.layers()),
        caps: amount_messages(account.caps()),
    }
}

fn account(message: pb::AccountRow) -> Result<(AccountKey, Account), Malformed> {
    let key = AccountKey { insurance: message.insurance.into(), year: message.benefit_year };
    let ledger = |row: pb::LedgerRow| {
        let uses = LedgerUse { base: Money::from_fen(row.base_fen), taken: Money::from_fen(row.deductible_taken_fen) };
        (row.name.into(), uses)
    };
    let account = Account::from_parts(AccountParts {
        version: message.version,
        admissions: message.admissions,
        ledgers: message.ledgers.into_iter().map(ledger).collect(),
        paid: amounts(message.paid),
        caps: amounts(message.caps),
    });
    account.map(|account| (key, account)).ok_or(Malformed("accounts"))
}

fn ledger_message((name, uses): &(SmolStr, LedgerUse)) -> pb::LedgerRow {
    pb::LedgerRow { name: name.to_string(), base_fen: uses.base.fen(), deductible_taken_fen: uses.taken.fen() }
}

fn amount_messages(sums: &[(SmolStr, Money)]) -> Vec<pb::NamedAmount> {
    let message = |(name, sum): &(SmolStr, Money)| pb::NamedAmount { name: name.to_string(), amount_fen: sum.fen() };
    sums.iter().map(message).collect()
}

fn amounts(amounts: Vec<pb::NamedAmount>) -> Sums<Money> {
    amounts.into_iter().map(|amount| (amount.name.into(), Money::from_fen(amount.amount_fen))).collect()
}

fn stay_message(stay: &LiveStay) -> pb::LiveStay {
    pb::LiveStay {
        settlement_id: id_bytes(Some(stay.settlement)),
        hospital_id: stay.hospital_id.as_str().to_owned(),
        admitted: stay.admitted.number(),
        discharged: stay.discharged.number(),
        continues_id: id_bytes(stay.continues),
    }
}

fn stay(message: pb::LiveStay) -> Result<LiveStay, Malformed> {
    Ok(LiveStay {
        settlement: entry_id("settlement_id", &message.settlement_id)?,
        hospital_id: id("hospital_id", message.hospital_id, HospitalId::from_stored)?,
        admitted: day("admitted", message.admitted)?,
        discharged: day("discharged", message.discharged)?,
        continues: optional_entry_id("continues_id", &message.continues_id)?,
    })
}
