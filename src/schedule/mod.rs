//! Who computes what, when several members work on one call: a [`Ledger`] of units.
//!
//! A call's grid is cut into *units*. A *member* (a device, later a node) *claims* a run of units, computes it, and says
//! that it *landed*. The ledger then says whether its results count: the first claim to land *commits* its units, and
//! nobody else can. When every unit is committed, the call is done.
//!
//! How many units a claim has is decided when it is made, from how fast the members turned out to be. So nobody has to
//! know a speed in advance, and a member that gets slower is simply given less. When no units are left, an idle
//! member may compute a slow one's claim a second time (a *backup*).
//!
//! Nothing here does I/O, reads a clock or starts a thread: callers hand in the time. That is why the same code

mod ledger;
mod ranges;
pub mod size;
mod speed;

pub use ledger::{Answer, Claim, ClaimId, Failure, Landing, Ledger, MemberId, MemberSpec, Remedy, Share};
