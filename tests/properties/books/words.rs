//! The words and tables of generated books.

/// The vocabulary of every generated book.
pub const VOCABULARY: &str = r#"format = 2
[category]
registered_poor = "建档立卡贫困人口"
destitute       = "特困人员"
minor           = "未成年居民"
student         = "大学生"
[level]
primary   = "一级及以下"
secondary = "二级"
tertiary  = "三级"
[visit]
inpatient  = { name = "住院", counts_admission = true }
day_care   = { name = "日间手术", counts_admission = true }
outpatient = { name = "普通门诊" }
dialysis   = { name = "门诊透析", needs = "dialysis" }
[approval]
cross_region = "异地就医备案/转诊"
dialysis     = "门诊透析资格"
[pool]
eligible = "政策范围内"
excluded = "全自费"
new_drug = "国谈药"
over_cap = "封顶线以上"
[class]
A = { pool = "eligible" }
B = { pool = "eligible", first_share = true }
C = { pool = "excluded", ceiling = false }
N = { pool = "new_drug", first_share = true, ceiling = false }
[tag]
tcm         = "中医医院"
psychiatric = "精神专科医院"
[disease]
leukaemia = { name = "白血病", codes = ["C91", "C92"] }
uraemia   = { name = "终末期肾病", codes = ["N18.5"] }
"#;

pub const CATEGORIES: &[&str] = &["registered_poor", "destitute", "minor", "student"];
pub const LEVELS: &[&str] = &["primary", "secondary", "tertiary"];
pub const VISITS: &[&str] = &["inpatient", "day_care", "outpatient", "dialysis"];
pub const POOLS: &[&str] = &["eligible", "preliminary_self_pay", "over_limit", "excluded", "new_drug", "over_cap"];
pub const LOCALITIES: &[&str] = &["county", "city", "province", "elsewhere", "local", "cross_region"];
pub const REFERRALS: &[&str] = &["registered", "emergency", "none"];
pub const TAGS: &[&str] = &["tcm", "psychiatric"];
pub const DISEASES: &[&str] = &["leukaemia", "uraemia"];
pub const DIAGNOSES: &[&str] = &["C91.0", "C92", "N18.5", "N18.4", "c91.0"];

/// Hospitals: id, level, region, tags.
pub const HOSPITALS: &[(&str, &str, &str, &[&str])] = &[
    ("H0", "primary", "370102", &[]),
    ("H1", "secondary", "370102", &["tcm"]),
    ("H2", "tertiary", "370103", &[]),
    ("H3", "tertiary", "370200", &["tcm", "psychiatric"]),
    ("H4", "secondary", "500101", &["psychiatric"]),
    ("H5", "tertiary", "500201", &[]),
];

/// The insured regions of persons.
pub const REGIONS: &[&str] = &["370102", "500101"];

/// A catalogue row: code, class, self-pay ratio, ceiling, regions, from, until.
pub type Row = (&'static str, &'static str, &'static str, &'static str, &'static str, &'static str, &'static str);

/// The catalogue, whose rows change on 28 June 2017.
pub const CATALOGUE: &[Row] = &[
    ("A", "A", "", "", "", "", ""),
    ("B", "B", "0.3333333333", "", "", "", ""),
    ("C", "C", "", "7", "", "", ""),
    ("N", "N", "0.1", "7", "", "", ""),
    ("BED", "A", "", "50", "", "", "2017-06-28"),
    ("BED", "A", "", "60.123456", "", "2017-06-28", ""),
    ("NEW", "C", "", "", "", "", "2017-06-28"),
    ("NEW", "B", "100%", "12.5", "", "2017-06-28", ""),
    ("PLACE", "A", "", "", "", "", ""),
    ("PLACE", "B", "0.15", "", "37", "", ""),
    ("PLACE", "C", "", "", "3702", "", ""),
];

pub const CODES: &[&str] = &["A", "B", "C", "N", "BED", "NEW", "PLACE"];
