use super::*;

#[test]
fn ordinary_text_in_any_script_is_accepted() {
    for text in [
        "a",
        "Grace Hopper",
        "Überwachungsaufgabenübertragungsgesetz 2026",
        "安全 3 of 5",
        "groups(2 of {security: 2 of 3, operations: 1 of 2})",
        "share 2 of set 1f0c22ab… is here already: another one is needed",
        "/var/lib/strongroom/2026-11-25/store_1",
        "Ada Lovelace Brought Bag 00448 And Token 0017 Of Batch B2 In Room 3F At 9h30 On Day 2",
        "8c1f0e2a-4b7d-4c3e-9f1a-2b3c4d5e6f70",
        "laptop serial PF3XK9Q2 Lenovo T14 Gen 3 asset 00442 bag AB123456",
        "the seal of bag 00448 \"was\" \\ broken & <noted>",
        "x ".repeat(511).trim_end(),
    ] {
        assert_eq!(Public::new(text).unwrap().as_str(), text);
        assert_eq!(Public::redacted(text).as_str(), text);
    }
}

#[test]
fn text_that_could_disguise_itself_is_refused() {
    for text in ["a\nb", "a\u{1b}[2J", "a\u{202e}b", "a\u{200b}b", "a\u{a0}b", "a\tb"] {
        assert!(matches!(Public::new(text), Err(NotPublic::Character(_))), "{text:?}");
        let redacted = Public::redacted(text);
        assert_eq!(Public::new(redacted.as_str()).as_ref(), Ok(&redacted));
    }
    assert_eq!(Public::new(""), Err(NotPublic::Empty));
    assert_eq!(Public::new(" a"), Err(NotPublic::OuterSpace));
    assert_eq!(Public::new(&"x".repeat(1025)), Err(NotPublic::TooLong));
}

#[test]
fn keys_in_their_usual_forms_are_refused_and_withheld() {
    for key in [
        "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
        "00112233445566778899AABBCCDDEEFF00112233",
        "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:22:33",
        "0011 2233 4455 6677 8899 aabb ccdd eeff 0011 2233",
        "sr1qpzry9x8gf2tvdw0s3jn54khce6mua7lqpzry9x8gf2tvdw0s3jn54khce6mua7l",
        "MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub3BxcnN0dXY=",
        "sr1qpz ry9x8g f2tvdw 0s3jn5 4khce6 mua7lq pzry9x 8gf2tv dw0s3j n54khc",
        "8Xk2/pQ9+vB/7nR4tY/1mC6zA/0eH5sJ/3gL8wD/2fT7uN4oV=",
        "8Xk2_pQ9-vB_7nR4tY_1mC6zA_0eH5sJ_3gL8wD_2fT7uN4oV",
        "AGE0SECRET0KEY01QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",
    ] {
        for text in [key.to_owned(), format!("it said {key}"), format!("\"{key}\", he said")] {
            assert_eq!(Public::new(&text), Err(NotPublic::LooksLikeAKey), "{text}");
            let redacted = Public::redacted(&text);
            assert!(!redacted.as_str().contains(key) && redacted.as_str().contains(WITHHELD), "{redacted}");
            assert_eq!(Public::new(redacted.as_str()).as_ref(), Ok(&redacted));
        }
        assert!(!NotPublic::LooksLikeAKey.to_string().contains(key));
    }
    // One character fewer is no key: the rule is about length.
    assert!(Public::new("00112233445566778899aabbccddeeff0011223").is_ok());
}

#[test]
fn long_and_empty_text_says_that_it_was_cut_or_empty() {
    let cut = Public::redacted(&"é ".repeat(1000));
    assert!(cut.as_str().len() <= MAX_TEXT && cut.as_str().ends_with(CUT), "{cut}");
    assert_eq!(Public::redacted(" ").as_str(), EMPTY);
}

/// Real shares' text, and many of the same form: `sr1` and 100 letters and digits of Bech32.
fn shares() -> Vec<String> {
    let mut shares: Vec<String> = [
        "sr1qyt64u5mhgkt67ffn846q2ynj82sqqsr4mammtaaw337rfmva4mrcnkmdjg49x34mhrj9t2avl2ey3y4jv6qndy2lxl89f29nm8",
        "sr1qyt64u5mhgkt67ffn846q2ynj82syqgp4mammtaaw337rfmva4mrcnkmdjg49x34mhrj9t2avl2ey3y4jv6q2nd8vfyxp3jh0xt",
    ]
    .map(str::to_owned)
    .into();
    // Knuth, "The Art of Computer Programming", volume 2, 3.3.4.
    let mut state = 1_u64;
    for _ in 0..40 {
        let mut share = "sr1".to_owned();
        for _ in 0..100 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let letter = usize::try_from(state >> 59).unwrap();
            share.push(char::from(b"qpzry9x8gf2tvdw0s3jn54khce6mua7l"[letter]));
        }
        shares.push(share);
    }
    shares
}

fn groups(share: &str, size: usize) -> Vec<&str> {
    share.as_bytes().chunks(size).map(|group| std::str::from_utf8(group).unwrap()).collect()
}

/// Whether any two groups of the share one after another, or one of 12 letters of it, can still be read.
fn shows(text: &str, share: &str) -> bool {
    let letters: String =
        text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    share.as_bytes().windows(12).any(|part| letters.contains(std::str::from_utf8(part).unwrap()))
}

const SEPARATORS: &str = " .,;:/|_-–—·*+=\"'()[]{}<>#&~\\\n\t\u{200b}\u{feff}\u{a0}、。，\u{3000}";

#[test]
fn share_is_withheld_however_people_write_it() {
    let mut ways = 0;
    for share in shares() {
        let with = |text: String| {
            for said in [
                text.clone(),
                text.to_uppercase(),
                format!("I typed {text} here, sorry"),
                format!("({text})"),
            ] {
                let redacted = Public::redacted(&said);
                assert!(!shows(redacted.as_str(), &share), "{said:?}: {redacted}");
                assert_eq!(Public::new(redacted.as_str()).as_ref(), Ok(&redacted));
            }
        };
        for size in [4, 5, 6] {
            let groups = groups(&share, size);
            for separator in SEPARATORS.chars() {
                with(groups.join(&separator.to_string()));
                with(groups.join(&format!("{separator} ")));
                ways += 2;
            }
            for [behind, between] in [[": ", " "], [". ", "\n"], [") ", ", "], [" ", "   "]] {
                let numbered =
                    groups.iter().zip(1..).map(|(group, number)| format!("{number}{behind}{group}"));
                with(numbered.collect::<Vec<_>>().join(between));
                ways += 1;
            }
        }
        for separator in [" ", ".", ", ", "-"] {
            with(groups(&share, 1).join(separator));
            ways += 1;
        }
        with(share.clone());
    }
    assert!(ways > 4000, "{ways}");
    // The control: what the test calls readable.
    assert!(shows("it was qyt6.4u5mhg kt67", &shares()[0]) && !shows("it was qyt6.4u5mh", &shares()[0]));
}

#[test]
fn half_a_share_is_withheld_as_well_and_one_with_typing_errors() {
    for (place, share) in shares().into_iter().enumerate() {
        for size in [4, 5, 6] {
            let groups = groups(&share, size);
            let behind = groups[groups.len() - 72 / size..].join(". ");
            let withheld = Public::redacted(&behind);
            assert!(withheld.as_str().contains(WITHHELD), "{behind}");
            let mut mistyped = share.clone();
            for (error, wrong) in [(4, "i"), (20 + place, "O"), (90, "b")] {
                mistyped.replace_range(error..=error, wrong);
            }
            let typed = self::groups(&mistyped, size).join(". ");
            assert!(!shows(Public::redacted(&typed).as_str(), &mistyped.to_ascii_lowercase()), "{typed}");
        }
    }
}

#[test]
fn keys_in_hexadecimal_are_withheld_whatever_stands_between() {
    let key = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    for size in [2, 4, 8] {
        for separator in SEPARATORS.chars().map(String::from).chain([", ".to_owned(), " | ".to_owned()]) {
            let redacted = Public::redacted(&format!("is it {}?", groups(key, size).join(&separator)));
            assert!(!shows(redacted.as_str(), key), "{redacted}");
        }
    }
}

#[test]
fn what_people_write_at_ceremonies_is_kept() {
    for text in [
        "Laptop PF3XK9Q2, token 8f3a9c01b2d4e5f6, bag AB123456: all seals unbroken.",
        "The seal of bag 00448 was torn; it was put into bag 00449, and that one signed by both witnesses.",
        "Bags 00448, 00449, 00450, 00451, 00452, 00453, 00454, 00455, 00456 and 00457 were opened.",
        "Serial numbers: 5CG0123ABC (laptop), 4C530001 (USB stick), YK-5NFC-11223344 (token).",
        "At 09:12 the fire alarm rang; at 09:40 we went on, all seven of us, with step 4 of 9.",
        "2026-11-25 18:30 UTC: power cut, 12 min. The UPS (APC SMT750I, s/n AS1234567890) held.",
        "Files: plan-2026-11-25_v3.toml, slots.txt, transcript.jsonl, report-2026.html, IMG_20261125_183000.jpg.",
        "See /srv/ceremony/2026-11-25/output/shares/share-3-Grace-Hopper.age and ../store_1/log.0001.",
        "Firmware 2.6.1-rc3, driver v535.104.05, kernel 6.1.0-13-amd64, SoftHSM 2.6.1+dfsg-1.",
        "The room is B2-114, the safe is S3, the key box is K17; 3 of 5 came, 2 are ill (Ada, Mary).",
        "Grace typed group 7 as \"37a\" instead of \"a37\", twice. Her third attempt was good.",
        "He has an iPhone 15 Pro, 256GB, A2848; it stayed outside, in locker 12B.",
        "HSM: Thales Luna 7, s/n 532018, fw 7.7.0, slot 3, partition \"root-2026\", FIPS 140-3 L3.",
        "Camera 2 (Axis P3245-LV, 00:40:8c:12:34:56) had no picture from 10:02 to 10:05.",
        "PIN pad failed; replaced by a spare (model SPR332v2, s/n 21120123456789).",
        "Ticket CHG0031337 / INC-2026-00417, approved by Jürgen Müller & Co. KG; cost centre 4711.",
        "Der Umschlag Nr. 00448 war beschädigt; er wurde durch Nr. 00449 ersetzt, versiegelt und unterschrieben.",
        "Um 9.30 Uhr fiel der Strom aus (ca. 12 Min.), danach ging es mit Schritt 4 von 9 weiter.",
        "Laptop Lenovo T14 Gen 3, Seriennummer PF3XK9Q2, Inventarnummer 00442, Beutel AB123456, Raum 3F.",
        "Frau Dr. Groß kam 15 min zu spät; Herr Weiß übernahm für sie, s. Plan v2, Abs. 3, S. 4.",
        "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft, Zi. 12",
        "L'enveloppe n° 00448 était abîmée ; elle a été remplacée par la n° 00449, scellée et signée.",
        "À 9 h 30, coupure de courant (12 min env.) ; reprise à l'étape 4 sur 9, « tout est en ordre ».",
        "Le portable (réf. PF3XK9Q2, sac AB123456) n'a été ouvert qu'en présence de l'auditrice, Mme Lefèvre.",
        "El sobre n.º 00448 estaba roto; se cambió por el n.º 00449 (sala 3F, caja fuerte K17).",
        "Конверт № 00448 был повреждён; заменён конвертом № 00449, комната 3F, сейф K17, ноутбук PF3XK9Q2.",
        "封筒00448は破れていた。00449に入れ替え、証人2名が署名した（部屋B2、金庫K17）。",
        "笔记本 PF3XK9Q2，令牌 17，袋 AB123456，房间 B2-14：封条完好。",
        "store 1f0c22abd0e1f2a3, set 00448: \"this share is of another set\"",
        "all(groups(2 of {team1: 2 of 3, team2: 2 of 3, team3: 1 of 2}), hsm(main, root-2026))",
        "groups(3 of {a: 2 of 3, b: 2 of 3, c: 2 of 3, d: 2 of 3, e: 2 of 3, f: 2 of 3})",
        "v1.0, v1.1, v1.2, v1.3, v2.0, v2.1, v2.2, v2.3, v3.0, v3.1, v3.2, v3.3, v4.0, v4.1 and v4.2 were tried",
        "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25",
        "a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z: a to z, A to Z",
        "sr1 is what every share begins with; the letters b, i and o and the digit 1 are in none behind it",
        "root-2026, root-2027, audit-2026 and audit-2027 are EC P-256 and AES-256 keys with CKA_SENSITIVE true",
    ] {
        assert_eq!(Public::new(text).map(|text| text.to_string()).as_deref(), Ok(text));
        assert_eq!(Public::redacted(text).as_str(), text);
    }
}

#[test]
fn what_stands_around_a_key_is_kept() {
    let share = groups(&shares()[0], 6).join(".");
    let text = format!(
        "At 9:30 Ada put this into the wrong window, by mistake: {share}; we went on without it, in room 3F"
    );
    assert_eq!(
        Public::redacted(&text).as_str(),
        "At 9:30 Ada put this into the wrong window, by mistake: [withheld: looked like a key]; we went on without it, in room 3F"
    );
}

#[test]
fn what_was_redacted_is_public_whatever_it_was() {
    let pieces = [
        "sr1qyt", "64u5mh", "gkt6", "7ffn8", "9", "17", "ab", "the", "bag", "00448", "PF3XK9Q2", "é", ".",
        ", ", " ", "\u{200b}",
    ];
    let mut state = 7_u64;
    let mut withheld = 0;
    for _ in 0..20_000 {
        let mut text = String::new();
        for _ in 0..60 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            text.push_str(pieces[usize::try_from(state >> 60).unwrap()]);
        }
        for text in [text.clone(), text.repeat(8)] {
            let redacted = Public::redacted(&text);
            assert_eq!(Public::new(redacted.as_str()).as_ref(), Ok(&redacted), "{text:?}");
            withheld += usize::from(redacted.as_str().contains(WITHHELD));
        }
    }
    assert!((1_000..39_000).contains(&withheld), "{withheld}");
}
