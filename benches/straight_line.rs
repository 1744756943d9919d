//! The limit for adjudication: `shandong-2017` for a registered poor inpatient of a tertiary hospital in the insured
//! city, written as Rust in whole fen. The same sums, without derivation and without policies as data.

/// One line of a bill, looked up.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// Position of its code.
    pub code: usize,
    /// 10^-4 units.
    pub quantity_e4: i64,
    /// 10^-6 yuan.
    pub price_micro: i64,
    /// Fen.
    pub amount: i64,
}

/// The catalogue's entry of a code.
#[derive(Clone, Copy, Debug)]
pub struct Code {
    /// 0 A, 1 B, 2 C, 3 special, 4 transitional.
    pub class: u8,
    /// Of class B, in 10^-4.
    pub ratio_e4: i64,
    /// 10^-6 yuan; negative for none.
    pub ceiling_micro: i64,
}

/// The account of the benefit year.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Year {
    /// Inpatient settlements.
    pub admissions: u32,
    /// Paid by the basic fund's layers.
    pub basic_fund: i64,
    /// Base and paid of critical illness, special drug, commercial supplement, assistance, further assistance.
    pub base: [i64; 5],
    /// Paid by those five.
    pub paid: [i64; 5],
}

impl Year {
    /// Adds a base to a layer of period year and returns the layer's payment.
    fn yearly(&mut self, at: usize, base: i64, cap: i64, paid: &dyn Fn(i64) -> i64) -> i64 {
        let (c0, c1) = (self.base[at], self.base[at] + base);
        let pays = capped(paid(c1) - paid(c0), cap, self.paid[at]);
        self.base[at] = c1;
        self.paid[at] += pays;
        pays
    }
}

/// The payment of each of the eight layers, in the order of payment, and the patient's share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shares {
    /// basic, critical, special, class B top-up, commercial, waiver, assistance, further assistance.
    pub layers: [i64; 8],
    /// Eligible, preliminary, over limit, excluded, special, transitional.
    pub pools: [i64; 6],
    /// The patient's share.
    pub patient: i64,
}

fn share(amount: i64, rate_e4: i64) -> i64 {
    let product = i128::from(amount) * i128::from(rate_e4);
    let up = (product % 10_000).abs() * 2 >= 10_000;
    (product / 10_000) as i64 + if up { product.signum() as i64 } else { 0 }
}

fn priced(price_micro: i64, quantity_e4: i64) -> i64 {
    let product = i128::from(price_micro) * i128::from(quantity_e4);
    let up = (product % 100_000_000).abs() * 2 >= 100_000_000;
    (product / 100_000_000) as i64 + if up { product.signum() as i64 } else { 0 }
}

/// The pools of a bill.
pub fn pools(lines: &[Line], codes: &[Code], sums: &mut Vec<[i64; 3]>) -> [i64; 6] {
    sums.clear();
    sums.resize(codes.len(), [0; 3]);
    for line in lines {
        let code = codes[line.code];
        let mut over = 0;
        if code.ceiling_micro >= 0 && code.class != 2 {
            let excess = priced((line.price_micro - code.ceiling_micro).max(0), line.quantity_e4);
            over = if line.amount < 0 { excess.max(line.amount) } else { excess.min(line.amount) };
        }
        let first = if code.class == 1 { share(line.amount - over, code.ratio_e4) } else { 0 };
        let sum = &mut sums[line.code];
        *sum = [sum[0] + line.amount, sum[1] + over, sum[2] + first];
    }
    let mut pools = [0; 6];
    for (code, [net, over, first]) in codes.iter().zip(sums) {
        let over = (*over).max(0).min(*net);
        let first = (*first).max(0).min(*net - over);
        let pool = [0, 0, 3, 4, 5][usize::from(code.class)];
        pools[2] += over;
        pools[1] += first;
        pools[pool] += *net - over - first;
    }
    pools
}

/// Takes an amount out of these pools, in this order.
fn draw(left: &mut [i64; 6], from: &[usize], mut amount: i64) {
    for pool in from {
        let part = amount.min(left[*pool]);
        left[*pool] -= part;
        amount -= part;
    }
}

fn critical(c: i64) -> i64 {
    let band = |low: i64, high: i64, rate| share((c.min(high) - low.max(600_000)).max(0), rate);
    band(0, 10_000_000, 5_500) + band(10_000_000, 20_000_000, 6_500) + band(20_000_000, i64::MAX, 7_000)
}

fn capped(pays: i64, cap: i64, used: i64) -> i64 {
    pays.min(cap - used).max(0)
}

/// Settles a bill on a year.
pub fn settle(lines: &[Line], codes: &[Code], year: &mut Year, sums: &mut Vec<[i64; 3]>) -> Shares {
    let pools = pools(lines, codes, sums);
    let mut left = pools;
    let mut shares = Shares { pools, ..Shares::default() };

    let deductible = [100_000, 50_000, 0][(year.admissions as usize).min(2)];
    let pays = capped(share((left[0] - deductible).max(0), 5_500), 15_000_000, year.basic_fund);
    draw(&mut left, &[0], pays);
    year.basic_fund += pays;
    shares.layers[0] = pays;

    shares.layers[1] = year.yearly(0, left[0] + left[1], 50_000_000, &critical);
    draw(&mut left, &[0, 1], shares.layers[1]);
    shares.layers[2] = year.yearly(1, left[4] + left[5], 20_000_000, &|c| share(c, 4_000));
    draw(&mut left, &[4, 5], shares.layers[2]);

    let top_up = capped(share(share(left[5], 8_000), 5_500), 15_000_000, year.basic_fund);
    draw(&mut left, &[5], top_up);
    year.basic_fund += top_up;
    shares.layers[3] = top_up;

    shares.layers[4] = year.yearly(2, left.iter().sum(), 30_000_000, &|c| share(c, 8_000));
    draw(&mut left, &[0, 1, 4, 5, 2, 3], shares.layers[4]);
    shares.layers[5] = share(left[3], 1_000);
    draw(&mut left, &[3], shares.layers[5]);
    shares.layers[6] = year.yearly(3, left[0] + left[4] + left[5], 1_000_000, &|c| share(c, 7_000));
    draw(&mut left, &[0, 4, 5], shares.layers[6]);
    shares.layers[7] = year.yearly(4, left[0] + left[4] + left[5], 2_000_000, &|c| share((c - 500_000).max(0), 7_000));
    draw(&mut left, &[0, 4, 5], shares.layers[7]);

    shares.patient = left.iter().sum();
    year.admissions += u32::from(lines.iter().map(|line| line.amount).sum::<i64>() > 0);
    shares
}
