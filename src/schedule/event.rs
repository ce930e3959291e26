//! What happens in a ledger, for progress and traces.

use std::{ops::Range, time::Duration};

use super::{ClaimId, Failure, MemberId, Remedy};

/// Something that happened in a [`Ledger`](super::Ledger).
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// When. Commits have the time of what the ledger was told last.
    pub at: Duration,
    /// To whom.
    pub member: MemberId,
    /// What.
    pub what: What,
}

/// What happened to a member.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// It joined, at the start or later.
    Joined,
    /// It claimed these units.
    Claimed {
        /// The claim.
        claim: ClaimId,
        /// Its units.
        units: Range<u32>,
        /// Whether another member computes them too.
        is_backup: bool,
    },
    /// Its claim landed. What counts of it is to be committed, or, where `is_held`, to be folded in later.
    Landed {
        /// The claim.
        claim: ClaimId,
        /// The units that count.
        units: Vec<Range<u32>>,
        /// Whether they stay in the member's copy of the merged bindings for now.
        is_held: bool,
    },
    /// Its claim landed after others had done all of it.
    Discarded {
        /// The claim.
        claim: ClaimId,
    },
    /// What its claim computed is where it belongs.
    Committed {
        /// The claim.
        claim: ClaimId,
        /// The units.
        units: Vec<Range<u32>>,
    },
    /// Its claim failed.
    Failed {
        /// The claim.
        claim: ClaimId,
        /// Why.
        why: Failure,
        /// What was done about it.
        remedy: Remedy,
    },
    /// Its claim was taken back: the member was lost, or the call cancelled.
    Released {
        /// The claim.
        claim: ClaimId,
    },
    /// It is given nothing any more.
    Left,
}
