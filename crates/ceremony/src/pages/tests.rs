use std::sync::Arc;

use strongroom::{Decoded, InitOptions, MemoryStorage, Preparation};

use super::*;

fn prepared(policy: &str) -> Preparation {
    let options = InitOptions::new("custodians", policy.parse().unwrap());
    pollster::block_on(Preparation::new(Arc::new(MemoryStorage::new()), options)).unwrap()
}

fn pages(prepared: &Preparation, title: &str, rehearsal: bool) -> Vec<Page> {
    let slot = prepared.slots().find(prepared.slot()).unwrap();
    let page =
        |share| Page::new(title, "Ada", "2026-11-25", prepared.store(), slot, share, rehearsal).unwrap();
    prepared.share_texts().iter().map(page).collect()
}

#[test]
fn page_has_its_share_and_nothing_of_the_others() {
    // No group of 1 of n: there all holders have the same share.
    let prepared = prepared("groups(2 of {security: 2 of 3, operations: 2 of 2})");
    let pages = pages(&prepared, "Root key", false);
    let shares: Vec<Zeroizing<String>> =
        prepared.share_texts().iter().map(|share| share_text::encode_grouped(share).unwrap()).collect();
    // The last blocks hold the share itself; the first ones name the set, which all shares have in common.
    let secret_blocks = |share: &str| share.split(' ').skip(6).map(str::to_owned).collect::<Vec<_>>();
    for (mine, page) in pages.iter().enumerate() {
        for form in [page.html(), page.text()] {
            for (theirs, share) in shares.iter().enumerate() {
                for block in secret_blocks(share) {
                    assert_eq!(form.contains(&block), mine == theirs, "page {mine}, share {theirs}");
                }
            }
        }
    }
}

#[test]
fn what_the_page_shows_can_be_typed_again() {
    let prepared = prepared("2 of 3");
    for (page, share) in pages(&prepared, "Root key", false).iter().zip(prepared.share_texts()) {
        let typed: String = page.rows().concat().join(" ");
        let Ok(Decoded::Exact(typed)) = share_text::decode(&typed) else { panic!("not exact") };
        assert_eq!(typed.set, share.set);
        assert!(share_text::encode(&typed).unwrap() == share_text::encode(share).unwrap());
        let Ok(Decoded::Exact(scanned)) = share_text::decode(&page.code_text()) else { panic!("not exact") };
        assert!(share_text::encode(&scanned).unwrap() == share_text::encode(share).unwrap());
    }
}

#[test]
fn rehearsal_is_marked_on_every_form_and_the_real_thing_on_none() {
    let prepared = prepared("2 of 3");
    for (rehearsal, marked) in [(true, true), (false, false)] {
        for page in pages(&prepared, "Root key", rehearsal) {
            assert_eq!(page.html().contains(MARK), marked);
            assert_eq!(page.text().contains(MARK), marked);
        }
    }
}

#[test]
fn names_mean_nothing_in_html() {
    let prepared = prepared("2 of 3");
    let page = &pages(&prepared, "<script>alert('&\"')</script>", false)[0];
    assert!(!page.html().contains("<script>"));
    assert!(page.html().contains("&lt;script&gt;alert(&#39;&amp;&quot;&#39;)"));
}

#[test]
fn page_needs_nothing_from_elsewhere() {
    let prepared = prepared("2 of 3");
    let html = pages(&prepared, "Root key", false)[0].html();
    let addresses = html.matches("http").count();
    assert_eq!((addresses, html.matches("http://www.w3.org/2000/svg").count()), (1, 1));
    for word in ["src=", "href=", "url(", "@import", "<script"] {
        assert!(!html.contains(word), "{word}");
    }
}

#[test]
fn page_says_what_is_needed_beside_shares() {
    for (policy, in_group, expected) in [
        ("2 of 3", false, "any 2"),
        (
            "all(2 of 3, hsm(main, root))",
            false,
            "any 2 and the HSM key hsm(main, root); the policy is all(shamir(2 of 3), hsm(main, root))",
        ),
        (
            "groups(1 of {security: 2 of 3, operations: 2 of 3})",
            true,
            "any 2 of this group; the policy is groups(1 of {security: 2 of 3, operations: 2 of 3})",
        ),
    ] {
        let policy: Policy = policy.parse().unwrap();
        assert_eq!(needed(&policy, 2, in_group), expected);
        if policy.hsm_keys().next().is_some() {
            continue;
        }
        let page = &pages(&prepared(&policy.to_string()), "Root key", false)[0];
        assert!(page.html().contains(&format!("<tr><th>Needed</th><td>{expected}</td></tr>")), "{policy}");
        let text = page.text();
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(&format!("Needed {expected} Date")), "{words}");
        assert!(text.lines().all(|line| line.chars().count() <= 72), "{policy}");
    }
}

#[test]
fn what_is_said_of_letters_is_so() {
    let share = share_text::encode(&prepared("2 of 3").share_texts()[0]).unwrap();
    let (begin, rest) = share.split_at(3);
    assert!(begin == "sr1" && !rest.contains(['b', 'i', 'o', '1']));
    assert!(
        DUTIES
            .concat()
            .contains("Behind sr1, with which it begins, the letters b, i, o and the digit 1 never stand")
    );
}
