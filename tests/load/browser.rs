//! The page of a load in a real browser (chromium), on a telephone and on a desk: nothing is wider than the window, and the
//! lines of the charts are drawn.

use crate::support::browser::{ShownPage, shown_on_a_telephone_and_a_desk};
use crate::support::program::run;

/// The texts of the charts, those that are too small to read, and the lines that are drawn over a good part of the window.
const MEASURE: &str = "const texts = [...document.querySelectorAll('svg text')].map(one => one.getBoundingClientRect()); \
    const small = texts.filter(one => one.height < 9).length; \
    const lines = [...document.querySelectorAll('.line')].map(one => one.getBoundingClientRect().width); \
    const drawn = lines.filter(width => width > innerWidth * 0.3).length; \
    figures = [texts.length, small, drawn];";

#[test]
fn the_page_fits_a_telephone_and_a_desk_and_its_charts_are_drawn() {
    let place = tempfile::tempdir().expect("a directory");
    let page = place.path().join("report.html");
    let file = page.display().to_string();
    let load = ["load", "--seconds", "4", "--arrivals", "day", "--rate", "40", "--persons", "1000", "--html", &file];
    let (code, text, errors) = run(&load);
    assert_eq!(code, Some(0), "{errors}");
    assert!(text.contains("first call of an arrival") && text.contains("0 findings"), "{text}");
    for shown in shown_on_a_telephone_and_a_desk(place.path(), &page, 1_880, MEASURE) {
        let ShownPage { width, figures, picture, .. } = shown;
        let [texts, small, lines] = figures[..] else { panic!("{figures:?}") };
        assert!((small, lines) == (0, 7) && texts >= 12, "{figures:?} at {width}");
        for color in ["#1f6feb", "#b3261e", "#9aa5ad"] {
            assert!(picture.pixels_of(color) > 100, "nothing of the color {color} at {width}");
        }
    }
}
