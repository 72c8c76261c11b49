//! Golden screenshots: `tests/browser/golden/NAME.png`, compared with a tolerance. `UPDATE_GOLDEN=1` writes them. After a
//! failure, `target/browser` has the actual picture and the difference.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::picture::Picture;

/// Number of pixels, of a million, that may differ.
const TOLERANCE: usize = 200;

/// Stops motion, and masks the elements marked `data-volatile`, whose text differs between runs. `span` and `time` get a
/// fixed size, so that the layout does not depend on that text; parts marked `whole`, which differ in size, are left out. Set
/// by the object model, which a content security policy does not restrict, and which works without JavaScript.
const STILL: &str = r"
window.still = new CSSStyleSheet();
still.replaceSync(`
  *, *::before, *::after { animation: none !important; transition: none !important; caret-color: transparent !important; }
  [data-volatile] { visibility: hidden !important; }
  [data-volatile=whole] { display: none !important; }
  span[data-volatile], time[data-volatile] {
    display: inline-block !important; width: 4em !important; height: 1em !important; overflow: hidden !important;
  }
  ul[data-volatile] { height: 8em !important; overflow: hidden !important; }`);
document.adoptedStyleSheets = [...document.adoptedStyleSheets, still];
scrollTo(0, 0);
[document.documentElement.clientWidth, Math.max(innerHeight, document.documentElement.scrollHeight)]
";
/// Replaces times, ids and durations in the texts of the page by fixed ones of the same form, and ends the updates of its
/// live parts.
const FIXED: &str = r"
(() => {
  const fixed = text => text
    .replace(/\d{4}-\d\d-\d\d/g, '2026-11-30')
    .replace(/\d\d:\d\d:\d\d(\.\d+)?/g, '09:30:00')
    .replace(/(?<![\d:])\d\d:\d\d(?![\d:])/g, '09:30')
    .replace(/\b[0-9a-f]{12,}\b/g, id => '5cf1e7d2a90b48c63d1f0e9b7a6c4582'.repeat(4).slice(0, id.length))
    .replace(/\b\d+ ms\b/g, '12 ms');
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = fixed(texts.currentNode.data);
    if (text !== texts.currentNode.data) texts.currentNode.data = text;
  }
  for (const live of document.querySelectorAll('[data-live]')) live.removeAttribute('data-live');
  scrollTo(0, 0);
  return 0;
})()
";
const MOVING: &str =
    "document.adoptedStyleSheets = document.adoptedStyleSheets.filter(sheet => sheet !== still); 0";

fn golden(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/golden");
    folder.join(format!("{name}.png"))
}

impl Browser {
    /// Returns the whole page as a picture, also the part below the visible one.
    #[track_caller]
    pub(crate) fn screenshot(&self) -> Picture {
        self.screenshot_scaled(1.0)
    }

    /// Returns the whole page as a picture of this part of its size.
    #[track_caller]
    fn screenshot_scaled(&self, scale: f64) -> Picture {
        let size = self.evaluate(STILL);
        let picture = self.captured(&size, scale);
        self.evaluate(MOVING);
        picture
    }

    /// Replaces what differs between runs in the texts of the page: times, ids, durations.
    #[track_caller]
    pub(crate) fn fix_texts(&self) {
        self.evaluate(FIXED);
    }

    /// Returns the page as a picture, from its top left, with this width and height, and then scaled.
    #[track_caller]
    pub(crate) fn captured(&self, size: &Value, scale: f64) -> Picture {
        let clip = json!({ "x": 0, "y": 0, "width": size[0], "height": size[1], "scale": scale });
        let parameters = json!({ "format": "png", "captureBeyondViewport": true, "clip": clip });
        let answer = self.session.devtools("Page.captureScreenshot", &parameters);
        Picture::decode(&STANDARD.decode(answer["data"].as_str().unwrap()).unwrap())
    }

    /// Fails unless the page looks like the golden picture with this name.
    #[track_caller]
    pub(crate) fn assert_golden(&self, name: &str) {
        if let Err(problem) = self.golden_difference(name, 1.0) {
            panic!("{problem}; UPDATE_GOLDEN=1 writes it: look at the difference before you commit it");
        }
    }

    /// Compares the page, scaled, with the golden picture with this name, and returns what differs. `UPDATE_GOLDEN=1` writes
    /// the picture if it differs.
    #[track_caller]
    pub(crate) fn golden_difference(&self, name: &str, scale: f64) -> Result<(), String> {
        let actual = self.screenshot_scaled(scale);
        let compared = compared(name, &actual);
        if compared.is_err() && std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(golden(name), actual.encode()).unwrap();
            return Ok(());
        }
        compared
    }
}

/// Compares a picture with the golden one of this name. If they differ, writes both pictures and returns the problem.
pub(crate) fn compared(name: &str, actual: &Picture) -> Result<(), String> {
    compared_with(&golden(name), name, actual, &[])
}

/// Compares a picture with that of a file, as `compared` does, except for these places: left, top, right and bottom.
pub(crate) fn compared_with(
    file: &Path,
    name: &str,
    actual: &Picture,
    places: &[[i64; 4]],
) -> Result<(), String> {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/browser");
    let [actual_file, difference_file] =
        ["actual", "difference"].map(|kind| target.join(format!("{name}.{kind}.png")));
    let Ok(golden) = fs::read(file) else {
        return Err(format!("there is no golden picture {name}"));
    };
    let golden = Picture::decode(&golden).without(places);
    let difference = golden.difference(&actual.clone().without(places));
    if let Some(difference) = &difference
        && difference.pixels * 1_000_000 <= TOLERANCE * actual.pixels.len()
    {
        return Ok(());
    }
    fs::create_dir_all(&target).unwrap();
    fs::write(&actual_file, actual.encode()).unwrap();
    let Some(difference) = difference else {
        let (width, height) = (golden.width, golden.height);
        return Err(format!(
            "{name} is {}x{}, the golden picture {width}x{height}: see {}",
            actual.width,
            actual.height,
            actual_file.display()
        ));
    };
    fs::write(&difference_file, difference.shown.encode()).unwrap();
    Err(format!(
        "{} of {} pixels of {name} differ: see {}",
        difference.pixels,
        actual.pixels.len(),
        difference_file.display()
    ))
}
