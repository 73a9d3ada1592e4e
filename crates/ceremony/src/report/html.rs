//! A report as one HTML page.

use super::document::{Cell, Document, Section, joined, runs};

pub(super) fn page(document: &Document) -> String {
    let title = escaped(&document.title);
    let mark =
        document.mark.map(|mark| format!("<p class=\"mark\">{}</p>\n", escaped(mark))).unwrap_or_default();
    let sections: String = document.sections.iter().map(section).collect();
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>{title}</title>\n<style>{STYLE}</style></head>\n<body>\n{mark}<h1>{title}</h1>\n{sections}</body></html>\n"
    )
}

fn section(section: &Section) -> String {
    let heading = escaped(&section.heading);
    let about = escaped(&section.about);
    if section.table.rows.is_empty() {
        return format!(
            "<section><h2>{heading}</h2>\n<p>{about}</p>\n<p class=\"faint\">None.</p></section>\n"
        );
    }
    let columns: Vec<_> =
        section.table.head.iter().map(|(_, width)| format!("<col style=\"width:{width}%\">")).collect();
    let names: Vec<_> =
        section.table.head.iter().map(|(name, _)| format!("<th>{}</th>", escaped(name))).collect();
    let is_named = section.table.head.iter().any(|(name, _)| !name.is_empty());
    let head = if is_named { format!("<thead><tr>{}</tr></thead>", names.concat()) } else { String::new() };
    let class = if is_named { "" } else { " class=\"facts\"" };
    let rows: Vec<_> = section.table.rows.iter().map(|cells| row(cells)).collect();
    let rows = rows.concat();
    format!(
        "<section><h2>{heading}</h2>\n<p>{about}</p>\n<table{class}><colgroup>{}</colgroup>{head}<tbody>\n{rows}</tbody></table></section>\n",
        columns.concat()
    )
}

fn row(cells: &[Cell]) -> String {
    let cells: Vec<_> = cells.iter().map(cell).collect();
    format!("<tr>{}</tr>\n", cells.concat())
}

fn cell(cell: &Cell) -> String {
    let text = escaped(&cell.plain());
    match cell {
        Cell::Text(_) => format!("<td>{text}</td>"),
        Cell::Head(_) => format!("<th>{text}</th>"),
        Cell::Code(_) => format!("<td><code>{text}</code></td>"),
        Cell::Faint(_) => format!("<td class=\"faint\">{text}</td>"),
        Cell::Lines(numbers) => {
            let link = |number| format!("<a href=\"#line-{number}\">{number}</a>");
            let links: Vec<_> = runs(numbers).iter().map(|run| joined(run, link)).collect();
            format!("<td>{}</td>", links.join(", "))
        }
        Cell::Anchor(number) => format!("<td id=\"line-{number}\">{number}</td>"),
    }
}

fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
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
    html
}

const STYLE: &str = "@page{size:A4;margin:18mm 16mm}\
body{font:10.5pt/1.45 Georgia,'DejaVu Serif',serif;color:#111;background:#fff;max-width:190mm;margin:12mm auto;padding:0 6mm}\
h1{font-size:18pt;font-weight:600;line-height:1.2;margin:0 0 8mm;border-bottom:.6mm solid #111;padding-bottom:3mm}\
h2{font-size:12.5pt;font-weight:600;margin:10mm 0 1mm;break-after:avoid}\
p{margin:0 0 3mm;color:#333}.faint{color:#777;font-style:italic}\
.mark{border:.8mm solid #b00;color:#b00;text-align:center;font-weight:700;padding:2mm;letter-spacing:.05em;margin-bottom:6mm}\
table{border-collapse:collapse;table-layout:fixed;width:100%;font-size:9pt;line-height:1.4}\
td,th{text-align:left;vertical-align:top;padding:1.3mm 3mm 1.3mm 0;border-bottom:.2mm solid #ccc;overflow-wrap:anywhere}\
tr{break-inside:avoid}thead th{font-weight:400;color:#666;border-bottom:.4mm solid #111}\
tbody th{font-weight:600}.facts th{font-weight:400;color:#555}\
code{font:8.5pt/1.4 'DejaVu Sans Mono',Menlo,Consolas,monospace}\
a{color:#0645ad;text-decoration:none}a:hover{text-decoration:underline}tr:has(:target){background:#fff6d6}\
@media print{body{margin:0;padding:0;max-width:none}a{color:inherit}}";
