// knn: for each query the ten vectors of a database that are nearest to it by the cosine of the angle between them.
//
//   params.vectors   u32    vectors in the database
//   params.queries   u32    queries
//   params.depth     u32    coordinates of a vector, with zeros up to a multiple of 16
//   database   f32[blocks][depth][64]     read by `search`: unit vectors in blocks of 64, coordinate by coordinate, so that
//                                         neighbours lie beside each other; the last block is filled up with zeros
//   queries    vec4f[fours][depth]        read by `search`: unit vectors in fours, likewise; the last four filled up with zeros
//   lists      Hit[parts][queries][10]    read by `merge`: what `search` wrote
//   hits       Hit[parts][queries][10]    written by `search`: the nearest in each part of 8,192 vectors
//              Hit[queries][10]           written by `merge`: the nearest of all
//   grid       `search`: [ceil(queries / 32), parts] workgroups; `merge`: queries
//
// Of unit vectors the cosine is the dot product, so `search` is a product of matrices that is not kept. A workgroup has 32
// queries and one part of the database, of which it takes block after block: each of its 32 x 8 lanes makes the cosines of 4
// queries with 2 vectors in registers, 8 multiply-adds for 3 reads of workgroup memory. Only what is larger than the tenth
// best of its query so far goes on, marked by a bit; after the first blocks that is little. One lane for each query then puts
// what is marked into the list that it keeps. Bits are taken in their order, so the list does not depend on which lane came
// first, and of equals the one with the lower index stays in front.
//
// Shows: a reduction to a list, in two kernels; the first of them can be cut along the database, whatever its size.
// Ragged edges: what fills up the last block and the last four is left out by its index. A list that is not full ends with
// cosines of -2 and no index.
// Source: Johnson, Douze and Jegou, "Billion-Scale Similarity Search with GPUs" (2017), for a selection that lets few pass.

const NEAREST = 10u;
// Vectors of a block, and blocks of a part.
const BLOCK = 64u;
const BLOCKS = 128u;
// Queries of a workgroup.
const QUERIES = 32u;
// Coordinates that are in workgroup memory at a time.
const DEPTH = 16u;
const COLUMNS = 32u;
const ROWS = 8u;
// One more than DEPTH, so that the fours of two rows of lanes stand in different memory banks.
const STRIDE = 17u;

// Less than any cosine, and more.
const LOWEST = -2.0;
const HIGHEST = 2.0;
const NOTHING = 0xffffffffu;

struct Params {
    vectors: u32,
    queries: u32,
    depth: u32,
}

struct Hit {
    similarity: f32,
    index: u32,
}

// The nearest first.
struct List {
    similarities: array<f32, NEAREST>,
    indices: array<u32, NEAREST>,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> database: array<f32>;
@group(0) @binding(2) var<storage, read> queries: array<vec4f>;
@group(0) @binding(3) var<storage, read> lists: array<Hit>;
@group(0) @binding(4) var<storage, read_write> hits: array<Hit>;

// tile_q[y * STRIDE + p]: coordinate p of queries 4y .. 4y + 3; tile[p * BLOCK + j]: coordinate p of vector j.
var<workgroup> tile_q: array<vec4f, ROWS * STRIDE>;
var<workgroup> tile: array<f32, DEPTH * BLOCK>;
// What a similarity must exceed to get into the list of each query.
var<workgroup> tenth: array<f32, QUERIES>;
// Bits of the vectors of a block that do, and their similarities.
var<workgroup> marks: array<atomic<u32>, 2u * QUERIES>;
var<workgroup> marked: array<f32, QUERIES * BLOCK>;

fn read_vectors(at: u32) -> f32 {
    if (at < arrayLength(&database)) {
        return database[at];
    }
    return 0.0;
}

fn read_queries(at: u32) -> vec4f {
    if (at < arrayLength(&queries)) {
        return queries[at];
    }
    return vec4f();
}

fn empty_list() -> List {
    var list: List;
    for (var rank = 0u; rank < NEAREST; rank++) {
        list.similarities[rank] = LOWEST;
        list.indices[rank] = NOTHING;
    }
    return list;
}

// Puts a vector behind those that are as near, and drops the last of the list.
fn insert(list: ptr<function, List>, hit: Hit) {
    var moving = hit;
    var is_placed = false;
    for (var rank = 0u; rank < NEAREST; rank++) {
        let here = Hit((*list).similarities[rank], (*list).indices[rank]);
        is_placed = is_placed || moving.similarity > here.similarity;
        if (is_placed) {
            (*list).similarities[rank] = moving.similarity;
            (*list).indices[rank] = moving.index;
            moving = here;
        }
    }
}

// Marks those of two vectors, `column` and COLUMNS further, that get into a query's list.
fn offer(query: u32, column: u32, similarities: vec2f) {
    if (similarities.x > tenth[query]) {
        marked[query * BLOCK + column] = similarities.x;
        atomicOr(&marks[2u * query], 1u << column);
    }
    if (similarities.y > tenth[query]) {
        marked[query * BLOCK + COLUMNS + column] = similarities.y;
        atomicOr(&marks[2u * query + 1u], 1u << column);
    }
}

// Puts the vectors of a block that are marked for a query into its list.
fn take_marked(list: ptr<function, List>, query: u32, first: u32) {
    for (var half = 0u; half < 2u; half++) {
        var bits = atomicExchange(&marks[2u * query + half], 0u);
        while (bits != 0u) {
            let column = COLUMNS * half + (countTrailingZeros(bits) & 31u);
            bits &= bits - 1u;
            let hit = Hit(marked[query * BLOCK + column], first + column);
            if (hit.index < params.vectors && hit.similarity > (*list).similarities[NEAREST - 1u]) {
                insert(list, hit);
            }
        }
    }
}

fn write_list(list: ptr<function, List>, row: u32) {
    for (var rank = 0u; rank < NEAREST; rank++) {
        let to = row * NEAREST + rank;
        if (to < arrayLength(&hits)) {
            hits[to] = Hit((*list).similarities[rank], (*list).indices[rank]);
        }
    }
}

@compute @workgroup_size(COLUMNS, ROWS)
fn search(
    @builtin(workgroup_id) group: vec3u,
    @builtin(local_invocation_id) lane: vec3u,
    @builtin(local_invocation_index) number: u32,
) {
    // The query whose list this lane keeps, if it keeps one.
    let query = group.x * QUERIES + number;
    let has_list = number < QUERIES && query < params.queries;
    var list = empty_list();
    if (number < QUERIES) {
        // What fills up the last four gets nothing.
        tenth[number] = select(HIGHEST, LOWEST, has_list);
    }

    let start = group.y * BLOCKS;
    let end = min(start + BLOCKS, (params.vectors + BLOCK - 1u) / BLOCK);
    for (var block = start; block < end; block++) {
        var sum0 = vec2f();
        var sum1 = vec2f();
        var sum2 = vec2f();
        var sum3 = vec2f();
        for (var first = 0u; first < params.depth; first += DEPTH) {
            // Half of the lanes copy a coordinate of four queries, and all two coordinates of two vectors.
            if (lane.x < DEPTH) {
                tile_q[lane.y * STRIDE + lane.x] = read_queries((group.x * ROWS + lane.y) * params.depth + first + lane.x);
            }
            let source = (block * params.depth + first + lane.y) * BLOCK + lane.x;
            let to = lane.y * BLOCK + lane.x;
            tile[to] = read_vectors(source);
            tile[to + COLUMNS] = read_vectors(source + COLUMNS);
            tile[to + ROWS * BLOCK] = read_vectors(source + ROWS * BLOCK);
            tile[to + ROWS * BLOCK + COLUMNS] = read_vectors(source + ROWS * BLOCK + COLUMNS);
            workgroupBarrier();

            for (var p = 0u; p < DEPTH; p++) {
                let four = tile_q[lane.y * STRIDE + p];
                let at = p * BLOCK + lane.x;
                let vectors = vec2f(tile[at], tile[at + COLUMNS]);
                sum0 += four.x * vectors;
                sum1 += four.y * vectors;
                sum2 += four.z * vectors;
                sum3 += four.w * vectors;
            }
            workgroupBarrier();
        }

        // Mostly none of the eight is near enough.
        let query0 = 4u * lane.y;
        let is_near = (sum0 > vec2f(tenth[query0])) | (sum1 > vec2f(tenth[query0 + 1u]))
            | (sum2 > vec2f(tenth[query0 + 2u])) | (sum3 > vec2f(tenth[query0 + 3u]));
        if (any(is_near)) {
            offer(query0, lane.x, sum0);
            offer(query0 + 1u, lane.x, sum1);
            offer(query0 + 2u, lane.x, sum2);
            offer(query0 + 3u, lane.x, sum3);
        }
        workgroupBarrier();
        // Meanwhile the others may begin with the next block: its barriers come before they look at `tenth`.
        if (has_list) {
            take_marked(&list, number, block * BLOCK);
            tenth[number] = list.similarities[NEAREST - 1u];
        }
    }

    if (has_list) {
        write_list(&list, group.y * params.queries + query);
    }
}

@compute @workgroup_size(64)
fn merge(@builtin(global_invocation_id) id: vec3u) {
    if (id.x >= params.queries) {
        return;
    }
    var list = empty_list();
    let parts = (params.vectors + BLOCK * BLOCKS - 1u) / (BLOCK * BLOCKS);
    // Indices grow from part to part, so here too equals come in their order.
    for (var part = 0u; part < parts; part++) {
        for (var rank = 0u; rank < NEAREST; rank++) {
            let at = (part * params.queries + id.x) * NEAREST + rank;
            if (at >= arrayLength(&lists) || lists[at].similarity <= list.similarities[NEAREST - 1u]) {
                // Those behind it are no nearer.
                break;
            }
            insert(&list, lists[at]);
        }
    }
    write_list(&list, id.x);
}
