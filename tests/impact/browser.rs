//! The page of an impact in a real browser (chromium), on a telephone and on a desk: nothing is wider than the window, and
//! the bars are drawn.

use super::program::prepared;
use crate::support::browser::{Picture, chromium};
use crate::support::program::run;

/// Measures the page when it is shown, and tells the page around it.
const MEASURE: &str = "<script>addEventListener('load', () => { const page = document.documentElement; \
    const bars = [...document.querySelectorAll('.bar i')].map(one => one.getBoundingClientRect()); \
    const drawn = bars.filter(one => one.width > 0 && one.height >= 8).length; \
    const cells = [...document.querySelectorAll('td')].filter(one => one.textContent.trim()).length; \
    parent.postMessage(`wide ${page.scrollWidth} of ${innerWidth}, ${bars.length} bars, ${drawn} drawn, ${cells} cells`, '*'); });</script>";

fn framed(width: u32) -> String {
    format!(
        "<html><head><script>addEventListener('message', message => document.title = message.data)</script></head>\
         <body style=\"margin:0\"><iframe src=\"impact.html\" style=\"border:0;width:{width}px;height:1880px\"></iframe></body></html>"
    )
}

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
        assert!(!html.contains("<script") && !html.contains("src=") && !html.contains("@import"), "nothing is fetched");
        std::fs::write(&page, html.replace("</head>", &format!("{MEASURE}</head>")))
            .expect("a copy that measures itself");
        for wide in [390, 1_280] {
            let frame = place.path().join("frame.html");
            std::fs::write(&frame, framed(wide)).expect("a frame");
            let dom = chromium(place.path(), &frame, (1_300, 1_900), &["--virtual-time-budget=2000", "--dump-dom"]);
            let title = dom.split("<title>").nth(1).and_then(|rest| rest.split("</title>").next()).expect("a title");
            let figures: Vec<u32> =
                title.split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse().ok()).collect();
            let [shown, window, bars, drawn, cells] = figures[..] else { panic!("{title}") };
            assert_eq!(window, wide, "{title}");
            assert!(shown <= window && bars >= 11 && drawn >= 4 && cells > 30, "{title}");
            let shot = place.path().join("page.png");
            chromium(place.path(), &frame, (1_300, 1_900), &[&format!("--screenshot={}", shot.display())]);
            let picture = Picture::read(&shot);
            for color in ["#1f6feb", "#b3261e", "#2e8b57"] {
                let drawn = (0..picture.high).map(|y| (0..picture.wide).filter(|x| picture.at(*x, y) == color).count());
                assert!(drawn.sum::<usize>() > 100, "nothing of the color {color} at {wide}");
            }
        }
    }
}
