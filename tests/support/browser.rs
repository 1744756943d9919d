//! Pages as a real browser (chromium) shows them.

use std::path::{Path, PathBuf};
use std::process::Command;

/// What chromium gives of a page; it must be installed (Debian: chromium, fonts-noto-cjk; `tests/run.sh` does it).
pub fn chromium(place: &Path, page: &Path, window: (u32, u32), more: &[&str]) -> String {
    let mut command = Command::new("chromium");
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]);
    command.args(["--disable-background-networking", "--disable-component-update", "--disable-sync"]);
    command.args(["--hide-scrollbars", "--force-device-scale-factor=1", "--force-color-profile=srgb"]);
    command.arg(format!("--user-data-dir={}", place.join("profile").display()));
    command.arg(format!("--window-size={},{}", window.0, window.1)).args(more);
    let output = command.arg(format!("file://{}", page.display())).output();
    let output = output.expect("chromium runs; tests/run.sh installs Debian's package");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// A picture that chromium took.
pub struct Picture {
    /// In pixels.
    pub wide: usize,
    /// In pixels.
    pub high: usize,
    pixels: Vec<u8>,
    each: usize,
}

impl Picture {
    /// Reads a PNG.
    pub fn read(file: &Path) -> Picture {
        let file = std::io::BufReader::new(std::fs::File::open(file).expect("the picture"));
        let mut reader = png::Decoder::new(file).read_info().expect("a PNG");
        let mut pixels = vec![0; reader.output_buffer_size().expect("its size")];
        let frame = reader.next_frame(&mut pixels).expect("its pixels");
        let each = frame.color_type.samples();
        Picture { wide: frame.width as usize, high: frame.height as usize, pixels, each }
    }

    /// The color at this place, as `#rrggbb`.
    pub fn at(&self, x: usize, y: usize) -> String {
        let from = (y * self.wide + x) * self.each;
        let [red, green, blue] = [0, 1, 2].map(|part| self.pixels[from + part]);
        format!("#{red:02x}{green:02x}{blue:02x}")
    }

    /// How many pixels have this color.
    pub fn pixels_of(&self, color: &str) -> usize {
        (0..self.high).map(|y| (0..self.wide).filter(|x| self.at(*x, y) == color).count()).sum()
    }
}

/// A page in a window.
pub struct ShownPage {
    /// The width of the window, in pixels.
    pub width: u32,
    /// What the script measured.
    pub figures: Vec<u32>,
    /// Its picture, with white beside the window.
    pub picture: Picture,
    /// The file of the picture.
    pub picture_file: PathBuf,
}

/// Shows a page in windows of 390 and 1,280 pixels, of a telephone and a desk. It must fetch nothing, and be no wider than
/// the window. `measure` are statements that set `figures` to a list of numbers when it is shown.
pub fn shown_on_a_telephone_and_a_desk(place: &Path, page: &Path, height: u32, measure: &str) -> [ShownPage; 2] {
    let html = std::fs::read_to_string(page).expect("the page");
    assert!(!html.contains("<script") && !html.contains("src=") && !html.contains("@import"), "nothing is fetched");
    let script = format!(
        "<script>addEventListener('load', () => {{ let figures; {measure} \
         parent.postMessage([document.documentElement.scrollWidth, innerWidth, ...figures].join(' '), '*'); }});</script>"
    );
    let measured = html.replace("</head>", &format!("{script}</head>"));
    std::fs::write(place.join("measured.html"), measured).expect("a copy that measures itself");
    [390, 1_280].map(|width| shown_measured_page(place, width, height))
}

/// The page that measures itself, in a frame of this width: a window of chromium has at least 500 pixels.
fn shown_measured_page(place: &Path, width: u32, height: u32) -> ShownPage {
    let (frame, window) = (place.join("frame.html"), (1_300, height + 20));
    let framed = format!(
        "<html><head><script>addEventListener('message', message => document.title = message.data)</script></head>\
         <body style=\"margin:0\"><iframe src=\"measured.html\" style=\"border:0;width:{width}px;height:{height}px\">\
         </iframe></body></html>"
    );
    std::fs::write(&frame, framed).expect("a frame");
    let dom = chromium(place, &frame, window, &["--virtual-time-budget=2000", "--dump-dom"]);
    let title = dom.split("<title>").nth(1).and_then(|rest| rest.split("</title>").next()).expect("a title");
    let mut figures: Vec<u32> = title.split(' ').map(|figure| figure.parse().expect(title)).collect();
    let rest = figures.split_off(2);
    assert!(figures[1] == width && figures[0] <= width, "wide {} of {}, which is {width}", figures[0], figures[1]);
    let picture_file = place.join(format!("page-{width}.png"));
    chromium(place, &frame, window, &[&format!("--screenshot={}", picture_file.display())]);
    ShownPage { width, figures: rest, picture: Picture::read(&picture_file), picture_file }
}
