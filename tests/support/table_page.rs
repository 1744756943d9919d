//! Pages of tables in a real browser (chromium), on a telephone and on a desk.

use std::path::Path;

use super::browser::{Picture, chromium};

/// Measures the page when it is shown, and tells the page around it: its width, the window's, its cells, and those that are
/// cut off or too small to read.
const MEASURE: &str = "<script>addEventListener('load', () => { const page = document.documentElement; \
    const cells = [...document.querySelectorAll('td')]; \
    const out = cells.filter(one => one.getBoundingClientRect().right > innerWidth || one.scrollWidth > one.clientWidth + 1).length; \
    const small = cells.filter(one => parseFloat(getComputedStyle(one).fontSize) < 13).length; \
    const empty = cells.filter(one => one.textContent && one.getBoundingClientRect().width < 24).length; \
    parent.postMessage(`wide ${page.scrollWidth} of ${innerWidth}, ${cells.length} cells, ${out} out, ${small} small, ${empty} narrow`, '*'); });</script>";

/// A page that shows the measured one in a frame of this width: a window of chromium has at least 500 pixels.
fn framed(width: u32) -> String {
    format!(
        "<html><head><script>addEventListener('message', message => document.title = message.data)</script></head>\
         <body style=\"margin:0\"><iframe src=\"measured.html\" style=\"border:0;width:{width}px;height:1880px\"></iframe></body></html>"
    )
}

/// Checks that a page fetches nothing and fits windows of 390 and 1,280 pixels: nothing overflows, and every cell can be
/// read. Gives the number of its cells.
pub fn fits_a_telephone_and_a_desk(place: &Path, page: &Path) -> u32 {
    let html = std::fs::read_to_string(page).expect("the page");
    assert!(!html.contains("<script") && !html.contains("src=") && !html.contains("@import"), "nothing is fetched");
    std::fs::write(place.join("measured.html"), html.replace("</head>", &format!("{MEASURE}</head>"))).expect("a copy");
    let mut cells = 0;
    for wide in [390, 1_280] {
        let frame = place.join("frame.html");
        std::fs::write(&frame, framed(wide)).expect("a frame");
        let dom = chromium(place, &frame, (1_300, 1_900), &["--virtual-time-budget=2000", "--dump-dom"]);
        let title = dom.split("<title>").nth(1).and_then(|rest| rest.split("</title>").next()).expect("a title");
        let figures: Vec<u32> =
            title.split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse().ok()).collect();
        let [shown, window, found, out, small, narrow] = figures[..] else { panic!("{title}") };
        assert_eq!((window, out, small, narrow), (wide, 0, 0, 0), "{title}");
        assert!(shown <= window, "{title}");
        let shot = place.join("page.png");
        chromium(place, &frame, (1_300, 1_900), &[&format!("--screenshot={}", shot.display())]);
        let picture = Picture::read(&shot);
        let inked = (0..picture.high)
            .map(|y| (0..picture.wide.min(wide as usize)).filter(|x| picture.at(*x, y) != "#ffffff").count());
        assert!(inked.sum::<usize>() > 1_000, "nothing is drawn at {wide}");
        cells = found;
    }
    cells
}
