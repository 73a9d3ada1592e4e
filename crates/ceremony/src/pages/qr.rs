//! A QR code (ISO/IEC 18004) as a drawing.

use std::fmt::Write as _;

use qrcodegen::{QrCode, QrCodeEcc};
use zeroize::Zeroizing;

/// The code as an SVG, a unit for each module. `None` when the text is too long for one.
pub(super) fn svg(text: &str) -> Option<Zeroizing<String>> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
    let side = code.size().checked_add(2 * QUIET)?;
    // Large enough for any code, since growing would leave a copy behind.
    let mut svg = Zeroizing::new(String::with_capacity(CAPACITY));
    let _ = write!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" role=\"img\" aria-label=\"QR code of the \
         share\"><path d=\""
    );
    for y in 0..code.size() {
        for x in 0..code.size() {
            if code.get_module(x, y) {
                let _ = write!(svg, "M{} {}h1v1h-1z", x + QUIET, y + QUIET);
            }
        }
    }
    svg.push_str("\"/></svg>");
    Some(svg)
}

/// The clear border that the standard asks for, in modules.
const QUIET: i32 = 4;
const CAPACITY: usize = 64 * 1024;
