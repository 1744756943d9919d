//! Pages of tables in a real browser (chromium), on a telephone and on a desk.

use std::path::Path;

use super::browser::{ShownPage, shown_on_a_telephone_and_a_desk};

/// The cells, and those that are cut off, too small to read, or too narrow for what they hold.
const MEASURE: &str = "const cells = [...document.querySelectorAll('td')]; \
    const out = cells.filter(one => one.getBoundingClientRect().right > innerWidth || one.scrollWidth > one.clientWidth + 1).length; \
    const small = cells.filter(one => parseFloat(getComputedStyle(one).fontSize) < 13).length; \
    const narrow = cells.filter(one => one.textContent && one.getBoundingClientRect().width < 24).length; \
    figures = [cells.length, out, small, narrow];";

/// Checks that a page fetches nothing and fits a telephone and a desk: nothing overflows, and every cell can be read. Gives
/// the number of its cells.
pub fn fits_a_telephone_and_a_desk(place: &Path, page: &Path) -> u32 {
    let shown = shown_on_a_telephone_and_a_desk(place, page, 1_880, MEASURE);
    let cells = shown.map(|ShownPage { width, figures, picture, .. }| {
        let [cells, out, small, narrow] = figures[..] else { panic!("{figures:?}") };
        assert_eq!((out, small, narrow), (0, 0, 0), "at {width}");
        let drawn = picture.high * picture.wide - picture.pixels_of("#ffffff");
        assert!(drawn > 1_000, "nothing is drawn at {width}");
        cells
    });
    cells[1]
}
