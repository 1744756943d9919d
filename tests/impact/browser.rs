//! The page of an impact in a real browser (chromium), on a telephone and on a desk: nothing is wider than the window, and
//! the bars are drawn.

use super::program::prepared;
use crate::support::browser::{ShownPage, shown_on_a_telephone_and_a_desk};
use crate::support::program::run;

/// The bars, those that are drawn, and the cells with a text.
const MEASURE: &str = "const bars = [...document.querySelectorAll('.bar i')].map(one => one.getBoundingClientRect()); \
    const drawn = bars.filter(one => one.width > 0 && one.height >= 8).length; \
    const cells = [...document.querySelectorAll('td')].filter(one => one.textContent.trim()).length; \
    figures = [bars.length, drawn, cells];";

#[tokio::test]
async fn the_page_fits_a_telephone_and_a_desk_and_its_bars_are_drawn() {
    let place = tempfile::tempdir().expect("a directory");
    let (store, policies) = prepared(place.path()).await;
    let page = place.path().join("impact.html");
    let [store, policies, file] = [&store, &policies, &page].map(|path| path.display().to_string());
    for (lang, title) in [("zh", "政策影响"), ("en", "Impact of a policy")] {
        let arguments =
            ["policy", "impact", "--policies", &policies, "--store", &store, "--html", &file, "--lang", lang];
        let (code, _, errors) = run(&arguments);
        assert_eq!(code, Some(0), "{errors}");
        let html = std::fs::read_to_string(&page).expect("the page");
        assert!(html.contains(&format!("<h1>{title}</h1>")));
        for shown in shown_on_a_telephone_and_a_desk(place.path(), &page, 1_880, MEASURE) {
            let ShownPage { width, figures, picture, .. } = shown;
            let [bars, drawn, cells] = figures[..] else { panic!("{figures:?}") };
            assert!(bars >= 11 && drawn >= 4 && cells > 30, "{figures:?} at {width}");
            for color in ["#1f6feb", "#b3261e", "#2e8b57"] {
                assert!(picture.pixels_of(color) > 100, "nothing of the color {color} at {width}");
            }
        }
    }
}
