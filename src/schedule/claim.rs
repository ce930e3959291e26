//! What is said between a ledger and its members.

use std::{ops::Range, time::Duration};

/// Names a member of a [`Ledger`](super::Ledger), in the order in which they joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MemberId(pub u32);

/// Names a claim. No two claims of a ledger have the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClaimId(pub u64);

/// A run of units that a member is to compute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Its name.
    pub id: ClaimId,
    /// Who computes it.
    pub member: MemberId,
    /// The units.
    pub units: Range<u32>,
    /// Whether another member computes the same units: then it must work on copies, and some of its results may not count.
    pub is_backup: bool,
    /// When it should land, as far as the member's speed is known.
    pub due: Option<Duration>,
}

/// What a member that asks for work is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Compute this.
    Claim(Claim),
    /// Nothing to do now. Ask again at the time given, if there is one, and before it when a claim of the member has landed,
    /// when units may have become free (a claim failed, a member was lost), and when the call is finished or cancelled.
    Wait(Option<Duration>),
    /// Every unit is computed or in somebody else's hands: the member should [`fold`](super::Ledger::fold) its copy of the merged
    /// bindings in, and ask again.
    Fold,
    /// Every unit is committed.
    Finished,
    /// Nothing more is given to this member: it was lost or given up, or the call is cancelled.
    Dismissed,
}

/// What becomes of a claim that landed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Landing {
    /// Copy these units' results to where they belong, then call [`Ledger::committed`](super::Ledger::committed). Nobody else can commit them.
    Commit(Vec<Range<u32>>),
    /// The results stay in the member's own copy of the merged bindings until it is folded in.
    Hold,
    /// Forget the results: others were first with all of it, or the claim is no longer in the books.
    Discard,
}

/// Why a claim failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The member has no room for so many units.
    OutOfMemory,
    /// The member is gone, or does not answer.
    Lost,
    /// What the member computed is wrong.
    WrongResult,
    /// Something that may go well the next time.
    Passing,
}

/// What happens after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// The member goes on, with claims of at most so many units.
    Smaller(u32),
    /// The member goes on.
    Retry,
    /// The member is given nothing any more; others do what is left.
    Out,
}

/// How far a claim is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Its member computes it.
    Flying,
    /// These of its units count; their results are being copied to where they belong.
    Landed(Vec<Range<u32>>),
    /// Its results are in its member's copy of the merged bindings.
    Held,
    /// That copy is being folded in.
    Folding,
}

impl Stage {
    /// Whether its results are not on their way to where they belong.
    pub fn can_be_taken_back(&self) -> bool {
        matches!(self, Stage::Flying | Stage::Held)
    }
}

/// A claim that is not settled yet.
#[derive(Clone, Debug)]
pub(super) struct Flight {
    pub member: MemberId,
    pub units: Range<u32>,
    pub stage: Stage,
}

impl Flight {
    pub fn count(&self) -> u32 {
        self.units.end - self.units.start
    }

    /// The units that it counts for, once it has landed.
    pub fn counted(&self) -> Vec<Range<u32>> {
        match &self.stage {
            Stage::Flying => Vec::new(),
            Stage::Landed(units) => units.clone(),
            Stage::Held | Stage::Folding => vec![self.units.clone()],
        }
    }

    pub fn is_flying(&self) -> bool {
        self.stage == Stage::Flying
    }
}

/// What its member's books have of a claim that has not landed. Times are seconds since the start.
#[derive(Clone, Debug)]
pub(super) struct Flying {
    pub claim: ClaimId,
    pub units: Range<u32>,
    pub claimed: f64,
    /// When it is expected to land; when it was claimed, as long as nothing is known of the member's speed.
    pub due: f64,
    pub is_backup: bool,
}

impl Flying {
    pub fn count(&self) -> u32 {
        self.units.end - self.units.start
    }
}
