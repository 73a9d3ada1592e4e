//! A page as HTML, made for printing.

use zeroize::Zeroizing;

use super::{DUTIES, MARK, Page, qr};

pub(super) fn page(page: &Page) -> Zeroizing<String> {
    // Reserved in full, since growing would leave a copy of the share behind.
    let mut html = Zeroizing::new(String::with_capacity(160 * 1024));
    html.push_str("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>");
    escape(&mut html, &page.title);
    html.push_str(" – ");
    escape(&mut html, &page.custodian);
    html.push_str("</title><style>");
    html.push_str(STYLE);
    html.push_str("</style></head>\n<body>");
    if page.rehearsal {
        html.push_str("<p class=\"mark\">");
        escape(&mut html, MARK);
        html.push_str("</p>");
    }
    html.push_str("<h1>");
    escape(&mut html, &page.title);
    html.push_str("</h1>\n<div class=\"top\"><table>");
    for (word, value) in &page.facts {
        html.push_str("<tr><th>");
        escape(&mut html, word);
        html.push_str("</th><td>");
        escape(&mut html, value);
        html.push_str("</td></tr>\n");
    }
    html.push_str("</table>");
    if let Some(svg) = qr::svg(&page.code_text()) {
        html.push_str("<div class=\"code\">");
        html.push_str(&svg);
        html.push_str("</div>");
    }
    html.push_str("</div>\n<table class=\"share\">");
    for (number, row) in (0..).zip(page.rows()) {
        html.push_str("<tr><th>");
        html.push_str(&(number * super::BLOCKS_IN_ROW + 1).to_string());
        html.push_str("</th>");
        for block in row {
            html.push_str("<td>");
            escape(&mut html, block);
            html.push_str("</td>");
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</table>\n<ol>");
    for duty in DUTIES {
        html.push_str("<li>");
        escape(&mut html, duty);
        html.push_str("</li>\n");
    }
    html.push_str(
        "</ol>\n<table class=\"sign\"><tr><td>Received, custodian</td><td>Witness</td></tr></table>",
    );
    html.push_str("</body></html>\n");
    html
}

fn escape(html: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            c => html.push(c),
        }
    }
}

const STYLE: &str = "@page{size:A4;margin:20mm}\
body{font:11pt/1.45 Georgia,'DejaVu Serif',serif;color:#111;max-width:170mm;margin:0 auto}\
h1{font-size:17pt;font-weight:600;margin:0 0 6mm;border-bottom:.6mm solid #111;padding-bottom:2mm}\
.mark{border:.8mm solid #b00;color:#b00;text-align:center;font-weight:700;padding:2mm;letter-spacing:.05em}\
.top{display:flex;justify-content:space-between;align-items:flex-start;gap:8mm}\
th{text-align:left;font-weight:400;color:#555;padding:.6mm 5mm .6mm 0;vertical-align:top;white-space:nowrap}\
td{padding:.6mm 0;overflow-wrap:anywhere}\
.code{flex:none;width:52mm}.code svg{width:100%;height:auto;display:block}\
.share{margin:8mm 0;width:100%;border-collapse:collapse}\
.share td{font:600 14pt/1.9 'DejaVu Sans Mono',Menlo,Consolas,monospace;letter-spacing:.06em;white-space:nowrap}\
.share th{font-size:9pt;vertical-align:middle;padding-right:4mm;width:8mm}\
ol{padding-left:5mm;margin:0}li{margin:0 0 1.5mm}\
.sign{width:100%;margin-top:22mm;border-spacing:8mm 0}.sign td{border-top:.3mm solid #111;color:#555;width:50%;padding-top:1mm}";
