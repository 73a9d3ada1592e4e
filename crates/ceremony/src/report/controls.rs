//! Controls, and the events that bear on them. What a control asks is said in our own words: the standard counts.

/// One row.
pub(super) struct Control {
    pub(super) number: &'static str,
    pub(super) asks: &'static str,
    pub(super) how: &'static str,
    /// Events of a transcript; `fact/NAME` for a fact.
    pub(super) shown_by: &'static [&'static str],
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
        asks: "Keys are protected against disclosure and misuse.",
        how: "The program's hash is recorded and held against the plan; what is unsafe about the machine is refused or recorded.",
        shown_by: &["software", "unsafe", "device"],
    },
    Control {
        number: "3.6.1.2",
        asks: "Secret keys are stored encrypted, in a device made for it, or as at least two full-length components or shares.",
        how: "The root key is wrapped under a policy of shares, keys in an HSM, or both, and is stored in no other form.",
        shown_by: &["dealt", "hsm-key", "fact/hsm-parts-wrapped"],
    },
    Control {
        number: "3.6.1.3",
        asks: "As few custodians as necessary have access to clear-text components.",
        how: "Each share goes to one custodian, and nobody else sees it; only a quorum of holders can open the store.",
        shown_by: &["handed-out", "share-accepted"],
    },
    Control {
        number: "3.6.1.4",
        asks: "Keys are stored in as few places as possible.",
        how: "Shares that were not handed out exist nowhere; the ways in which the others are kept are listed.",
        shown_by: &["handed-out", "voided", "fact/destroyed"],
    },
    Control {
        number: "3.7.1",
        asks: "Strong keys are generated.",
        how: "256-bit keys from the operating system's generator, by the program of the recorded hash; keys in an HSM by the HSM.",
        shown_by: &["software", "dealt", "hsm-key", "fact/hsm-key-made"],
    },
    Control {
        number: "3.7.2",
        asks: "Keys are distributed securely.",
        how: "Shares are encrypted to the custodian's key, shown to that custodian alone, or printed for that custodian.",
        shown_by: &["handed-out", "acknowledged", "proved"],
    },
    Control {
        number: "3.7.3",
        asks: "Keys are stored securely.",
        how: "Custody of each share is recorded; attributes and check value of each key in an HSM are evidence of how it is kept.",
        shown_by: &["handed-out", "hsm-key", "fact/slot-file"],
    },
    Control {
        number: "3.7.4",
        asks: "Keys are changed at the end of their cryptoperiod.",
        how: "A rekey or a new key in the HSM takes effect in one commit, and what lies under old keys is sealed anew.",
        shown_by: &["committed", "fact/terms-destroyed", "fact/hsm-parts-wrapped"],
    },
    Control {
        number: "3.7.5",
        asks: "Keys are retired, replaced or destroyed when weakened, suspected or no longer needed.",
        how: "Old shares end with the commit of the new ones; shares of an abandoned attempt are void; a store can be destroyed.",
        shown_by: &["voided", "committed", "fact/terms-destroyed", "fact/destroyed"],
    },
    Control {
        number: "3.7.6",
        asks: "Manual operations on clear-text keys are under split knowledge and dual control.",
        how: "A quorum of holders brings shares one by one, approvers other than the requester agree, a witness signs each step off.",
        shown_by: &["share-accepted", "approved", "step-done"],
    },
    Control {
        number: "3.7.7",
        asks: "Keys cannot be substituted without authorisation.",
        how: "Each share is held against the commitment of its set; wrong and foreign ones are refused; check values tell keys apart.",
        shown_by: &["share-accepted", "share-refused", "proved", "hsm-key"],
    },
    Control {
        number: "3.7.8",
        asks: "Custodians acknowledge their responsibilities formally.",
        how: "Each custodian reads the duties and confirms them at the keyboard.",
        shown_by: &["acknowledged"],
    },
];

const SP_800_57: &[Control] = &[
    Control {
        number: "5.3",
        asks: "Keys are used for a limited cryptoperiod.",
        how: "The replacement of root key, shares or keys in an HSM is a ceremony with its date.",
        shown_by: &["committed", "fact/terms-destroyed", "fact/hsm-parts-wrapped"],
    },
    Control {
        number: "8.1.5.2",
        asks: "Symmetric keys are generated and distributed under control, split ones to different people.",
        how: "Shares are made in memory and go each to one custodian, who acknowledges and proves to have it.",
        shown_by: &["dealt", "handed-out", "acknowledged", "proved"],
    },
    Control {
        number: "8.2.2",
        asks: "Operations can continue when keys are lost: backup and recovery.",
        how: "The recovery of a store from a backup and shares, and drills that open it.",
        shown_by: &["fact/backup-entries", "fact/restored-store", "fact/store-check", "share-accepted"],
    },
    Control {
        number: "8.2.3",
        asks: "Keys are replaced without use of the old ones to derive the new.",
        how: "A rekey draws a new root key and new shares; the old ones work until the commit and not after it.",
        shown_by: &["dealt", "committed"],
    },
    Control {
        number: "8.3.4",
        asks: "Keys are destroyed when they are no longer needed.",
        how: "Retired terms are destroyed once nothing lies under them; a store is destroyed by its number.",
        shown_by: &["fact/terms-destroyed", "fact/destroyed", "voided"],
    },
    Control {
        number: "9.1",
        asks: "Whoever has access to keys is accountable for it.",
        how: "Who was there, who approved, and who had which share in hand is recorded by name.",
        shown_by: &["present", "approved", "handed-out", "share-accepted"],
    },
    Control {
        number: "9.2",
        asks: "Events of key management are recorded, protected and reviewed.",
        how: "This transcript: chained, signed, and with what went wrong written down.",
        shown_by: &["opened", "exception", "aborted", "closed"],
    },
];

const SOC_2: &[Control] = &[
    Control {
        number: "CC6.1",
        asks: "Logical access to protected assets is restricted, and encryption keys are protected.",
        how: "The root key opens by its policy alone: a quorum of shares, keys in an HSM, or both.",
        shown_by: &["dealt", "share-accepted", "hsm-key"],
    },
    Control {
        number: "CC6.2",
        asks: "New users of credentials are authorised and registered before they get them.",
        how: "Custodians stand in the reviewed plan; each handing-over is recorded.",
        shown_by: &["opened", "handed-out", "acknowledged"],
    },
    Control {
        number: "CC6.3",
        asks: "Access is changed and removed with segregation of duties.",
        how: "A rekey ends the shares of those who leave; the requester cannot be the only approver.",
        shown_by: &["approved", "committed", "voided"],
    },
    Control {
        number: "CC6.5",
        asks: "Protection of assets ends only when the data cannot be recovered any more.",
        how: "The destruction of a store and of retired keys.",
        shown_by: &["fact/destroyed", "fact/terms-destroyed"],
    },
    Control {
        number: "CC6.7",
        asks: "Information is protected while it is handed over.",
        how: "Shares are encrypted to their custodians, or shown or printed for them alone.",
        shown_by: &["handed-out"],
    },
    Control {
        number: "CC6.8",
        asks: "Unauthorised software is prevented or detected.",
        how: "The program's own hash is recorded, and held against the plan's where that names one.",
        shown_by: &["software"],
    },
    Control {
        number: "CC8.1",
        asks: "Changes are authorised, documented, tested and approved.",
        how: "One reviewed plan, whose hash is recorded, is the whole input; steps, approvals and exceptions are recorded.",
        shown_by: &["opened", "approved", "step-done", "exception"],
    },
];
