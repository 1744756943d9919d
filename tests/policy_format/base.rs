//! One sound policy file that has every key of the format.

/// The file.
pub const BASE: &str = r#"format       = 2
id           = "base"
title        = "a sound file"
insurance    = "resident"
regions      = ["37"]
in_force     = { from = 2017-01-01, until = 2018-01-01 }
benefit_year = "discharge"

[sources]
law  = "the law, clause 2"
rule = "the rule"

[[layer]] # one
id             = "one"
name           = "layer one"
payer          = "fund"
visits         = ["inpatient", "maternity"]
pools          = ["eligible", "special_drug"]
period         = "admission"
only           = ["destitute", "registered_poor"]
in_force       = { from = 2017-02-01, until = 2017-12-01 } # of layer one
prior_self_pay = "20%"
cites          = ["law"] # of layer one
assumed        = ["schedule"]

[layer.schedule.primary]
deductible = ["200", "100", "0"]
bands      = [{ rate = "85%" }]
[layer.schedule.secondary]
deductible = "500"
bands      = [
    { upto = "10000", rate = "70%" },
    { upto = "20000", rate = "72%" },
    { rate = "75%" },
]
[layer.schedule.tertiary]
bands      = [{ rate = "55%" }]

[[layer.cap]] # of layer one
account = "fund"
of      = "paid"
annual  = "150000"

[[layer.when]] # of layer one
if             = { locality = ["cross_region"], referral = ["registered"], level = ["tertiary"] }
prior_self_pay = { plus = "10%" }
cites          = ["rule"]
assumed        = ["prior_self_pay"]

[[layer.for]] # of layer one
category   = ["registered_poor"]
deductible = { times = "0.5" }
rate       = { plus = "5%" }
cap        = { set = "500000" }
cites      = ["law", "rule"]

[[layer]] # two
id     = "two"
payer  = "insurer"
visits = ["outpatient_chronic"]
pools  = ["excluded"]
period = "year"
cites  = ["rule", "law"]

[layer.schedule.all]
bands = [{ rate = "30%" }]

[[layer.cap]] # of layer two
account = "insurer"
annual  = "30000"
"#;
