//! The words that the program itself fixes, in both languages.

use std::fmt;

use crate::domain::file_faults::FileFaults;

/// The language of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Lang {
    /// Chinese.
    Zh,
    /// English.
    En,
}

impl Lang {
    /// The text in this language.
    pub fn choose<T>(self, zh: T, en: T) -> T {
        match self {
            Lang::Zh => zh,
            Lang::En => en,
        }
    }

    /// The language of the environment: of LC_ALL, LC_MESSAGES and LANG the first that is set; otherwise English.
    pub fn from_environment() -> Lang {
        let set = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().filter_map(|name| std::env::var(name).ok());
        match set.into_iter().find(|value| !value.is_empty()) {
            Some(value) if value.starts_with("zh") => Lang::Zh,
            _ => Lang::En,
        }
    }

    /// A fixed word in this language; an unknown word is returned as it is.
    pub fn fixed_word(self, word: &str) -> String {
        let found = WORDS.iter().find(|(known, ..)| *known == word);
        found.map_or(word, |(_, zh, en)| self.choose(*zh, *en)).to_owned()
    }

    /// Several fixed words as a list.
    pub(super) fn fixed_words(self, words: &[String]) -> String {
        let translated: Vec<_> = words.iter().map(|word| self.fixed_word(word)).collect();
        translated.join(self.choose("、", ", "))
    }

    /// Faults in this language.
    pub(crate) fn faults(self, faults: FileFaults) -> FileFaults {
        match self {
            Lang::Zh => faults.into_chinese(),
            Lang::En => faults,
        }
    }
}

impl fmt::Display for Lang {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.choose("zh-CN", "en"))
    }
}

/// Word, Chinese, English.
pub const WORDS: &[(&str, &str, &str)] = &[
    // Accounts that are named after what they limit.
    ("critical_illness", "居民大病保险", "critical illness insurance"),
    ("medical_assistance", "医疗救助", "medical assistance"),
    ("further_assistance", "再救助", "further assistance"),
    ("commercial_supplement", "商业补充保险", "commercial supplement"),
    // Locality and referral.
    ("county", "参保县区内就医", "within the insured county"),
    ("city", "参保市内就医", "within the insured city"),
    ("province", "省内异地就医", "elsewhere in the insured province"),
    ("elsewhere", "跨省异地就医", "outside the insured province"),
    ("registered", "已备案", "registered"),
    ("emergency", "急诊", "emergency"),
    ("none", "未备案", "not registered"),
    // Insurance.
    ("resident", "城乡居民基本医疗保险", "resident basic insurance"),
    ("employee", "职工基本医疗保险", "employee basic insurance"),
    // Classes.
    ("A", "甲类", "A"),
    ("B", "乙类", "B"),
    ("C", "丙类", "C"),
    ("special", "特殊用药", "special"),
    ("transitional", "转入目录", "transitional"),
    // Why a layer does not apply.
    ("not_in_force", "当日不适用", "not in force on the day"),
    ("other_visit", "不适用于本次就医类别", "not for this kind of visit"),
    ("other_circumstances", "不适用于本次就医情形", "not in the circumstances of this visit"),
    ("excepted_category", "不适用于本人身份（除外）", "not for a category that the person holds"),
    ("other_category", "不适用于本人身份", "not for any category the person holds"),
    // Figures that may be assumed.
    ("deductible", "起付线", "deductible"),
    ("bands", "分段", "bands"),
    ("schedule", "起付线与分段", "deductible and bands"),
    ("rate", "支付比例", "rate"),
    ("cap", "封顶线", "cap"),
    ("prior_self_pay", "先行自付", "first share"),
    ("pools", "费用范围", "pools"),
    ("visits", "就医类别", "visits"),
    ("period", "计算周期", "period"),
    ("only", "适用人群", "persons"),
    ("category", "适用人群", "persons"),
    ("in_force", "执行期限", "days in force"),
    ("name", "名称", "name"),
    ("payer", "支付方", "payer"),
    ("when", "情形调整", "entries for circumstances"),
    ("for", "人群调整", "entries for categories"),
    ("if", "情形", "circumstances"),
    ("except", "除外人群", "persons left out"),
    ("ledger", "累计账本", "ledger"),
    ("deductible_per", "起付线方式", "way of the deductible"),
    ("bands_over", "分段口径", "measure of the bands"),
    ("on_transfer", "转院", "transfers"),
];
