//! The words of the messages in both languages. A word that a policy defines (a payer, an account) and that is not in
//! this list is shown as it is.

use std::fmt;

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

    /// A word of the messages in this language; an unknown word is returned as it is.
    pub fn word(self, word: &str) -> String {
        match WORDS.iter().find(|(known, ..)| *known == word) {
            Some((_, zh, en)) => self.choose(*zh, *en).to_owned(),
            None => word.to_owned(),
        }
    }

    /// Several words as a list.
    pub fn words(self, words: &[String]) -> String {
        let translated: Vec<_> = words.iter().map(|word| self.word(word)).collect();
        translated.join(self.choose("、", ", "))
    }
}

impl fmt::Display for Lang {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.choose("zh-CN", "en"))
    }
}

/// Word, Chinese, English.
pub const WORDS: &[(&str, &str, &str)] = &[
    // Pools.
    ("eligible", "政策范围内费用", "eligible"),
    ("preliminary_self_pay", "乙类先行自付", "first share of class B"),
    ("over_limit", "超限价", "above price ceilings"),
    ("excluded", "全自费", "not covered"),
    ("special_drug", "大病保险特殊用药", "special drugs"),
    ("transitional_drug", "转入国家目录的特殊用药", "special drugs taken into the national catalogue"),
    // Payers, and accounts named after them.
    ("basic_fund", "居民基本医疗保险基金", "basic insurance fund"),
    ("critical_illness_insurance", "居民大病保险", "critical illness insurance"),
    ("medical_assistance_fund", "医疗救助基金", "medical assistance fund"),
    ("commercial_insurer", "商业补充保险", "commercial insurer"),
    ("hospital", "医疗机构", "hospital"),
    ("critical_illness", "居民大病保险", "critical illness insurance"),
    ("medical_assistance", "医疗救助", "medical assistance"),
    ("further_assistance", "再救助", "further assistance"),
    ("commercial_supplement", "商业补充保险", "commercial supplement"),
    // Visits.
    ("inpatient", "住院", "inpatient"),
    ("outpatient_serious", "门诊大病", "outpatient, serious disease"),
    ("outpatient_chronic", "门诊慢病", "outpatient, chronic disease"),
    ("maternity", "住院分娩", "maternity"),
    // Hospitals.
    ("primary", "一级", "primary"),
    ("secondary", "二级", "secondary"),
    ("tertiary", "三级", "tertiary"),
    // Locality and referral.
    ("local", "参保地就医", "within the insured city"),
    ("cross_region", "异地就医", "outside the insured city"),
    ("registered", "已备案", "registered"),
    ("emergency", "急诊", "emergency"),
    ("none", "未备案", "not registered"),
    // Categories.
    ("registered_poor", "建档立卡贫困人口", "registered poor"),
    ("destitute", "特困人员", "destitute"),
    ("subsistence_allowance", "低保对象", "on subsistence allowance"),
    ("illness_impoverished", "因病致贫返贫人员", "impoverished by illness"),
    // Insurance.
    ("resident", "城乡居民基本医疗保险", "resident basic insurance"),
    // Classes.
    ("A", "甲类", "A"),
    ("B", "乙类", "B"),
    ("C", "丙类", "C"),
    ("special", "特殊用药", "special"),
    ("transitional", "转入目录", "transitional"),
    // Why a layer does not apply.
    ("not_in_force", "当日不适用", "not in force on the day"),
    ("other_visit", "不适用于本次就医类别", "not for this kind of visit"),
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
];
