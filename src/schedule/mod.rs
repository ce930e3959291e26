//! Who computes what, when several members work on one call: a [`Ledger`] of units.
//!
//! A call's grid is cut into *units*. A *member* (a device, later a node) *claims* a run of units, computes it, and says
//! that it *landed*. The ledger then says whether its results count: the first claim to land locks its units, and nobody
//! else can *commit* them. When every unit is committed, the call is done.
//!
//! How many units a claim has is decided when it is made, from how fast the members turned out to be (`policy`). So nobody
//! has to know a speed in advance, and a member that gets slower is simply given less. When no units are left, idle members
//! compute what a slow one still has in flight a second time (a *backup execution*, `tail`).
//!
//! Calls that run at the same time share a device's memory: a budget says whose turn it is.
//!
//! Nothing here does I/O, reads a clock or starts a thread: callers hand in the time since the start of the call. That is
//! why the same code runs under real threads, under a simulated clock with a thousand members ([`simulate`]), and under
//! property tests (`histories`).

mod budget;
mod claim;
mod event;
mod ledger;
mod member;
mod policy;
pub mod simulate;
mod speed;
mod tail;
mod unit_set;

#[cfg(test)]
mod histories;
#[cfg(test)]
mod tests;

pub(crate) use budget::{Answer as MemoryAnswer, Budget, Taken, Turn};
pub use claim::{Answer, Claim, ClaimId, Failure, Landing, MemberId, Remedy};
pub use event::{Event, What};
pub use ledger::Ledger;
pub use member::{MemberSpec, Share};
pub use policy::Policy;
