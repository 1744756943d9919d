//! The enums of the messages and the words for them: those that policy files, claims in files and output use.

use crate::domain::fixed_words::{
    BenefitYear, CapKind, ContinueKind, DeductiblePer, Locality, Period, Referral, SkipReason,
};

use super::{policy, settlement};

macro_rules! words {
    ($($module:ident::$message:ident = $fixed:ident { $($variant:ident),* $(,)? };)*) => {$(
        impl From<$fixed> for $module::$message {
            fn from(fixed: $fixed) -> Self {
                match fixed { $($fixed::$variant => $module::$message::$variant),* }
            }
        }

        impl $module::$message {
            /// What the program knows it as; nothing if it is unspecified.
            pub const fn fixed(self) -> Option<$fixed> {
                match self {
                    $module::$message::Unspecified => None,
                    $($module::$message::$variant => Some($fixed::$variant)),*
                }
            }

            /// The word for it; empty if it is unspecified.
            pub const fn word(self) -> &'static str {
                match self.fixed() { Some(fixed) => fixed.as_str(), None => "" }
            }
        }
    )*};
}

words! {
    settlement::ContinuesKind = ContinueKind { Interim, Transfer };
    settlement::Locality = Locality { County, City, Province, Elsewhere };
    settlement::Referral = Referral { Registered, Emergency, None };
    settlement::Period = Period { Admission, Year };
    settlement::DeductiblePer = DeductiblePer { Year, Claim, Credited };
    settlement::CapKind = CapKind { Paid, Base };
    settlement::SkipReason = SkipReason {
        NotInForce, OtherVisit, OtherCircumstances, OtherCategory, ExceptedCategory,
    };
    policy::BenefitYear = BenefitYear { Discharge, Admission };
}

impl settlement::NoticeReason {
    /// The word for it, such as `OVERLAPPING_STAY`.
    pub fn word(self) -> &'static str {
        self.as_str_name().trim_start_matches("NOTICE_REASON_")
    }
}

impl settlement::EntryKind {
    /// The word for it, such as `settlement`.
    pub fn word(self) -> &'static str {
        match self {
            settlement::EntryKind::Unspecified => "",
            settlement::EntryKind::Settlement => "settlement",
            settlement::EntryKind::Reversal => "reversal",
            settlement::EntryKind::Revision => "revision",
            settlement::EntryKind::Fence => "fence",
            settlement::EntryKind::PolicyActivation => "policy_activation",
            settlement::EntryKind::ImportEnd => "import_end",
            settlement::EntryKind::MonthClosing => "month_closing",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_enums_of_the_messages_have_the_words_of_the_domain_and_no_others() {
        for kind in ContinueKind::ALL {
            assert_eq!(settlement::ContinuesKind::from(*kind).fixed(), Some(*kind));
        }
        for locality in Locality::ALL {
            assert_eq!(settlement::Locality::from(*locality).word(), locality.as_str());
        }
        for period in Period::ALL {
            let message = settlement::Period::from(*period);
            assert_eq!(message.as_str_name().to_lowercase(), format!("period_{}", message.word()));
        }
        assert_eq!(settlement::SkipReason::Unspecified.word(), "");
        assert_eq!(settlement::NoticeReason::OverlappingStay.word(), "OVERLAPPING_STAY");
    }
}
