//! Kernels in the shapes that real ones have: maps, stencils, transpositions, sums of rows, gathers, reductions.

use super::{Generated, Generator, SIZES};

/// A kernel of one of the shapes that real ones have, with random sizes, edges and slips.
pub fn family(seed: u64) -> Generated {
    let mut generator = Generator::new(seed);
    let size = SIZES[generator.random.below(SIZES.len())];
    let workgroups = generator.workgroups(size);
    match generator.random.below(9) {
        0 => generator.map(),
        1 => generator.stencil(),
        2 => generator.stencil_flat(),
        3 => generator.transpose(),
        4 => generator.rows(),
        5 => generator.gather_or_scatter(),
        6 => generator.accumulate(),
        7 => generator.tiles(),
        _ => generator.strided(),
    }
    generator.finish(size, workgroups)
}

impl Generator {
    /// A guard for a flat index, in one of the ways that people write it; sometimes forgotten.
    fn guard(&mut self, index: &str, limit: &str) {
        let guard = match self.random.below(5) {
            0 => format!("if ({index} >= {limit}) {{ return; }}"),
            1 => format!("if (!({index} < {limit})) {{ return; }}"),
            2 => format!("if ({limit} <= {index}) {{ return; }}"),
            3 => format!("if ({index} < {limit}) {{ }} else {{ return; }}"),
            _ => return,
        };
        self.line(&guard);
    }

    fn map(&mut self) {
        let index =
            self.pick(&["id.x", "wg.x * LANES + lane", "wg.x * SIZE.x + local.x", "id.x + id.y * wgs.x * SIZE.x"]);
        self.line(&format!("let i = {index};"));
        let limit =
            self.pick(&["arrayLength(&src)", "arrayLength(&dst)", "params.n", "min(params.n, arrayLength(&dst))"]);
        self.guard("i", &limit);
        let from =
            self.pick(&["i", "i + 1u", "2u * i", "i / 2u", "params.n - 1u - i", "i * params.k", "i ^ 1u", "i | 3u"]);
        let to = self.pick(&[
            "i",
            "i",
            "i",
            "2u * i",
            "i + params.k",
            "params.n - 1u - i",
            "i & 0xfffffff0u",
            "i * 3u + 1u",
        ]);
        match self.random.below(4) {
            0 => self.line(&format!("dst[{to}] = recs[{from}].list[i % 3u] + recs[{from}].pair.y;")),
            1 => self.line(&format!("quads[{to}] = vec4u(src[{from}]);")),
            2 => self.line(&format!("dst[{to}] += src[{from}];")),
            _ => self.line(&format!("dst[{to}] = src[{from}];")),
        }
    }

    /// A neighbour's coordinate along an axis, with the edge treated in one way or another.
    fn neighbour(&mut self, coordinate: &str, offset: i32, extent: &str) -> String {
        let ahead = offset.unsigned_abs();
        match (self.random.below(6), offset) {
            (_, 0) => coordinate.into(),
            (0, _) => format!("clamped(i32({coordinate}) + {offset}, {extent})"),
            (1, ..0) => format!("(max({coordinate}, {ahead}u) - {ahead}u)"),
            (1, _) => format!("min({coordinate} + {ahead}u, {extent} - 1u)"),
            (2, ..0) => format!("select({coordinate} - {ahead}u, 0u, {coordinate} < {ahead}u)"),
            (2, _) => {
                format!("select({coordinate} + {ahead}u, {extent} - 1u, {coordinate} + {ahead}u >= {extent})")
            }
            (3, _) => format!("mirrored(i32({coordinate}) + {offset}, {extent})"),
            (4, _) => format!("around(i32({coordinate}) + {offset}, {extent})"),
            (_, ..0) => format!("({coordinate} - {ahead}u)"),
            _ => format!("({coordinate} + {ahead}u)"),
        }
    }

    fn stencil(&mut self) {
        let planes = self.random.chance(25);
        self.line("let x = id.x; let y = id.y; let z = id.z;");
        match self.random.below(4) {
            0 => self.line("if (x >= params.width || y >= params.height || z >= params.depth) { return; }"),
            1 => self.line("if (!(inside(x, y) && z < params.depth)) { return; }"),
            2 => self.line(
                "if (x == 0u || y == 0u || x + 1u >= params.width || y + 1u >= params.height || z >= params.depth) { return; }",
            ),
            _ => {}
        }
        let radius = 1 + self.random.below(3) as i32;
        for _ in 0..1 + self.random.below(4) {
            let (dx, dy) =
                (self.random.below(5) as i32 - 2, self.random.below(2 * radius as usize + 1) as i32 - radius);
            let (x, y) = (self.neighbour("x", dx, "params.width"), self.neighbour("y", dy, "params.height"));
            let z = if planes { self.neighbour("z", dy.signum(), "params.depth") } else { "z".into() };
            self.line(&format!("sum += src[({z} * params.height + {y}) * params.width + {x}];"));
        }
        if self.random.chance(40) {
            self.line(&format!("for (var j = -{radius}; j <= {radius}; j++) {{"));
            let row = self.pick(&[
                "clamped(i32(y) + j, params.height)",
                "u32(i32(y) + j)",
                "around(i32(y) + j, params.height)",
            ]);
            self.line(&format!("    let row = {row};"));
            if self.random.chance(50) {
                self.line("    if (row >= params.height) { continue; }");
            }
            self.line("    sum += src[(z * params.height + row) * params.width + x];");
            self.line("}");
        }
        let store = self.pick(&[
            "dst[(z * params.height + y) * params.width + x]",
            "dst[x + params.width * (y + params.height * z)]",
        ]);
        self.line(&format!("{store} = sum;"));
    }

    /// A stencil over rows and columns of a one-dimensional grid.
    fn stencil_flat(&mut self) {
        self.line("let i = id.x;");
        self.guard("i", "params.width * params.height");
        let divide = self.pick(&["params.width", "params.width", "8u", "16u"]);
        self.line(&format!("let w = {divide}; let x = i % w; let y = i / w;"));
        for _ in 0..1 + self.random.below(3) {
            let (dx, dy) = (self.random.below(3) as i32 - 1, self.random.below(3) as i32 - 1);
            let (x, y) = (self.neighbour("x", dx, "w"), self.neighbour("y", dy, "params.height"));
            self.line(&format!("sum += src[{y} * w + {x}];"));
        }
        if self.random.chance(50) {
            self.line("if (x > 0u && y > 0u) { sum += src[i - w - 1u]; }");
        }
        self.line("dst[i] = sum;");
    }

    fn transpose(&mut self) {
        self.line("let x = id.x; let y = id.y;");
        if self.random.chance(80) {
            self.line("if (!inside(x, y)) { return; }");
        }
        match self.random.below(3) {
            0 => self.line("dst[x * params.height + y] = src[y * params.width + x];"),
            1 => self.line("dst[y * params.width + x] = src[x * params.height + y];"),
            _ => self.line("dst[y * params.width + x] += src[(params.height - 1u - y) * params.width + x];"),
        }
    }

    /// Something for each row, in a loop.
    fn rows(&mut self) {
        let axis = self.pick(&["x", "y"]);
        self.line(&format!("let row = id.{axis};"));
        self.guard("row", "params.height");
        let (head, index) = match self.random.below(5) {
            0 => ("for (var j = 0u; j < params.width; j++)", "row * params.width + j"),
            1 => ("for (var j = params.width; j > 0u; j--)", "row * params.width + j - 1u"),
            2 => ("for (var j = row * params.width; j < (row + 1u) * params.width; j++)", "j"),
            3 => ("for (var j = 0u; j < params.width; j += 3u)", "row * params.width + j + 2u"),
            _ => ("for (var j = i32(params.width) - 1; j >= 0; j -= 2)", "u32(i32(row * params.width) + j)"),
        };
        self.line("var at = row * params.width;");
        self.line(&format!("{head} {{"));
        match self.random.below(4) {
            0 => self.line("    sum += src[at]; at += 1u;"),
            1 => self.line(&format!("    dst[{index}] = src[{index}];")),
            2 => self.line(&format!("    if (sum % 7u == 3u) {{ break; }} sum += src[{index}];")),
            _ => self.line(&format!("    sum += src[{index}];")),
        }
        self.line("}");
        if self.random.chance(60) {
            self.line("dst[row] = sum;");
        }
    }

    fn gather_or_scatter(&mut self) {
        self.line("let i = id.x;");
        self.guard("i", "arrayLength(&idx)");
        self.line("let at = idx[i];");
        if self.random.chance(50) {
            self.guard("at", "arrayLength(&src)");
        }
        match self.random.below(4) {
            0 => self.line("dst[at] = src[i];"),
            1 => self.line("dst[i] = src[min(at, arrayLength(&src) - 1u)];"),
            2 => self.line("dst[i] = src[at % arrayLength(&src)];"),
            _ => self.line("dst[i] = src[at];"),
        }
    }

    fn accumulate(&mut self) {
        self.line("let i = id.x;");
        self.guard("i", "arrayLength(&src)");
        let fun = self.pick(&["atomicAdd", "atomicSub", "atomicMin", "atomicMax", "atomicXor", "atomicOr"]);
        let index = self.pick(&["src[i] % 16u", "i", "i % 16u", "wg.x", "0u", "src[i]"]);
        self.line(&format!("{fun}(&acc[{index}], src[i]);"));
        match self.random.below(6) {
            0 => self.line("atomicAdd(&acc[src[i] % 8u], 1u);"),
            1 => self.line("sum += atomicLoad(&acc[i]);"),
            2 => self.line("sum += atomicAdd(&acc[i], 2u);"),
            3 => self.line("if (atomicCompareExchangeWeak(&acc[i], 0u, 1u).exchanged) { sum += 1u; }"),
            _ => {}
        }
        self.line("if (sum > 0u) { dst[i] = sum; }");
    }

    /// A workgroup copies to its own memory, folds, and writes a result.
    fn tiles(&mut self) {
        let index = self.pick(&["wg.x * LANES + lane", "id.x", "(wg.x * 2u + lane / LANES) * LANES + lane"]);
        self.line(&format!("let i = {index};"));
        self.line("if (i < arrayLength(&src)) { tile[lane] = src[i]; }");
        if self.random.chance(50) {
            self.line("if (lane == 0u && i > 0u) { sum += src[i - 1u]; }");
        }
        self.line("workgroupBarrier();");
        self.line("for (var width = LANES / 2u; width > 0u; width /= 2u) {");
        self.line("    if (lane < width) { tile[lane] += tile[lane + width]; }");
        self.line("    workgroupBarrier();");
        self.line("}");
        let result = self.pick(&["wg.x", "wg.x + wgs.x * wg.y", "i / LANES", "wg.x * 2u + 1u"]);
        if self.random.chance(70) {
            self.line(&format!("if (lane == 0u && {result} < arrayLength(&dst)) {{ dst[{result}] = tile[0] + sum; }}"));
        } else {
            self.line(&format!("if (lane == 0u) {{ dst[{result}] = tile[0] + sum; }}"));
        }
    }

    fn strided(&mut self) {
        self.line("let stride = wgs.x * SIZE.x;");
        self.line("for (var i = id.x; i < params.n; i += stride) {");
        match self.random.below(3) {
            0 => self.line("    sum += src[i];"),
            1 => self.line("    if (i < arrayLength(&dst)) { dst[i] = src[i]; }"),
            _ => self.line("    atomicAdd(&acc[i % 8u], 1u);"),
        }
        self.line("}");
        if self.random.chance(50) {
            self.line("dst[id.x] = sum;");
        }
    }
}
