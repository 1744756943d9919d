//! The words that the program itself fixes: enums, each variant with the word that files and output use for it.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! fixed_words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$vdoc])* $variant),* }

        impl $name {
            /// All variants, in order.
            pub const ALL: &'static [$name] = &[$($name::$variant),*];

            /// The word for it in policy files, tables and responses.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word),* }
            }

            /// The variant for a word.
            pub fn from_word(word: &str) -> Option<$name> {
                $name::ALL.iter().copied().find(|known| known.as_str() == word)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

fixed_words! {
    /// Where the hospital lies, seen from the insured region.
    Locality {
        /// In the insured county: all six digits agree.
        County = "county",
        /// In another county of the insured city: four digits agree, or both regions pool their funds as one city.
        City = "city",
        /// In another city of the insured province: two digits agree.
        Province = "province",
        /// In another province.
        Elsewhere = "elsewhere",
    }
}

fixed_words! {
    /// Whether the patient was referred to the place of treatment.
    Referral {
        /// With an approval: 备案/转诊.
        Registered = "registered",
        /// 急诊
        Emergency = "emergency",
        /// Neither.
        None = "none",
    }
}

fixed_words! {
    /// The period over which a layer's schedule accumulates.
    Period {
        /// Each settlement by itself.
        Admission = "admission",
        /// The benefit year's cumulative amount.
        Year = "year",
    }
}

fixed_words! {
    /// What a cap limits.
    CapKind {
        /// What the layer pays.
        Paid = "paid",
        /// The base of the layer.
        Base = "base",
    }
}

fixed_words! {
    /// The day that decides whether a policy is in force, and its benefit year.
    BenefitYear {
        /// The day of discharge.
        Discharge = "discharge",
        /// The day of admission.
        Admission = "admission",
    }
}

fixed_words! {
    /// When the deductible of a layer applies.
    DeductiblePer {
        /// Once over the cumulative amount of the benefit year.
        Year = "year",
        /// On each claim.
        Claim = "claim",
        /// On each claim, less what was taken of it in the benefit year.
        Credited = "credited",
    }
}

fixed_words! {
    /// How a claim continues an earlier settlement.
    ContinueKind {
        /// A further part of the same stay (中途结算, 年终结转).
        Interim = "interim",
        /// A stay in another hospital to which the patient was moved (转院).
        Transfer = "transfer",
    }
}

fixed_words! {
    /// Why a layer is not considered.
    SkipReason {
        /// Not in force on the day.
        NotInForce = "not_in_force",
        /// Not for this kind of visit.
        OtherVisit = "other_visit",
        /// Not in these circumstances.
        OtherCircumstances = "other_circumstances",
        /// Not for any category the person holds.
        OtherCategory = "other_category",
        /// Not for a category that the person holds.
        ExceptedCategory = "excepted_category",
    }
}

fixed_words! {
    /// What kind of body a payer is.
    PayerKind {
        /// A fund of the social insurance or of the medical assistance.
        Fund = "fund",
        /// A commercial insurer.
        Insurer = "insurer",
        /// A government.
        Government = "government",
        /// The hospital itself.
        Hospital = "hospital",
    }
}

impl Locality {
    /// The localities that a word of a condition stands for: one of them, or the shorthands `local` and
    /// `cross_region`.
    pub fn from_condition(word: &str) -> Option<&'static [Locality]> {
        match word {
            "county" => Some(&[Locality::County]),
            "city" => Some(&[Locality::City]),
            "province" => Some(&[Locality::Province]),
            "elsewhere" => Some(&[Locality::Elsewhere]),
            "local" => Some(&[Locality::County, Locality::City]),
            "cross_region" => Some(&[Locality::Province, Locality::Elsewhere]),
            _ => None,
        }
    }

    /// The words that [`Locality::from_condition`] knows.
    pub const CONDITION_WORDS: &'static [&'static str] =
        &["county", "city", "province", "elsewhere", "local", "cross_region"];
}
