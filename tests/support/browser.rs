//! Pages as a real browser (chromium) shows them.

use std::path::Path;
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
}
