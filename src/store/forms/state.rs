//! The state of a person.

use crate::domain::account::{Account, AccountParts};
use crate::domain::ids::{AccountKey, HospitalId};
use crate::domain::money::Money;
use crate::domain::short_text::ShortText;
use crate::domain::sums::{LedgerUse, Sums};
use crate::journal::form::{Malformed, bytes_of, id, optional_digest, optional_entry_id};
use crate::journal::{MessageWriter, StoredForm};
use crate::pb::journal as pb;
use crate::store::live_stays::LiveStays;
use crate::store::rows::{PersonState, PersonStateParts};

impl StoredForm for PersonState {
    type Message = pb::PersonState;

    fn write(&self, message: &mut MessageWriter) {
        message.unsigned(1, self.version);
        message.blob(2, bytes_of(&self.head));
        if self.head.is_some() {
            message.blob(3, &self.chained.0);
        }
        self.accounts().iter().for_each(|account| message.message(4, |message| write_account(message, account)));
        self.hospitals().iter().for_each(|hospital| message.repeated_text(5, hospital.as_str()));
        let (stays, continuations) = self.stays().packed();
        message.blob(6, stays);
        message.blob(7, continuations);
    }

    fn from_message(message: pb::PersonState) -> Result<Self, Malformed> {
        let hospital = |text| id("hospital_ids", text, HospitalId::from_stored);
        Ok(PersonState::from(PersonStateParts {
            version: message.version,
            head: optional_entry_id("head_id", &message.head_id)?,
            chained: optional_digest("head_digest", &message.head_digest)?.unwrap_or_default(),
            accounts: message.accounts.into_iter().map(account).collect::<Result<_, _>>()?,
            hospitals: message.hospital_ids.into_iter().map(hospital).collect::<Result<_, _>>()?,
            stays: LiveStays::from_packed(message.stays, message.continuations).ok_or(Malformed("stays"))?,
        }))
    }
}

fn write_account(message: &mut MessageWriter, (key, account): &(AccountKey, Account)) {
    message.text(1, &key.insurance);
    message.number(2, key.year);
    message.unsigned(3, account.version);
    message.number(4, account.admissions);
    account.ledgers().iter().for_each(|ledger| message.message(5, |message| write_ledger(message, ledger)));
    write_amounts(message, 6, account.layers());
    write_amounts(message, 7, account.caps());
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

fn write_ledger(message: &mut MessageWriter, (name, uses): &(ShortText, LedgerUse)) {
    message.text(1, name);
    message.number(2, uses.base.fen());
    message.number(3, uses.taken.fen());
}

fn write_amounts(message: &mut MessageWriter, field: u32, sums: &[(ShortText, Money)]) {
    for (name, sum) in sums {
        message.message(field, |message| {
            message.text(1, name);
            message.number(2, sum.fen());
        });
    }
}

fn amounts(amounts: Vec<pb::NamedAmount>) -> Sums<Money> {
    amounts.into_iter().map(|amount| (amount.name.into(), Money::from_fen(amount.amount_fen))).collect()
}
