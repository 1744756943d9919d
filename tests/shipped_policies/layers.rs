//! Every layer as published, written by hand.

/// Terms: deductibles · bands for each level, and the caps.
pub type TermsText = ([&'static str; 3], &'static str);

/// The terms for some categories.
#[derive(Clone, Copy)]
pub struct CategoryTerms {
    pub of: &'static [&'static str],
    pub terms: TermsText,
}

/// A layer as published.
pub struct PublishedLayer {
    /// The id of the layer, and the variant in parentheses if there are several.
    pub name: &'static str,
    pub payer: &'static str,
    pub visits: &'static [&'static str],
    pub pools: &'static [&'static str],
    pub period: &'static str,
    pub only: &'static [&'static str],
    pub terms: TermsText,
    pub for_categories: Option<CategoryTerms>,
    pub prior: &'static str,
    /// Prior self-pay in another region: registered or in an emergency, and otherwise.
    pub cross_region: Option<(&'static str, &'static str)>,
    pub cites: &'static [&'static str],
    pub assumed_in_entries: &'static [&'static str],
}

const INPATIENT: &[&str] = &["inpatient"];
const ALL_BUT_MATERNITY: &[&str] = &["inpatient", "outpatient_serious", "outpatient_chronic"];
const ELIGIBLE: &[&str] = &["eligible"];
const DRUG_POOLS: &[&str] = &["special_drug", "transitional_drug"];
const ASSISTED_POOLS: &[&str] = &["eligible", "special_drug", "transitional_drug"];
const POOR: &[&str] = &["registered_poor"];
const ALL_POOR: &[&str] = &["registered_poor", "destitute", "subsistence_allowance"];
const HARDSHIP: &[&str] = &["destitute", "subsistence_allowance", "registered_poor", "illness_impoverished"];
const FUND: &str = "basic_fund paid 150000";

/// The values of fields that a published table does not give.
const DEFAULTS: PublishedLayer = PublishedLayer {
    name: "",
    payer: "basic_fund",
    visits: ALL_BUT_MATERNITY,
    pools: ELIGIBLE,
    period: "year",
    only: &[],
    terms: ([""; 3], ""),
    for_categories: None,
    prior: "0%",
    cross_region: None,
    cites: &[],
    assumed_in_entries: &[],
};

/// Every layer of every file.
pub const LAYERS: &[PublishedLayer] = &[
    PublishedLayer {
        name: "basic_inpatient",
        visits: INPATIENT,
        period: "admission",
        terms: (["200, 100, 0 · 85%", "500, 250, 0 · 70%", "1000, 500, 0 · 55%"], FUND),
        cross_region: Some(("10%", "40%")),
        cites: &["circular-37", "cross-region"],
        ..DEFAULTS
    },
    PublishedLayer {
        name: "basic_inpatient (Rizhao)",
        visits: INPATIENT,
        period: "admission",
        terms: (["300, 200, 100 · 80%", "500, 400, 0 · 70%", "500, 400, 0 · to 150000 55%; 70%"], FUND),
        ..DEFAULTS
    },
    PublishedLayer {
        name: "basic_inpatient (Yanzhou)",
        visits: INPATIENT,
        period: "admission",
        terms: (["200 · 80%", "500 · 70%", "1000 · 55%"], FUND),
        for_categories: Some(CategoryTerms { of: POOR, terms: (["100 · 90%", "300 · 80%", "500 · 65%"], FUND) }),
        ..DEFAULTS
    },
    PublishedLayer {
        name: "basic_outpatient_serious",
        visits: &["outpatient_serious"],
        terms: (["500 · 65%"; 3], FUND),
        for_categories: Some(CategoryTerms { of: ALL_POOR, terms: (["200 · 75%"; 3], FUND) }),
        cites: &["circular-37", "yanzhou"],
        ..DEFAULTS
    },
    PublishedLayer {
        name: "basic_outpatient_chronic",
        visits: &["outpatient_chronic"],
        terms: (["500 · 60%"; 3], FUND),
        for_categories: Some(CategoryTerms { of: ALL_POOR, terms: (["200 · 70%"; 3], FUND) }),
        cites: &["circular-37", "yanzhou"],
        ..DEFAULTS
    },
    PublishedLayer {
        name: "basic_maternity",
        visits: &["maternity"],
        period: "admission",
        terms: (["0 · to 1300 100%; 0%"; 3], FUND),
        cites: &["circular-37"],
        ..DEFAULTS
    },
    PublishedLayer {
        name: "critical_illness",
        payer: "critical_illness_insurance",
        pools: &["eligible", "preliminary_self_pay"],
        terms: (["12000 · to 100000 50%; to 200000 60%; 65%"; 3], "critical_illness paid 300000"),
        for_categories: Some(CategoryTerms {
            of: POOR,
            terms: (["6000 · to 100000 55%; to 200000 65%; 70%"; 3], "critical_illness paid 500000"),
        }),
        cites: &["critical-2017", "circular-37"],
        ..DEFAULTS
    },
    PublishedLayer {
        name: "critical_illness (2018)",
        payer: "critical_illness_insurance",
        terms: (["12000 · to 100000 50%; to 200000 60%; to 300000 70%; 75%"; 3], "critical_illness paid 400000"),
        for_categories: Some(CategoryTerms {
            of: POOR,
            terms: (["6000 · to 100000 55%; to 200000 65%; to 300000 75%; 80%"; 3], "critical_illness paid 500000"),
        }),
        ..DEFAULTS
    },
    PublishedLayer {
        name: "critical_illness (2019)",
        payer: "critical_illness_insurance",
        terms: (["12000 · to 100000 60%; to 200000 65%; to 300000 70%; 75%"; 3], "critical_illness paid 400000"),
        for_categories: Some(CategoryTerms {
            of: POOR,
            terms: (["5000 · to 100000 65%; to 300000 75%; 85%"; 3], "critical_illness paid none"),
        }),
        ..DEFAULTS
    },
    PublishedLayer {
        name: "special_drug",
        payer: "critical_illness_insurance",
        pools: DRUG_POOLS,
        terms: (["20000 · 40%"; 3], "special_drug paid 200000"),
        for_categories: Some(CategoryTerms { of: POOR, terms: (["0 · 40%"; 3], "special_drug paid 200000") }),
        cites: &["drugs-2016", "circular-37"],
        ..DEFAULTS
    },
    PublishedLayer {
        name: "special_drug (2019)",
        payer: "critical_illness_insurance",
        pools: DRUG_POOLS,
        terms: (["20000 · 60%"; 3], "special_drug paid 200000"),
        for_categories: Some(CategoryTerms { of: POOR, terms: (["0 · 60%"; 3], "special_drug paid 200000") }),
        ..DEFAULTS
    },
    PublishedLayer {
        name: "class_b_top_up",
        pools: &["transitional_drug"],
        period: "admission",
        terms: (["0 · 85%", "0 · 70%", "0 · 55%"], FUND),
        prior: "20%",
        cites: &["circular-37", "catalogue-2017"],
        ..DEFAULTS
    },
    PublishedLayer {
        name: "class_b_top_up (cities)",
        pools: &["transitional_drug"],
        period: "admission",
        terms: (["0 · 80%", "0 · 70%", "0 · 55%"], FUND),
        prior: "20%",
        ..DEFAULTS
    },
    PublishedLayer {
        name: "commercial_supplement",
        payer: "commercial_insurer",
        visits: INPATIENT,
        pools: &["eligible", "preliminary_self_pay", "special_drug", "transitional_drug", "over_limit", "excluded"],
        only: POOR,
        terms: (["0 · 80%"; 3], "commercial_supplement paid 300000"),
        cites: &["commercial-2017"],
        ..DEFAULTS
    },
    PublishedLayer {
        name: "hospital_waiver",
        payer: "hospital",
        visits: INPATIENT,
        pools: &["excluded"],
        period: "admission",
        only: POOR,
        terms: (["0 · 10%"; 3], ""),
        cites: &["yanzhou"],
        ..DEFAULTS
    },
    PublishedLayer {
        name: "medical_assistance",
        payer: "medical_assistance_fund",
        pools: ASSISTED_POOLS,
        only: HARDSHIP,
        terms: (["0 · 70%"; 3], "medical_assistance paid 10000"),
        for_categories: Some(CategoryTerms {
            of: &["destitute"],
            terms: (["0 · 100%"; 3], "medical_assistance paid 30000"),
        }),
        cites: &["yishui", "taian"],
        assumed_in_entries: &[r#"["rate", "cap"]"#],
        ..DEFAULTS
    },
    PublishedLayer {
        name: "further_assistance",
        payer: "medical_assistance_fund",
        pools: ASSISTED_POOLS,
        only: HARDSHIP,
        terms: (["5000 · 70%"; 3], "further_assistance paid 20000"),
        cites: &["taian", "yishui"],
        ..DEFAULTS
    },
];
