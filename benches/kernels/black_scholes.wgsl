// Prices of European options on a stock that pays no dividend.
// The normal distribution: Abramowitz and Stegun, "Handbook of Mathematical Functions", 26.2.17.

struct Params {
    rate: f32,
    volatility: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> spots: array<f32>;
@group(0) @binding(2) var<storage, read> strikes: array<f32>;
@group(0) @binding(3) var<storage, read> years: array<f32>;
@group(0) @binding(4) var<storage, read_write> calls: array<f32>;
@group(0) @binding(5) var<storage, read_write> puts: array<f32>;

// The part of the normal distribution below x.
fn normal_below(x: f32) -> f32 {
    let t = 1.0 / (1.0 + 0.2316419 * abs(x));
    let series = t * (0.31938154 + t * (-0.35656378 + t * (1.7814779 + t * (-1.8212559 + t * 1.3302745))));
    let tail = 0.3989423 * exp(-0.5 * x * x) * series;
    return select(tail, 1.0 - tail, x > 0.0);
}

@compute @workgroup_size(256)
fn black_scholes(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    if (i >= arrayLength(&spots)) {
        return;
    }
    let spread = params.volatility * sqrt(years[i]);
    let drift = (params.rate + 0.5 * params.volatility * params.volatility) * years[i];
    let d1 = (log(spots[i] / strikes[i]) + drift) / spread;
    let below1 = normal_below(d1);
    let below2 = normal_below(d1 - spread);
    let discounted = strikes[i] * exp(-params.rate * years[i]);
    calls[i] = spots[i] * below1 - discounted * below2;
    puts[i] = discounted * (1.0 - below2) - spots[i] * (1.0 - below1);
}
