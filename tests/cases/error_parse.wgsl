// What does not parse is shown at its place.
//! error: expected

@compute @workgroup_size(1)
fn main() {
    let x = ; // refused here
}
