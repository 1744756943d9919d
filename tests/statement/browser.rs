//! The page in a real browser (chromium): every bar of the waterfall stands where its amount says, in its color, and
//! every amount of the split is on the page.

use onestop::cli::output::statement::amounts::yuan;
use onestop::cli::output::statement::waterfall::{BAR, Bar, ROW, TOTAL, WIDTH, bars};
use onestop::cli::output::statement::{BookWords, Document};

use super::{LANGS, office, view};
use crate::support::browser::{Picture, chromium};
use crate::support::program::run;

const WINDOW: (u32, u32) = (860, 2_600);

/// The left upper corner of the first stretch of this color as wide as the picture's total.
fn total(picture: &Picture) -> (usize, usize) {
    let found = (0..picture.high).find_map(|y| {
        let x = (0..picture.wide).find(|x| picture.at(*x, y) == TOTAL)?;
        (x + WIDTH as usize <= picture.wide && picture.at(x + WIDTH as usize - 1, y) == TOTAL).then_some((x, y))
    });
    found.expect("the total's bar")
}

fn stands(picture: &Picture, (left, top): (usize, usize), row: usize, bar: &Bar) {
    let (from, until) = (left + bar.from as usize, left + bar.until as usize);
    for y in [top + row * ROW as usize, top + row * ROW as usize + BAR as usize - 1] {
        for x in [from, (from + until) / 2, until - 1] {
            assert_eq!(picture.at(x, y), bar.color, "{bar:?} at {x},{y}");
        }
        for x in [from - 1, until] {
            assert_ne!(picture.at(x, y), bar.color, "{bar:?} at {x},{y}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_bar_is_where_its_amount_puts_it_and_every_amount_is_on_the_page() {
    let place = tempfile::tempdir().expect("a directory");
    let (serve, mut client, settlements) = office(place.path()).await;
    let view = view(&mut client, &settlements[1].settlement_id).await;
    let split = view.settlement.as_ref().and_then(|settlement| settlement.split.clone()).expect("a split");
    let derivation =
        view.settlement.as_ref().and_then(|settlement| settlement.derivation.clone()).expect("a derivation");
    for lang in LANGS {
        let page = place.path().join(format!("{lang}.html"));
        let (word, file) = (lang.choose("zh", "en"), page.display().to_string());
        let id = &settlements[1].settlement_id;
        let (code, _, errors) = run(&["show", id, "--lang", word, "--html", &file, "--server", &serve.url]);
        assert_eq!(code, Some(0), "{errors}");
        let shot = place.path().join(format!("{lang}.png"));
        chromium(place.path(), &page, WINDOW, &[&format!("--screenshot={}", shot.display())]);
        let picture = Picture::read(&shot);
        assert_eq!((picture.wide as u32, picture.high as u32), WINDOW);
        let bars = bars(&Document::from_settlement(&view, &BookWords::shipped(lang)));
        assert_eq!(bars.len(), 2 + derivation.layers.iter().filter(|layer| layer.pays_fen != 0).count());
        let corner = total(&picture);
        bars.iter().enumerate().for_each(|(row, bar)| stands(&picture, corner, row, bar));
        let dom = chromium(place.path(), &page, WINDOW, &["--dump-dom"]);
        let payers = split.payers.iter().map(|share| share.amount_fen);
        let layers = derivation.layers.iter().flat_map(|layer| [layer.pays_fen, layer.residual_fen, layer.base_fen]);
        let codes = derivation.codes.iter().flat_map(|code| [code.net_fen, code.rest_fen]);
        for fen in payers.chain(layers).chain(codes).chain([split.total_fen, split.patient_fen]) {
            assert!(dom.contains(&yuan(fen)), "{} in {lang}", yuan(fen));
        }
    }
}
