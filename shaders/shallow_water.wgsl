// shallow_water: one time step of the shallow-water equations on a rotating plane.
//
//   params.width, params.height  u32   cells along x and y
//   params.ratio       f32             time step over the cells' width, in s/m
//   params.half_gravity  f32           half the acceleration of gravity, in m/s^2
//   params.turn        f32             Coriolis parameter times the time step: radians, nearly
//   depth              f32[height][width]  read: depth of the water, in m
//   flow_x, flow_y     f32[height][width]  read: depth times velocity along x and y, in m^2/s
//   new_depth, new_flow_x, new_flow_y  the same after the step, written
//   grid               [width, height]
//
// The plane is a torus: what flows out on one side comes in on the other. The equations are in the form that conserves
// mass, and the scheme keeps it: what a cell gains its neighbours lose. Half a step gives the state at the four corners of
// a cell, from the four cells around each; the fluxes there make the whole step. Stable while
// (|velocity| + sqrt(gravity * depth)) * ratio < 0.7. Corners are worked out by all four cells around them, so that a step
// is one dispatch.
//
// Differences of squares are written as products: where the water is still they are zero exactly, whether or not the
// device fuses multiplications and additions. Water that is still everywhere therefore stays as it is, to the bit.
//
// Ragged edges: invocations beyond the grid return at once.
// Source: Richtmyer and Morton, "Difference Methods for Initial-Value Problems" (1967), the two-step Lax-Wendroff scheme,
// with its first step at the corners as in Zwas, "On Two Step Lax-Wendroff Methods in Several Dimensions" (1972).

struct Params {
    width: u32,
    height: u32,
    ratio: f32,
    half_gravity: f32,
    turn: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> depth: array<f32>;
@group(0) @binding(2) var<storage, read> flow_x: array<f32>;
@group(0) @binding(3) var<storage, read> flow_y: array<f32>;
@group(0) @binding(4) var<storage, read_write> new_depth: array<f32>;
@group(0) @binding(5) var<storage, read_write> new_flow_x: array<f32>;
@group(0) @binding(6) var<storage, read_write> new_flow_y: array<f32>;

struct Water {
    depth: f32,
    flow: vec2f,
    velocity: vec2f,
}

fn water(depth: f32, flow: vec2f) -> Water {
    return Water(depth, flow, flow / depth);
}

fn cell(x: u32, y: u32) -> Water {
    let i = y * params.width + x;
    return water(depth[i], vec2f(flow_x[i], flow_y[i]));
}

// The difference of the pressures, which are half of gravity times the square of the depth.
fn pressure(from_: Water, to: Water) -> f32 {
    return params.half_gravity * ((to.depth - from_.depth) * (to.depth + from_.depth));
}

// How much more mass (x) and momentum (yz) flows along x in `to` than in `from_`; momentum with its pressure.
fn along_x(from_: Water, to: Water) -> vec3f {
    let momentum = to.flow * to.velocity.x - from_.flow * from_.velocity.x;
    return vec3f(to.flow.x - from_.flow.x, momentum.x + pressure(from_, to), momentum.y);
}

// The same along y.
fn along_y(from_: Water, to: Water) -> vec3f {
    let momentum = to.flow * to.velocity.y - from_.flow * from_.velocity.y;
    return vec3f(to.flow.y - from_.flow.y, momentum.x, momentum.y + pressure(from_, to));
}

// The state half a step later at the corner between four cells, named by where they lie.
fn corner(sw: Water, se: Water, nw: Water, ne: Water) -> Water {
    let gained = (along_x(sw, se) + along_x(nw, ne)) + (along_y(sw, nw) + along_y(se, ne));
    let depth = 0.25 * ((sw.depth + se.depth) + (nw.depth + ne.depth)) - 0.25 * params.ratio * gained.x;
    let flow = 0.25 * ((sw.flow + se.flow) + (nw.flow + ne.flow));
    let turned = 0.5 * params.turn * vec2f(flow.y, -flow.x);
    return water(depth, (flow + turned) - 0.25 * params.ratio * gained.yz);
}

@compute @workgroup_size(16, 8)
fn shallow_water(@builtin(global_invocation_id) id: vec3u) {
    if (id.x >= params.width || id.y >= params.height) {
        return;
    }
    let west = select(id.x - 1u, params.width - 1u, id.x == 0u);
    let east = select(id.x + 1u, 0u, id.x + 1u == params.width);
    let south = select(id.y - 1u, params.height - 1u, id.y == 0u);
    let north = select(id.y + 1u, 0u, id.y + 1u == params.height);

    let here = cell(id.x, id.y);
    let s = cell(id.x, south);
    let n = cell(id.x, north);
    let w = cell(west, id.y);
    let e = cell(east, id.y);
    let sw = corner(cell(west, south), s, w, here);
    let se = corner(s, cell(east, south), here, e);
    let nw = corner(w, here, cell(west, north), n);
    let ne = corner(here, e, n, cell(east, north));

    let gained = (along_x(sw, se) + along_x(nw, ne)) + (along_y(sw, nw) + along_y(se, ne));
    let flow = 0.25 * ((sw.flow + se.flow) + (nw.flow + ne.flow));
    let turned = params.turn * vec2f(flow.y, -flow.x);
    let new_flow = (here.flow + turned) - 0.5 * params.ratio * gained.yz;
    let i = id.y * params.width + id.x;
    new_depth[i] = here.depth - 0.5 * params.ratio * gained.x;
    new_flow_x[i] = new_flow.x;
    new_flow_y[i] = new_flow.y;
}
