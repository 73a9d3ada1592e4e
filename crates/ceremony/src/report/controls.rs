//! Controls, and what a transcript must have to show them. What a control asks is said in our own words: the standard counts.
//!
//! What the numbers and words were held against:
//!
//! - PCI DSS v4.0.1, requirements 3.6.1 to 3.7.8: the wording of each requirement as compliance catalogues republish it. 3.6.1.1 and
//!   3.7.9 are about documents of service providers, which no ceremony makes.
//! - SP 800-57 part 1: the contents of the edition of 2007, whose sections 8.2.3 to 8.3.4 kept their numbers. The text of
//!   revision 5 was not at hand. Its abstract says that access control and inventory came in; they stand in front of section 9, so
//!   that accountability and audit, 9.1 and 9.2 until then, are 9.3 and 9.4. Rows begin with the section's name for that reason.
//! - SOC 2: the criteria of TSP section 100 (2017), whose wording the points of focus of 2022 left as it was.

use crate::plan::Kind;

/// One row.
pub(super) struct Control {
    pub(super) number: &'static str,
    pub(super) asks: &'static str,
    pub(super) how: &'static str,
    /// A ceremony shows it in one of these ways, or not at all.
    pub(super) ways: &'static [Way],
}

/// How ceremonies of some kinds show a control.
pub(super) struct Way {
    pub(super) kinds: &'static [Kind],
    /// Of each group there must be a line of at least one; see [`lines`](super::evidence::lines) for how they are named.
    pub(super) needs: &'static [&'static [&'static str]],
    /// What bears on it too, and shows nothing alone.
    pub(super) beside: &'static [&'static str],
}

/// Name, note and rows of each framework.
pub(super) const FRAMEWORKS: &[(&str, &str, &[Control])] = &[
    (
        "PCI DSS 4.0.1, requirements 3.6 and 3.7",
        "A row says what the requirement asks of keys that protect stored account data, in short. Policies and procedures that \
         must be written down are not shown by any transcript.",
        PCI_DSS,
    ),
    (
        "NIST SP 800-57 Part 1, revision 5",
        "By section. A ceremony concerns the root key: the keys below it have records of their own.",
        SP_800_57,
    ),
    (
        "SOC 2, trust services criteria (2017, points of focus of 2022)",
        "The criteria on which a ceremony bears. A report of one ceremony shows that a control worked once, not throughout a \
         period.",
        SOC_2,
    ),
];

const PCI_DSS: &[Control] = &[
    Control {
        number: "3.6.1",
        asks: "Keys are protected against disclosure and misuse: few custodians, key-encrypting keys as strong as what they protect \
               and kept apart from it, few places.",
        how: "The program's hash is recorded and held against the plan; what is unsafe about the machine is refused or recorded; \
              the root key opens by its policy alone.",
        ways: &[Way {
            kinds: ALL,
            needs: &[&["software"], &["dealt", "share-accepted", "fact/hsm-opened", "hsm-key"]],
            beside: &["unsafe", "device"],
        }],
    },
    Control {
        number: "3.6.1.2",
        asks: "Secret keys are stored encrypted under a key as strong, in a device made for it, or as at least two full-length \
               components or shares.",
        how: "The root key is wrapped under a policy of shares, keys in an HSM, or both, and is stored in no other form.",
        ways: &[
            Way { kinds: MAKING, needs: &[&["dealt"], &["committed"]], beside: &["hsm-key"] },
            Way { kinds: &[Kind::HsmKey], needs: &[&["fact/hsm-parts-wrapped"], &["hsm-key"]], beside: &[] },
        ],
    },
    Control {
        number: "3.6.1.3",
        asks: "As few custodians as necessary have access to clear-text components.",
        how: "Each share goes to one custodian, and nobody else sees it; only a quorum of holders can open the store.",
        ways: &[
            Way { kinds: MAKING, needs: &[&["handed-out"], &["committed"]], beside: &["share-accepted"] },
            Way { kinds: ALL, needs: &[&["share-accepted"]], beside: &[] },
        ],
    },
    Control {
        number: "3.6.1.4",
        asks: "Keys are stored in as few places as possible.",
        how: "Shares that were not handed out exist nowhere; the ways in which the others are kept are listed.",
        ways: &[Way { kinds: MAKING, needs: &[&["handed-out"], &["committed"]], beside: &["voided"] }],
    },
    Control {
        number: "3.7.1",
        asks: "Strong keys are generated.",
        how: "256-bit keys from the operating system's generator, by the program of the recorded hash; keys in an HSM by the HSM.",
        ways: &[
            Way { kinds: MAKING, needs: &[&["software"], &["dealt"], &["committed"]], beside: &["hsm-key"] },
            Way { kinds: &[Kind::HsmKey], needs: &[&["fact/hsm-key-made"], &["hsm-key"]], beside: &[] },
        ],
    },
    Control {
        number: "3.7.2",
        asks: "Keys are distributed securely.",
        how: "Shares are encrypted to the custodian's key, shown to that custodian alone, or printed for that custodian.",
        ways: &[Way {
            kinds: MAKING,
            needs: &[&["handed-out"], &["committed"]],
            beside: &["acknowledged", "proved"],
        }],
    },
    Control {
        number: "3.7.3",
        asks: "Keys are stored securely.",
        how: "Custody of each share is recorded; attributes and check value of each key in an HSM are evidence of how it is kept.",
        ways: &[
            Way { kinds: MAKING, needs: &[&["handed-out", "hsm-key"], &["committed"]], beside: &[] },
            Way { kinds: &[Kind::HsmKey], needs: &[&["hsm-key"], &["fact/hsm-parts-wrapped"]], beside: &[] },
        ],
    },
    Control {
        number: "3.7.4",
        asks: "Keys are changed at the end of their cryptoperiod.",
        how: "A rekey or a new key in the HSM takes effect in one commit, and what lies under old keys is sealed anew. When the \
              cryptoperiod ended is not in the transcript.",
        ways: CHANGED,
    },
    Control {
        number: "3.7.5",
        asks: "Keys are retired, replaced or destroyed at the end of their cryptoperiod, or when weakened or suspected; what was \
               replaced encrypts no more.",
        how: "Old shares and the old root key end with the commit of the new ones; a key in an HSM is replaced; a store can be \
              destroyed.",
        ways: &[
            Way { kinds: REPLACING, needs: &[&["committed"]], beside: &["fact/terms-destroyed"] },
            Way {
                kinds: &[Kind::HsmKey],
                needs: &[&["fact/hsm-key-made"], &["fact/hsm-parts-wrapped"]],
                beside: &["hsm-key"],
            },
            Way {
                kinds: &[Kind::Destruction],
                needs: &[&["fact/destroyed"]],
                beside: &["fact/store-to-destroy"],
            },
        ],
    },
    Control {
        number: "3.7.6",
        asks: "Manual operations on clear-text keys are under split knowledge and dual control.",
        how: "Several holders bring shares one by one; where something changes, somebody other than the requester approves.",
        ways: &[
            Way {
                kinds: APPROVED,
                needs: &[&["share-accepted/several"], &["approved/another"]],
                beside: &["step-done"],
            },
            Way { kinds: OPENING, needs: &[&["share-accepted/several"]], beside: &["step-done"] },
        ],
    },
    Control {
        number: "3.7.7",
        asks: "Keys cannot be substituted without authorisation.",
        how: "Each share and each HSM's part is held against the commitment of its set; wrong and foreign ones are refused; check \
              values tell keys apart.",
        ways: &[Way {
            kinds: ALL,
            needs: &[&["share-accepted", "proved", "fact/hsm-opened", "hsm-key"]],
            beside: &["share-refused"],
        }],
    },
    Control {
        number: "3.7.8",
        asks: "Custodians acknowledge their responsibilities formally.",
        how: "Each custodian reads the duties and confirms them at the keyboard; the witness signs off that all did.",
        ways: &[Way { kinds: MAKING, needs: &[&["acknowledged"], &["step-done/acknowledge"]], beside: &[] }],
    },
];

const SP_800_57: &[Control] = &[
    Control {
        number: "5.3",
        asks: "Cryptoperiods: keys are used for a limited time.",
        how: "The replacement of root key, shares or keys in an HSM is a ceremony with its date.",
        ways: CHANGED,
    },
    Control {
        number: "8.1.5.2",
        asks: "Generation and distribution of symmetric keys: under control, split ones to different people.",
        how: "Shares are made in memory and go each to one custodian, who acknowledges and proves to have it.",
        ways: &[Way {
            kinds: MAKING,
            needs: &[&["dealt"], &["handed-out"], &["committed"]],
            beside: &["acknowledged", "proved"],
        }],
    },
    Control {
        number: "8.2.2",
        asks: "Continuity of operations when keys are lost: backup and recovery.",
        how: "The recovery of a store from a backup and shares, and drills that open it and read it whole.",
        ways: &[
            Way {
                kinds: &[Kind::Recovery],
                needs: &[&["share-accepted", "fact/hsm-opened"], &["fact/restored-store"]],
                beside: &["fact/backup-entries"],
            },
            Way {
                kinds: &[Kind::Unseal],
                needs: &[&["share-accepted", "fact/hsm-opened"], &["fact/store-check"]],
                beside: &[],
            },
        ],
    },
    Control {
        number: "8.2.3",
        asks: "Key change: keys are replaced without use of the old ones to derive the new.",
        how: "A rekey draws a new root key and new shares, and an HSM makes its new key; the old ones work until the commit and not \
              after it.",
        ways: &[
            Way { kinds: REPLACING, needs: &[&["dealt"], &["committed"]], beside: &[] },
            Way {
                kinds: &[Kind::HsmKey],
                needs: &[&["fact/hsm-key-made"], &["fact/hsm-parts-wrapped"]],
                beside: &[],
            },
        ],
    },
    Control {
        number: "8.3.4",
        asks: "Key destruction: keys are destroyed when they are no longer needed.",
        how: "Retired terms are destroyed once nothing lies under them; a store is destroyed by its number.",
        ways: &[
            Way { kinds: REPLACING, needs: &[&["fact/terms-destroyed"]], beside: &[] },
            Way {
                kinds: &[Kind::Destruction],
                needs: &[&["fact/destroyed"]],
                beside: &["fact/store-to-destroy"],
            },
        ],
    },
    Control {
        number: "9.3",
        asks: "Accountability: who has access to keys is known, and answers for it.",
        how: "Who was there, who approved, and who had which share in hand is recorded by name.",
        ways: &[Way {
            kinds: ALL,
            needs: &[&["present"], &["handed-out", "share-accepted", "approved"]],
            beside: &["absent", "acknowledged"],
        }],
    },
    Control {
        number: "9.4",
        asks: "Audit: events of key management are recorded, protected and reviewed.",
        how: "This transcript: chained, signed, and with what went wrong written down. Whoever reads this reviews it.",
        ways: &[Way {
            kinds: ALL,
            needs: &[&["opened"], &["closed", "aborted"]],
            beside: &["exception", "absent", "share-refused"],
        }],
    },
];

const SOC_2: &[Control] = &[
    Control {
        number: "CC6.1",
        asks: "Logical access to protected assets is restricted, and encryption keys are protected.",
        how: "The root key opens by its policy alone: a quorum of shares, keys in an HSM, or both.",
        ways: &[
            Way {
                kinds: MAKING,
                needs: &[&["dealt"], &["committed"]],
                beside: &["share-accepted", "hsm-key"],
            },
            Way { kinds: ALL, needs: &[&["share-accepted", "fact/hsm-opened", "hsm-key"]], beside: &[] },
        ],
    },
    Control {
        number: "CC6.2",
        asks: "New users of credentials are registered and authorised before they get them, and lose them when they are not.",
        how: "Custodians stand in the reviewed plan, which others than the requester approve where a store is there already; each \
              handing-over is recorded.",
        ways: &[
            Way {
                kinds: &[Kind::Create],
                needs: &[&["opened"], &["handed-out"], &["committed"]],
                beside: &["acknowledged"],
            },
            Way {
                kinds: REPLACING,
                needs: &[&["approved/another"], &["handed-out"], &["committed"]],
                beside: &["acknowledged"],
            },
        ],
    },
    Control {
        number: "CC6.3",
        asks: "Access is authorised, changed and removed by role, with least privilege and segregation of duties.",
        how: "A rekey ends the shares of those who leave; somebody other than the requester approves it.",
        ways: &[Way {
            kinds: REPLACING,
            needs: &[&["approved/another"], &["committed"]],
            beside: &["voided"],
        }],
    },
    Control {
        number: "CC6.5",
        asks: "Protection of assets ends only when the data cannot be read or recovered any more, and are not needed.",
        how: "The destruction of a store, which others than the requester approve.",
        ways: &[Way {
            kinds: &[Kind::Destruction],
            needs: &[&["approved/another"], &["fact/destroyed"]],
            beside: &["fact/store-to-destroy"],
        }],
    },
    Control {
        number: "CC6.7",
        asks: "Information goes to authorised people alone, and is protected on its way.",
        how: "Shares are encrypted to their custodians, or shown or printed for them alone.",
        ways: &[Way { kinds: MAKING, needs: &[&["handed-out"], &["committed"]], beside: &[] }],
    },
    Control {
        number: "CC6.8",
        asks: "Unauthorised software is prevented or detected.",
        how: "The program's own hash is recorded, and held against the plan's where that names one.",
        ways: &[Way { kinds: ALL, needs: &[&["software"]], beside: &[] }],
    },
    Control {
        number: "CC8.1",
        asks: "Changes are authorised, documented, tested and approved before they are made.",
        how: "One reviewed plan, whose hash is recorded, is the whole input; somebody other than the requester approves; steps and \
              exceptions are recorded.",
        ways: &[Way {
            kinds: APPROVED,
            needs: &[
                &["opened"],
                &["approved/another"],
                &["committed", "fact/hsm-parts-wrapped", "fact/destroyed"],
            ],
            beside: &["step-done", "exception"],
        }],
    },
];

/// A key was changed: of root key and shares it suffices that the new ones count; a key in an HSM must be a new one.
const CHANGED: &[Way] = &[
    Way { kinds: REPLACING, needs: &[&["dealt"], &["committed"]], beside: &["fact/terms-destroyed"] },
    Way {
        kinds: &[Kind::HsmKey],
        needs: &[&["fact/hsm-key-made"], &["fact/hsm-parts-wrapped"]],
        beside: &["hsm-key"],
    },
];

const ALL: &[Kind] = &[
    Kind::Create,
    Kind::Unseal,
    Kind::ShareCheck,
    Kind::Rekey,
    Kind::HsmKey,
    Kind::SealChange,
    Kind::Recovery,
    Kind::Destruction,
];
/// Shares are made.
const MAKING: &[Kind] = &[Kind::Create, Kind::Rekey, Kind::SealChange];
/// They take the place of others.
const REPLACING: &[Kind] = &[Kind::Rekey, Kind::SealChange];
/// Somebody asked for it, and somebody approves.
const APPROVED: &[Kind] = &[Kind::Rekey, Kind::SealChange, Kind::HsmKey, Kind::Destruction];
/// A store is opened, and nothing changed.
const OPENING: &[Kind] = &[Kind::Unseal, Kind::Recovery];
