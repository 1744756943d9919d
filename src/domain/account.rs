//! The account of a person's benefit year: the accumulators of every ledger, layer and cap.

use super::money::Money;
use super::short_text::ShortText;
use super::split::{LayerSplit, Split};
use super::sums::{LedgerUse, OutOfRange, Sums, find, update};

/// The accumulators of one benefit year. Those that are zero are left out, so two accounts are equal
/// exactly when all their accumulators are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// The number of changes; 0 means that the account does not exist yet.
    pub version: u64,
    /// The admissions counted by settlements that are not reversed.
    pub admissions: u32,
    ledgers: Sums<LedgerUse>,
    paid: Sums<Money>,
    caps: Sums<Money>,
}

/// The accumulators of an account, as a store keeps them.
pub struct AccountParts {
    /// The number of changes.
    pub version: u64,
    /// The admissions counted.
    pub admissions: u32,
    /// The ledgers.
    pub ledgers: Sums<LedgerUse>,
    /// What each layer has paid.
    pub paid: Sums<Money>,
    /// The sums of the caps' accounts.
    pub caps: Sums<Money>,
}

impl Account {
    /// The account of these accumulators; `None` unless each list is in the order of the names, each name once.
    pub fn from_parts(parts: AccountParts) -> Option<Account> {
        let AccountParts { version, admissions, ledgers, paid, caps } = parts;
        let sorted = is_sorted(&ledgers) && is_sorted(&paid) && is_sorted(&caps);
        sorted.then_some(Account { version, admissions, ledgers, paid, caps })
    }

    /// The accumulators of a ledger; zero if it has none.
    pub fn ledger(&self, name: &ShortText) -> LedgerUse {
        find(&self.ledgers, name).unwrap_or_default()
    }

    /// What a layer has paid in the year.
    pub fn paid(&self, layer: &ShortText) -> Money {
        find(&self.paid, layer).unwrap_or_default()
    }

    /// The accumulator of an annual cap's account; zero if it has none.
    pub fn cap_used(&self, account: &ShortText) -> Money {
        find(&self.caps, account).unwrap_or_default()
    }

    /// The ledgers with their accumulators, in the order of their names.
    pub fn ledgers(&self) -> &[(ShortText, LedgerUse)] {
        &self.ledgers
    }

    /// The layers with what they have paid, in the order of their ids.
    pub fn layers(&self) -> &[(ShortText, Money)] {
        &self.paid
    }

    /// The cap accounts with their accumulators, in the order of their names.
    pub fn caps(&self) -> &[(ShortText, Money)] {
        &self.caps
    }

    /// Adds one layer of a settlement.
    ///
    /// # Errors
    /// If an accumulator would leave its range.
    pub fn add_layer(&mut self, layer: &LayerSplit) -> Result<(), OutOfRange> {
        self.shift_layer(layer, |amount| amount)
    }

    /// The account after a settlement.
    ///
    /// # Errors
    /// If an accumulator would leave its range.
    pub fn with_settlement(&self, split: &Split) -> Result<Account, OutOfRange> {
        let mut account = self.clone();
        split.layers.iter().try_for_each(|layer| account.add_layer(layer))?;
        account.count_settlement(split)
    }

    /// The account with a settlement counted whose layers were added.
    ///
    /// # Errors
    /// If there are more admissions than can be counted.
    pub fn count_settlement(self, split: &Split) -> Result<Account, OutOfRange> {
        self.change_counts(split, 1)
    }

    /// The account without a settlement, as after its reversal.
    ///
    /// # Errors
    /// If an accumulator would fall below zero: the account does not contain the settlement.
    pub fn without_settlement(&self, split: &Split) -> Result<Account, OutOfRange> {
        let mut account = self.clone();
        for layer in split.layers.iter().rev() {
            account.shift_layer(layer, |amount| -amount)?;
        }
        account.change_counts(split, -1)
    }

    /// A copy with room for this number of layers.
    pub(super) fn clone_with_room(&self, layers: usize) -> Account {
        Account {
            ledgers: with_room(&self.ledgers, layers),
            paid: with_room(&self.paid, layers),
            caps: with_room(&self.caps, layers),
            ..*self
        }
    }

    fn shift_layer(&mut self, layer: &LayerSplit, sign: impl Fn(Money) -> Money) -> Result<(), OutOfRange> {
        update(&mut self.ledgers, layer.head().ledger(), |uses| {
            let base = checked_sum(uses.base, sign(layer.base))?;
            Ok(LedgerUse { base, taken: checked_sum(uses.taken, sign(layer.deductible_taken))? })
        })?;
        update(&mut self.paid, &layer.head().id, |paid| checked_sum(paid, sign(layer.pays)))?;
        let mut annual = layer.terms.caps.iter().filter(|cap| !cap.is_per_claim);
        annual.try_for_each(|cap| {
            update(&mut self.caps, &cap.account, |used| checked_sum(used, sign(layer.amount_of(cap.kind))))
        })
    }

    fn change_counts(mut self, split: &Split, admissions: i32) -> Result<Account, OutOfRange> {
        if split.counted_admission {
            self.admissions = self.admissions.checked_add_signed(admissions).ok_or(OutOfRange)?;
        }
        self.version += 1;
        Ok(self)
    }
}

fn with_room<T: Clone>(sums: &Sums<T>, further: usize) -> Sums<T> {
    let mut copy = Vec::with_capacity(sums.len() + further);
    copy.extend_from_slice(sums);
    copy
}

/// Whether names ascend.
fn is_sorted<T>(sums: &Sums<T>) -> bool {
    sums.windows(2).all(|pair| pair[0].0 < pair[1].0)
}

fn checked_sum(sum: Money, by: Money) -> Result<Money, OutOfRange> {
    sum.checked_add(by).filter(|sum| *sum >= Money::ZERO).ok_or(OutOfRange)
}
