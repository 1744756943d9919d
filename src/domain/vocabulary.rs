//! The closed vocabularies of the law: enums, each variant with the word that files use for it.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! vocabulary {
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

vocabulary! {
    /// The kind of a visit (医疗类别).
    Visit {
        /// 住院
        Inpatient = "inpatient",
        /// 门诊大病
        OutpatientSerious = "outpatient_serious",
        /// 门诊慢病
        OutpatientChronic = "outpatient_chronic",
        /// 住院分娩
        Maternity = "maternity",
    }
}

vocabulary! {
    /// A category of poverty or hardship in which a person is registered.
    Category {
        /// 建档立卡贫困人口
        RegisteredPoor = "registered_poor",
        /// 特困人员
        Destitute = "destitute",
        /// 低保对象
        SubsistenceAllowance = "subsistence_allowance",
        /// 因病致贫返贫
        IllnessImpoverished = "illness_impoverished",
    }
}

vocabulary! {
    /// The kind of an approval.
    Approval {
        /// 门诊大病
        OutpatientSerious = "outpatient_serious",
        /// 门诊慢病
        OutpatientChronic = "outpatient_chronic",
        /// 异地就医备案/转诊
        CrossRegion = "cross_region",
    }
}

vocabulary! {
    /// The level of a hospital.
    Level {
        /// 一级及以下
        Primary = "primary",
        /// 二级
        Secondary = "secondary",
        /// 三级
        Tertiary = "tertiary",
    }
}

vocabulary! {
    /// Whether the hospital lies in the insured city (the first four digits of the regions agree).
    Locality {
        /// Within the insured city.
        Local = "local",
        /// 异地
        CrossRegion = "cross_region",
    }
}

vocabulary! {
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

vocabulary! {
    /// A part of a bill, which layers draw on.
    Pool {
        /// 政策范围内 (class A, and what is left of class B)
        Eligible = "eligible",
        /// 乙类先行自付
        PreliminarySelfPay = "preliminary_self_pay",
        /// 超限价自费
        OverLimit = "over_limit",
        /// 全自费 (class C)
        Excluded = "excluded",
        /// 大病保险特殊用药
        SpecialDrug = "special_drug",
        /// Special drugs that the 2017 national catalogue includes.
        TransitionalDrug = "transitional_drug",
    }
}

vocabulary! {
    /// The period over which a layer's schedule accumulates.
    Period {
        /// Each settlement by itself.
        Admission = "admission",
        /// The benefit year's cumulative amount.
        Year = "year",
    }
}

vocabulary! {
    /// What a cap limits.
    CapKind {
        /// What the layer pays.
        Paid = "paid",
        /// The base of the layer.
        Base = "base",
    }
}

vocabulary! {
    /// The day that decides whether a policy is in force, and its benefit year.
    BenefitYear {
        /// The day of discharge.
        Discharge = "discharge",
        /// The day of admission.
        Admission = "admission",
    }
}

/// The categories a person holds on a day.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Categories(u8);

impl Categories {
    /// The number of different sets.
    pub const COUNT: usize = 1 << Category::ALL.len();

    /// The set with a number below [`Categories::COUNT`].
    pub fn from_number(number: usize) -> Categories {
        let held = Category::ALL.iter().filter(|c| number & (1 << **c as usize) != 0);
        held.copied().collect()
    }

    /// Its number, below [`Categories::COUNT`].
    pub const fn number(self) -> usize {
        self.0 as usize
    }

    /// Whether the set contains a category.
    pub const fn has(self, category: Category) -> bool {
        self.0 & 1 << category as u8 != 0
    }

    /// Whether the two sets have a category in common.
    pub const fn meets(self, other: Categories) -> bool {
        self.0 & other.0 != 0
    }

    /// Its categories, in order.
    pub fn iter(self) -> impl Iterator<Item = Category> {
        Category::ALL.iter().copied().filter(move |c| self.has(*c))
    }
}

impl FromIterator<Category> for Categories {
    fn from_iter<I: IntoIterator<Item = Category>>(categories: I) -> Self {
        Categories(categories.into_iter().fold(0, |set, category| set | 1 << category as u8))
    }
}

impl fmt::Debug for Categories {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
