//! Golden screenshots: `tests/browser/golden/NAME.png`, compared with a tolerance. `UPDATE_GOLDEN=1` writes them. After a
//! failure, `target/browser` has the actual picture and the difference.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::browser::Browser;
use crate::picture::Picture;

/// Number of pixels, of a million, that may differ.
const TOLERANCE: usize = 200;

/// Stops motion, and masks the elements marked `data-volatile`, whose text differs between runs. `span` and `time` get a
/// fixed size, so that the layout does not depend on that text. Set by the object model, which a content security policy
/// does not restrict, and which works without JavaScript.
const STILL: &str = r"
window.still = new CSSStyleSheet();
still.replaceSync(`
  *, *::before, *::after { animation: none !important; transition: none !important; caret-color: transparent !important; }
  [data-volatile] { visibility: hidden !important; }
  span[data-volatile], time[data-volatile] {
    display: inline-block !important; width: 4em !important; height: 1em !important; overflow: hidden !important;
  }`);
document.adoptedStyleSheets = [...document.adoptedStyleSheets, still];
scrollTo(0, 0);
[document.documentElement.clientWidth, Math.max(innerHeight, document.documentElement.scrollHeight)]
";
const MOVING: &str =
    "document.adoptedStyleSheets = document.adoptedStyleSheets.filter(sheet => sheet !== still); 0";

fn golden(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/golden");
    folder.join(name).with_extension("png")
}

impl Browser {
    /// Returns the whole page as a picture, also the part below the visible one.
    #[track_caller]
    pub(crate) fn screenshot(&self) -> Picture {
        let size = self.evaluate(STILL);
        let clip = json!({ "x": 0, "y": 0, "width": size[0], "height": size[1], "scale": 1 });
        let parameters = json!({ "format": "png", "captureBeyondViewport": true, "clip": clip });
        let answer = self.session.devtools("Page.captureScreenshot", &parameters);
        self.evaluate(MOVING);
        Picture::decode(&STANDARD.decode(answer["data"].as_str().unwrap()).unwrap())
    }

    /// Fails unless the page looks like the golden picture with this name.
    #[track_caller]
    pub(crate) fn assert_golden(&self, name: &str) {
        let actual = self.screenshot();
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(golden(name), actual.encode()).unwrap();
            return;
        }
        if let Err(problem) = compared(name, &actual) {
            panic!("{problem}; UPDATE_GOLDEN=1 writes it: look at the difference before you commit it");
        }
    }
}

/// Compares a picture with the golden one of this name. If they differ, writes both pictures and returns the problem.
pub(crate) fn compared(name: &str, actual: &Picture) -> Result<(), String> {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/browser");
    let [actual_file, difference_file] =
        ["actual", "difference"].map(|kind| target.join(format!("{name}.{kind}.png")));
    let Ok(golden) = fs::read(golden(name)) else {
        return Err(format!("there is no golden picture {name}"));
    };
    let golden = Picture::decode(&golden);
    let difference = golden.difference(actual);
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
