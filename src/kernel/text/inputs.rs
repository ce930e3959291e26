//! Inputs of the extension `linear_indexing`, which naga does not know: others stand in for them, which no compute
//! kernel has, until the module is there (`polyfill/inputs.rs`).

use naga::BuiltIn;

use super::{Edit, token::Token};

/// What stands in for `global_invocation_index`.
pub const GLOBAL_INDEX: BuiltIn = BuiltIn::VertexIndex;
/// What stands in for `workgroup_index`.
pub const WORKGROUP_INDEX: BuiltIn = BuiltIn::InstanceIndex;

/// The stand-ins for inputs, none if the text has one of them itself: in a compute kernel it would be taken for another.
pub fn stand_ins(all: &[Token<'_>]) -> Vec<Edit> {
    let named = |name: &str| all.iter().any(|token| token.text == name);
    if named("vertex_index") || named("instance_index") {
        return Vec::new();
    }
    let inputs = all.windows(4).filter(|w| w[0].text == "@" && w[1].text == "builtin" && w[2].text == "(");
    inputs
        .filter_map(|w| {
            let stand_in = match w[3].text {
                "global_invocation_index" => "vertex_index",
                "workgroup_index" => "instance_index",
                _ => return None,
            };
            Some(Edit::new(w[3].at..w[3].end(), stand_in))
        })
        .collect()
}
