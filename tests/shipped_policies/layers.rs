//! Every layer as the published tables give it, written out by hand.

/// Terms: deductibles · bands at each level, and the caps.
pub type Text = ([&'static str; 3], &'static str);

/// Other terms for some categories.
#[derive(Clone, Copy)]
pub struct Adjusted {
    pub of: &'static [&'static str],
    pub terms: Text,
}

/// A layer as a table gives it.
pub struct Published {
    /// The layer's id, and which one of that id.
    pub name: &'static str,
    pub payer: &'static str,
    pub visits: &'static [&'static str],
    pub pools: &'static [&'static str],
    pub period: &'static str,
    pub only: &'static [&'static str],
    pub terms: Text,
    pub adjusted: Option<Adjusted>,
    pub prior: &'static str,
    /// Prior self-pay elsewhere: with leave or in an emergency, and otherwise.
    pub away: Option<(&'static str, &'static str)>,
    pub cites: &'static [&'static str],
    pub entries_assume: &'static [&'static str],
}

const INPATIENT: &[&str] = &["inpatient"];
const BUT_MATERNITY: &[&str] = &["inpatient", "outpatient_serious", "outpatient_chronic"];
const ELIGIBLE: &[&str] = &["eligible"];
const DRUGS: &[&str] = &["special_drug", "transitional_drug"];
const ASSISTED: &[&str] = &["eligible", "special_drug", "transitional_drug"];
const POOR: &[&str] = &["registered_poor"];
const ALL_POOR: &[&str] = &["registered_poor", "destitute", "subsistence_allowance"];
const HARDSHIP: &[&str] = &["destitute", "subsistence_allowance", "registered_poor", "illness_impoverished"];
const FUND: &str = "basic_fund paid 150000";

/// What a table leaves out.
const NOTHING: Published = Published {
    name: "",
    payer: "basic_fund",
    visits: BUT_MATERNITY,
    pools: ELIGIBLE,
    period: "year",
    only: &[],
    terms: ([""; 3], ""),
    adjusted: None,
    prior: "0%",
    away: None,
    cites: &[],
    entries_assume: &[],
};

/// Every layer of every file.
pub const LAYERS: &[Published] = &[
    Published {
        name: "basic_inpatient",
        visits: INPATIENT,
        period: "admission",
        terms: (["200, 100, 0 · 85%", "500, 250, 0 · 70%", "1000, 500, 0 · 55%"], FUND),
        away: Some(("10%", "40%")),
        cites: &["circular-37", "cross-region"],
        ..NOTHING
    },
    Published {
        name: "basic_inpatient (Rizhao)",
        visits: INPATIENT,
        period: "admission",
        terms: (["300, 200, 100 · 80%", "500, 400, 0 · 70%", "500, 400, 0 · to 150000 55%; 70%"], FUND),
        ..NOTHING
    },
    Published {
        name: "basic_inpatient (Yanzhou)",
        visits: INPATIENT,
        period: "admission",
        terms: (["200 · 80%", "500 · 70%", "1000 · 55%"], FUND),
        adjusted: Some(Adjusted { of: POOR, terms: (["100 · 90%", "300 · 80%", "500 · 65%"], FUND) }),
        ..NOTHING
    },
    Published {
        name: "basic_outpatient_serious",
        visits: &["outpatient_serious"],
        terms: (["500 · 65%"; 3], FUND),
        adjusted: Some(Adjusted { of: ALL_POOR, terms: (["200 · 75%"; 3], FUND) }),
        cites: &["circular-37", "yanzhou"],
        ..NOTHING
    },
    Published {
        name: "basic_outpatient_chronic",
        visits: &["outpatient_chronic"],
        terms: (["500 · 60%"; 3], FUND),
        adjusted: Some(Adjusted { of: ALL_POOR, terms: (["200 · 70%"; 3], FUND) }),
        cites: &["circular-37", "yanzhou"],
        ..NOTHING
    },
    Published {
        name: "basic_maternity",
        visits: &["maternity"],
        period: "admission",
        terms: (["0 · to 1300 100%; 0%"; 3], FUND),
        cites: &["circular-37"],
        ..NOTHING
    },
    Published {
        name: "critical_illness",
        payer: "critical_illness_insurance",
        pools: &["eligible", "preliminary_self_pay"],
        terms: (["12000 · to 100000 50%; to 200000 60%; 65%"; 3], "critical_illness paid 300000"),
        adjusted: Some(Adjusted {
            of: POOR,
            terms: (["6000 · to 100000 55%; to 200000 65%; 70%"; 3], "critical_illness paid 500000"),
        }),
        cites: &["critical-2017", "circular-37"],
        ..NOTHING
    },
    Published {
        name: "critical_illness (2018)",
        payer: "critical_illness_insurance",
        terms: (["12000 · to 100000 50%; to 200000 60%; to 300000 70%; 75%"; 3], "critical_illness paid 400000"),
        adjusted: Some(Adjusted {
            of: POOR,
            terms: (["6000 · to 100000 55%; to 200000 65%; to 300000 75%; 80%"; 3], "critical_illness paid 500000"),
        }),
        ..NOTHING
    },
    Published {
        name: "critical_illness (2019)",
        payer: "critical_illness_insurance",
        terms: (["12000 · to 100000 60%; to 200000 65%; to 300000 70%; 75%"; 3], "critical_illness paid 400000"),
        adjusted: Some(Adjusted {
            of: POOR,
            terms: (["5000 · to 100000 65%; to 300000 75%; 85%"; 3], "critical_illness paid none"),
        }),
        ..NOTHING
    },
    Published {
        name: "special_drug",
        payer: "critical_illness_insurance",
        pools: DRUGS,
        terms: (["20000 · 40%"; 3], "special_drug paid 200000"),
        adjusted: Some(Adjusted { of: POOR, terms: (["0 · 40%"; 3], "special_drug paid 200000") }),
        cites: &["drugs-2016", "circular-37"],
        ..NOTHING
    },
    Published {
        name: "special_drug (2019)",
        payer: "critical_illness_insurance",
        pools: DRUGS,
        terms: (["20000 · 60%"; 3], "special_drug paid 200000"),
        adjusted: Some(Adjusted { of: POOR, terms: (["0 · 60%"; 3], "special_drug paid 200000") }),
        ..NOTHING
    },
    Published {
        name: "class_b_top_up",
        pools: &["transitional_drug"],
        period: "admission",
        terms: (["0 · 85%", "0 · 70%", "0 · 55%"], FUND),
        prior: "20%",
        cites: &["circular-37", "catalogue-2017"],
        ..NOTHING
    },
    Published {
        name: "class_b_top_up (cities)",
        pools: &["transitional_drug"],
        period: "admission",
        terms: (["0 · 80%", "0 · 70%", "0 · 55%"], FUND),
        prior: "20%",
        ..NOTHING
    },
    Published {
        name: "commercial_supplement",
        payer: "commercial_insurer",
        visits: INPATIENT,
        pools: &["eligible", "preliminary_self_pay", "special_drug", "transitional_drug", "over_limit", "excluded"],
        only: POOR,
        terms: (["0 · 80%"; 3], "commercial_supplement paid 300000"),
        cites: &["commercial-2017"],
        ..NOTHING
    },
    Published {
        name: "hospital_waiver",
        payer: "hospital",
        visits: INPATIENT,
        pools: &["excluded"],
        period: "admission",
        only: POOR,
        terms: (["0 · 10%"; 3], ""),
        cites: &["yanzhou"],
        ..NOTHING
    },
    Published {
        name: "medical_assistance",
        payer: "medical_assistance_fund",
        pools: ASSISTED,
        only: HARDSHIP,
        terms: (["0 · 70%"; 3], "medical_assistance paid 10000"),
        adjusted: Some(Adjusted { of: &["destitute"], terms: (["0 · 100%"; 3], "medical_assistance paid 30000") }),
        cites: &["yishui", "taian"],
        entries_assume: &[r#"["rate", "cap"]"#],
        ..NOTHING
    },
    Published {
        name: "further_assistance",
        payer: "medical_assistance_fund",
        pools: ASSISTED,
        only: HARDSHIP,
        terms: (["5000 · 70%"; 3], "further_assistance paid 20000"),
        cites: &["taian", "yishui"],
        ..NOTHING
    },
];
