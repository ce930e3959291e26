// A loop around barriers that ends because one invocation after the other returns: only then is the workgroup done.
//! device: cpu, because on a GPU a barrier that some invocations do not reach is undefined (section 15.2)
//! grid: 40
//! out y: u32 = each(40, 19 * (i % 20) + (i % 20) * (i % 20 - 1) / 2 + 100000 * (i / 20))
//! out last: u32 = 19 39

@group(0) @binding(0) var<storage, read_write> y: array<u32>;
@group(0) @binding(1) var<storage, read_write> last: array<u32>;

var<workgroup> tile: array<u32, 20>;
var<workgroup> round: u32;

@compute @workgroup_size(20)
fn main(
    @builtin(global_invocation_id) id: vec3u,
    @builtin(local_invocation_index) lane: u32,
    @builtin(workgroup_id) wg: vec3u,
) {
    var total = 100000 * wg.x;
    for (var k = 0u; ; k++) {
        tile[lane] = lane + k;
        if (lane == 19) {
            round = k;
        }
        // Uniform, and of an invocation that is still there.
        let agreed = workgroupUniformLoad(&round);
        if (lane == agreed) {
            y[id.x] = total;
            if (lane == 19) {
                last[wg.x] = id.x;
            }
            return;
        }
        total += tile[19];
        workgroupBarrier();
    }
}
