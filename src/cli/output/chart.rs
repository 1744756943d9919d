//! Charts as inline SVG: lines over time, without a script and without anything fetched.

use crate::cli::output::statement::escape::escaped;

/// The size of a chart in units of its own; it is shown as wide as the page.
const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 270.0;

/// Where the axes are.
const LEFT: f64 = 92.0;
const RIGHT: f64 = 744.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 232.0;

/// The most points of a line; of more, neighbors are drawn as the largest of them.
const POINTS: usize = 320;

/// How values are placed on the vertical axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    /// From zero, evenly.
    Linear,
    /// By powers of ten.
    Logarithmic,
}

/// A line of a chart.
pub(crate) struct Series {
    /// Its name.
    pub(crate) name: String,
    /// Its color.
    pub(crate) color: &'static str,
    /// Its values, evenly spaced along the horizontal axis; not finite where there is none.
    pub(crate) values: Vec<f64>,
}

/// A chart of lines; `labels` are below the horizontal axis, from left to right.
pub(crate) fn lines(title: &str, scale: Scale, series: &[Series], labels: &[String]) -> String {
    let all = series.iter().flat_map(|one| one.values.iter().copied()).filter(|value| value.is_finite());
    let axis = Axis::over(scale, all);
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" xmlns=\"http://www.w3.org/2000/svg\"><title>{}</title>\n",
        escaped(title)
    );
    for tick in axis.ticks() {
        let y = axis.y(tick);
        svg += &format!(
            "<path d=\"M{LEFT} {y:.1}H{RIGHT}\" class=\"grid\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\n",
            LEFT - 8.0,
            y + 5.0,
            number(tick)
        );
    }
    for (at, label) in labels.iter().enumerate() {
        let x = LEFT + (RIGHT - LEFT) * at as f64 / (labels.len().max(2) - 1) as f64;
        let anchor = if at == 0 {
            "start"
        } else if at + 1 == labels.len() {
            "end"
        } else {
            "middle"
        };
        svg +=
            &format!("<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"{anchor}\">{}</text>\n", BOTTOM + 26.0, escaped(label));
    }
    for one in series {
        svg += &format!("<path d=\"{}\" class=\"line\" stroke=\"{}\"/>\n", path(&one.values, &axis), one.color);
    }
    svg + "</svg>" + &legend(series)
}

/// Horizontal bars with a label and a count each.
pub(crate) fn bars(rows: &[(String, u64)], color: &str) -> String {
    let most = rows.iter().map(|(_, count)| *count).max().unwrap_or(1).max(1);
    let bar = |(label, count): &(String, u64)| {
        let share = 100.0 * *count as f64 / most as f64;
        format!(
            "<div class=\"bar\"><span>{}</span><b>{count}</b><i style=\"width:{share:.1}%;background:{color}\"></i></div>\n",
            escaped(label)
        )
    };
    rows.iter().map(bar).collect()
}

fn legend(series: &[Series]) -> String {
    let entry = |one: &Series| format!("<span><i style=\"background:{}\"></i>{}</span>", one.color, escaped(&one.name));
    format!("<p class=\"legend\">{}</p>", series.iter().map(entry).collect::<String>())
}

fn path(values: &[f64], axis: &Axis) -> String {
    let width = values.len().div_ceil(POINTS).max(1);
    let points: Vec<f64> = values.chunks(width).map(|some| some.iter().copied().fold(f64::NAN, f64::max)).collect();
    let (mut path, mut pen_is_down) = (String::new(), false);
    for (at, value) in points.iter().enumerate() {
        pen_is_down = value.is_finite() && {
            let x = LEFT + (RIGHT - LEFT) * at as f64 / (points.len().max(2) - 1) as f64;
            path += &format!("{}{x:.1} {:.1}", if pen_is_down { "L" } else { "M" }, axis.y(*value));
            true
        };
    }
    path
}

/// The vertical axis.
struct Axis {
    scale: Scale,
    low: f64,
    high: f64,
}

impl Axis {
    fn over(scale: Scale, values: impl Iterator<Item = f64> + Clone) -> Axis {
        let most = values.clone().fold(0.0, f64::max).max(f64::MIN_POSITIVE);
        match scale {
            Scale::Linear => Axis { scale, low: 0.0, high: step(most) * (most / step(most)).ceil() },
            Scale::Logarithmic => {
                let least = values.filter(|value| *value > 0.0).fold(most, f64::min);
                let (low, high) = (10f64.powf(least.log10().floor()), 10f64.powf(most.log10().ceil()));
                Axis { scale, low, high: high.max(low * 10.0) }
            }
        }
    }

    fn y(&self, value: f64) -> f64 {
        let share = match self.scale {
            Scale::Linear => value / self.high,
            Scale::Logarithmic => {
                let [value, low, high] = [value.max(self.low), self.low, self.high].map(f64::log10);
                (value - low) / (high - low)
            }
        };
        BOTTOM - (BOTTOM - TOP) * share.clamp(0.0, 1.0)
    }

    fn ticks(&self) -> Vec<f64> {
        match self.scale {
            Scale::Linear => {
                let step = step(self.high);
                (0..=(self.high / step).round() as u32).map(|at| f64::from(at) * step).collect()
            }
            Scale::Logarithmic => {
                let powers = (self.high / self.low).log10().round() as i32;
                (0..=powers).map(|power| self.low * 10f64.powi(power)).collect()
            }
        }
    }
}

/// The distance of at most six ticks up to this value: 1, 2 or 5 times a power of ten.
fn step(most: f64) -> f64 {
    let power = 10f64.powf((most / 5.0).log10().floor());
    let times = [1.0, 2.0, 5.0].into_iter().find(|times| times * power * 5.000_001 >= most);
    power * times.unwrap_or(10.0)
}

fn number(value: f64) -> String {
    if value >= 1.0 || value == 0.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.3}").trim_end_matches('0').to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_drawn_where_its_axis_has_it() {
        let values = vec![0.0, 50.0, 100.0];
        let svg = lines("t", Scale::Linear, &[Series { name: "a".to_owned(), color: "#123456", values }], &[]);
        assert!(svg.contains("d=\"M92.0 232.0L418.0 123.0L744.0 14.0\""), "{svg}");
        let values = vec![1.0, 10.0, 100.0];
        let svg = lines("t", Scale::Logarithmic, &[Series { name: "a".to_owned(), color: "#123456", values }], &[]);
        assert!(svg.contains("d=\"M92.0 232.0L418.0 123.0L744.0 14.0\""), "{svg}");
    }

    #[test]
    fn a_second_without_a_value_is_a_gap_and_nothing_is_not_a_number() {
        let values = vec![1.0, f64::NAN, 1.0];
        let svg = lines(
            "t",
            Scale::Logarithmic,
            &[Series { name: "a".to_owned(), color: "#123456", values }],
            &["0 s".to_owned()],
        );
        assert_eq!(svg.matches('M').count() - svg.matches("M92 ").count(), 2, "{svg}");
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        let empty =
            lines("t", Scale::Linear, &[Series { name: "a".to_owned(), color: "#123456", values: Vec::new() }], &[]);
        assert!(!empty.contains("NaN") && !empty.contains("inf"), "{empty}");
    }
}
