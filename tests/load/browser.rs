//! The page of a load in a real browser (chromium), on a telephone and on a desk: nothing is wider than the window, and the
//! lines of the charts are drawn.

use crate::support::browser::{Picture, chromium};
use crate::support::program::run;

/// Measures the page when it is shown, and tells the page around it.
const MEASURE: &str = "<script>addEventListener('load', () => { const page = document.documentElement; \
    const texts = [...document.querySelectorAll('svg text')].map(one => one.getBoundingClientRect()); \
    const small = texts.filter(one => one.height < 9).length; \
    const lines = [...document.querySelectorAll('.line')].map(one => one.getBoundingClientRect().width); \
    const drawn = lines.filter(width => width > innerWidth * 0.3).length; \
    parent.postMessage(`wide ${page.scrollWidth} of ${innerWidth}, ${texts.length} texts, ${small} small, ${drawn} lines`, '*'); });</script>";

/// A page that shows the report in a frame of this width, and has its figures in the title: a window of chromium has at
/// least 500 pixels.
fn framed(width: u32) -> String {
    format!(
        "<html><head><script>addEventListener('message', message => document.title = message.data)</script></head>\
         <body style=\"margin:0\"><iframe src=\"report.html\" style=\"border:0;width:{width}px;height:1880px\"></iframe></body></html>"
    )
}

#[test]
fn the_page_fits_a_telephone_and_a_desk_and_its_charts_are_drawn() {
    let place = tempfile::tempdir().expect("a directory");
    let page = place.path().join("report.html");
    let file = page.display().to_string();
    let load = ["load", "--seconds", "4", "--arrivals", "day", "--rate", "40", "--persons", "1000", "--html", &file];
    let (code, text, errors) = run(&load);
    assert_eq!(code, Some(0), "{errors}");
    assert!(text.contains("first call of an arrival") && text.contains("0 findings"), "{text}");
    let html = std::fs::read_to_string(&page).expect("the page");
    assert!(!html.contains("<script") && !html.contains("src=") && !html.contains("@import"), "nothing is fetched");
    std::fs::write(&page, html.replace("</head>", &format!("{MEASURE}</head>"))).expect("a copy that measures itself");
    for wide in [390, 1_280] {
        let frame = place.path().join("frame.html");
        std::fs::write(&frame, framed(wide)).expect("a frame");
        let dom = chromium(place.path(), &frame, (1_300, 1_900), &["--virtual-time-budget=2000", "--dump-dom"]);
        let title = dom.split("<title>").nth(1).and_then(|rest| rest.split("</title>").next()).expect("a title");
        let figures: Vec<u32> =
            title.split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse().ok()).collect();
        let [shown, window, texts, small, lines] = figures[..] else { panic!("{title}") };
        assert_eq!((window, small, lines), (wide, 0, 7), "{title}");
        assert!(shown <= window && texts >= 12, "{title}");
        let shot = place.path().join("page.png");
        chromium(place.path(), &frame, (1_300, 1_900), &[&format!("--screenshot={}", shot.display())]);
        let picture = Picture::read(&shot);
        for color in ["#1f6feb", "#b3261e", "#9aa5ad"] {
            let drawn = (0..picture.high).map(|y| (0..picture.wide).filter(|x| picture.at(*x, y) == color).count());
            assert!(drawn.sum::<usize>() > 100, "nothing of the color {color} at {wide}");
        }
    }
}
